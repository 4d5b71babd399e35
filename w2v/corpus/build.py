"""Reading of a corpus: from text to a vocabulary and an encoded text.

The text is read once. Each thread takes the next block of it, splits it into words, looks them up
in a word table of its own, and spools their provisional ids to the disk. At the end of the text,
the words of all tables are ranked together, and the provisional ids are replaced by ranks, block by
block in the order of the text. So the result does not depend on the number of threads, and memory
holds the distinct words only.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.corpus.distinct import DistinctWords
from w2v.corpus.encoded import EncodedText, id_dtype
from w2v.corpus.held_out import hold_out_some
from w2v.corpus.phrases import PhraseText, ScoredPhrase
from w2v.corpus.scanning import ReadText, read_text
from w2v.corpus.spool import HeldOut, Spool
from w2v.corpus.stages import StageTimes
from w2v.corpus.vocabulary import (
    UNKNOWN,
    Vocabulary,
    extend_words,
    match_words,
    normal_words,
    rank_words,
)
from w2v.errors import VocabularyError
from w2v.events import CorpusRead, Notice, Observer, ignore
from w2v.system.disk import temporary_directory
from w2v.text.definition import WordDefinition
from w2v.text.phrases import Phrases

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.text.sources import TextSource


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

    @property
    def all_counts(self) -> NDArray[np.int64]:
        """The counts of the vocabulary and, if it is encoded, of the one for unknown words."""
        counts = self.vocabulary.counts
        return counts if self.unknown_count is None else np.append(counts, self.unknown_count)

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
    definition: WordDefinition | None = None,
    phrases: Phrases = (),
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
        definition: of a word, if an initial model determines it.
        phrases: those that an initial model joins. If there are any, no others are joined.
        work_dir: the parent of the temporary directory, by default that of the system.
        directory: an empty directory to use instead of a temporary one. It is not removed.
        observer: receives reports.

    Raises:
        InputError: the text cannot be read, or the segmenter fails.
        VocabularyError: the text has no usable words.
        ConfigError: the segmenter cannot be found, or returns something else than strings.
        MissingExtraError: its package is not installed.
        ResourceError: a process of the segmenter ended.
        OutputError: the files cannot be written.
        DiskFullError: there is too little disk space.

    """
    temporary = None
    if directory is None:
        temporary = temporary_directory(tempfile.gettempdir() if work_dir is None else work_dir)
        directory = Path(temporary.name)
    started = time.perf_counter()
    try:
        with Spool(directory / "provisional", config.thread_count) as spool:
            counted = _count(
                source, config, words, extend, definition, observer, spool, given_phrases=phrases
            )
            ranks = len(counted.vocabulary) + (counted.unknown_count is not None)
            text, held_out = spool.rename(
                counted.ranks,
                HeldOut.from_config(config),
                dtype=id_dtype(ranks),
                words=counted.report.kept_tokens + (counted.unknown_count or 0),
                threads=config.thread_count,
                times=counted.times,
                join=None if counted.phrases is None else counted.phrases.joined_ids,
            )
        if config.validation:
            text, held_out, notice = hold_out_some(
                directory, text, held_out, share=config.validation, seed=config.seed
            )
            if notice is not None:
                observer(notice)
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
    if not config.phrases:
        counted = _count(source, config, words, False, None, observer, None)
        return counted.vocabulary, counted.report
    with _temporary_spool(config) as spool:
        counted = _count(source, config, words, False, None, observer, spool)
        return counted.vocabulary, counted.report


def find_phrases(
    source: TextSource, config: Config, *, observer: Observer = ignore
) -> list[list[ScoredPhrase]]:
    """Read a text for its phrases only; arguments and errors as for `build_corpus`.

    Returns:
        The phrases of each pass, the highest score first, whether in the vocabulary or not.

    """
    times = StageTimes()
    with _temporary_spool(config) as spool:
        text = read_text(source, config, None, observer, spool, times)
        return PhraseText(spool, text.distinct, config.thread_count).find(config, observer)


