"""The encoded corpus: one flat array of small integers on disk, and how it comes about.

The text is read once. Threads cut its blocks into words, each with a word table of its own; the
provisional ids they give are spooled to disk, block by block in the order of the text. When the
whole text is read, the tables are merged, the words ranked, and the spooled ids renamed to ranks.
So the result is the same at any number of threads, and memory holds the distinct words only.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import kernel
from w2v.compute.parallel import ordered_map
from w2v.compute.random import HELD_OUT_LINES, bernoulli, make_key, to_threshold
from w2v.corpus.vocabulary import UNKNOWN, Vocabulary, extend_words, match_words, rank_words
from w2v.errors import VocabularyError
from w2v.events import CorpusRead, Observer, Reading, ignore
from w2v.system.disk import require_free_space, temporary_directory, writing
from w2v.text.characters import CharacterTables, character_tables
from w2v.text.definition import WordDefinition
from w2v.text.tokenizer import (
    END_OF_LINE,
    INVALID,
    TOKENS,
    TOO_LONG,
    Scanner,
)

if TYPE_CHECKING:
    from types import TracebackType

    from w2v.config import Config
    from w2v.text.blocks import Block
    from w2v.text.sources import TextSource
    from w2v.text.wordtable import WordTable


_REMEDY = "choose another directory with `work_dir`"
# Ids looked at together when a text is walked line by line.
_WALKED_AT_ONCE = 1 << 20


@dataclass
class Stages:
    """Seconds that each stage of reading took, added up over the threads that share in it.

    Threads work side by side, so together they may take more than the time that went by; and a
    thread that has to wait for a processor goes on counting.

    Attributes:
        input: waiting for bytes, decompressing them, and cutting them into blocks.
        tokenizing: cutting blocks into words.
        hashing: looking words up and counting them.
        spooling: writing provisional ids to disk.
        ranking: merging the threads' words and ranking them.
        renaming: turning provisional ids into ranks, and writing these.

    """

    input: float = 0.0
    tokenizing: float = 0.0
    hashing: float = 0.0
    spooling: float = 0.0
    ranking: float = 0.0
    renaming: float = 0.0

    @contextmanager
    def add_to(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes to a stage; for one thread."""
        started = time.perf_counter()
        yield
        setattr(self, stage, getattr(self, stage) + time.perf_counter() - started)


class EncodedText:
    """Lines of word ids as one flat array, memory-mapped.

    Attributes:
        ids: (n,) uint16 or uint32; the largest value of the type stands after each line.
        words: how many of them are words.
        lines: how many lines there are, none of them empty.

    """

    def __init__(self, ids: NDArray[Any], words: int, lines: int) -> None:
        self.ids = ids
        self.words = words
        self.lines = lines

    @classmethod
    def opened(
        cls, path: Path, dtype: type[np.unsignedinteger[Any]], words: int, lines: int
    ) -> EncodedText:
        """Map the ids of a file."""
        if not path.stat().st_size:  # which cannot be mapped
            return cls(np.empty(0, dtype), words, lines)
        return cls(np.memmap(path, dtype, mode="r"), words, lines)

    @property
    def end_of_line(self) -> int:
        """The value that ends a line."""
        return int(np.iinfo(self.ids.dtype).max)

    def sentences(self) -> Iterator[NDArray[Any]]:
        """Return the ids of each line in turn."""
        start = 0
        for block in range(0, len(self.ids), _WALKED_AT_ONCE):
            part = self.ids[block : block + _WALKED_AT_ONCE]
            for end in (np.flatnonzero(part == self.end_of_line) + block).tolist():
                yield self.ids[start:end]
                start = end + 1


