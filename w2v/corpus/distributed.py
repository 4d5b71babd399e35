"""Reading of a corpus on the workers of a cluster: the words, ids and lines of one machine.

Each worker counts portions of the corpus, and adds up their words. The words of all workers are
divided by their hashes; each worker adds up one division, and sends the words that may have a place
in the vocabulary. This process ranks them. Then the workers encode the portions on their disks,
where they train on them.

If a worker is lost, others count and encode its portions again.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpus.build import Corpus, VocabularyChoice, rank_text
from w2v.corpus.distinct import DistinctWords
from w2v.corpus.encoded import EncodedText, id_dtype
from w2v.corpus.held_out import hold_out_some
from w2v.corpus.id_files import HELD_OUT, append, create
from w2v.corpus.portions import (
    EncodingJob,
    Lexicon,
    LocalPortions,
    Portion,
    PortionCounter,
    PortionCounts,
    PortionedText,
    PortionSize,
    ReadingJob,
    encode_portion,
    remove_stale_directories,
)
from w2v.corpus.scanning import ReadText, TextPosition, no_words_error
from w2v.corpus.stages import StageTimes
from w2v.corpus.vocabulary import UNKNOWN, rows_of_words
from w2v.corpus.word_counts import (
    Candidates,
    WordCounts,
    add_counts,
    find_candidates,
    join_candidates,
)
from w2v.errors import ResourceError
from w2v.events import Notice, Observer, Reading
from w2v.system.ray_workers import MARKS, StateLostError, WorkerLostError, fetch, shares_of
from w2v.text.files import name_of
from w2v.text.parts import PartSource, cut_files
from w2v.text.segmented import open_text
from w2v.text.sources import FileSource, Findings
from w2v.text.tokenizer import TokenCounts

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.system.ray_workers import Member, State, WorkerPool
    from w2v.text.definition import WordDefinition

# Portions are small enough that a few of them keep every worker busy until the end.
_PORTIONS_PER_WORKER = 8
_LEAST_BYTES = 1 << 18
_MOST_BYTES = 1 << 26
# A portion that cannot be cut is worth a note if it keeps one worker busy while the others wait.
_HUGE_BYTES = 1 << 28
# How long a worker may take for a portion: at least this, and for this many bytes a second.
_LEAST_SECONDS = 300.0
_LEAST_BYTES_PER_SECOND = 1e6
# How often workers may be lost without a portion done between.
_MOST_LOSSES = 10
# Portions that a worker is given at once, so that it need not wait for the next one.
_AHEAD = 2
# Keys of the state of a worker and of its marks.
_READING = "reading"
_COUNTED = "counted portions"
_ENCODED = "encoded portions"
_NOTHING = np.empty(0, np.uint8)


@dataclass
class _WorkerState:
    """What a worker keeps of a corpus."""

    key: str
    counter: PortionCounter
    encoded: dict[int, Any]
    sizes: dict[int, PortionSize]
    job: EncodingJob | None = None
    text: LocalPortions | None = None


# What workers do


def _state_of(state: State, key: str, job: ReadingJob, threads: int) -> _WorkerState:
    found: _WorkerState | None = state.get(_READING)
    if found is None or found.key != key:
        remove_stale_directories(tempfile.gettempdir())
        found = _WorkerState(key, PortionCounter(job, threads), {}, {})
        state[_READING] = found
        state[MARKS].update({_READING: key, _COUNTED: set(), _ENCODED: set()})
    return found


def _count(
    state: State, key: str, job: ReadingJob, threads: int, number: int, portion: Portion
) -> PortionCounts:
    """Count the words of a portion."""
    counts = _state_of(state, key, job, threads).counter.count(number, portion)
    state[MARKS][_COUNTED].add(number)
    return counts


def _divide(state: State, key: str, numbers: set[int], divisions: int) -> Any:
    """Return the words of the portions with these numbers, which this worker has counted.

    It may have counted others, which were then given to another worker because this one was away.
    """
    found: _WorkerState | None = state.get(_READING)
    counted = set(found.counter.done) if found is not None and found.key == key else set()
    if counted != numbers:
        state.pop(_READING, None)
        state[MARKS].clear()
        message = "a worker has counted other portions than it should"
        raise StateLostError(message)
    words = found.counter.words() if found is not None and counted else WordCounts.empty()
    divided = words.divide(divisions)
    return divided if divisions > 1 else divided[0]


def _find_candidates(
    _state: State,
    vocab_size: int,
    min_count: int,
    given: Sequence[bytes] | None,
    *parts: WordCounts,
) -> Candidates:
    """Add up a division of the words; see `find_candidates`."""
    counts = add_counts(parts)
    return find_candidates(counts, vocab_size=vocab_size, min_count=min_count, given=given)


def _encode(
    state: State, key: str, jobs: Sequence[Any], threads: int, number: int
) -> tuple[PortionSize, StageTimes]:
    """Encode a portion on the disk of this worker."""
    job = _encoding_job(state, key, jobs, threads)
    found: _WorkerState = state[_READING]
    times = StageTimes()
    if number not in found.encoded:
        encoded = encode_portion(job, number, threads, tempfile.gettempdir(), times)
        found.encoded[number], found.sizes[number] = encoded, encoded.size()
        state[MARKS][_ENCODED].add(number)
    return found.sizes[number], times


def _encoding_job(state: State, key: str, jobs: Sequence[Any], threads: int) -> EncodingJob:
    """Return the job, which is fetched once; ``jobs`` has its reference."""
    found: _WorkerState | None = state.get(_READING)
    if found is None or found.key != key or found.job is None:
        job: EncodingJob = fetch(jobs[0])
        found = _state_of(state, key, job.reading, threads)
        found.job = job
    return found.job


@dataclass(frozen=True)
class TextOnWorkers:
    """How a worker gets the text that it trains on.

    Attributes:
        key: of the corpus.
        job: a list with the reference of the `EncodingJob`.
        sizes: a list with the reference of the sizes of the portions.

    """

    key: str
    job: Sequence[Any]
    sizes: Sequence[Any]

    def open(self, state: State, threads: int) -> LocalPortions:
        """Return the text on the worker with this state."""
        job = _encoding_job(state, self.key, self.job, threads)
        found: _WorkerState = state[_READING]
        if found.text is None:
            found.text = LocalPortions(
                job, fetch(self.sizes[0]), threads, tempfile.gettempdir(), found.encoded
            )
        return found.text


def _read(
    state: State, text: TextOnWorkers, threads: int, ranges: Sequence[tuple[int, int]]
) -> list[NDArray[Any]]:
    return [np.array(ids) for ids in text.open(state, threads).read(ranges)]


# What this process does


class RemoteText(PortionedText):
    """A text whose ids lie on the workers of a pool.

    Args:
        sizes: of its portions.
        job: how they are encoded.
        on_workers: how a worker gets it.
        pool: the workers.

    """

    def __init__(
        self,
        sizes: Sequence[PortionSize],
        job: EncodingJob,
        on_workers: TextOnWorkers,
        pool: WorkerPool,
    ) -> None:
        super().__init__(sizes, id_dtype(job.lexicon.size))
        self.on_workers = on_workers
        self._pool = pool

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[NDArray[Any]]:
        """See `EncodedText.read`. The workers that have the portions send the ids."""
        done: dict[int, NDArray[Any]] = {}
        losses = _Losses(self._pool)
        while len(done) < len(ranges):
            chosen: dict[Member, list[int]] = {}
            for number in set(range(len(ranges))) - done.keys():
                owner = self._owner(self.portion_at(ranges[number][0]))
                chosen.setdefault(owner, []).append(number)
            awaited = {}
            for member, numbers in chosen.items():
                wanted = [ranges[number] for number in numbers]
                reference = self._pool.call(member, _read, self.on_workers, member.cores, wanted)
                awaited[reference] = member
            try:
                answers = self._pool.results(awaited, _LEAST_SECONDS)
            except WorkerLostError as error:
                losses.add(error)
                continue
            for numbers, pieces in zip(chosen.values(), answers, strict=True):
                done.update(zip(numbers, pieces, strict=True))
        return [done[number] for number in range(len(ranges))]

    def _owner(self, portion: int) -> Member:
        for member in self._pool.members:
            if portion in member.marks.get(_ENCODED, ()):
                return member
        return self._pool.members[0]

    def __getstate__(self) -> dict[str, Any]:
        """Refuse: the ids lie on the workers."""
        message = "the text lies on the workers of a cluster, so it cannot be pickled or copied"
        raise TypeError(message)


def read_on_workers(
    source: FileSource,
    config: Config,
    pool: WorkerPool,
    *,
    words: Sequence[str] | None,
    extend: bool,
    definition: WordDefinition | None,
    directory: Path,
    observer: Observer,
) -> Corpus | None:
    """Read a corpus on the workers of a pool; see `w2v.corpus.build.build_corpus`.

    Args:
        source: the files, which all workers can read.
        config: all options that concern reading, without phrases and a segmenter.
        pool: the workers.
        words: as for `build_corpus`.
        extend: as for `build_corpus`.
        definition: as for `build_corpus`.
        directory: an empty directory for the held-out lines.
        observer: receives reports.

    Returns:
        The corpus, whose text lies on the workers; or None if it is so small that no line was drawn
        for validation, or all were.

    """
    return _Reader(source, config, pool, observer).read(words, extend, definition, directory)


class _Losses:
    """Counts the workers that are lost in a row."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._count = 0

    def add(self, error: WorkerLostError) -> None:
        """Find the workers that are left.

        Raises:
            ResourceError: too many were lost.

        """
        self._count += 1
        if self._count >= _MOST_LOSSES:
            message = (
                f"workers were lost {_MOST_LOSSES} times while they read the corpus, the last time "
                f"because {error}; check the state of the Ray cluster and the memory of its "
                "machines, and start again"
            )
            raise ResourceError(message) from error
        self._pool.regroup()

    def reset(self) -> None:
        """Forget them, since something was done."""
        self._count = 0