@contextmanager
def _temporary_spool(config: Config) -> Iterator[Spool]:
    with (
        temporary_directory(tempfile.gettempdir()) as directory,
        Spool(Path(directory) / "provisional", config.thread_count) as spool,
    ):
        yield spool


@dataclass(frozen=True)
class CountedText:
    """A text whose words are counted and ranked.

    Attributes:
        vocabulary: the words that have a rank.
        unknown_count: see `Corpus`.
        ranks: for each scanner, the rank of each of its words: UNKNOWN, or V for all words that
            share the rank of out-of-vocabulary words.
        report: statistics.
        definition: of a word.
        times: seconds of each stage.
        phrases: joins the phrases, if there are any.

    """

    vocabulary: Vocabulary
    unknown_count: int | None
    ranks: list[NDArray[np.uint32]]
    report: CorpusRead
    definition: WordDefinition
    times: StageTimes
    phrases: PhraseText | None


def _count(
    source: TextSource,
    config: Config,
    words: Sequence[str] | None,
    extend: bool,
    definition: WordDefinition | None,
    observer: Observer,
    spool: Spool | None,
    *,
    given_phrases: Phrases = (),
) -> CountedText:
    """Read a text and rank its words; their provisional ids go to the spool, if there is one."""
    started = time.perf_counter()
    times = StageTimes()
    text = read_text(source, config, definition, observer, spool, times)
    choice = VocabularyChoice.of(config, words, text.definition, observer, extend=extend)
    phrases = None
    if spool is not None and (given_phrases or config.phrases):
        with times.measure("phrases"):
            phrases = _join_phrases(text, choice, spool, given_phrases, observer)
    return rank_text(text, source.files, choice, times, started, phrases)


def _join_phrases(
    text: ReadText,
    choice: VocabularyChoice,
    spool: Spool,
    given_phrases: Phrases,
    observer: Observer,
) -> PhraseText:
    """Join the given phrases, or those that are found."""
    config = choice.config
    phrases = PhraseText(spool, text.distinct, config.thread_count)
    for joined in given_phrases:
        phrases.join(joined)
    found = [] if given_phrases else phrases.find(config, observer)

    def ranks_so_far() -> NDArray[np.uint32]:
        try:
            return choice.rank(phrases.distinct)[1]
        except VocabularyError:  # joined words are too rare, which splitting phrases may change
            return np.full(len(phrases.distinct.counts), UNKNOWN, np.uint32)

    if found:
        phrases.keep_ranked(ranks_so_far())
    phrases.split_unranked(ranks_so_far)
    return phrases


