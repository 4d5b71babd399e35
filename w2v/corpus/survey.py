"""A survey of a corpus: its files, lines, characters and words, in one pass over the text."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.parallel import ordered_map, pulling_map
from w2v.corpus.distinct import DistinctWords
from w2v.corpus.repeated import RepeatedLines
from w2v.corpus.scanning import may_be_read_by_workers, no_words_error
from w2v.errors import ConfigError, MissingExtraError, ResourceError, W2VError
from w2v.events import Event, Notice, Reading
from w2v.text.blocks import batches
from w2v.text.segmentation import segment_blocks, start_segmentation
from w2v.text.segmented import open_text
from w2v.text.survey import KINDS, SurveyedBlock, Surveyor
from w2v.text.tokenizer import END_OF_LINE, Scanner, TokenCounts
from w2v.text.validity import BlockBytes, ByteCounts, Validity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from w2v.config import Config
    from w2v.events import Observer
    from w2v.text.blocks import Block
    from w2v.text.characters import CharacterTables
    from w2v.text.definition import WordDefinition
    from w2v.text.segmented import OpenedText
    from w2v.text.sources import TextSource

LINE_BYTES = 400
"""The bytes of a line that are stored for display."""


class Place(NamedTuple):
    """A place in a corpus.

    Attributes:
        file: its name; None for Python objects.
        line: the number of the line, from 1.

    """

    file: str | None
    line: int

    def describe(self, *, named: bool) -> str:
        """Describe the place, with the name of the file if there are several."""
        named = named and self.file is not None
        return f"{self.file}, line {self.line:,}" if named else f"line {self.line:,}"


UNKNOWN = "unknown"


class StoredAs(NamedTuple):
    """How files are stored.

    Attributes:
        compression: such as gzip; None without one.
        encoding: of the text; ascii if all characters are, UNKNOWN if the reader refuses it.
        marked: whether they begin with a byte-order mark.

    """

    compression: str | None
    encoding: str
    marked: bool


@dataclass
class FileTotals:
    """The files of one kind."""

    files: int = 0
    text_bytes: int = 0


@dataclass
class _OpenFile:
    """The file that is being read."""

    validity: Validity | None = None
    line: int = 0
    text_bytes: int = 0
    ascii: int = 0


@dataclass
class _LongestLine:
    """The longest line so far, and where to look for it when all has been read.

    Attributes:
        words: in it.
        place: where it is; in ``block``, that of its first line.
        text: its beginning, once it is known.
        block: if its number is not known yet, the block that it is in.
        index: if so, its number among the lines with words of the block, from 0.

    """

    words: int = 0
    place: Place | None = None
    text: bytes = b""
    block: bytes = b""
    index: int = 0


@dataclass
class CorpusSurvey:
    """What a text has.

    Attributes:
        files: the totals of each kind of files.
        text_bytes: UTF-8, after decompression.
        codes: (0x110000,) int64, the occurrences of each code point.
        kinds: (len(KINDS),) int64, the occurrences of each kind of odd things.
        examples: by kind, the place of the first one, and the bytes before it, itself, and those
            after it.
        invalid: bytes that are not UTF-8.
        first_invalid: the place of the first one.
        lines: all lines.
        blank: those of white space only.
        not_normal: those that are not in normalization form C.
        first_not_normal: the place of the first one.
        lengths: of the lines with words, how many have each number of words.
        longest: the longest line.
        repeated: the lines that occur several times.
        first_lines: the beginnings of the first different lines with text, three at most.
        notices: what the reader has to say.
        definition: of a word; None if the text could not be opened.
        tables: its tables.
        tokens: counts of tokens.
        distinct: the words; None if there are none.
        refusal: the error for which the reader refuses the text; it has been read up to there.
        seconds: the time it took.

    """

    files: dict[StoredAs, FileTotals] = field(default_factory=dict)
    text_bytes: int = 0
    codes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    kinds: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(KINDS), np.int64))
    examples: dict[int, tuple[Place, tuple[bytes, bytes, bytes]]] = field(default_factory=dict)
    invalid: int = 0
    first_invalid: Place | None = None
    lines: int = 0
    blank: int = 0
    not_normal: int = 0
    first_not_normal: Place | None = None
    lengths: Counter[int] = field(default_factory=Counter)
    longest: _LongestLine = field(default_factory=_LongestLine)
    repeated: RepeatedLines = field(default_factory=RepeatedLines)
    first_lines: list[bytes] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    definition: WordDefinition | None = None
    tables: CharacterTables | None = None
    tokens: TokenCounts = field(default_factory=TokenCounts)
    distinct: DistinctWords | None = None
    refusal: W2VError | None = None
    seconds: float = 0.0


_SHOWN_LINES = 3


class _Block(NamedTuple):
    """A block that was surveyed and split into words.

    Attributes:
        text: the block.
        survey: its characters and lines.
        lengths: (n,) the words of each line that ends in it, without empty ones; the first number
            belongs to a line of an earlier block if that has not ended there, and may be 0.
        rest: words after the last of these ends.
        counts: of its bytes, for the reader's check.

    """

    text: Block
    survey: SurveyedBlock
    lengths: NDArray[np.int64]
    rest: int
    counts: ByteCounts


class _Workers:
    """Scanners and surveyors for some threads."""

    def __init__(self, tables: CharacterTables, threads: int, *, tokenized: bool) -> None:
        self.scanners = [Scanner(tables) for _ in range(threads)]
        self.surveyors = [Surveyor(tokenized=tokenized) for _ in range(threads)]
        self._idle: SimpleQueue[int] = SimpleQueue()
        for index in range(threads):
            self._idle.put(index)

    def tokens(self) -> TokenCounts:
        """Return the counts of all scanners."""
        return TokenCounts(*map(sum, zip(*(one.counts for one in self.scanners), strict=True)))

    def work(self, blocks: list[tuple[Block, Block]]) -> list[_Block]:
        """Survey some blocks, and split them into words; each as it is, and segmented."""
        index = self._idle.get()
        try:
            return [_work(*pair, self.scanners[index], self.surveyors[index]) for pair in blocks]
        finally:
            self._idle.put(index)


def _work(block: Block, segmented: Block, scanner: Scanner, surveyor: Surveyor) -> _Block:
    counted = BlockBytes(block)
    ids = scanner.scan(segmented)
    survey = surveyor.survey(block)
    return _Block(block, survey, *_line_lengths(ids), counted.count(survey.invalid))


def _line_lengths(ids: NDArray[np.uint32]) -> tuple[NDArray[np.int64], int]:
    """Return the words of each line that ends in some ids, and the words after the last end.

    Empty lines are left out, except at the beginning, where a line of earlier ids may end.
    """
    ends = np.flatnonzero(ids == END_OF_LINE)
    rest = len(ids) - (int(ends[-1]) + 1 if len(ends) else 0)
    return np.diff(ends, prepend=-1) - 1, rest


def survey_corpus(source: TextSource, config: Config, observer: Observer) -> CorpusSurvey:
    """Read a text once.

    An error of the text does not pass, but is a part of the result.

    Args:
        source: the text.
        config: all options that concern reading.
        observer: receives `Reading`, and other reports but notices, which are part of the result.

    """
    return _Reader(source, config, observer).read()


class _Reader:
    """Reads a text into a survey."""

    def __init__(self, source: TextSource, config: Config, observer: Observer) -> None:
        self.source = source
        self.config = config
        self.observer = observer
        self.survey = CorpusSurvey()
        self._file = _OpenFile()
        # Of a line that has not ended in the blocks so far: its words, and where it begins.
        self._begun = 0
        self._begun_line: tuple[Place, bytes] | None = None
        self._in_line = False
        self._is_refused = False
        # That line, so far.
        self._is_normal = self._is_blank = True
        self._ends_with_return = False

    def read(self) -> CorpusSurvey:
        """Read the text."""
        started = time.perf_counter()
        survey = self.survey
        try:
            opened = open_text(self.source, self.config, None, self._observe)
            survey.definition, survey.tables = opened.definition, opened.tables
            self._read_blocks(opened, started)
            if survey.distinct is None:
                raise no_words_error(survey.text_bytes, survey.invalid, survey.tokens.too_long)
        except (ConfigError, MissingExtraError, ResourceError):  # which are not about the text
            raise
        except W2VError as error:
            survey.refusal = error
        survey.seconds = time.perf_counter() - started
        return survey

    def _read_blocks(self, opened: OpenedText, started: float) -> None:
        threads = self.config.thread_count
        workers = _Workers(opened.tables, threads, tokenized=self.source.tokenized)
        segmentation = start_segmentation(opened.definition.segmenter, threads, self._observe)
        blocks: Iterator[list[tuple[Block, Block]]]
        if segmentation is None:
            blocks = ([(block, block) for block in batch] for batch in batches(opened.blocks))
        else:
            blocks = ([pair] for pair in segment_blocks(opened.blocks, segmentation, threads))
        by_workers = segmentation is None and may_be_read_by_workers(self.source)
        map_blocks = pulling_map if by_workers else ordered_map
        try:
            with (
                nullcontext() if segmentation is None else segmentation,
                closing(map_blocks(workers.work, blocks, threads)) as done,
            ):
                for some in done:
                    for block in some:
                        self._check_and_add(block)
                    self._report(started, workers.tokens().tokens)
            try:
                self.survey.notices += self.source.finish()
            except W2VError:
                self._is_refused = True
                raise
        finally:
            self._finish(workers)

    def _observe(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.survey.notices.append(event)
        else:
            self.observer(event)

    def _report(self, started: float, tokens: int) -> None:
        source, seconds = self.source, time.perf_counter() - started
        text_bytes = self.survey.text_bytes
        self.observer(Reading(source.done_bytes, source.total_bytes, text_bytes, tokens, seconds))

    def _check_and_add(self, block: _Block) -> None:
        try:
            self.source.check(block.counts)
        except W2VError:
            self._is_refused = True
            raise
        finally:
            self._add(block)

    def _add(self, block: _Block) -> None:
        survey, found = self.survey, block.survey
        if self.source.checked is not self._file.validity:
            self._finish_file()
            self._file = _OpenFile(self.source.checked)
            self._ends_with_return = False
        only_ends = self._ends_with_return and block.text[:1] == b"\n"
        if only_ends:
            self._file.line -= 1  # the line has been counted, and only its end follows
            survey.lines -= 1
        first_line = self._file.line
        survey.text_bytes += found.size
        self._file.text_bytes += found.size
        self._file.ascii += found.ascii
        if found.invalid and survey.first_invalid is None:
            survey.first_invalid = self._place(found.invalid_line)
        survey.invalid += found.invalid
        for kind, (line, excerpt) in found.examples.items():
            survey.examples.setdefault(kind, (self._place(line), excerpt))
        self._add_lines(block, only_ends=only_ends)
        self._add_lengths(block, first_line)
        self._in_line = not found.ended
        self._ends_with_return = block.text[-1:] == b"\r" and not self.source.tokenized

    def _add_lines(self, block: _Block, *, only_ends: bool) -> None:
        """Add the lines; the first one ``only_ends`` if a line feed belongs to the block before."""
        survey, found = self.survey, block.survey
        ended = len(found.lines.hashes) - (not found.ended)
        blank = found.lines.hashes == 0
        hashes = found.lines.hashes.copy()
        if only_ends:
            blank[0] = False
        elif self._in_line:
            blank[0] &= self._is_blank
            hashes[0] = 0
        self._is_blank = bool(blank[-1])
        hashes[ended:] = 0
        survey.lines += ended
        survey.blank += int(np.count_nonzero(blank[:ended]))
        not_normal = found.not_normal
        if self._in_line and not self._is_normal:
            not_normal = not_normal[not_normal > 0]
        goes_on = len(hashes) == 1 and self._in_line
        self._is_normal = len(hashes) - 1 not in found.not_normal and (
            self._is_normal or not goes_on
        )
        if len(not_normal) and survey.first_not_normal is None:
            survey.first_not_normal = self._place(int(not_normal[0]))
        survey.not_normal += len(not_normal)

        def text(number: int) -> bytes:
            start = int(found.lines.starts[number])
            size = min(int(found.lines.sizes[number]), LINE_BYTES)
            return bytes(block.text[start : start + size])

        survey.repeated.add(hashes, found.lines.sizes, text)
        if len(survey.first_lines) < _SHOWN_LINES and not self._in_line:
            for line in map(text, np.flatnonzero(found.lines.hashes).tolist()):
                if line not in survey.first_lines:
                    survey.first_lines.append(line)
                    if len(survey.first_lines) == _SHOWN_LINES:
                        break
        self._file.line += ended

    def _add_lengths(self, block: _Block, first_line: int) -> None:
        """Add the numbers of words of lines; the block begins in line ``first_line``, from 0."""
        survey = self.survey
        lengths = block.lengths.copy()
        if len(lengths):
            lengths[0] += self._begun
            sizes, numbers = np.unique(lengths[lengths > 0], return_counts=True)
            survey.lengths.update(dict(zip(sizes.tolist(), numbers.tolist(), strict=True)))
            index = int(lengths.argmax())
            words = int(lengths[index])
            if words > survey.longest.words:
                file = self._place(0).file
                longest = _LongestLine(words, Place(file, first_line + 1))
                if index == 0 and self._begun and self._begun_line is not None:
                    longest.place, longest.text = self._begun_line
                else:
                    longest.block = bytes(block.text)
                    longest.index = index - int(block.lengths[0] == 0)
                survey.longest = longest
            self._begun, self._begun_line = 0, None
        if block.rest:
            if self._begun_line is None:
                start = int(block.survey.lines.starts[-1])
                text = bytes(block.text[start : start + LINE_BYTES])
                line = first_line + len(block.survey.lines.starts)
                self._begun_line = Place(self._place(0).file, line), text
            self._begun += block.rest

    def _place(self, line: int) -> Place:
        """Return the place of a line of the block, by its number from 0."""
        validity = self._file.validity
        return Place(None if validity is None else validity.name, self._file.line + line + 1)

    def _finish_file(self) -> None:
        file = self._file
        if file.validity is not None:
            encoding = file.validity.encoding
            if encoding == "utf-8" and file.ascii == file.text_bytes:
                encoding = "ascii"
            if self._is_refused:
                encoding = UNKNOWN
            kind = StoredAs(file.validity.compression, encoding, file.validity.marked)
            totals = self.survey.files.setdefault(kind, FileTotals())
            totals.files += 1
            totals.text_bytes += file.text_bytes

    def _finish(self, workers: _Workers) -> None:
        survey = self.survey
        self._finish_file()
        survey.tokens = workers.tokens()
        tallies = [surveyor.tally for surveyor in workers.surveyors]
        survey.codes = np.sum([tally.codes for tally in tallies], axis=0)
        survey.kinds = np.sum([tally.kinds for tally in tallies], axis=0)
        _find_longest(
            survey.longest,
            Scanner(workers.scanners[0].tables),
            tokenized=self.source.tokenized,
        )
        distinct = DistinctWords(
            [scanner.words for scanner in workers.scanners], self.config.thread_count
        )
        if len(distinct):
            survey.distinct = distinct


def _find_longest(longest: _LongestLine, scanner: Scanner, *, tokenized: bool) -> None:
    """Find the longest line in its block: one that is known by its number among those with words.

    The half of the lines that has it is split into words, then the half of that, and so on.
    """
    if not longest.block or longest.place is None:
        return
    lines = Surveyor(tokenized=tokenized).survey(longest.block).lines
    starts = [*lines.starts.tolist(), len(longest.block)]
    first, end = 0, len(lines.starts)
    before = longest.index  # lines with words, from ``first`` to the one that is looked for
    while end - first > 1:
        middle = (first + end) // 2
        lengths, _ = _line_lengths(scanner.scan(longest.block[starts[first] : starts[middle]]))
        with_words = int(np.count_nonzero(lengths))
        if before < with_words:
            end = middle
        else:
            first, before = middle, before - with_words
    size = min(int(lines.sizes[first]), LINE_BYTES)
    longest.text = longest.block[starts[first] : starts[first] + size]
    longest.place = longest.place._replace(line=longest.place.line + first)
    longest.block = b""


def warm_up_survey() -> None:
    """Compile the kernels of a survey by using them."""
    Surveyor(tokenized=False).survey(b"a\n")
    lines = RepeatedLines()
    lines.add(np.ones(1, np.uint64), np.ones(1, np.int64), lambda _number: b"")
    lines._grow()
