"""What to know before training on a text, and what to do about it."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from w2v.errors import VocabularyError
from w2v.pipeline.expectation import notes_on_training
from w2v.pipeline.inspection import Finding, counted
from w2v.text.scripts import has_no_blanks

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.corpus.survey import CorpusSurvey
    from w2v.corpus.vocabulary import Vocabulary
    from w2v.errors import W2VError
    from w2v.pipeline.inspection import (
        CharacterFacts,
        FileFacts,
        LineFacts,
        OddThing,
        TrainingFacts,
        WordFacts,
    )

# Shares of the text, of its lines or of its words from which on something is worth a finding.
_REPEATED_SHARE = 0.05
_ONE_WORD_SHARE = 0.5
_SOME_ONE_WORD_SHARE = 0.2
_RARE_SHARE = 0.1
_BEYOND_SHARE = 0.05
_LONG_SHARE = 0.001
_ADDRESS_SHARE = 0.002  # of words; an address has several
_MARKUP_SHARE = 0.0005
_ODD_SHARE = 0.00001  # of characters
_DOMINANT_SHARE = 0.15
_FOREIGN_SHARE = 0.3  # of letters, of scripts without blanks
_WORD_LETTERS = 12  # letters per word of text whose words are not separated
_CASED_SHARE = 0.05
_PUNCTUATED_SHARE = 0.05
_LEAST_MOJIBAKE = 3
# Fewer words tell little about each other.
_SMALL_TEXT = 100_000
# Among fewer distinct words, one may well be a large part of the text.
_MANY_WORDS = 100
# A single line is usual for a short text.
_LONG_LINE = 1000


def find(
    survey: CorpusSurvey,
    config: Config,
    files: FileFacts,
    lines: LineFacts,
    characters: CharacterFacts,
    words: WordFacts | None,
    training: TrainingFacts | None,
    vocabulary: Vocabulary | None,
    refusal: W2VError | None,
) -> Iterator[Finding]:
    """Yield what was found, the most important first: a refusal, warnings, information."""
    if refusal is not None:
        yield Finding(f"training refuses this text: {refusal}")
        if not isinstance(refusal, VocabularyError):
            return  # what else was found may be due to this
    found = [Finding(notice.message, notice.warning) for notice in survey.notices]
    if words is not None:
        found += _about_encoding(characters)
        found += _about_lines(lines, files)
        found += _about_vocabulary(words)
        found += _about_words(words, characters)
        if vocabulary is not None:
            counted = list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
            found += _about_spellings(words, counted)
        found += _about_characters(characters, words, lines)
        found += _about_size(words)
        if training is not None:
            found += notes_on_training(survey.lengths, words, training, config)
    for finding in sorted(found, key=lambda finding: not finding.warning):
        # The commands are for files.
        yield finding if files.files else dataclasses.replace(finding, command="")


def _about_encoding(characters: CharacterFacts) -> Iterator[Finding]:
    odd = _by_kind(characters)
    mojibake = odd.get("mojibake")
    if mojibake is not None and mojibake.count >= _LEAST_MOJIBAKE:
        yield Finding(
            f"{mojibake.count:,} places such as {mojibake.example} ({mojibake.place}) look like "
            "UTF-8 that was decoded as windows-1252 and saved again, which cuts words; repair the "
            "text, for example with the package ftfy",
            command="ftfy corpus.txt > repaired.txt",
        )
    replaced = odd.get("replacement characters")
    if replaced is not None:
        yield Finding(
            f"{replaced} U+FFFD ({replaced.place}: "
            f"{replaced.example}): an earlier conversion lost what stood there; convert the "
            "original again, with its right encoding"
        )


def _about_lines(lines: LineFacts, files: FileFacts) -> Iterator[Finding]:
    if lines.with_words == 1 and lines.longest_words > _LONG_LINE:
        yield Finding(
            f"the whole text is one line of {lines.longest_words:,} words, so windows reach across "
            "the ends of sentences; put each sentence or paragraph on a line of its own"
        )
    one = lines.with_one_word
    if one > _SOME_ONE_WORD_SHARE * lines.with_words:
        text = (
            f"{one:,} of {lines.with_words:,} lines have one word, which has no context and is not "
            "trained; "
        )
        if one > _ONE_WORD_SHARE * lines.with_words:
            text += "if the text has one word a line, join the words of sentences"
            yield Finding(text, command="paste -sd ' ' corpus.txt > joined.txt")
        else:
            yield Finding(f"{text}they may be headings or remains of tables", warning=False)
        if one > _ONE_WORD_SHARE * lines.with_words:
            return
    if lines.repeated_bytes > _REPEATED_SHARE * files.text_bytes:
        share = 100 * lines.repeated_bytes / files.text_bytes
        yield Finding(
            f"{share:.0f} % of the text repeats earlier lines, which would count as often as they "
            "occur; unless that is intended, keep one of each",
            command="awk '!seen[$0]++' corpus.txt > unique.txt",
        )


def _about_vocabulary(words: WordFacts) -> Iterator[Finding]:
    if words.rare_occurrences > _RARE_SHARE * words.words and words.vocabulary:
        share = 100 * words.rare_occurrences / words.words
        yield Finding(
            f"{share:.0f} % of the words are too rare for `min_count={words.min_count}`; use more "
            "text, or a lower `min_count` if these words matter"
        )
    if words.beyond_size_occurrences > _BEYOND_SHARE * words.words:
        share = 100 * words.beyond_size_occurrences / words.words
        more = words.vocabulary + words.beyond_size
        yield Finding(
            f"{share:.0f} % of the words have no room in the vocabulary; raise "
            f"`vocab_size={words.vocab_size}`: {more:,} words occur at least {words.min_count} "
            "times"
        )
    word, count = next(iter(words.most_frequent.items()))
    if count > _DOMINANT_SHARE * words.words and words.distinct > _MANY_WORDS:
        share = 100 * count / words.words
        yield Finding(
            f"{word!r} is {share:.0f} % of all words; if it is a placeholder or a filler, remove it"
        )


def _about_size(words: WordFacts) -> Iterator[Finding]:
    if words.words < _SMALL_TEXT:
        yield Finding(
            f"the text is small: from {words.words:,} words, vectors of good quality can hardly be "
            "learned; use more text, or continue a model of a larger text with `init`"
        )


def _about_words(words: WordFacts, characters: CharacterFacts) -> Iterator[Finding]:
    if words.too_long:
        yield Finding(
            f"dropped {counted(words.too_long, 'word')} of more than 1,000 bytes, which may be "
            "encoded data, or text without separators"
        )
    unsegmented = {s: n for s, n in characters.scripts.items() if has_no_blanks(s)}
    joined = characters.letters > _WORD_LETTERS * words.words
    if sum(unsegmented.values()) > _FOREIGN_SHARE * characters.letters and joined:
        yield Finding(
            f"{' and '.join(unsegmented)} has no blanks between words, so whole phrases become one "
            "word; put blanks between the words with a segmenter first, and use "
            "`tokenizer='whitespace'`"
        )
    elif words.long > _LONG_SHARE * words.words:
        yield Finding(
            f"{words.long:,} words have 40 or more characters, such as {words.long_example!r}; if "
            "they are data rather than language, remove them"
        )


def _about_spellings(words: WordFacts, vocabulary: list[tuple[str, int]]) -> Iterator[Finding]:
    """Yield findings about words that are counted apart and may be meant as one."""
    if "case-sensitive" not in words.tokenizer and words.tokenizer.startswith("unicode"):
        return
    forms = Counter(word.lower() for word, _ in vocabulary)
    same = sum(number for number in forms.values() if number > 1)
    if same > _CASED_SHARE * len(vocabulary):
        yield Finding(
            f"{same:,} of the {len(vocabulary):,} words of the vocabulary differ from others in "
            "upper and lower case only; count them together with `lowercase=True`",
            warning=False,
        )
    edged = [(count, word) for word, count in vocabulary if _has_punctuation(word)]
    if sum(count for count, _ in edged) > _PUNCTUATED_SHARE * words.covered:
        share = 100 * sum(count for count, _ in edged) / words.covered
        yield Finding(
            f"{share:.0f} % of the words have punctuation at their ends, such as "
            f"{max(edged)[1]!r}, and are other words than those without; use "
            "`tokenizer='unicode'`, or separate the punctuation"
        )


def _about_characters(
    characters: CharacterFacts, words: WordFacts, lines: LineFacts
) -> Iterator[Finding]:
    odd = _by_kind(characters)
    splits = words.tokenizer.startswith("unicode")
    tags, entities = odd.get("HTML tags"), odd.get("HTML entities")
    markup = [thing for thing in (tags, entities) if thing is not None]
    if sum(thing.count for thing in markup) > _MARKUP_SHARE * words.words:
        named = " and ".join(f"{thing} ({thing.example})" for thing in markup)
        yield Finding(
            f"{named}, whose names are read as words; extract the text first, and decode entities",
            command="""python3 -c "import html, sys; sys.stdout.writelines(map(html.unescape, """
            """sys.stdin))" < corpus.txt > decoded.txt""",
        )
    addresses = [odd[kind] for kind in ("URLs", "e-mail addresses") if kind in odd]
    if sum(thing.count for thing in addresses) > _ADDRESS_SHARE * words.words:
        named = " and ".join(map(str, addresses))
        parts = "parts are" if splits else "text is"
        yield Finding(
            f"{named}, whose {parts} read as words; remove them",
            command="sed -E 's#https?://[^ ]+|[^ ]+@[^ ]+##g' corpus.txt > cleaned.txt",
        )
    controls = odd.get("control characters")
    if controls is not None:
        yield Finding(
            f"{controls} (first {_codes(controls)}, {controls.place}), "
            "which text does not have: it may be damaged, or not be text in parts; remove them",
            command=r"tr -d '\000-\010\013\014\016-\037\177' < corpus.txt > cleaned.txt",
        )
    many = max(1.0, _ODD_SHARE * characters.characters)
    for kind in ("private-use characters", "unassigned characters"):
        if kind in odd and odd[kind].count > many:
            yield Finding(
                f"{odd[kind]} ({_codes(odd[kind])}), which have a meaning in a "
                "certain font or program only, and separate words; check the program that wrote "
                "the text"
                if splits
                else f"{odd[kind]} ({_codes(odd[kind])}) are parts of words; check "
                "the program that wrote the text"
            )
    invisible = [
        odd[kind]
        for kind in ("zero-width characters", "direction marks", "soft hyphens")
        if kind in odd
    ]
    if invisible and not splits and sum(thing.count for thing in invisible) > many:
        named = " and ".join(map(str, invisible))
        yield Finding(
            f"{named} are parts of words, although nobody sees them; use `tokenizer='unicode'`, "
            "which leaves them out, or remove them"
        )
    if lines.not_normal and not splits:
        yield Finding(
            f"{counted(lines.not_normal, 'line')} not in normalization form C, so equal words may "
            "be written in two ways; use `tokenizer='unicode'`, which writes them alike, or "
            "normalize the text",
            command="uconv -x any-nfc corpus.txt > normalized.txt",
        )


def _has_punctuation(word: str) -> bool:
    """Return whether punctuation stands before or after the letters of a word."""
    edges = (unicodedata.category(word[0])[0], unicodedata.category(word[-1])[0])
    return "P" in edges and any(map(str.isalnum, word))


def _by_kind(characters: CharacterFacts) -> dict[str, OddThing]:
    return {thing.kind: thing for thing in characters.odd}


def _codes(thing: OddThing) -> str:
    codes = list(thing.characters)
    return ", ".join(codes[:3]) + (", ..." if len(codes) > 3 else "")
