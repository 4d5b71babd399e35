"""Encoding a file of texts as ids."""

from __future__ import annotations

import os
import tempfile
import time
from array import array
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from w2v.config import MAX_EXPANSION, Config
from w2v.embeddings.encoder import Encoder, check_length
from w2v.errors import ConfigError, InputError, UnknownWordError
from w2v.events import Observer, Reading, ignore
from w2v.formats.registry import is_file_name
from w2v.options import ID_TYPE, PADDING, SWITCH, check_path
from w2v.pipeline import warmup
from w2v.progress import check_reporting, reporting
from w2v.system import atomic
from w2v.system.cpu import available_cores
from w2v.system.disk import require_free_space, writing
from w2v.system.sniff import count_invalid
from w2v.text.files import name_of
from w2v.text.segmentation import segment_blocks, start_segmentation
from w2v.text.sources import FileSource, SourceOptions
from w2v.text.validity import count_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings
    from w2v.formats.layout import Layout
    from w2v.text.blocks import Block, LastBoundary

_ID = np.dtype("<i4")
_IDS_AT_ONCE = 1 << 20
_REMEDY = "choose another directory with `output`, or a smaller `length`"


@dataclass(frozen=True)
class EncodedFile:
    """A summary of the encoded file.

    Attributes:
        texts: the number of texts, one per row.
        length: ids per text.
        words: in all texts.
        unknown: out-of-vocabulary words.
        cut: texts that were longer than ``length``.
        layout: the layout of the rows that the ids refer to.

    """

    texts: int
    length: int
    words: int
    unknown: int
    cut: int
    layout: Layout

    def __str__(self) -> str:
        """Describe it in one line."""
        share = 100 * self.unknown / max(self.words, 1)
        cut = f", {self.cut:,} of them cut" if self.cut else ""
        return (
            f"{self.texts:,} texts x {self.length:,} ids{cut}, "
            f"{share:.2f} % of {self.words:,} words unknown; rows {self.layout}"
        )


def encode_file(
    embeddings: Embeddings,
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    length: int | None = None,
    rows: str | None = None,
    overwrite: bool = False,
    encoding: str | None = None,
    max_expansion: int = MAX_EXPANSION,
    column: str | None = None,
    sep: str | None = None,
    json_field: str | None = None,
    padding: str = "post",
    dtype: str = "int32",
    observer: Observer = ignore,
    progress: bool | None = None,
) -> EncodedFile:
    """Encode a file of texts, one per line, and write (lines, length) ids as an .npy file.

    The file is processed in blocks. A line ends with LF; an empty line is a text without words.

    Args:
        embeddings: determine the words and their ids.
        path: the file of texts, plain or compressed like a corpus, or its address, or ``-`` for
            stdin.
        output: the file to write.
        length: see `Embeddings.encode`.
        rows: see `Embeddings.encode`.
        overwrite: whether to replace an existing ``output``.
        encoding: see `w2v.Config`.
        max_expansion: see `w2v.Config`.
        column: see `w2v.Config`; each record of the file is a text then, and record i is row i.
        sep: see `w2v.Config`.
        json_field: see `w2v.Config`; as with ``column``, record i is row i.
        padding: see `Embeddings.encode`.
        dtype: see `Embeddings.encode`.
        observer: see `w2v.train`.
        progress: see `w2v.train`.

    Raises:
        InputError: the file cannot be read, has no line, or unpacks to too much; or the segmenter
            fails.
        ConfigError: see `Embeddings.encode`.
        ResourceError: a process of the segmenter ended.
        UnknownWordError: see `Embeddings.encode`.
        OutputError: the ids cannot be written.
        DiskFullError: there is too little disk space.

    """
    for name, value in (("path", path), ("output", output)):
        check_path(name, value)
    check_ids_name(output)
    overwrite = SWITCH.check("overwrite", overwrite)
    check_length(length)
    PADDING.check("padding", padding)
    ID_TYPE.check("dtype", dtype)
    check_reporting(observer, progress)
    layout = embeddings.layout(rows)
    atomic.check_file(Path(output), overwrite=overwrite)
    directory = Path(os.path.realpath(output)).parent
    config = Config(
        encoding=encoding,
        max_expansion=max_expansion,
        column=column,
        sep=sep,
        json_field=json_field,
    )
    source = FileSource([path], SourceOptions.of(config, one_line=True))
    encoder = embeddings.encoder
    with ExitStack() as stack:
        report = stack.enter_context(reporting(observer, progress))
        warmup.compile_kernels(report, warmup.read_text)
        tokenizer = encoder.prepare(report)
        cores = available_cores()
        segmentation = start_segmentation(tokenizer.definition.segmenter, cores, report)
        if segmentation is not None:
            stack.enter_context(segmentation)
        text = _checked(source, tokenizer.tables.last_boundary)
        blocks = stack.enter_context(closing(segment_blocks(text, segmentation, cores)))
        started = time.perf_counter()

        def report_reading(text_bytes: int, words: int) -> None:
            seconds = time.perf_counter() - started
            report(Reading(source.done_bytes, source.total_bytes, text_bytes, words, seconds))

        spool = stack.enter_context(_spool_in(directory))
        unit = "line" if column is None and json_field is None else "record"
        where = f"{name_of(path)}, {unit}"
        sizes, unknown = _spool(encoder, where, blocks, layout, spool, report_reading)
        for notice in source.finish():
            report(notice)
        if not len(sizes):
            message = f"{name_of(path)} has no line: expected one text per line"
            raise InputError(message)
        wanted = int(sizes.max() if length is None else length)
        layout.check_lengths(int(sizes.min()), wanted)
        id_type = np.dtype(dtype).newbyteorder("<")
        needed = len(sizes) * wanted * id_type.itemsize
        require_free_space(directory, needed, f"cannot write {output}", _REMEDY)
        with atomic.new_file(Path(output), needed=needed, overwrite=overwrite) as file:
            shape = (len(sizes), wanted)
            npy.write_array_header_1_0(
                file, {"descr": id_type.str, "fortran_order": False, "shape": shape}
            )
            for block in _padded_blocks(spool, sizes, wanted, layout, in_front=padding == "pre"):
                file.write(block.astype(id_type, copy=False).data)
    words = int(sizes.sum())
    cut = int(np.count_nonzero(sizes > wanted))
    return EncodedFile(len(sizes), wanted, words, unknown, cut, layout)