class Corpus:
    """A text that was read: its vocabulary and its ids, which lie in a folder until it is closed.

    Attributes:
        vocabulary: the words and their counts in the whole text.
        text: the ids to train on.
        held_out: the ids of the lines kept for validation; no line by default.
        unknown_count: how often words without a row occur, which stand in the text as one word
            whose id is V; None if they were dropped.
        report: what was read, kept and dropped.
        definition: of a word.
        stages: where the time went.

    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        unknown_count: int | None,
        text: EncodedText,
        held_out: EncodedText,
        report: CorpusRead,
        definition: WordDefinition,
        stages: Stages,
        folder: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self._folder = folder
        self.vocabulary = vocabulary
        self.unknown_count = unknown_count
        self.text = text
        self.held_out = held_out
        self.report = report
        self.definition = definition
        self.stages = stages

    def close(self) -> None:
        """Remove the encoded text from disk, if it lies in a temporary folder."""
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Corpus:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def build_corpus(
    source: TextSource,
    config: Config,
    *,
    words: Sequence[str] | None = None,
    extend: bool = False,
    work_dir: str | None = None,
    folder: Path | None = None,
    observer: Observer = ignore,
) -> Corpus:
    """Read a text, choose its vocabulary and encode it.

    Args:
        source: the text.
        config: tokenizer, vocabulary size, minimum count, whether unknown words are kept as one,
            share held out, seed and threads count.
        words: a ready vocabulary to use instead of choosing one.
        extend: whether other words of the text come behind them, up to the vocabulary's size.
        work_dir: where to make the temporary folder, by default where the system makes them.
        folder: an empty folder to use instead, which stays.
        observer: is told how the reading goes.

    Raises:
        InputError: the text cannot be read.
        VocabularyError: the text has no usable words.
        OutputError: the temporary folder cannot be written.
        DiskFullError: which it is if there is no room for it.

    """
    temporary = None
    if folder is None:
        temporary = temporary_directory(tempfile.gettempdir() if work_dir is None else work_dir)
        folder = Path(temporary.name)
    started = time.perf_counter()
    try:
        with _Spool(folder / "provisional") as spool:
            counted = _count(source, config, words, extend, observer, spool.write)
            text, held_out = spool.rename(counted, config)
        report = dataclasses.replace(counted.report, seconds=time.perf_counter() - started)
        return Corpus(
            counted.vocabulary,
            counted.unknown_count,
            text,
            held_out,
            report,
            counted.definition,
            counted.stages,
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


@dataclass(frozen=True)
class _CountedText:
    """What is known when the whole text was read.

    ``ranks[s][i]`` is the rank of word i of scanner s, or UNKNOWN; or V, the rank of all words
    without one of their own, which then occur ``unknown_count`` times.
    """

    vocabulary: Vocabulary
    unknown_count: int | None
    ranks: list[NDArray[np.uint32]]
    report: CorpusRead
    definition: WordDefinition
    stages: Stages


Sink = Callable[[NDArray[np.uint32], "BlockOrigin"], None]


@dataclass(frozen=True)
class BlockOrigin:
    """Where a block's ids come from.

    Attributes:
        scanner: the number of the scanner whose words they are.
        lines: lines with tokens that ended before the block.
        begun: whether the block begins within a line, some of whose tokens stand before it.

    """

    scanner: int
    lines: int
    begun: bool


def _count(
    source: TextSource,
    config: Config,
    words: Sequence[str] | None,
    extend: bool,
    observer: Observer,
    sink: Sink,
) -> _CountedText:
    started = time.perf_counter()
    definition = WordDefinition.from_config(config, tokenized=source.tokenized)
    tables = character_tables(definition)
    stages = Stages()
    scanners, text_bytes, lines = _scan(source, tables, config.thread_count, observer, sink, stages)
    with stages.add_to("ranking"):
        table, ids = _merge(scanners)
    tallies = np.sum([scanner.tallies for scanner in scanners], axis=0)
    if not len(table):
        message = (
            f"the corpus has no words: {text_bytes:,} bytes of text were read, {tallies[INVALID]:,}"
            f" of them are not UTF-8, and {tallies[TOO_LONG]:,} tokens were dropped as too long"
        )
        raise VocabularyError(message)
    with stages.add_to("ranking"):
        limits = {"vocab_size": config.vocab_size, "min_count": config.min_count}
        if words is None:
            vocabulary, ranks = rank_words(table, **limits)
        elif extend:
            vocabulary, ranks = extend_words(table, words, **limits)
        else:
            vocabulary, ranks = match_words(table, words)
    chosen = words is None or extend
    counts = table.counts[: len(table)]
    kept = int(vocabulary.counts.sum())
    dropped = int(counts.sum()) - kept
    if config.train_unk and not dropped:
        remedy = "drop some with --min-count or --vocab-size" if chosen else "list fewer words"
        message = (
            f"there is no unknown word to train on: all {len(table):,} words of the corpus are in "
            f"the vocabulary; {remedy}, or leave out --train-unk"
        )
        raise VocabularyError(message)
    without = counts[ranks == UNKNOWN]
    rare = int(without[without < config.min_count].sum()) if chosen else 0
    report = CorpusRead(
        files=source.files,
        text_bytes=text_bytes,
        lines=lines,
        tokens=int(tallies[TOKENS]),
        types=len(table),
        vocabulary=len(vocabulary),
        kept_tokens=kept,
        coverage=kept / int(tallies[TOKENS]),
        dropped_rare=rare,
        dropped_beyond_size=dropped - rare if chosen else 0,
        dropped_unlisted=0 if chosen else dropped,
        dropped_too_long=int(tallies[TOO_LONG]),
        invalid_bytes=int(tallies[INVALID]),
        unseen_words=int(np.count_nonzero(vocabulary.counts == 0)),
        seconds=time.perf_counter() - started,
        old_words=len(words) if words is not None and extend else 0,
        left_out_words=int(np.count_nonzero(without >= config.min_count)) if extend else 0,
    )
    unknown_count = None
    if config.train_unk:
        unknown_count = dropped
        ranks[ranks == UNKNOWN] = len(vocabulary)
    ranks_of = [ranks[part] for part in ids]
    return _CountedText(vocabulary, unknown_count, ranks_of, report, definition, stages)


def _scan(
    source: TextSource,
    tables: CharacterTables,
    threads: int,
    observer: Observer,
    sink: Sink,
    stages: Stages,
) -> tuple[list[Scanner], int, int]:
    """Cut the text into words on some threads, handing on each block's ids in the text's order."""
    started = time.perf_counter()
    scanners = [Scanner(tables) for _ in range(threads)]
    idle: SimpleQueue[int] = SimpleQueue()
    for number in range(threads):
        idle.put(number)

    def scan(block: Block) -> tuple[int, NDArray[np.uint32], int]:
        number = idle.get()
        try:
            return len(block), scanners[number].scan(block), number
        finally:
            idle.put(number)

    text_bytes = tokens = lines = 0
    line_begun = False
    blocks = _timed(source.blocks(tables.last_boundary), stages)
    with closing(ordered_map(scan, blocks, threads)) as done:
        for size, ids, number in done:
            with stages.add_to("spooling"):
                sink(ids, BlockOrigin(number, lines, line_begun))
            text_bytes += size
            ends = int(np.count_nonzero(ids == END_OF_LINE))
            tokens += len(ids) - ends
            if len(ids):
                lines += ends - int(ids[0] == END_OF_LINE and not line_begun)
                line_begun = bool(ids[-1] != END_OF_LINE)
            seconds = time.perf_counter() - started
            observer(Reading(source.done_bytes, source.total_bytes, text_bytes, tokens, seconds))
    for scanner in scanners:
        stages.tokenizing += scanner.tokenizing
        stages.hashing += scanner.hashing
    return scanners, text_bytes, lines


def _timed(blocks: Iterator[Block], stages: Stages) -> Iterator[Block]:
    """Hand on blocks, and count what it takes to get them."""
    while True:
        with stages.add_to("input"):
            block = next(blocks, None)
        if block is None:
            return
        yield block


def _merge(scanners: list[Scanner]) -> tuple[WordTable, list[NDArray[np.uint32]]]:
    """One table of all words, and for each scanner its words' ids in that table."""
    table = scanners[0].words
    ids = [np.arange(len(table), dtype=np.uint32)]
    ids.extend(table.merge(scanner.words) for scanner in scanners[1:])
    return table, ids