class _Reader:
    """Reads one corpus."""

    def __init__(
        self, source: FileSource, config: Config, pool: WorkerPool, observer: Observer
    ) -> None:
        self._source = source
        self._config = config
        self._pool = pool
        self._observer = observer
        self._key = uuid.uuid4().hex
        self._started = time.perf_counter()
        self._times = StageTimes()
        self._portions: Sequence[Portion] = self._cut()
        self._sizes = [sum(part.end - part.begin for part in one) for one in self._portions]
        self._total_bytes = sum(self._sizes)
        self._losses = _Losses(pool)
        self._done_bytes = self._text_bytes = self._tokens = 0

    def read(
        self,
        words: Sequence[str] | None,
        extend: bool,
        recorded: WordDefinition | None,
        directory: Path,
    ) -> Corpus | None:
        config, observer, pool = self._config, self._observer, self._pool
        whole = PartSource(
            [part for portion in self._portions for part in portion], self._source.options
        )
        definition = open_text(whole, config, recorded, observer).definition
        job = ReadingJob(
            definition, self._source.options, dataclasses.replace(config, ray=None, workers=None)
        )
        counts = self._count(job)
        findings = Findings()
        for one in counts:
            findings.extend(one.findings)
        for notice in self._source.finish_with(findings):
            observer(notice)
        choice = VocabularyChoice.of(config, words, definition, observer, extend=extend)
        words_found = self._add_up(job, choice, counts)
        counted = rank_text(words_found, self._source.files, choice, self._times, self._started)
        table = words_found.distinct.tables[0]
        unknown = counted.unknown_count is not None
        lexicon = Lexicon(
            table,
            counted.ranks[0],
            len(counted.vocabulary) if unknown else UNKNOWN,
            len(counted.vocabulary) + unknown,
        )
        lines = np.cumsum([0, *(one.end.lines for one in counts)])
        encoding = EncodingJob(job, lexicon, self._portions, lines.tolist())
        job_reference = pool.put(encoding)
        sizes = self._encode([job_reference])
        shared = pool.put([size._replace(held_out=_NOTHING) for size in sizes])
        on_workers = TextOnWorkers(self._key, [job_reference], [shared])
        text = RemoteText(sizes, encoding, on_workers, pool)
        held_out = _write_held_out(sizes, lexicon.size, directory)
        if config.validation:
            if not (text.lines and held_out.lines):  # a small text, whose lines have to be split
                return None
            _, _, remark = hold_out_some(
                directory, text, held_out, share=config.validation, seed=config.seed
            )
            if remark is not None:
                observer(remark)
        return Corpus(
            counted.vocabulary,
            counted.unknown_count,
            text,
            held_out,
            dataclasses.replace(counted.report, seconds=time.perf_counter() - self._started),
            definition,
            self._times,
        )

    def _cut(self) -> Sequence[Portion]:
        """Cut the corpus into portions, and note one that keeps a worker busy alone."""
        total = self._source.total_bytes or 0
        workers = len(self._pool.members)
        size = min(max(total // (_PORTIONS_PER_WORKER * workers), _LEAST_BYTES), _MOST_BYTES)
        portions = cut_files(self._source, size)
        largest = max((part for one in portions for part in one), key=lambda p: p.end - p.begin)
        if largest.is_whole and largest.size > max(total / workers, _HUGE_BYTES) and workers > 1:
            share = 100 * largest.size / total
            self._observer(
                Notice(
                    f"{name_of(largest.path)} is {share:.0f} % of the corpus and cannot be cut, "
                    "so one worker reads it alone; decompress it, or split it into several files"
                )
            )
        return portions

    def _count(self, job: ReadingJob) -> list[PortionCounts]:
        """Let each portion be counted by one of the workers that are left at the end."""
        counts: dict[int, PortionCounts] = {}

        def submit(member: Member, number: int) -> Any:
            return self._pool.call(
                member, _count, self._key, job, member.cores, number, self._portions[number]
            )

        def take(member: Member, number: int, value: PortionCounts) -> None:
            member.marks.setdefault(_COUNTED, set()).add(number)
            if number not in counts:
                self._text_bytes += value.end.bytes
                self._tokens += value.tokens.tokens
                self._add_times(value.times)
                counts[number] = value
                self._report(number)

        while True:
            owned = set().union(*self._owned().values())
            missing = [n for n in range(len(self._portions)) if n not in owned or n not in counts]
            if not missing:
                return [counts[number] for number in range(len(self._portions))]
            self._for_each(missing, submit, take)

    def _owned(self) -> dict[Member, set[int]]:
        """Return the portions that each worker has counted, each portion once."""
        owned: dict[Member, set[int]] = {}
        taken: set[int] = set()
        for member in self._pool.members:
            marks = member.marks
            mine = (
                marks.get(_COUNTED, set()) if marks.get(_READING, self._key) == self._key else set()
            )
            owned[member] = mine - taken
            taken |= mine
        return owned

    def _add_up(
        self, job: ReadingJob, choice: VocabularyChoice, counts: list[PortionCounts]
    ) -> ReadText:
        """Return the words of all portions that may have a place in the vocabulary."""
        config, pool = self._config, self._pool
        given = None if choice.words is None else list(rows_of_words(choice.words))
        vocab_size = config.vocab_size if choice.words is None or choice.extend else 0
        limits = vocab_size, config.min_count, pool.put(given)
        losses = _Losses(pool)  # of this step, which are not forgotten while portions are counted
        while True:
            owned = self._owned()
            members = list(owned)
            divided = []
            for member in members:
                references = pool.call(
                    member, _divide, self._key, owned[member], len(members), results=len(members)
                )
                divided.append(references if len(members) > 1 else [references])
            awaited = {
                pool.call(member, _find_candidates, *limits, *(one[i] for one in divided)): member
                for i, member in enumerate(members)
            }
            try:
                with self._times.measure("ranking"):
                    found = join_candidates(pool.results(awaited, self._seconds(self._total_bytes)))
                break
            except WorkerLostError as error:
                losses.add(error)
                self._count(job)
        end = TextPosition(
            bytes=sum(one.end.bytes for one in counts),
            invalid_bytes=sum(one.end.invalid_bytes for one in counts),
            lines=sum(one.end.lines for one in counts),
        )
        tokens = TokenCounts(*map(sum, zip(*(one.tokens for one in counts), strict=True)))
        distinct = DistinctWords([found.words.table()], config.thread_count, found.others)
        if not len(distinct):
            raise no_words_error(end.bytes, end.invalid_bytes, tokens.too_long)
        return ReadText(job.definition, distinct, tokens, end)

    def _encode(self, jobs: list[Any]) -> list[PortionSize]:
        """Encode all portions, neighbors on the same worker, which trains on them."""
        sizes: dict[int, PortionSize] = {}

        def submit(member: Member, number: int) -> Any:
            return self._pool.call(member, _encode, self._key, jobs, member.cores, number)

        def take(member: Member, number: int, value: tuple[PortionSize, StageTimes]) -> None:
            member.marks.setdefault(_ENCODED, set()).add(number)
            sizes[number], times = value
            self._add_times(times)
            self._report(number)

        while len(sizes) < len(self._portions):
            missing = [n for n in range(len(self._portions)) if n not in sizes]
            self._for_each(missing, submit, take)
        return [sizes[number] for number in range(len(self._portions))]

    def _for_each(
        self,
        numbers: Sequence[int],
        submit: Callable[[Member, int], Any],
        take: Callable[[Member, int, Any], None],
    ) -> None:
        """Do something for portions on the workers; return early if a worker is lost.

        Each worker begins with its share of the portions, in order, and then takes the last ones of
        others.
        """
        pool = self._pool
        pool.look_for_workers()
        shares = shares_of(len(numbers), pool.members)
        queues = {
            member: deque(numbers[share.start : share.stop])
            for member, share in zip(pool.members, shares, strict=True)
        }
        running: dict[Any, tuple[Member, int]] = {}
        busy: Counter[Member] = Counter()

        def fill(member: Member) -> None:
            while busy[member] < _AHEAD:
                queue = queues[member] or max(queues.values(), key=len)
                if not queue:
                    return
                number = queue.popleft() if queue is queues[member] else queue.pop()
                running[submit(member, number)] = (member, number)
                busy[member] += 1

        for member in pool.members:
            fill(member)
        while running:
            limit = max(self._seconds(self._sizes[number]) for _, number in running.values())
            try:
                done = pool.first_results({ref: m for ref, (m, _) in running.items()}, limit)
            except WorkerLostError as error:
                self._losses.add(error)
                return
            for reference, member, value in done:
                _, number = running.pop(reference)
                busy[member] -= 1
                take(member, number, value)
                self._losses.reset()
                fill(member)

    def _seconds(self, size: int) -> float:
        return _AHEAD * max(_LEAST_SECONDS, size / _LEAST_BYTES_PER_SECOND)

    def _report(self, number: int) -> None:
        """Report a portion that was counted or encoded: the corpus is read twice."""
        self._done_bytes += self._sizes[number]
        self._observer(
            Reading(
                self._done_bytes,
                2 * self._total_bytes,
                self._text_bytes,
                self._tokens,
                time.perf_counter() - self._started,
            )
        )

    def _add_times(self, times: StageTimes) -> None:
        for name, seconds in dataclasses.asdict(times).items():
            setattr(self._times, name, getattr(self._times, name) + seconds)


def _write_held_out(sizes: Sequence[PortionSize], ranks: int, directory: Path) -> EncodedText:
    with create(directory / HELD_OUT) as file:
        for size in sizes:
            append(file, size.held_out)
    return EncodedText.open(
        directory / HELD_OUT,
        id_dtype(ranks),
        sum(size.held_out_words for size in sizes),
        sum(size.held_out_lines for size in sizes),
    )