def check_ids_name(output: str | os.PathLike[str]) -> None:
    """Check that a file of ids is not named after another kind of file.

    Raises:
        ConfigError: it is.

    """
    name = Path(output).name
    if not name.endswith(".npy") and is_file_name(name):
        message = f"must be the name of an .npy file, got {name}"
        raise ConfigError(message, option="output")


def _checked(source: FileSource, last_boundary: LastBoundary) -> Iterator[Block]:
    """Yield the blocks of a text, after checking each."""
    for block in source.blocks(last_boundary):
        source.check(count_bytes(block, count_invalid(block)))
        yield block


@contextmanager
def _spool_in(directory: Path) -> Iterator[IO[bytes]]:
    """Open an unnamed temporary file for ids that are not padded yet."""
    written = 0
    doing = f"cannot write temporary ids to {directory}"
    with (
        writing(doing, directory, _REMEDY, written=lambda: written),
        tempfile.TemporaryFile(dir=directory) as file,
    ):
        try:
            yield file
        finally:
            written = file.tell()


def _spool(
    encoder: Encoder,
    where: str,
    blocks: Iterable[tuple[Block, Block]],
    layout: Layout,
    spool: IO[bytes],
    report: Callable[[int, int], None],
) -> tuple[NDArray[np.int64], int]:
    """Write the ids of all lines to the spool.

    Blocks come as they stand in the text, and segmented. A line longer than a block arrives in
    several pieces, split between words. After each block, ``report`` is called with the bytes and
    words so far. In errors, ``where`` and its number stand for a line.

    Returns:
        The number of ids of each line, and the number of out-of-vocabulary words.

    """
    sizes = array("q")
    unknown = size = text_bytes = words = 0
    for block, segmented in blocks:
        for line in _lines(segmented):
            try:
                ids = encoder.rows_of(line, layout, segmented=True)
            except UnknownWordError as error:
                message = f"{where} {len(sizes) + 1}: {error}"
                raise UnknownWordError(message) from error
            unknown += int(np.count_nonzero(ids == layout.unknown))
            spool.write(ids.astype(_ID, copy=False).data)
            size += len(ids)
            words += len(ids)
            if line.endswith(b"\n"):
                sizes.append(size)
                size = 0
        text_bytes += len(block)
        report(text_bytes, words)
    return np.frombuffer(sizes, np.int64), unknown


def _padded_blocks(
    spool: IO[bytes], sizes: NDArray[np.int64], length: int, layout: Layout, *, in_front: bool
) -> Iterator[NDArray[np.int32]]:
    """Yield blocks of the spooled texts, truncated and padded to one length."""
    spool.seek(0)
    at_once = max(1, _IDS_AT_ONCE // max(length, 1))
    for start in range(0, len(sizes), at_once):
        part = sizes[start : start + at_once]
        block = np.full((len(part), length), layout.padding or 0, _ID)
        for row, size in zip(block, part.tolist(), strict=True):
            ids = np.frombuffer(spool.read(size * _ID.itemsize), _ID)
            start = max(length - size, 0) if in_front else 0
            row[start : start + size] = ids[:length]
        yield block


def _lines(block: bytes | bytearray) -> Iterator[bytes]:
    """Split a block after each LF. The rest after the last LF is the beginning of a line."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start) + 1 or len(block)
        yield bytes(block[start:end])
        start = end
