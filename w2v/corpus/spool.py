"""Provisional ids on the disk, and their replacement by ranks.

While the text is read, the rank of a word is not known. Threads give words provisional ids, and
each thread writes those of its blocks to the disk. When all words are ranked, the provisional ids
are replaced by ranks, in the order of the text. Words without a rank and lines without words are
dropped.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import kernel
from w2v.compute.parallel import ordered_map
from w2v.compute.random import HELD_OUT_LINES, bernoulli, make_key, to_threshold
from w2v.corpus.encoded import EncodedText
from w2v.corpus.id_files import HELD_OUT, REMEDY, TEXT, append, cannot_write, create, write_at
from w2v.corpus.vocabulary import UNKNOWN
from w2v.system.disk import require_free_space
from w2v.text.tokenizer import END_OF_LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from w2v.config import Config
    from w2v.corpus.encoded import Dtype
    from w2v.corpus.stages import StageTimes

# So that the files of many threads do not exceed the limit of open files.
_MOST_FILES = 64


class BlockOrigin(NamedTuple):
    """The origin of a block of ids.

    Attributes:
        scanner: the index of the scanner whose words they are.
        lines: lines with tokens that ended before the block.
        begun: whether the block begins within a line, after some of its tokens.

    """

    scanner: int
    lines: int
    begun: bool


class SpooledBlock(NamedTuple):
    """A block of ids in the spool.

    Attributes:
        offset: in the file of its scanner, in bytes.
        length: the number of ids.
        origin: their origin.

    """

    offset: int
    length: int
    origin: BlockOrigin


class HeldOut(NamedTuple):
    """The rule by which lines are held out for validation.

    Attributes:
        key: of the random numbers.
        threshold: the probability as a threshold, or -1 if no lines are held out.

    """

    key: np.uint64
    threshold: int

    @classmethod
    def from_config(cls, config: Config) -> HeldOut:
        """Return the rule for a share of the lines, by a seed."""
        threshold = to_threshold(config.validation) if config.validation else -1
        return cls(make_key(config.seed, HELD_OUT_LINES), threshold)


class RenameStats(NamedTuple):
    """The result of renaming a block; index 0 is the text to train on, 1 the held-out text.

    Attributes:
        written: (2,) int64, ids written.
        words: (2,) int64, words among them.
        lines: (2,) int64, lines that ended with words of this block.
        first_end: the side of the line that the block begins in, if that ends without words in this
            block; otherwise -1.
        line_has_words: whether the line that continues behind the block has words in it.
        line_ends: lines that ended, whether with words or not.

    """

    written: NDArray[np.int64]
    words: NDArray[np.int64]
    lines: NDArray[np.int64]
    first_end: int
    line_has_words: bool
    line_ends: int


@kernel
def _rename(
    ids: NDArray[np.uint32],
    ranks: NDArray[np.uint32],
    origin: BlockOrigin,
    held_out: HeldOut,
    end_of_line: int,
    renamed: NDArray[Any],
) -> RenameStats:
    """Replace the provisional ids of a block by ranks, without lines that have no words.

    Args:
        ids: (n,) provisional ids, END_OF_LINE between lines.
        ranks: the rank of each provisional id, or UNKNOWN.
        origin: of the block.
        held_out: the rule for the lines to hold out.
        end_of_line: the value that ends a line in the result.
        renamed: (2, n) receives the ids of the lines to train on, and those of held-out lines.

    """
    written = np.zeros(2, np.int64)
    words = np.zeros(2, np.int64)
    lines = np.zeros(2, np.int64)
    first_end = -1
    line_ends = 0
    line = origin.lines
    threshold = held_out.threshold
    side = 0
    if threshold >= 0 and bernoulli(held_out.key, line, threshold):
        side = 1
    end = line_start = 0  # in renamed[side]
    # A line with tokens counts, even if none of them has a rank.
    last_end = -1 if origin.begun else 0
    for i in range(len(ids)):
        if ids[i] == END_OF_LINE:
            words[side] += end - line_start
            if end > line_start:
                renamed[side, end] = end_of_line
                end += 1
                lines[side] += 1
            elif line_ends == 0:
                first_end = side
            written[side] = end
            line_ends += 1
            line += i > last_end
            last_end = i + 1
            if threshold >= 0:
                side = 1 if bernoulli(held_out.key, line, threshold) else 0
                end = written[side]
            line_start = end
        else:
            rank = ranks[ids[i]]
            renamed[side, end] = rank
            end += rank != UNKNOWN  # without a branch, which would often be mispredicted
    words[side] += end - line_start
    written[side] = end
    return RenameStats(written, words, lines, first_end, end > line_start, line_ends)


def warm_up_spool() -> None:
    """Compile the kernel that replaces ids by ranks of 16 bits, by using it."""
    ids = np.array([0, END_OF_LINE], np.uint32)
    ranks = np.zeros(1, np.uint32)
    held_out = HeldOut(make_key(0, HELD_OUT_LINES), -1)
    _rename(ids, ranks, BlockOrigin(0, 0, False), held_out, 0xFFFF, np.empty((2, 2), np.uint16))


class Spool:
    """Temporary files of provisional ids, until the ranks are known.

    Scanners write to files of their own, because threads that write to one file wait for each
    other: on two threads, reading took a tenth longer.

    Args:
        path: of the files, which have numbers appended.
        scanners: that write ids.

    Attributes:
        blocks: the blocks in the files, in the order of the text.

    """

    def __init__(self, path: Path, scanners: int = 1) -> None:
        self.blocks: list[SpooledBlock] = []
        count = min(scanners, _MOST_FILES)
        self._paths = [path.with_name(f"{path.name}-{i}") for i in range(count)]
        self._files: list[IO[bytes]] = []
        self._sizes = [0] * count
        self._lock = threading.Lock()

    def __enter__(self) -> Spool:
        try:
            for path in self._paths:
                self._files.append(create(path))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()
        for path in self._paths[: len(self._files)]:  # those that were created
            path.unlink(missing_ok=True)

    def _close(self) -> None:
        for file in self._files:
            file.close()

    def write(self, ids: NDArray[np.uint32], scanner: int) -> int:
        """Append the ids of a block to the file of a scanner, and return their offset.

        Threads may do so at once.

        Raises:
            OutputError: the file cannot be written.
            DiskFullError: there is too little disk space.

        """
        number = scanner % len(self._files)
        with self._lock:
            offset = self._sizes[number]
            self._sizes[number] += ids.nbytes
        write_at(self._files[number], offset, ids)
        return offset

    def read(self, block: SpooledBlock) -> NDArray[np.uint32]:
        """Return the provisional ids of a block."""
        path = self._paths[block.origin.scanner % len(self._paths)]
        return np.fromfile(path, np.uint32, block.length, offset=block.offset)

    def rename(
        self,
        ranks: Sequence[NDArray[np.uint32]],
        held_out: HeldOut,
        *,
        dtype: Dtype,
        words: int,
        threads: int,
        times: StageTimes,
        join: Callable[[NDArray[np.uint32], int], NDArray[np.uint32]] | None = None,
    ) -> tuple[EncodedText, EncodedText]:
        """Write the ranks beside the spool.

        Args:
            ranks: for each scanner, the rank of each provisional id, or UNKNOWN.
            held_out: the rule for the lines to hold out.
            dtype: of the ranks.
            words: words with a rank, at most.
            threads: for the work.
            times: updated.
            join: replaces the provisional ids of a scanner by fewer numbers, those of phrases, of
                which ``ranks`` are then the ranks.

        Returns:
            The text to train on, and the held-out text.

        Raises:
            OutputError: the files cannot be written.
            DiskFullError: there is too little disk space.

        """
        self._close()
        end_of_line = np.full(1, np.iinfo(dtype).max, dtype)
        # Without the line ends, whose number is not known.
        needed = min(words, sum(block.length for block in self.blocks)) * end_of_line.itemsize
        directory = self._paths[0].parent
        require_free_space(directory, needed, cannot_write(directory), REMEDY)

        def rename(block: SpooledBlock) -> tuple[NDArray[Any], RenameStats, float]:
            started = time.perf_counter()
            origin = block.origin
            ids = self.read(block) if join is None else join(self.read(block), origin.scanner)
            renamed = np.empty((2, len(ids)), dtype)
            stats = _rename(
                ids, ranks[origin.scanner], origin, held_out, int(end_of_line[0]), renamed
            )
            return renamed, stats, time.perf_counter() - started

        word_counts, line_counts = np.zeros(2, np.int64), np.zeros(2, np.int64)
        line_has_words = False  # of the line that continues in the next block
        paths = [directory / TEXT, directory / HELD_OUT]
        with (
            create(paths[0]) as text,
            create(paths[1]) as held_out_text,
            closing(ordered_map(rename, self.blocks, threads)) as done,
        ):
            files = (text, held_out_text)
            for renamed, stats, seconds in done:
                started = time.perf_counter()
                if stats.first_end >= 0 and line_has_words:
                    append(files[stats.first_end], end_of_line)
                    line_counts[stats.first_end] += 1
                line_has_words = stats.line_has_words or (line_has_words and not stats.line_ends)
                for file, ids, size in zip(files, renamed, stats.written, strict=True):
                    append(file, ids[:size])
                word_counts += stats.words
                line_counts += stats.lines
                times.renaming += seconds + time.perf_counter() - started
        first, second = (
            EncodedText.open(path, dtype, int(words), int(lines))
            for path, words, lines in zip(paths, word_counts, line_counts, strict=True)
        )
        return first, second
