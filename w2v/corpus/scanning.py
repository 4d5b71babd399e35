"""Splitting a text into words on several threads, each with a word table of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.parallel import ordered_map, pulling_map
from w2v.corpus.distinct import DistinctWords
from w2v.corpus.spool import BlockOrigin, Spool, SpooledBlock
from w2v.corpus.stages import StageTimes
from w2v.errors import VocabularyError
from w2v.events import Observer, Reading
from w2v.system.sniff import count_invalid
from w2v.text.blocks import batches
from w2v.text.characters import CharacterTables
from w2v.text.definition import WordDefinition
from w2v.text.segmentation import Segmentation, start_segmentation
from w2v.text.segmented import open_text
from w2v.text.tokenizer import END_OF_LINE, Scanner, TokenCounts
from w2v.text.validity import BlockBytes, ByteCounts

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.text.blocks import Block
    from w2v.text.sources import TextSource


class ReadText(NamedTuple):
    """A text whose words are counted, but not ranked."""

    definition: WordDefinition
    distinct: DistinctWords
    tokens: TokenCounts
    end: TextPosition


def read_text(
    source: TextSource,
    config: Config,
    recorded: WordDefinition | None,
    observer: Observer,
    spool: Spool | None,
    times: StageTimes,
) -> ReadText:
    """Read a text and count its words; their provisional ids go to the spool, if there is one.

    Raises:
        VocabularyError: the text has no words.

    """
    with times.measure("input"):
        text = open_text(source, config, recorded, observer)
    name = text.definition.segmenter
    segmentation = start_segmentation(name, config.thread_count, observer)
    scanners = Scanners(text.tables, config.thread_count, spool, segmentation)
    with nullcontext() if segmentation is None else segmentation:
        end = scan_blocks(source, text.blocks, scanners, segmentation, observer, spool, times)
    tokens = scanners.counts()
    with times.measure("ranking"):
        distinct = DistinctWords([one.words for one in scanners.scanners], config.thread_count)
    if not len(distinct):
        raise no_words_error(end.bytes, end.invalid_bytes, tokens.too_long)
    return ReadText(text.definition, distinct, tokens, end)


class ScannedBlock(NamedTuple):
    """A block that was split into words.

    Attributes:
        scanner: the index of the scanner that did it.
        counts: of the bytes of each block that it was made of.
        offset: of its ids in the spool.
        length: the number of ids, line ends included.
        line_ends: the number of line ends.
        ends: whether the first and the last id are line ends; None if there are no ids.
        spooling: seconds spent on writing the ids.

    """

    scanner: int
    counts: list[ByteCounts]
    offset: int
    length: int
    line_ends: int
    ends: tuple[bool, bool] | None
    spooling: float


class _Batch(NamedTuple):
    """Blocks to be split into words together.

    Attributes:
        blocks: as they stand in the text.
        segmented: the same as one block, with separators between segments, if the thread that reads
            the corpus had to do that.

    """

    blocks: list[Block]
    segmented: Block | None = None


class Scanners:
    """Scanners for some threads, each with words of its own.

    Args:
        tables: the definition of a word.
        threads: that may scan at once.
        spool: receives the ids of each block, if there is one.
        segmentation: splits the text before the scanners do, if there is one.

    """

    def __init__(
        self,
        tables: CharacterTables,
        threads: int,
        spool: Spool | None,
        segmentation: Segmentation | None,
    ) -> None:
        self.scanners = [Scanner(tables) for _ in range(threads)]
        self._segmentation = segmentation
        self._spool = spool
        self._idle: SimpleQueue[int] = SimpleQueue()
        for index in range(threads):
            self._idle.put(index)

    def counts(self) -> TokenCounts:
        """Return the number of tokens that all scanners read."""
        return TokenCounts(*map(sum, zip(*(one.counts for one in self.scanners), strict=True)))

    def scan(self, batch: _Batch) -> ScannedBlock:
        """Split blocks into words as if they were one, and spool their ids."""
        index = self._idle.get()
        blocks, text = batch
        parts = [BlockBytes(block) for block in blocks]
        started = time.perf_counter()
        try:
            scanner = self.scanners[index]
            if self._segmentation is not None:
                if text is None:
                    text = self._segmentation.segment(_joined(blocks))
                scanner.tokenizing += time.perf_counter() - started
                ids = scanner.scan(text)
                invalid = sum(map(count_invalid, blocks))  # which are spaces in the segmented text
            else:
                before = scanner.counts.invalid_bytes
                ids = scanner.scan(_joined(blocks))
                invalid = scanner.counts.invalid_bytes - before
        finally:
            self._idle.put(index)
        scanned = time.perf_counter()
        offset = 0 if self._spool is None else self._spool.write(ids, index)
        spooling = time.perf_counter() - scanned
        return ScannedBlock(
            index,
            counts=list(map(BlockBytes.count, parts, _invalid_bytes(blocks, invalid))),
            offset=offset,
            length=len(ids),
            line_ends=int(np.count_nonzero(ids == END_OF_LINE)),
            ends=tuple((ids[[0, -1]] == END_OF_LINE).tolist()) if len(ids) else None,
            spooling=spooling,
        )


def _joined(blocks: list[Block]) -> Block:
    return b"".join(blocks) if len(blocks) > 1 else blocks[0]


def _invalid_bytes(blocks: list[Block], total: int) -> list[int]:
    """Return the number of invalid bytes of each block, given that of all blocks."""
    if total == 0 or len(blocks) == 1:
        return [total, *[0] * (len(blocks) - 1)]
    return list(map(count_invalid, blocks))


@dataclass
class TextPosition:
    """The position in a text after some of its blocks.

    Attributes:
        bytes: of text before it.
        invalid_bytes: those of them that are not UTF-8.
        tokens: words before it.
        lines: lines with tokens that ended before it.
        line_begun: whether it is within a line, after some of its tokens.

    """

    bytes: int = 0
    invalid_bytes: int = 0
    tokens: int = 0
    lines: int = 0
    line_begun: bool = False

    def advance(self, block: ScannedBlock) -> None:
        """Advance past the next block."""
        self.bytes += sum(counts.size for counts in block.counts)
        self.invalid_bytes += sum(counts.invalid for counts in block.counts)
        self.tokens += block.length - block.line_ends
        if block.ends is not None:
            starts_with_end, ends_with_end = block.ends
            # An end of line at the beginning of a block may end a line without tokens.
            self.lines += block.line_ends - int(starts_with_end and not self.line_begun)
            self.line_begun = not ends_with_end


def scan_blocks(
    source: TextSource,
    text: Iterator[Block],
    scanners: Scanners,
    segmentation: Segmentation | None,
    observer: Observer,
    spool: Spool | None,
    times: StageTimes,
    *,
    first_line: int = 0,
) -> TextPosition:
    """Split a text into words, and return its end; ``first_line`` counts those before it."""
    started = time.perf_counter()
    position = TextPosition(lines=first_line)
    reported_bytes = 0

    def report() -> int:
        done, total, seconds = source.done_bytes, source.total_bytes, time.perf_counter() - started
        observer(Reading(done, total, position.bytes, position.tokens, seconds))
        return done

    blocks: Iterator[_Batch] = map(_Batch, _timed(batches(text), times))
    map_blocks = pulling_map if may_be_read_by_workers(source) else ordered_map
    stop = None
    if segmentation is not None:
        stop = segmentation.stop
        if segmentation.on_calling_thread:
            blocks = _segmented(blocks, segmentation)
            map_blocks = ordered_map
    with closing(map_blocks(scanners.scan, blocks, len(scanners.scanners), stop)) as done:
        for block in done:
            for counts in block.counts:
                source.check(counts)
            if spool is not None:
                origin = BlockOrigin(block.scanner, position.lines, position.line_begun)
                spool.blocks.append(SpooledBlock(block.offset, block.length, origin))
            times.spooling += block.spooling
            position.advance(block)
            reported_bytes = report()
    if position.bytes and reported_bytes != source.done_bytes:  # a compressed file may end later
        report()
    for notice in source.finish():
        observer(notice)
    for scanner in scanners.scanners:
        times.tokenizing += scanner.tokenizing
        times.hashing += scanner.hashing
        scanner.tokenizing = scanner.hashing = 0.0  # it may scan another text
    return position


def _segmented(batches: Iterator[_Batch], segmentation: Segmentation) -> Iterator[_Batch]:
    for blocks, _ in batches:
        yield _Batch(blocks, segmentation.segment(_joined(blocks)))


def may_be_read_by_workers(source: TextSource) -> bool:
    """Return whether a source consists of regular files, whose size is known.

    Other sources are read by the calling thread: a pipe may keep a thread waiting, and only the
    calling thread can be interrupted; Python objects may be bound to the thread that made them, as
    the rows of a database are.
    """
    return source.files > 0 and source.total_bytes is not None


def _timed(blocks: Iterator[list[Block]], times: StageTimes) -> Iterator[list[Block]]:
    """Yield blocks, and measure the time it takes to get them."""
    while True:
        with times.measure("input"):
            block = next(blocks, None)
        if block is None:
            return
        yield block


def no_words_error(text_bytes: int, invalid_bytes: int, too_long: int) -> VocabularyError:
    """Return the error for a text without words.

    Args:
        text_bytes: its size.
        invalid_bytes: those of them that are not UTF-8.
        too_long: tokens that were dropped.

    """
    return VocabularyError(
        f"the corpus has no words: {text_bytes:,} bytes of text were read; "
        f"{invalid_bytes:,} of them are not UTF-8, and {too_long:,} tokens are too long"
    )