# Entries of what `_rename` tells. The first three stand twice: for the text, for what is held out.
_WRITTEN = 0
_WORDS = 2
_LINES = 4
# The side of the line that the block begins in, if it ends here without words; or -1.
_FIRST_END = 6
# Whether the line that goes on behind the block has words in it.
_LINE_WORDS = 7
_LINE_ENDS = 8
_TOLD = 9


@kernel
def _rename(
    ids: NDArray[np.uint32],
    ranks: NDArray[np.uint32],
    end_of_line: int,
    held_out_key: np.uint64,
    held_out_threshold: int,
    line: int,
    begun: bool,
    renamed: NDArray[Any],
    told: NDArray[np.int64],
) -> None:
    """Turn a block's provisional ids into ranks, drop words without one and lines without words.

    Args:
        ids: (n,) provisional ids with END_OF_LINE between lines.
        ranks: the rank of each provisional id, or UNKNOWN.
        end_of_line: what ends a line in the result.
        held_out_key: key of the random numbers by which lines are held out.
        held_out_threshold: the probability of it, as a threshold; -1 for none.
        line: lines with tokens before the one that the block begins with or in.
        begun: whether that line has tokens before the block.
        renamed: (2, n) receives the lines to train on, and those held out.
        told: (_TOLD,) receives the tallies.

    """
    told[:] = 0
    told[_FIRST_END] = -1
    side = 0
    if held_out_threshold >= 0 and bernoulli(held_out_key, line, held_out_threshold):
        side = 1
    written = line_start = np.int64(0)
    tokens_before = -1 if begun else 0
    for i in range(len(ids)):
        if ids[i] == END_OF_LINE:
            told[_WORDS + side] += written - line_start
            if written > line_start:
                renamed[side, written] = end_of_line
                written += 1
                told[_LINES + side] += 1
            elif told[_LINE_ENDS] == 0:
                told[_FIRST_END] = side
            told[_WRITTEN + side] = written
            told[_LINE_ENDS] += 1
            line += i > tokens_before
            tokens_before = i + 1
            if held_out_threshold >= 0:
                side = 1 if bernoulli(held_out_key, line, held_out_threshold) else 0
                written = told[_WRITTEN + side]
            line_start = written
        else:
            rank = ranks[ids[i]]
            renamed[side, written] = rank
            written += rank != UNKNOWN  # no jump, which would often be foreseen wrongly
    told[_WORDS + side] += written - line_start
    told[_WRITTEN + side] = written
    told[_LINE_WORDS] = written > line_start


