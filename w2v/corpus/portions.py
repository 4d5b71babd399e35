"""Portions of a corpus, which different machines count and encode.

A portion is some small files or a part of a large one, see `w2v.text.parts`. It begins and ends
with a line. What a worker makes of it is a function of the files, the options and the vocabulary,
so a portion that is lost with its worker is read again by another one, with the same result.

Counting and encoding both split the text into words. So nothing has to be kept between them but the
counts, and a worker needs no more than its disk for the encoded text.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.config import Config
from w2v.corpus.encoded import Dtype, EncodedText, id_dtype
from w2v.corpus.scanning import Scanners, TextPosition, scan_blocks
from w2v.corpus.spool import HeldOut, Spool
from w2v.corpus.stages import StageTimes
from w2v.corpus.word_counts import WordCounts, add_counts
from w2v.errors import InputError
from w2v.events import ignore
from w2v.system.disk import TEMPORARY_PREFIX, temporary_directory
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.files import name_of
from w2v.text.folders import first_few
from w2v.text.parts import FilePart, PartSource
from w2v.text.segmented import open_text
from w2v.text.sources import Findings, SourceOptions
from w2v.text.tokenizer import TokenCounts
from w2v.text.wordtable import WordTable

Portion = Sequence[FilePart]


@dataclass(frozen=True)
class ReadingJob:
    """How a corpus is read.

    Attributes:
        definition: of a word.
        options: how files are read.
        config: the hyper-parameters.

    """

    definition: WordDefinition
    options: SourceOptions
    config: Config


class PortionCounts(NamedTuple):
    """What counting a portion has found, besides the words.

    Attributes:
        end: the size of its text, its lines and the like.
        tokens: the number of its tokens.
        findings: about its files.
        times: seconds of each stage.

    """

    end: TextPosition
    tokens: TokenCounts
    findings: Findings
    times: StageTimes


@dataclass
class Lexicon:
    """The ranks of words.

    Attributes:
        table: words.
        ranks: uint32, the rank of each.
        default: of all other words: UNKNOWN, or that of out-of-vocabulary words.
        size: the number of ranks.

    """

    table: WordTable
    ranks: NDArray[np.uint32]
    default: int
    size: int

    def ranks_of(self, table: WordTable) -> NDArray[np.uint32]:
        """Return the rank of each word of a table."""
        found = np.full(len(table), -1, np.int64)
        self.table.find(table, found, base=0, part=0, parts=1)
        ranks = np.full(len(table), self.default, np.uint32)
        ranks[found >= 0] = self.ranks[found[found >= 0]]
        return ranks


@dataclass(frozen=True)
class EncodedPortion:
    """An encoded portion.

    Attributes:
        text: the ids to train on.
        held_out: the ids held out for validation.

    """

    text: EncodedText
    held_out: EncodedText

    def size(self) -> PortionSize:
        """Return what the others have to know about it."""
        ids, held_out = self.text.ids, np.array(self.held_out.ids)
        ends = np.flatnonzero(ids == self.text.end_of_line)
        lengths, numbers = np.unique(np.diff(ends, prepend=-1) - 1, return_counts=True)
        return PortionSize(
            positions=len(ids),
            words=self.text.words,
            lines=self.text.lines,
            line_lengths=lengths,
            line_numbers=numbers,
            held_out=held_out,
            held_out_words=self.held_out.words,
            held_out_lines=self.held_out.lines,
            digest=hashlib.blake2b(np.ascontiguousarray(ids).data, digest_size=16).hexdigest(),
        )


class PortionSize(NamedTuple):
    """What the machines that do not have an encoded portion know about it.

    Attributes:
        positions: words and line ends.
        words: words to train on.
        lines: lines to train on.
        line_lengths: (k,) int64, the different numbers of words of these lines.
        line_numbers: (k,) int64, how many lines have each of them.
        held_out: the ids held out for validation.
        held_out_words: their words.
        held_out_lines: their lines.
        digest: of the ids to train on.

    """

    positions: int
    words: int
    lines: int
    line_lengths: NDArray[np.int64]
    line_numbers: NDArray[np.int64]
    held_out: NDArray[Any]
    held_out_words: int
    held_out_lines: int
    digest: str


class PortionCounter:
    """Counts the words of portions on the threads of one machine.

    Args:
        job: how to read them.
        threads: the number of threads.

    Attributes:
        done: what was found in each portion, by its number.

    """

    def __init__(self, job: ReadingJob, threads: int) -> None:
        self._job = job
        self._scanners = Scanners(character_tables(job.definition), threads, None, None)
        self.done: dict[int, PortionCounts] = {}

    def count(self, number: int, portion: Portion) -> PortionCounts:
        """Count the words of a portion, in addition to those before, unless this was done.

        Raises:
            InputError: the portion cannot be read.

        """
        if number not in self.done:
            times = StageTimes()
            before = self._scanners.counts()
            end, findings = _scan(self._job, portion, self._scanners, None, times)
            after = self._scanners.counts()
            tokens = TokenCounts(*(b - a for a, b in zip(before, after, strict=True)))
            self.done[number] = PortionCounts(end, tokens, findings, times)
        return self.done[number]

    def words(self) -> WordCounts:
        """Return the words of all portions."""
        return add_counts([WordCounts.of(one.words) for one in self._scanners.scanners])


@dataclass(frozen=True)
class EncodingJob:
    """How the portions of a corpus are encoded.

    Attributes:
        reading: how they are read.
        lexicon: the ranks of words.
        portions: all portions.
        first_lines: the number of lines before each.

    """

    reading: ReadingJob
    lexicon: Lexicon
    portions: Sequence[Portion]
    first_lines: Sequence[int]


def encode_portion(
    job: EncodingJob, number: int, threads: int, work_dir: str, times: StageTimes
) -> EncodedPortion:
    """Encode a portion into files that are gone when the result is.

    Args:
        job: how to do it.
        number: of the portion.
        threads: for the work.
        work_dir: the directory of the files.
        times: updated.

    Raises:
        InputError: the portion cannot be read.
        OutputError: the files cannot be written.
        DiskFullError: there is too little disk space.

    """
    config, lexicon = job.reading.config, job.lexicon
    tables = character_tables(job.reading.definition)
    name = _directory_name(os.getpid())
    with temporary_directory(work_dir, name=name) as directory:  # mapped files outlive their names
        with Spool(Path(directory) / "provisional", threads) as spool:
            scanners = Scanners(tables, threads, spool, None)
            portion, first_line = job.portions[number], job.first_lines[number]
            _scan(job.reading, portion, scanners, spool, times, first_line)
            text, held_out = spool.rename(
                [lexicon.ranks_of(one.words) for one in scanners.scanners],
                HeldOut.from_config(config),
                dtype=id_dtype(lexicon.size),
                words=scanners.counts().tokens,
                threads=threads,
                times=times,
            )
        return EncodedPortion(text, held_out)


def _directory_name(process: int) -> str:
    return f"portion-{process}-"


def remove_stale_directories(work_dir: str) -> None:
    """Remove the directories of workers that were killed while they encoded a portion."""
    for path in Path(work_dir).glob(f"{TEMPORARY_PREFIX}portion-*-*"):
        process = path.name.removeprefix(TEMPORARY_PREFIX).split("-")[1]
        if (
            process.isdigit()
            and not Path("/proc", process).exists()
            and Path("/proc/self").exists()
        ):
            shutil.rmtree(path, ignore_errors=True)


def _scan(
    job: ReadingJob,
    portion: Portion,
    scanners: Scanners,
    spool: Spool | None,
    times: StageTimes,
    first_line: int = 0,
) -> tuple[TextPosition, Findings]:
    source = PartSource(portion, job.options)
    text = open_text(source, job.config, job.definition, ignore)
    end = scan_blocks(
        source, text.blocks, scanners, None, ignore, spool, times, first_line=first_line
    )
    return end, source.findings()


class PortionedText(EncodedText):
    """An encoded text that consists of portions.

    Args:
        sizes: of the portions.
        dtype: of the ids.

    """

    def __init__(self, sizes: Sequence[PortionSize], dtype: Dtype) -> None:
        # Not that of the superclass: there is no array of all ids.
        self.words = sum(size.words for size in sizes)
        self.lines = sum(size.lines for size in sizes)
        self.sizes = sizes
        self.starts = np.cumsum([0, *(size.positions for size in sizes)])
        self._dtype = dtype

    @property
    def dtype(self) -> Dtype:
        """See `EncodedText.dtype`."""
        return self._dtype

    @property
    def size(self) -> int:
        """See `EncodedText.size`."""
        return int(self.starts[-1])

    @property
    def longest_line(self) -> int:
        """See `EncodedText.longest_line`."""
        return max((int(size.line_lengths.max(initial=0)) for size in self.sizes), default=0)

    def line_bounds(self, position: int) -> tuple[int, int]:
        """Return the positions at which the portion begins and ends; see the superclass."""
        number = self.portion_at(position)
        return int(self.starts[number]), int(self.starts[number + 1])

    def portion_at(self, position: int) -> int:
        """Return the number of the portion with a position."""
        number = int(np.searchsorted(self.starts, position, side="right")) - 1
        return min(max(number, 0), len(self.sizes) - 1)

    def count_pairs(self, window: int) -> int:
        """See `EncodedText.count_pairs`: a line of n words has 2 (n - d) at each distance d."""
        pairs = 0
        for size in self.sizes:
            reach = np.minimum(window, size.line_lengths - 1)
            of_a_line = 2 * size.line_lengths * reach - reach * (reach + 1)
            pairs += int((of_a_line * size.line_numbers).sum())
        return pairs

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[NDArray[Any]]:
        """See `EncodedText.read`."""
        return [self._read(begin, end) for begin, end in ranges]

    def _read(self, begin: int, end: int) -> NDArray[Any]:
        pieces = []
        while begin < end:
            number = self.portion_at(begin)
            start, stop = self.starts[number : number + 2].tolist()
            stop = min(stop, end)
            pieces.append(self.ids_of(number)[begin - start : stop - start])
            begin = stop
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else np.empty(0, self._dtype)

    def ids_of(self, number: int) -> NDArray[Any]:
        """Return the ids of a portion."""
        raise NotImplementedError


class LocalPortions(PortionedText):
    """The text on a worker, which encodes the portions that it needs and does not have.

    Args:
        job: how they are encoded.
        sizes: of the portions.
        threads: for the work.
        work_dir: the directory of the files.
        encoded: the portions that are here.

    """

    def __init__(
        self,
        job: EncodingJob,
        sizes: Sequence[PortionSize],
        threads: int,
        work_dir: str,
        encoded: dict[int, EncodedPortion],
    ) -> None:
        super().__init__(sizes, id_dtype(job.lexicon.size))
        self._job = job
        self._threads = threads
        self._work_dir = work_dir
        self._encoded = encoded

    def ids_of(self, number: int) -> NDArray[Any]:
        """Return the ids of a portion.

        Raises:
            InputError: it cannot be read, or its files have changed.

        """
        if number not in self._encoded:
            encoded = encode_portion(self._job, number, self._threads, self._work_dir, StageTimes())
            if encoded.size().digest != self.sizes[number].digest:
                names = first_few([name_of(part.path) for part in self._job.portions[number]])
                message = (
                    f"a part of the corpus has changed since it was read first, in {names}; start "
                    "again, or use a copy of it"
                )
                raise InputError(message)
            self._encoded[number] = encoded
        ids: NDArray[Any] = self._encoded[number].text.ids
        return ids