def rank_text(
    text: ReadText,
    files: int,
    choice: VocabularyChoice,
    times: StageTimes,
    started: float,
    phrases: PhraseText | None = None,
) -> CountedText:
    """Rank the words of a text.

    Args:
        text: that was read.
        files: the number of its files.
        choice: how the vocabulary is chosen.
        times: updated.
        started: when reading began, by ``time.perf_counter``.
        phrases: that are joined in it, if there are any.

    Raises:
        VocabularyError: no word has a rank, or none is left for ``train_unk``.

    """
    config, chosen = choice.config, choice.words is None or choice.extend
    distinct, definition = text.distinct, text.definition
    if phrases is not None:
        distinct = phrases.distinct
        definition = dataclasses.replace(definition, phrases=phrases.phrases)
    with times.measure("ranking"):
        vocabulary, ranks = choice.rank(distinct)
    others = distinct.others
    without_rank = distinct.counts[ranks == UNKNOWN]
    dropped = int(without_rank.sum()) + others.words
    is_rare = without_rank < config.min_count
    rare = int(without_rank[is_rare].sum()) + others.rare_words if chosen else 0
    left_out = int(np.count_nonzero(~is_rare)) + others.frequent
    words_after_joining = distinct.occurrences
    report = CorpusRead(
        files=files,
        text_bytes=text.end.bytes,
        lines=text.end.lines,
        tokens=text.tokens.tokens,
        types=len(text.distinct),
        vocabulary=len(vocabulary),
        kept_tokens=int(vocabulary.counts.sum()),
        coverage=int(vocabulary.counts.sum()) / words_after_joining,
        dropped_rare=rare,
        dropped_beyond_size=dropped - rare if chosen else 0,
        dropped_unlisted=0 if chosen else dropped,
        dropped_too_long=text.tokens.too_long,
        invalid_bytes=text.end.invalid_bytes,
        unseen_words=int(np.count_nonzero(vocabulary.counts == 0)),
        seconds=time.perf_counter() - started,
        old_words=len(choice.words) if choice.words is not None and choice.extend else 0,
        left_out_words=left_out if choice.extend else 0,
        phrases=0 if phrases is None else phrases.count_ranked(ranks),
        joined_tokens=text.distinct.occurrences - words_after_joining,
    )
    unknown_count = None
    if config.train_unk:
        if not dropped:
            raise _no_unknown_words(len(distinct), chosen=chosen)
        unknown_count = dropped
        ranks[ranks == UNKNOWN] = len(vocabulary)
    if phrases is None:
        ranks_by_scanner = [ranks[distinct.numbers[entries]] for entries in distinct.entries()]
    else:  # these are the ranks of numbers already
        ranks_by_scanner = [ranks] * config.thread_count
    return CountedText(
        vocabulary, unknown_count, ranks_by_scanner, report, definition, times, phrases
    )


@dataclass(frozen=True)
class VocabularyChoice:
    """How the vocabulary of a text is chosen.

    Attributes:
        config: the limits of its size and of the counts.
        words: a given vocabulary, instead of one chosen from the text.
        extend: whether other words of the text are added to ``words``.
        impossible: why no text has some of the given words, or None.

    """

    config: Config
    words: Sequence[str] | None = None
    extend: bool = False
    impossible: str | None = None

    @classmethod
    def of(
        cls,
        config: Config,
        words: Sequence[str] | None,
        definition: WordDefinition,
        observer: Observer,
        *,
        extend: bool,
    ) -> VocabularyChoice:
        """Return the choice for a text; report given words that no text has."""
        impossible = None
        if words is not None and not extend:
            words = normal_words(words) if definition.normalizes else words
            impossible = _note_impossible_words(words, definition, observer)
        return cls(config, words, extend, impossible)

    def rank(self, distinct: DistinctWords) -> tuple[Vocabulary, NDArray[np.uint32]]:
        """Return the vocabulary, and the rank of each word by its number, or UNKNOWN."""
        limits = {"vocab_size": self.config.vocab_size, "min_count": self.config.min_count}
        if self.words is None:
            return rank_words(distinct, **limits)
        if self.extend:
            return extend_words(distinct, self.words, **limits)
        return match_words(distinct, self.words, *filter(None, [self.impossible]))


def _note_impossible_words(
    words: Sequence[str], definition: WordDefinition, observer: Observer
) -> str | None:
    """Report given words that no text has, by the definition of a word.

    Returns:
        Why no text has the first of them, None if there are none.

    """
    impossible = [word for word in words if definition.is_impossible(word)]
    if not impossible:
        return None
    reason = definition.why_impossible(impossible[0])
    message = (
        f"{len(impossible):,} of the {len(words):,} given words, such as {impossible[0]!r}, "
        f"cannot occur: {reason}"
    )
    observer(Notice(message))
    return reason


def _no_unknown_words(types: int, *, chosen: bool) -> VocabularyError:
    remedy = "raise `min_count` or lower `vocab_size`" if chosen else "list fewer words"
    return VocabularyError(
        f"there are no out-of-vocabulary words to train on: all {types:,} distinct words of the "
        f"corpus are in the vocabulary; {remedy}, or omit `train_unk`"
    )
