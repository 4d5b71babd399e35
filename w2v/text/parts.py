"""Parts of files: cut at line ends, so that different machines can read them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple, cast

from w2v.errors import InputError
from w2v.events import Notice
from w2v.text.blocks import Block, LastBoundary, split_blocks
from w2v.text.columns import is_parquet
from w2v.text.decode import CountingReader, open_text
from w2v.text.files import fingerprint_of, name_of
from w2v.text.sources import ByteSource, FileSource, SourceOptions, readable
from w2v.text.validity import Validity

_SEARCHED_BYTES = 1 << 14


class FilePart(NamedTuple):
    """A part of a file: the lines that begin in a range of its bytes.

    Attributes:
        path: of the file.
        size: of the file in bytes.
        begin: the offset of the range.
        end: its end.
        found: whether the file was found in a directory.

    """

    path: str
    size: int
    begin: int
    end: int
    found: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole file."""
        return self.end - self.begin == self.size


class PartSource(ByteSource):
    """The text of parts of files, on any machine that can read them.

    What it finds about a file of which it has a part is for `Findings.extend`.

    Args:
        parts: of files.
        options: how to read them.

    """

    def __init__(self, parts: Sequence[FilePart], options: SourceOptions) -> None:
        super().__init__(options)
        self._parts = parts
        self.files = len(parts)
        self.total_bytes: int | None = sum(part.end - part.begin for part in parts)

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text of one part after the other; see `TextSource.blocks`.

        Raises:
            InputError: a file cannot be read, or has another size here.

        """
        for part in self._parts:
            fingerprint = fingerprint_of(part.path)
            found = None if fingerprint is None else fingerprint.size
            if found != part.size:
                here = "does not exist" if found is None else f"has {found:,} bytes"
                message = (
                    f"{name_of(part.path)} {here} here: expected a file of {part.size:,} bytes; "
                    "all machines have to see the same files, on a shared disk or at an address"
                )
                raise InputError(message)
            with readable(part.path, fingerprint) as (raw, name, check):
                for block in self._part_blocks(raw, name, part, last_boundary):
                    check()
                    yield block

    def finish(self) -> list[Notice]:
        """Check the last part; return no notices, since `findings` are about all parts."""
        self._finish_file()
        return []

    def _part_blocks(
        self, raw: IO[bytes], name: str, part: FilePart, last_boundary: LastBoundary
    ) -> Iterator[Block]:
        if part.is_whole:
            yield from self.whole_blocks(raw, name, last_boundary, found=part.found)
            return
        lines = _Lines(raw, part.begin, part.end)
        if part.begin == 0:
            yield from self.stream_blocks(cast("IO[bytes]", lines), name, last_boundary, begin=0)
            return
        before = self.done_bytes
        validity = Validity(name, None, self.options.encoding, begin=part.begin)
        for block in split_blocks(io.BufferedReader(lines), last_boundary):
            self._unchecked.append(validity)
            self.done_bytes = before + lines.tell() - part.begin
            yield block


class _Lines(io.RawIOBase):
    """The lines of a file that begin in a range of its bytes.

    Args:
        raw: the file.
        begin: the begin of the range.
        end: its end.

    """

    def __init__(self, raw: IO[bytes], begin: int, end: int) -> None:
        self._raw = raw
        self._end = _line_start(raw, end)
        self._position = min(_line_start(raw, begin), self._end)
        raw.seek(self._position)

    def readable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the file."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer and return the number of bytes, 0 at the end."""
        data = self._raw.read(min(len(buffer), self._end - self._position))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _line_start(raw: IO[bytes], offset: int) -> int:
    """Return the first offset from this one on at which a line begins, or the size of the file."""
    if offset == 0:
        return 0
    position = offset - 1
    raw.seek(position)
    while data := raw.read(_SEARCHED_BYTES):
        found = data.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(data)
    return position


def cut_files(source: FileSource, size: int) -> list[list[FilePart]]:
    """Cut files into portions that can be read alone, in the order of the text.

    Files of plain UTF-8 are cut at line ends. Others are read whole.

    Args:
        source: the files.
        size: of a portion in bytes, about: several small files, or a part of a large one.

    Raises:
        InputError: the beginning of a file cannot be read.

    """
    portions: list[list[FilePart]] = []
    room = 0
    for path, fingerprint in zip(source.paths, source.fingerprints, strict=True):
        assert fingerprint is not None  # of a pipe, which cannot be read in parts
        total = fingerprint.size
        count = -(-total // size) if total > size and _can_be_cut(path, source.options) else 1
        ends = [total * i // count for i in range(count + 1)]
        for begin, end in itertools.pairwise(ends):
            if not portions or room < end - begin:
                portions.append([])
                room = size
            portions[-1].append(FilePart(path, total, begin, end, path in source.found))
            room -= end - begin
    return portions


def _can_be_cut(path: str, options: SourceOptions) -> bool:
    """Return whether any line of a file can be read without what comes before."""
    selection = options.selection
    if (selection.column, selection.json_field) != (None, None):
        return False
    with readable(path, None) as (raw, name, _):
        counted = CountingReader(raw)
        if not raw.seekable() or is_parquet(counted.sniff()):
            return False
        text = open_text(counted, name, options.encoding, options.max_expansion)
        return text.transcoder is None and text.compression is None
