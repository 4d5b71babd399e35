"""Reading of a corpus: from text to a vocabulary and an encoded text.

The text is read once. Threads split its blocks into words, each with a word table of its own; the
provisional ids are spooled to the disk, block by block in the order of the text. At the end of the
text, the tables are merged, the words ranked, and the provisional ids replaced by ranks. So the
result does not depend on the number of threads, and memory holds the distinct words only.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.parallel import ordered_map
from w2v.corpus.encoded import EncodedText, id_dtype
from w2v.corpus.spool import BlockOrigin, HeldOut, Spool
from w2v.corpus.stages import StageTimes
from w2v.corpus.vocabulary import UNKNOWN, Vocabulary, extend_words, match_words, rank_words
from w2v.errors import VocabularyError
from w2v.events import CorpusRead, Observer, Reading, ignore
from w2v.system.disk import temporary_directory
from w2v.text.characters import CharacterTables, character_tables
from w2v.text.definition import WordDefinition
from w2v.text.tokenizer import END_OF_LINE, Scanner, TokenCounts

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.text.blocks import Block
    from w2v.text.sources import TextSource
    from w2v.text.wordtable import WordTable


@dataclass
class Corpus:
    """A text that was read: its vocabulary, and its ids in files that exist until it is closed.

    Attributes:
        vocabulary: the words, and their counts in the whole text.
        unknown_count: occurrences of out-of-vocabulary words, which are encoded as one word with id
            V; None if they were dropped.
        text: the ids to train on.
        held_out: the ids of the lines held out for validation.
        report: statistics.
        definition: of a word.
        times: seconds of each stage.
        directory: the temporary directory of the ids, if there is one.

    """

    vocabulary: Vocabulary
    unknown_count: int | None
    text: EncodedText
    held_out: EncodedText
    report: CorpusRead
    definition: WordDefinition
    times: StageTimes
    directory: tempfile.TemporaryDirectory[str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: not the temporary directory, which has one owner."""
        return vars(self) | {"directory": None}

    def close(self) -> None:
        """Remove the temporary directory, if there is one."""
        if self.directory is not None:
            self.directory.cleanup()

    def __enter__(self) -> Corpus:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def build_corpus(
    source: TextSource,
    config: Config,
    *,
    words: Sequence[str] | None = None,
    extend: bool = False,
    work_dir: str | None = None,
    directory: Path | None = None,
    observer: Observer = ignore,
) -> Corpus:
    """Read a text, choose its vocabulary and encode it.

    Args:
        source: the text.
        config: all options that concern reading.
        words: a given vocabulary, instead of one chosen from the text.
        extend: whether to add other words of the text to ``words``, up to the vocabulary's size.
        work_dir: the parent of the temporary directory, by default that of the system.
        directory: an empty directory to use instead of a temporary one. It is not removed.
        observer: receives reports.

    Raises:
        InputError: the text cannot be read.
        VocabularyError: the text has no usable words.
        OutputError: the files cannot be written.
        DiskFullError: there is too little disk space.

    """
    temporary = None
    if directory is None:
        temporary = temporary_directory(tempfile.gettempdir() if work_dir is None else work_dir)
        directory = Path(temporary.name)
    started = time.perf_counter()
    try:
        with Spool(directory / "provisional") as spool:
            counted = _count(source, config, words, extend, observer, spool.write)
            ranks = len(counted.vocabulary) + (counted.unknown_count is not None)
            text, held_out = spool.rename(
                counted.ranks,
                HeldOut.from_config(config),
                dtype=id_dtype(ranks),
                words=counted.report.kept_tokens + (counted.unknown_count or 0),
                threads=config.thread_count,
                times=counted.times,
            )
        return Corpus(
            counted.vocabulary,
            counted.unknown_count,
            text,
            held_out,
            dataclasses.replace(counted.report, seconds=time.perf_counter() - started),
            counted.definition,
            counted.times,
            temporary,
        )
    except BaseException:
        if temporary is not None:
            temporary.cleanup()
        raise


def count_words(
    source: TextSource,
    config: Config,
    *,
    words: Sequence[str] | None = None,
    observer: Observer = ignore,
) -> tuple[Vocabulary, CorpusRead]:
    """Read a text for its vocabulary only; arguments and errors as for `build_corpus`."""
    counted = _count(source, config, words, False, observer, lambda _ids, _origin: None)
    return counted.vocabulary, counted.report


Sink = Callable[[NDArray[np.uint32], BlockOrigin], None]


@dataclass(frozen=True)
class _CountedText:
    """A text whose words are counted and ranked.

    Attributes:
        vocabulary: the words that have a rank.
        unknown_count: see `Corpus`.
        ranks: for each scanner, the rank of each of its words: UNKNOWN, or V for all words that
            share the rank of out-of-vocabulary words.
        report: statistics.
        definition: of a word.
        times: seconds of each stage.

    """

    vocabulary: Vocabulary
    unknown_count: int | None
    ranks: list[NDArray[np.uint32]]
    report: CorpusRead
    definition: WordDefinition
    times: StageTimes


class _ScannedText(NamedTuple):
    """A text that was read.

    Attributes:
        scanners: one for each thread, with their words.
        bytes: of text.
        lines: lines with tokens.

    """

    scanners: list[Scanner]
    bytes: int
    lines: int