class _Spool:
    """Provisional ids on disk, block by block, until the ranks are known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _opened(path)
        self._blocks: list[
            tuple[int, int, BlockOrigin]
        ] = []  # where each begins, its length and origin

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, ids: NDArray[np.uint32], origin: BlockOrigin) -> None:
        """Append a block's ids."""
        self._blocks.append((self._file.tell(), len(ids), origin))
        _append(self._file, ids)

    def rename(self, counted: _CountedText, config: Config) -> tuple[EncodedText, EncodedText]:
        """Write the ranks beside the spool: the text to train on, and what is held out of it."""
        self._file.close()
        ranks = len(counted.vocabulary) + (counted.unknown_count is not None)
        dtype = np.uint16 if ranks <= np.iinfo(np.uint16).max else np.uint32
        end_of_line = np.full(1, np.iinfo(dtype).max, dtype)
        self._look_for_room(counted, end_of_line.itemsize)
        threshold = to_threshold(config.validation) if config.validation else -1
        held_out_key = make_key(config.seed, HELD_OUT_LINES)

        def rename(
            block: tuple[int, int, BlockOrigin],
        ) -> tuple[NDArray[Any], NDArray[np.int64], float]:
            started = time.perf_counter()
            offset, length, origin = block
            ids = np.fromfile(self._path, np.uint32, length, offset=offset)
            renamed = np.empty((2, length), dtype)
            told = np.empty(_TOLD, np.int64)
            _rename(
                ids,
                counted.ranks[origin.scanner],
                int(end_of_line[0]),
                held_out_key,
                threshold,
                origin.lines,
                origin.begun,
                renamed,
                told,
            )
            return renamed, told, time.perf_counter() - started

        words, lines = [0, 0], [0, 0]
        line_words = False
        paths = [self._path.with_name("text"), self._path.with_name("held-out")]
        with (
            _opened(paths[0]) as text,
            _opened(paths[1]) as held_out,
            closing(ordered_map(rename, self._blocks, config.thread_count)) as done,
        ):
            files = [text, held_out]
            for renamed, told, seconds in done:
                started = time.perf_counter()
                first_end = told[_FIRST_END]
                if first_end >= 0 and line_words:
                    _append(files[first_end], end_of_line)
                    lines[first_end] += 1
                line_words = bool(told[_LINE_WORDS]) or (line_words and not told[_LINE_ENDS])
                for side in (0, 1):
                    _append(files[side], renamed[side, : told[_WRITTEN + side]])
                    words[side] += int(told[_WORDS + side])
                    lines[side] += int(told[_LINES + side])
                counted.stages.renaming += seconds + time.perf_counter() - started
        first, second = (
            EncodedText.opened(path, dtype, words[side], lines[side])
            for side, path in enumerate(paths)
        )
        return first, second

    def _look_for_room(self, counted: _CountedText, bytes_each: int) -> None:
        """Find out whether the ranks will fit beside the spool, but for line ends."""
        directory = self._path.parent
        words = int(counted.vocabulary.counts.sum()) + (counted.unknown_count or 0)
        spooled = sum(length for _, length, _ in self._blocks)
        needed = min(words, spooled) * bytes_each
        require_free_space(directory, needed, _cannot_write(directory), _REMEDY)


def _opened(path: Path) -> IO[bytes]:
    """Open a file to append ids to."""
    with writing(_cannot_write(path.parent), path.parent, _REMEDY, written=lambda: 0):
        return path.open("wb", buffering=0)


def _append(file: IO[bytes], ids: NDArray[Any]) -> None:
    rest = ids.view(np.uint8).data
    directory = Path(file.name).parent
    with writing(_cannot_write(directory), directory, _REMEDY, written=file.tell):
        while rest:  # a full disk accepts a part first
            rest = rest[file.write(rest) :]


def _cannot_write(directory: Path) -> str:
    return f"cannot write the encoded text to {directory}"
