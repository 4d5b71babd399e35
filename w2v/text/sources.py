"""Sources of text: files, directories, stdin and Python objects, as blocks of UTF-8 bytes.

A block is about a megabyte long and ends at the end of a line or, in longer lines, of a word. So
memory is bounded for any text. The content of a file determines its type, not its name: gzip,
bzip2, xz and zstd are decompressed, other encodings are decoded if they are given, and files that
are not text are rejected with the type that was detected. Of tables and JSON, one column or field
is read.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol, cast

from w2v.config import MAX_EXPANSION, Config
from w2v.errors import ConfigError, InputError, MissingExtraError
from w2v.events import Notice
from w2v.system.files import Fingerprint, read_error
from w2v.text.blocks import Block, LastBoundary, split_blocks
from w2v.text.columns import is_parquet, select_parquet_text, select_text
from w2v.text.decode import CountingReader, TextStream, find_non_text, open_text
from w2v.text.extraction import PLAIN, Records, Selection, StructureError, record_notices
from w2v.text.files import difference, fingerprint_of, map_files, name_of, open_file
from w2v.text.folders import find_files, first_few
from w2v.text.objects import (
    IterableSource,
    check_path_or_text,
    require_corpus_type,
    tell_paths_from_text,
)
from w2v.text.validity import ByteCounts, Damage, Validity


@dataclass(frozen=True)
class SourceOptions:
    """How to read files.

    Attributes:
        encoding: see `w2v.text.decode.open_text`.
        max_expansion: see `w2v.text.decompress.ExpansionGuard`.
        include: see `w2v.text.folders.find_files`.
        strict: whether a file in a directory that is not text is an error; otherwise it is skipped.
        selection: the part of structured files that is text.

    """

    encoding: str | None = None
    max_expansion: float = MAX_EXPANSION
    include: tuple[str, ...] = ()
    strict: bool = False
    selection: Selection = PLAIN

    @classmethod
    def of(
        cls,
        config: Config,
        include: tuple[str, ...] = (),
        *,
        strict: bool = False,
        one_line: bool = False,
    ) -> SourceOptions:
        """Return the options with those of a config; for ``one_line``, see `Selection`."""
        selection = Selection(config.column, config.sep, config.json_field, one_line)
        return cls(config.encoding, config.max_expansion, include, strict, selection)


class TextSource(Protocol):
    """A text that can be read once, in blocks.

    Attributes:
        tokenized: whether the text is already split into tokens, by TOKEN_SEPARATOR.
        files: the number of files, 0 for Python objects.
        total_bytes: bytes to read, or None if unknown.
        done_bytes: bytes read so far; of compressed files, compressed bytes.

    """

    tokenized: bool
    files: int
    total_bytes: int | None
    done_bytes: int

    @property
    def checked(self) -> Validity | None:
        """The file of the block that was checked last, None for Python objects."""
        ...

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text in blocks that split no word."""
        ...

    def check(self, counts: ByteCounts) -> None:
        """Take the counts of a block, in the order of `blocks`; reject text that is not UTF-8."""
        ...

    def finish(self) -> list[Notice]:
        """Check the rest, after all blocks; return what there is to say about the text."""
        ...


@dataclass
class Findings:
    """What there is to say about files, some of which may have been read in parts.

    Attributes:
        damaged: files with something odd about their encoding.
        records: what is odd about the records of each file.
        parts: the counts of the parts of a file that were read, by its name.

    """

    damaged: list[Damage] = field(default_factory=list)
    records: list[Records] = field(default_factory=list)
    parts: dict[str, list[ByteCounts]] = field(default_factory=dict)

    def add(self, validity: Validity) -> None:
        """Judge a file that was read whole; take the counts of a part.

        Raises:
            InputError: it is in another encoding.

        """
        if validity.is_part:
            self.parts.setdefault(validity.name, []).append(validity.totals())
            return
        validity.finish()
        finding = validity.finding()
        if finding is not None:
            self.damaged.append(finding)

    def extend(self, other: Findings) -> None:
        """Add the findings about further files and parts."""
        self.damaged += other.damaged
        self.records += other.records
        for name, counts in other.parts.items():
            self.parts.setdefault(name, []).extend(counts)

    def notices(self, options: SourceOptions) -> list[Notice]:
        """Judge the files that were read in parts, and return the notices about all files.

        Raises:
            InputError: a file is in another encoding.

        """
        for name, parts in self.parts.items():
            validity = Validity(name, None, options.encoding)
            for counts in parts:
                validity.add(counts)
            self.add(validity)
        self.parts = {}
        notices = _damage_notice(self.damaged)
        for file in self.damaged:
            messages = (file.doubt, file.mixture)
            notices += [Notice(message) for message in messages if message]
        return notices + record_notices(self.records, options.selection)