def _count(
    source: TextSource,
    config: Config,
    words: Sequence[str] | None,
    extend: bool,
    observer: Observer,
    sink: Sink,
) -> _CountedText:
    """Read a text and rank its words; the ids of each block go to ``sink``."""
    started = time.perf_counter()
    definition = WordDefinition.from_config(config, tokenized=source.tokenized)
    times = StageTimes()
    scanned = _scan(
        source, character_tables(definition), config.thread_count, observer, sink, times
    )
    tokens = TokenCounts(*map(sum, zip(*(one.counts for one in scanned.scanners), strict=True)))
    with times.measure("ranking"):
        table, table_ids = _merge(scanned.scanners)
    if not len(table):
        message = (
            f"the corpus has no words: {scanned.bytes:,} bytes of text were read; "
            f"{tokens.invalid_bytes:,} of them are not UTF-8, and {tokens.too_long:,} tokens are "
            "too long"
        )
        raise VocabularyError(message)
    with times.measure("ranking"):
        limits = {"vocab_size": config.vocab_size, "min_count": config.min_count}
        if words is None:
            vocabulary, ranks = rank_words(table, **limits)
        elif extend:
            vocabulary, ranks = extend_words(table, words, **limits)
        else:
            vocabulary, ranks = match_words(table, words)
    chosen = words is None or extend
    without_rank = table.counts[ranks == UNKNOWN]
    dropped = int(without_rank.sum())
    rare = int(without_rank[without_rank < config.min_count].sum()) if chosen else 0
    report = CorpusRead(
        files=source.files,
        text_bytes=scanned.bytes,
        lines=scanned.lines,
        tokens=tokens.tokens,
        types=len(table),
        vocabulary=len(vocabulary),
        kept_tokens=int(vocabulary.counts.sum()),
        coverage=int(vocabulary.counts.sum()) / tokens.tokens,
        dropped_rare=rare,
        dropped_beyond_size=dropped - rare if chosen else 0,
        dropped_unlisted=0 if chosen else dropped,
        dropped_too_long=tokens.too_long,
        invalid_bytes=tokens.invalid_bytes,
        unseen_words=int(np.count_nonzero(vocabulary.counts == 0)),
        seconds=time.perf_counter() - started,
        old_words=len(words) if words is not None and extend else 0,
        left_out_words=int(np.count_nonzero(without_rank >= config.min_count)) if extend else 0,
    )
    unknown_count = None
    if config.train_unk:
        if not dropped:
            raise _no_unknown_words(len(table), chosen=chosen)
        unknown_count = dropped
        ranks[ranks == UNKNOWN] = len(vocabulary)
    ranks_by_scanner = [ranks[ids] for ids in table_ids]
    return _CountedText(vocabulary, unknown_count, ranks_by_scanner, report, definition, times)


def _no_unknown_words(types: int, *, chosen: bool) -> VocabularyError:
    remedy = "raise `min_count` or lower `vocab_size`" if chosen else "list fewer words"
    return VocabularyError(
        f"there are no out-of-vocabulary words to train on: all {types:,} distinct words of the "
        f"corpus are in the vocabulary; {remedy}, or omit `train_unk`"
    )


def _scan(
    source: TextSource,
    tables: CharacterTables,
    threads: int,
    observer: Observer,
    sink: Sink,
    times: StageTimes,
) -> _ScannedText:
    """Split a text into words on several threads; the ids go to ``sink`` in the text's order."""
    started = time.perf_counter()
    scanners = [Scanner(tables) for _ in range(threads)]
    idle: SimpleQueue[int] = SimpleQueue()
    for index in range(threads):
        idle.put(index)

    def scan(block: Block) -> tuple[int, NDArray[np.uint32], int]:
        index = idle.get()
        try:
            return len(block), scanners[index].scan(block), index
        finally:
            idle.put(index)

    text_bytes = tokens = lines = 0
    line_begun = False
    blocks = _timed(source.blocks(tables.last_boundary), times)
    with closing(ordered_map(scan, blocks, threads)) as done:
        for size, ids, index in done:
            with times.measure("spooling"):
                sink(ids, BlockOrigin(index, lines, line_begun))
            text_bytes += size
            ends = int(np.count_nonzero(ids == END_OF_LINE))
            tokens += len(ids) - ends
            if len(ids):
                # An end of line at the beginning of a block may end a line without tokens.
                lines += ends - int(ids[0] == END_OF_LINE and not line_begun)
                line_begun = bool(ids[-1] != END_OF_LINE)
            seconds = time.perf_counter() - started
            observer(Reading(source.done_bytes, source.total_bytes, text_bytes, tokens, seconds))
    for scanner in scanners:
        times.tokenizing += scanner.tokenizing
        times.hashing += scanner.hashing
    return _ScannedText(scanners, text_bytes, lines)


def _timed(blocks: Iterator[Block], times: StageTimes) -> Iterator[Block]:
    """Yield blocks, and measure the time it takes to get them."""
    while True:
        with times.measure("input"):
            block = next(blocks, None)
        if block is None:
            return
        yield block


def _merge(scanners: list[Scanner]) -> tuple[WordTable, list[NDArray[np.uint32]]]:
    """Merge the word tables; return, for each scanner, the ids of its words in the merged table."""
    table = scanners[0].words
    ids = [np.arange(len(table), dtype=np.uint32)]
    ids.extend(table.merge(scanner.words) for scanner in scanners[1:])
    return table, ids
