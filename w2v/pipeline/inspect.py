"""Inspection of a corpus: what the reader sees in it, and what to do before training."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from w2v.config import AUTO, Config, TrainOptions
from w2v.corpus.survey import LINE_BYTES, survey_corpus
from w2v.corpus.vocabulary import Vocabulary, rank_words
from w2v.errors import VocabularyError
from w2v.events import Observer, ignore
from w2v.pipeline import expectation, warmup
from w2v.pipeline.arguments import Patterns, check_arguments, source_options
from w2v.pipeline.findings import find
from w2v.pipeline.inspection import (
    CharacterFacts,
    CorpusInspection,
    FileFacts,
    FileKind,
    LineFacts,
    OddThing,
    RepeatedLine,
    SkippedFile,
    SplitLine,
    WordFacts,
)
from w2v.progress import reporting
from w2v.text.definition import SINGLE_CHARACTERS
from w2v.text.display import shorten, visible
from w2v.text.normal import TOKEN_SEPARATOR
from w2v.text.scripts import count_scripts
from w2v.text.sources import FileSource, open_corpus
from w2v.text.survey import CHARACTERS, KINDS, character_traits, kind_of
from w2v.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from w2v.corpus.distinct import DistinctWords
    from w2v.corpus.survey import CorpusSurvey, Place
    from w2v.text.definition import WordDefinition
    from w2v.text.sources import TextSource

_FREQUENT_WORDS = 10
_REPEATED_LINES = 3
_LISTED_CHARACTERS = 10
_LONG_WORD = 40  # characters
_LINE_WIDTH = 160
_EXAMPLE_WIDTH = 60
_AROUND = 10  # characters


def inspect(
    corpus: Any,
    *,
    include: Patterns = (),
    strict: bool = False,
    observer: Observer = ignore,
    progress: bool | None = None,
    **options: Unpack[TrainOptions],
) -> CorpusInspection:
    """Show what a corpus consists of, as the reader sees it: the first thing to run on new data.

    The text is read once, in bounded memory: its distinct words, and 48 MB for the hashes of the
    first 2,097,152 distinct lines. ``print(w2v.inspect("corpus.txt"))`` shows a report.

    A text that `train` would refuse is not an error here: the result has the message, and describes
    the text up to there.

    Args:
        corpus: as for `train`.
        include: as for `train`.
        strict: as for `train`.
        observer: receives `Reading`.
        progress: as for `train`.
        options: as for `train`; those that concern the reading of text and the vocabulary matter,
            and those of training for the estimates. Phrases are not joined, see `find_phrases`.

    Raises:
        InputError: a path does not exist, or a directory has no text.
        ConfigError: an option is wrong.

    """
    config = Config.of(options)
    check_arguments(observer, progress, paths={})
    source = open_corpus(corpus, source_options(config, include, strict))
    with reporting(observer, progress) as report:
        warmup.compile_kernels(report, warmup.read_text, warmup.survey_text)
        return describe(survey_corpus(source, config, report), source, config)


def describe(survey: CorpusSurvey, source: TextSource, config: Config) -> CorpusInspection:
    """Return the facts about a text that was surveyed.

    Args:
        survey: of the text.
        source: the text.
        config: all options.

    """
    refusal = survey.refusal
    words = training = vocabulary = None
    # What is read in another encoding than its own, or up to an error, shows nothing of the words.
    is_whole = refusal is None or isinstance(refusal, VocabularyError)
    if is_whole and survey.distinct is not None and survey.definition is not None:
        try:
            vocabulary = _vocabulary(survey.distinct, config.vocab_size, config.min_count)
        except VocabularyError as error:
            refusal = refusal or error
        words = _words(survey, survey.definition, survey.distinct, vocabulary, config)
        if vocabulary is not None and refusal is None:
            training = expectation.of_training(
                survey.lengths, words, vocabulary, survey.text_bytes, config
            )
    files, lines = _files(survey, source), _lines(survey, source)
    characters = _characters(survey, source)
    return CorpusInspection(
        None if refusal is None else str(refusal),
        0 if refusal is None else refusal.exit_code,
        files,
        lines,
        characters,
        words,
        _examples(survey) if is_whole else (),
        training,
        tuple(find(survey, config, files, lines, characters, words, training, vocabulary, refusal)),
        survey.seconds,
    )


def _vocabulary(distinct: DistinctWords, vocab_size: int, min_count: int) -> Vocabulary:
    return rank_words(distinct, vocab_size=vocab_size, min_count=min_count)[0]


def _files(survey: CorpusSurvey, source: TextSource) -> FileFacts:
    kinds = [
        FileKind(totals.files, totals.text_bytes, kind.compression, kind.encoding, kind.marked)
        for kind, totals in survey.files.items()
    ]
    skipped = []
    if isinstance(source, FileSource):
        skipped += [SkippedFile(name, "hidden or backup") for name in source.skipped.clutter]
        skipped += [SkippedFile(path, f"not text: {what}") for path, what in source.skipped.other]
    read = sum(kind.files for kind in kinds)
    is_whole = survey.refusal is None or isinstance(survey.refusal, VocabularyError)
    return FileFacts(
        source.files,
        source.total_bytes,
        survey.text_bytes,
        source.files - read if is_whole else 0,
        tuple(sorted(kinds, key=lambda kind: -kind.files)),
        tuple(skipped),
        survey.invalid,
        _describe(survey.first_invalid, source),
    )


def _describe(place: Place | None, source: TextSource) -> str | None:
    return None if place is None else place.describe(named=source.files > 1)


def _lines(survey: CorpusSurvey, source: TextSource) -> LineFacts:
    longest = survey.longest
    return LineFacts(
        survey.lines,
        survey.blank,
        survey.lengths.total(),
        survey.lengths[1],
        _median(survey.lengths),
        longest.words,
        _describe(longest.place, source),
        _line(longest.text),
        survey.repeated.repeats,
        survey.repeated.repeated_bytes,
        survey.repeated.left_out,
        tuple(
            RepeatedLine(_line(text), count)
            for text, count in survey.repeated.most_frequent(_REPEATED_LINES)
        ),
        survey.not_normal,
        _describe(survey.first_not_normal, source),
    )


def _median(lengths: Counter[int]) -> float:
    """Return the median of numbers, given how often each occurs; 0 if there are none."""
    if not lengths:
        return 0.0
    sizes = np.array(sorted(lengths))
    ends = np.cumsum([lengths[size] for size in sizes.tolist()])
    middle = [(ends[-1] - 1) // 2, ends[-1] // 2]
    return float(sizes[np.searchsorted(ends, middle, side="right")].mean())


def _line(text: bytes) -> str:
    """Return the beginning of a line for display."""
    return shorten(visible(_decoded(text)).strip(), _LINE_WIDTH)


def _decoded(text: bytes) -> str:
    """Decode the bytes of a line that may begin or end within a character."""
    while text and text[0] & 0xC0 == 0x80:
        text = text[1:]
    for cut in range(1, 4):
        if len(text) >= cut and text[-cut] >= 0xC0:  # the first byte of a character
            complete = text[-cut:].decode("utf-8", "ignore")
            text = text if complete else text[:-cut]
            break
    return text.decode("utf-8", "backslashreplace")


def _characters(survey: CorpusSurvey, source: TextSource) -> CharacterFacts:
    codes = np.flatnonzero(survey.codes).tolist()
    counts = survey.codes[codes].tolist() if codes else []
    letters = [
        (chr(code), count)
        for code, count in zip(codes, counts, strict=True)
        if unicodedata.category(chr(code))[0] == "L"
    ]
    kinds = character_traits(tokenized=source.tokenized)
    by_kind: dict[int, list[tuple[int, int]]] = {}
    for code, count in zip(codes, counts, strict=True):
        by_kind.setdefault(kind_of(code, kinds), []).append((code, count))
    odd = []
    for kind, (place, (before, itself, after)) in sorted(survey.examples.items()):
        found = sorted(by_kind.get(kind, []), key=lambda pair: -pair[1])[:_LISTED_CHARACTERS]
        context = kind in CHARACTERS
        shown = [_decoded(before), _decoded(itself), _decoded(after)] if context else []
        odd.append(
            OddThing(
                KINDS[kind],
                int(survey.kinds[kind]),
                {f"U+{code:04X}": count for code, count in found} if context else {},
                _around(*shown) if context else shorten(visible(_decoded(itself)), _EXAMPLE_WIDTH),
                place.describe(named=source.files > 1),
            )
        )
    return CharacterFacts(
        sum(counts) - sum(map(int, survey.codes[[10, 13]])) if codes else 0,
        sum(count for _, count in letters),
        count_scripts(letters),
        tuple(odd),
    )


def _around(before: str, itself: str, after: str) -> str:
    """Return an excerpt of a line in whose middle a character stands."""
    return visible(f"{before[-_AROUND:]}{itself}{after[:_AROUND]}").strip()


def _words(
    survey: CorpusSurvey,
    definition: WordDefinition,
    distinct: DistinctWords,
    vocabulary: Vocabulary | None,
    config: Config,
) -> WordFacts:
    frequent = _vocabulary(distinct, _FREQUENT_WORDS, 1)
    counts = distinct.counts[distinct.ids()]
    rare = counts < config.min_count
    kept = 0 if vocabulary is None else len(vocabulary)
    covered = 0 if vocabulary is None else int(vocabulary.counts.sum())
    rare_words, rare_occurrences = int(np.count_nonzero(rare)), int(counts[rare].sum())
    long, long_example = _long_words(distinct)
    return WordFacts(
        str(definition),
        _reason(survey, definition, config),
        survey.tokens.tokens,
        len(distinct),
        dict(zip(frequent.words, frequent.counts.tolist(), strict=True)),
        int(np.count_nonzero(counts == 1)),
        survey.tokens.too_long,
        long,
        shorten(visible(long_example), _LINE_WIDTH),
        config.min_count,
        config.vocab_size,
        kept,
        covered,
        rare_words,
        rare_occurrences,
        len(distinct) - kept - rare_words,
        int(counts.sum()) - covered - rare_occurrences,
    )


def _long_words(distinct: DistinctWords) -> tuple[int, str]:
    """Return the occurrences of words of many characters, and the most frequent such word."""
    ids = distinct.ids()
    ids = ids[distinct.lengths(ids) >= _LONG_WORD]
    found = [
        (count, word)
        for word, count in zip(distinct.words(ids), distinct.counts[ids].tolist(), strict=True)
        if len(word) >= _LONG_WORD
    ]
    if not found:
        return 0, ""
    total = sum(count for count, _ in found)
    return total, min(found, key=lambda pair: (-pair[0], pair[1]))[1]


def _reason(survey: CorpusSurvey, definition: WordDefinition, config: Config) -> str:
    """Return why a text is split as it is."""
    if definition.name == "tokens":
        return "the lists of tokens as they are"
    if config.tokenizer != AUTO:
        return "as asked for"
    if definition.name == "whitespace":
        return "auto: Chinese or Japanese with blanks between words"
    if definition.segmenter is not None:
        return "auto: the segmenter finds the words"
    if any(notice.message.startswith(SINGLE_CHARACTERS) for notice in survey.notices):
        return "auto: no blanks between Chinese or Japanese words, so each character is a word"
    return "auto: no Chinese or Japanese with blanks between words"


def _examples(survey: CorpusSurvey) -> tuple[SplitLine, ...]:
    if survey.definition is None or survey.tables is None:
        return ()
    # The words as the reader finds them; a new tokenizer is cheap, and has no words of others.
    tokenizer = Tokenizer(survey.definition, lambda _word: 0)
    return tuple(
        SplitLine(_line(text), tuple(tokenizer.words(_shown_part(text))))
        for text in survey.first_lines
    )


def _shown_part(text: bytes) -> bytes:
    """Return the beginning of a line, without the word that the end of the excerpt may cut."""
    if len(text) < LINE_BYTES:
        return text
    return text[: max(text.rfind(b" "), text.rfind(TOKEN_SEPARATOR.encode())) + 1] or text