class ByteSource:
    """What sources of bytes share: blocks of one stream after the other, and their validity."""

    tokenized = False

    def __init__(self, options: SourceOptions) -> None:
        self.done_bytes = 0
        self.options = options
        self._unchecked: deque[Validity] = deque()  # of the text of each block
        self._checking: Validity | None = None
        self._findings = Findings()

    def check(self, counts: ByteCounts) -> None:
        """Check the next block; see `TextSource.check`.

        Raises:
            InputError: its file, or that of the block before, is in another encoding.

        """
        validity = self._unchecked.popleft()
        if validity is not self._checking:
            self._finish_file()
            self._checking = validity
        validity.add(counts)

    @property
    def checked(self) -> Validity | None:
        """See `TextSource.checked`."""
        return self._checking

    def finish(self) -> list[Notice]:
        """Check the last file; see `TextSource.finish`.

        Raises:
            InputError: it is in another encoding.

        """
        return self.findings().notices(self.options)

    def findings(self) -> Findings:
        """Check the last file, after all blocks; return what there is to say about all files.

        Raises:
            InputError: it is in another encoding.

        """
        self._finish_file()
        findings = self._findings
        self._findings = Findings()
        return findings

    def _finish_file(self) -> None:
        if self._checking is not None:
            self._findings.add(self._checking)
        self._checking = None

    def whole_blocks(
        self, raw: IO[bytes], name: str, last_boundary: LastBoundary, *, found: bool
    ) -> Iterator[Block]:
        """Yield the text of a file, which may have been found in a directory."""
        try:
            yield from self.stream_blocks(raw, name, last_boundary)
        except StructureError as error:
            if not found:
                raise
            message = f"{error}; to read only some files of a directory, pass `include`"
            raise InputError(message) from error

    def stream_blocks(
        self,
        raw: IO[bytes],
        name: str,
        last_boundary: LastBoundary,
        *,
        begin: int | None = None,
    ) -> Iterator[Block]:
        """Yield the text of a stream; ``begin`` as for `Validity`."""
        before = self.done_bytes
        counted = CountingReader(raw)
        records = Records(name)
        with contextlib.ExitStack() as stack:
            stream, validity, position = self._open(raw, counted, name, records, stack, begin)
            for block in split_blocks(stream, last_boundary):
                self.done_bytes = before + position()
                self._unchecked.append(validity)
                yield block
            self.done_bytes = before + position()
        self._findings.records.append(records)

    def _open(
        self,
        raw: IO[bytes],
        counted: CountingReader,
        name: str,
        records: Records,
        stack: contextlib.ExitStack,
        begin: int | None,
    ) -> tuple[TextStream, Validity, Callable[[], int]]:
        """Return the text of a file, its validity, and a function for the bytes read so far."""
        options = self.options
        if is_parquet(counted.sniff()):
            size = _size(raw)
            stream = stack.enter_context(
                select_parquet_text(
                    raw,
                    name,
                    options.selection,
                    records,
                    encoding=options.encoding,
                    size=size,
                    max_expansion=options.max_expansion,
                )
            )
            validity = Validity(name, stream, None, selected=True)
            return stream, validity, lambda: round(size * records.share())
        text = stack.enter_context(
            open_text(counted, name, options.encoding, options.max_expansion)
        )
        stream = stack.enter_context(select_text(text, name, options.selection, records))
        selected = stream is not text
        validity = Validity(name, text, options.encoding, selected=selected, begin=begin)
        return stream, validity, lambda: counted.count


def _size(raw: IO[bytes]) -> int:
    """Return the size of a file, or 0 of a pipe."""
    if not raw.seekable():
        return 0
    place = raw.tell()
    size = raw.seek(0, os.SEEK_END)
    raw.seek(place)
    return size


