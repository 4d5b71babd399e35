"""Provisional ids on disk, and their replacement by ranks."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from w2v.compute.random import HELD_OUT_LINES, bernoulli, make_key, to_threshold
from w2v.config import Config
from w2v.corpus import id_files
from w2v.corpus import spool as spool_module
from w2v.corpus.encoded import id_dtype
from w2v.corpus.spool import BlockOrigin, HeldOut, Spool, SpooledBlock
from w2v.corpus.stages import StageTimes
from w2v.corpus.vocabulary import UNKNOWN
from w2v.errors import DiskFullError, OutputError
from w2v.text.tokenizer import END_OF_LINE

LINES = [[3, 1, 2], [0], [7, 6, 5, 4], [1, 1]]
BEGINNING = BlockOrigin(0, 0, begun=False)


def ids_of(lines: list[list[int]]) -> np.ndarray:
    return np.array([i for line in lines for i in (*line, END_OF_LINE)], np.uint32)


def write(spool: Spool, ids: np.ndarray, origin: BlockOrigin) -> None:
    spool.blocks.append(SpooledBlock(spool.write(ids, origin.scanner), len(ids), origin))


def rename(spool: Spool, ranks: np.ndarray, config: Config = Config(threads=1)):  # noqa: B008
    return spool.rename(
        [ranks],
        HeldOut.from_config(config),
        dtype=id_dtype(len(ranks)),
        words=len(ranks),
        threads=config.thread_count,
        times=StageTimes(),
    )


def lines_of(text) -> list[list[int]]:
    return [line.tolist() for line in text.sentences()]


def test_words_without_a_rank_and_lines_without_words_are_dropped(tmp_path):
    ranks = np.array([UNKNOWN, 1, 0, 2, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN], np.uint32)
    with Spool(tmp_path / "provisional") as spool:
        write(spool, ids_of(LINES), BEGINNING)
        text, held_out = rename(spool, ranks)
    assert lines_of(text) == [[2, 1, 0], [1, 1]]
    assert (text.words, text.lines) == (5, 2)
    assert (held_out.words, held_out.lines, len(held_out.ids)) == (0, 0, 0)


def test_lines_continue_from_block_to_block(tmp_path):
    with Spool(tmp_path / "provisional") as spool:
        write(spool, np.array([3], np.uint32), BEGINNING)
        write(spool, np.array([1], np.uint32), BlockOrigin(0, 0, begun=True))
        write(spool, np.array([END_OF_LINE, 0], np.uint32), BlockOrigin(0, 0, begun=True))
        write(spool, np.array([END_OF_LINE], np.uint32), BlockOrigin(0, 1, begun=True))
        text, _ = rename(spool, np.arange(8, dtype=np.uint32))
    assert lines_of(text) == [[3, 1], [0]]
    assert (text.words, text.lines) == (3, 2)


def test_the_spool_file_is_removed(tmp_path):
    with Spool(tmp_path / "provisional") as spool:
        write(spool, ids_of(LINES), BEGINNING)
        assert (tmp_path / "provisional-0").exists()
        rename(spool, np.arange(8, dtype=np.uint32))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held-out", "text"]


def test_a_spool_is_read_from_beyond_32_bits(tmp_path):
    config = Config(validation=0.5, threads=2)
    line = 2**40 - 3
    with Spool(tmp_path / "provisional") as spool:
        write(spool, ids_of(LINES), BlockOrigin(0, line, begun=False))
        spool._sizes[0] = 4 * (2**32 + 5)
        write(spool, ids_of(LINES), BlockOrigin(0, line + len(LINES), begun=False))
        sides = rename(spool, np.arange(8, dtype=np.uint32), config)
        key, threshold = make_key(config.seed, HELD_OUT_LINES), to_threshold(0.5)
        expected = [[], []]
        for number, ids in enumerate(LINES * 2, line):
            expected[int(bernoulli(key, number, threshold))].append(ids)
        assert list(map(lines_of, sides)) == expected
        assert all(expected)


@pytest.mark.parametrize(("size", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_the_highest_rank_differs_from_the_end_of_a_line(size, dtype, tmp_path):
    last = size - 1
    with Spool(tmp_path / "provisional") as spool:
        write(spool, ids_of([[last, 0, last - 1], [last]]), BEGINNING)
        text, _ = rename(spool, np.arange(size, dtype=np.uint32))
        assert text.ids.dtype == dtype
        assert text.end_of_line == np.iinfo(dtype).max
        assert lines_of(text) == [[last, 0, last - 1], [last]]


def test_no_ranks_are_written_without_enough_space(tmp_path, monkeypatch):
    create = spool_module.create
    created = []
    monkeypatch.setattr(
        spool_module, "create", lambda path: created.append(path.name) or create(path)
    )
    monkeypatch.setattr("w2v.system.disk.free_bytes", lambda _: 0)
    expected = (
        r"^cannot write the encoded text to .*: not enough disk space: 16 bytes are needed, but"
    )
    with Spool(tmp_path / "provisional") as spool:
        write(spool, ids_of(LINES), BEGINNING)
        with pytest.raises(DiskFullError, match=expected):
            rename(spool, np.arange(8, dtype=np.uint32))
    assert created == ["provisional-0"]


def test_partial_writes_are_completed(monkeypatch, tmp_path):
    class Small(io.BytesIO):
        name = "text"

        def write(self, data):
            return super().write(bytes(data)[:3])

    ids = np.arange(10, dtype=np.uint32)
    file = Small()
    id_files.append(file, ids)
    assert file.getvalue() == ids.tobytes()

    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda number, data, at: pwrite(number, data[:3], at))
    with Spool(tmp_path / "provisional") as spool:
        assert [spool.write(ids, 0), spool.write(ids, 0)] == [0, ids.nbytes]
        assert (tmp_path / "provisional-0").read_bytes() == 2 * ids.tobytes()


def test_blocks_may_be_written_in_any_order(tmp_path):
    """The text is in the order of `blocks`, whichever thread wrote first."""
    with Spool(tmp_path / "provisional") as spool:
        second = spool.write(ids_of(LINES[2:]), 0)
        first = spool.write(ids_of(LINES[:2]), 0)
        for offset, lines, start in ((first, LINES[:2], 0), (second, LINES[2:], 2)):
            length = len(ids_of(lines))
            spool.blocks.append(SpooledBlock(offset, length, BlockOrigin(0, start, begun=False)))
        text, _ = rename(spool, np.arange(8, dtype=np.uint32))
    assert lines_of(text) == LINES


@pytest.mark.parametrize(("scanners", "most", "files"), [(1, 64, 1), (3, 64, 3), (5, 2, 2)])
def test_scanners_write_to_files_of_their_own(scanners, most, files, monkeypatch, tmp_path):
    monkeypatch.setattr(spool_module, "_MOST_FILES", most)
    ranks = [np.roll(np.arange(8, dtype=np.uint32), scanner) for scanner in range(scanners)]
    with Spool(tmp_path / "provisional", scanners) as spool:
        for number, line in enumerate(LINES * 3):
            write(spool, ids_of([line]), BlockOrigin(number % scanners, number, begun=False))
        assert len(list(tmp_path.iterdir())) == files
        text, _ = spool.rename(
            ranks,
            HeldOut.from_config(Config()),
            dtype=np.uint16,
            words=8,
            threads=2,
            times=StageTimes(),
        )
    expected = [
        [(i - number % scanners) % 8 for i in line] for number, line in enumerate(LINES * 3)
    ]
    assert lines_of(text) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held-out", "text"]


def test_threads_may_write_at_once(tmp_path):
    blocks = [np.full(1000 + i, i, np.uint32) for i in range(50)]
    with Spool(tmp_path / "provisional") as spool:
        with ThreadPoolExecutor(4) as pool:
            offsets = list(pool.map(lambda ids: spool.write(ids, 0), blocks))
        path = tmp_path / "provisional-0"
        for block, offset in zip(blocks, offsets, strict=True):
            found = np.fromfile(path, np.uint32, len(block), offset=offset)
            assert (found == block).all()
        assert path.stat().st_size == sum(block.nbytes for block in blocks)


def test_files_of_a_spool_that_cannot_be_created_are_removed(tmp_path):
    (tmp_path / "provisional-2").mkdir()
    spool = Spool(tmp_path / "provisional", 4)
    with pytest.raises(OutputError, match=r"^cannot write the encoded text to .*: Is a directory"):
        spool.__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["provisional-2"]
    assert all(file.closed for file in spool._files)