def _damage_notice(files: list[Damage]) -> list[Notice]:
    """Return the notice about invalid bytes, if there are any."""
    damaged = [file for file in files if file.invalid]
    if not damaged:
        return []
    total = sum(file.invalid for file in damaged)
    named = first_few([f"{file.invalid:,} in {file.name}" for file in damaged])
    what = "byte is" if total == 1 else "bytes are"
    return [
        Notice(
            f"{total:,} {what} not valid in the encoding of the text, and treated as spaces: "
            f"{named}{damaged[0].suspicion}"
        )
    ]


class FileSource(ByteSource):
    """The text of files. The end of a file ends a line.

    A file must not change from the construction of the source until the end of the file is read.

    Args:
        paths: files and directories; ``-`` for stdin.
        options: how to read them.

    Attributes:
        options: the same.
        paths: the files.
        found: those of them that were found in directories.
        fingerprints: of each file; None for a pipe or other special file.
        skipped: files of directories that are not read.

    Raises:
        InputError: a path does not exist, cannot be read or is not text; a file changes, or expands
            too much.
        ConfigError: see `w2v.text.folders.find_files`.

    """

    def __init__(
        self,
        paths: Iterable[str | os.PathLike[str]],
        options: SourceOptions = SourceOptions(),
    ) -> None:
        super().__init__(options)
        files, found, self.skipped = find_files(paths, options.include)
        if options.strict and self.skipped.other:
            raise _strict_error(*self.skipped.other[0])
        self.found = set(found)
        self.paths = self._without_non_text(files)
        self.files = len(self.paths)
        self.fingerprints = map_files(fingerprint_of, self.paths)
        known = [entry.size for entry in self.fingerprints if entry is not None]
        self.total_bytes = sum(known) if len(known) == self.files else None

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text of one file after the other; see `TextSource.blocks`."""
        for path, fingerprint in zip(self.paths, self.fingerprints, strict=True):
            with readable(path, fingerprint) as (raw, name, check):
                found = path in self.found
                for block in self.whole_blocks(raw, name, last_boundary, found=found):
                    check()
                    yield block

    def finish(self) -> list[Notice]:
        """Check the last file and report skipped ones; see `TextSource.finish`."""
        return self.finish_with(self.findings())

    def finish_with(self, findings: Findings) -> list[Notice]:
        """Return the notices about files that were read elsewhere, and about skipped ones.

        Raises:
            InputError: a file is in another encoding.

        """
        notices = findings.notices(self.options)
        if str(self.skipped):
            warning = bool(self.skipped.other)
            remedy = "; to refuse such files, pass `strict=True`" if warning else ""
            notices.append(Notice(f"skipped {self.skipped}{remedy}", warning=warning))
        return notices

    def _without_non_text(self, files: list[str]) -> list[str]:
        """Return the files without those that were found in directories and are not text.

        Raises:
            InputError: no file is left; or there is such a file, and the options are strict.

        """
        text = []
        findings = map_files(self._find_non_text, files)
        for path, finding in zip(files, findings, strict=True):
            if finding is None:
                text.append(path)
            elif self.options.strict:
                raise _strict_error(name_of(path), finding)
            else:
                self.skipped.other.append((name_of(path), finding))
        if not text:
            message = f"the corpus has no text; skipped {self.skipped}"
            raise InputError(message)
        return text

    def _find_non_text(self, path: str) -> str | None:
        """Return what a file is if it was found in a directory and is not text."""
        return _sniff(path, self.options) if path in self.found else None


def _strict_error(path: str, finding: str) -> InputError:
    return InputError(f"{path} is {finding}: expected text; remove it, or omit `strict`")


def _sniff(path: str, options: SourceOptions) -> str | None:
    """Return what a file is if it is not text; an error that reading will raise, too, is not."""
    try:
        with open_file(path) as raw:
            counted = CountingReader(raw)
            if is_parquet(counted.sniff()):
                return None
            return find_non_text(counted, name_of(path), options.encoding, options.max_expansion)
    except (InputError, MissingExtraError, *_READ_ERRORS):
        return None


class _OnlyRead(io.RawIOBase):
    """Adds ``readinto`` to a stream that has no more than ``read``."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class StreamSource(ByteSource):
    """The text of an open binary file, or of anything else whose ``read`` returns bytes.

    Args:
        stream: the file. It is read from its position, and not closed.
        options: how to read it.

    """

    files = 0
    total_bytes: int | None = None

    def __init__(self, stream: IO[bytes], options: SourceOptions) -> None:
        super().__init__(options)
        self._stream = (
            stream if hasattr(stream, "readinto") else cast("IO[bytes]", _OnlyRead(stream))
        )
        name = getattr(stream, "name", None)
        self._name = name if isinstance(name, str) and name else "the corpus"

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text; see `TextSource.blocks`."""
        with reading(self._name):
            yield from self.stream_blocks(self._stream, self._name, last_boundary)


def open_corpus(corpus: Any, options: SourceOptions = SourceOptions()) -> TextSource:
    """Return the source for a corpus as users pass it.

    Args:
        corpus: a path or ``-``; an iterable of paths; a binary file; or any other iterable of
            strings or lists of tokens, which is read once. Path objects are paths. Strings are
            paths if the first one exists, or all look like paths, and otherwise text.
        options: how to read files.

    Raises:
        InputError: the corpus is none of these, or a path cannot be read.
        ConfigError: the options apply to files, but the corpus has none.

    """
    if isinstance(corpus, str):
        check_path_or_text(corpus)
    if isinstance(corpus, (str, os.PathLike)):
        return FileSource([corpus], options)
    if _is_binary_file(corpus):
        _reject_folder_options(options)
        return StreamSource(corpus, options)
    require_corpus_type(corpus)
    are_paths, items = tell_paths_from_text(corpus)
    if are_paths:
        return FileSource(items, options)
    _reject_folder_options(options)
    _reject_selection(options.selection)
    if options.encoding is not None:
        message = (
            "applies to files, but the corpus is strings or tokens, which are decoded; omit it"
        )
        raise ConfigError(message, option="encoding")
    return IterableSource(items)


def _reject_folder_options(options: SourceOptions) -> None:
    if options.include:
        message = "selects files of directories, but the corpus has none; omit it"
        raise ConfigError(message, option="include")


def _reject_selection(selection: Selection) -> None:
    for name in ("column", "json_field"):
        if getattr(selection, name) is not None:
            message = (
                "applies to files, but the corpus is Python objects; omit it, and pass the texts, "
                "of dicts for example [row['text'] for row in rows]"
            )
            raise ConfigError(message, option=name)


def _is_binary_file(corpus: Any) -> bool:
    """Return whether the corpus has a method ``read`` that returns bytes."""
    if not hasattr(corpus, "read"):
        return False
    try:
        return isinstance(corpus.read(0), bytes)
    except (OSError, ValueError, TypeError) as error:  # closed, not readable, or no file at all
        message = f"cannot read the corpus, a {type(corpus).__name__}: {error}"
        raise InputError(message) from error


class _ChangedError(InputError):
    """A file changes while it is read."""


_READ_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error)


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Report an error of reading or decompressing."""
    try:
        yield
    except _READ_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise read_error(name, error) from error
        message = f"{name} is damaged or truncated: {error}"
        raise InputError(message) from error


@contextlib.contextmanager
def readable(
    path: str, fingerprint: Fingerprint | None
) -> Iterator[tuple[IO[bytes], str, Callable[[], None]]]:
    """Open a file that must not change; yield it, its name, and a function that checks it."""
    name = name_of(path)
    with reading(name), open_file(path) as raw, _unchanged(raw, path, fingerprint) as check:
        yield raw, name, check


@contextlib.contextmanager
def _unchanged(
    file: IO[bytes], path: str, fingerprint: Fingerprint | None
) -> Iterator[Callable[[], None]]:
    """Reject a file that changes before or while it is read; yield a function that checks it.

    A change takes precedence over any other error, which it may have caused.
    """

    def check(*, at_end: bool = False) -> None:
        if fingerprint is None:
            return
        found = difference(file, path, fingerprint, at_end=at_end)
        if found is not None:
            message = (
                f"{name_of(path)} changed while it was read: {found}; start again, or use a copy "
                "of it"
            )
            raise _ChangedError(message)

    try:
        yield check
    except Exception as error:
        try:
            check(at_end=True)
        except _ChangedError:
            raise
        except InputError:  # it cannot be reached: the error before says why
            raise error from None
        raise
    check(at_end=True)
