"""The result of an inspection, and the report that describes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from w2v.corpus.survey import UNKNOWN
from w2v.system.disk import format_bytes
from w2v.text.display import columns, shorten, wrap

_LABEL = 17
_WIDTH = 100
_SEPARATOR = " · "
# Scripts with a smaller share of the letters are not shown.
_LEAST_SHARE = 0.001
_EXAMPLE_ROWS = 3
_UTF8 = ("utf-8", "ascii", UNKNOWN)

_SINGULAR = {"HTML entities": "HTML entity", "e-mail addresses": "e-mail address"}

Spell = Callable[[str], str]


@dataclass(frozen=True)
class FileKind:
    """Files that are stored alike.

    Attributes:
        files: the number of files.
        text_bytes: their text as UTF-8, after decompression, without byte-order marks.
        compression: gzip, bzip2, xz or zstd; None without one.
        encoding: of the text, as Python names it; ``ascii`` if it is UTF-8 with ASCII only.
        byte_order_mark: whether they begin with a byte-order mark.

    """

    files: int
    text_bytes: int
    compression: str | None
    encoding: str
    byte_order_mark: bool


@dataclass(frozen=True)
class SkippedFile:
    """A file of a directory that is not read.

    Attributes:
        name: its path; only its name, for a hidden or backup file.
        reason: why.

    """

    name: str
    reason: str


@dataclass(frozen=True)
class FileFacts:
    """The files of a corpus.

    Attributes:
        files: that are read, 0 for Python objects.
        stored_bytes: their size as stored; None if unknown, as for a stream.
        text_bytes: of text as UTF-8, after decompression.
        empty: files without text.
        kinds: how those with text are stored.
        skipped: files of directories that are not read.
        invalid_bytes: bytes that do not decode.
        first_invalid: the place of the first one, such as ``line 3``, with the file if there are
            several; None if there is none.

    """

    files: int
    stored_bytes: int | None
    text_bytes: int
    empty: int
    kinds: tuple[FileKind, ...]
    skipped: tuple[SkippedFile, ...]
    invalid_bytes: int
    first_invalid: str | None


@dataclass(frozen=True)
class RepeatedLine:
    """A line that occurs several times.

    Attributes:
        text: the line; only the beginning of a long one.
        count: its occurrences.

    """

    text: str
    count: int


@dataclass(frozen=True)
class LineFacts:
    """The lines of a corpus.

    Attributes:
        lines: all lines.
        blank: those of white space only.
        with_words: those with words.
        with_one_word: those with a single word, which has no context.
        median_words: the median number of words, of the lines with words.
        longest_words: the words of the longest line.
        longest_place: where it is, such as ``line 3``, with the file if there are several; None if
            no line has words.
        longest_text: its beginning.
        repeats: lines that are equal to an earlier one, without blank ones.
        repeated_bytes: of these.
        not_compared: lines that were not compared, because there are too many distinct ones.
        most_repeated: the most frequent repeated lines.
        not_normal: lines that are not in normalization form C of Unicode.
        first_not_normal: the place of the first one, or None.

    """

    lines: int
    blank: int
    with_words: int
    with_one_word: int
    median_words: float
    longest_words: int
    longest_place: str | None
    longest_text: str
    repeats: int
    repeated_bytes: int
    not_compared: int
    most_repeated: tuple[RepeatedLine, ...]
    not_normal: int
    first_not_normal: str | None


@dataclass(frozen=True)
class OddThing:
    """A kind of characters or of pieces of text that may be out of place.

    Attributes:
        kind: such as ``control characters``.
        count: the occurrences.
        characters: the occurrences of each character, such as ``{"U+200B": 3}``, the most frequent
            first; ten at most, and none for pieces of several characters.
        example: the first one with the text around it, with invisible characters as code points.
        place: of the example.

    """

    kind: str
    count: int
    characters: dict[str, int]
    example: str
    place: str

    def __str__(self) -> str:
        """Return the number and the kind, such as ``1 control character``."""
        kind = self.kind if self.count != 1 else _SINGULAR.get(self.kind, self.kind.rstrip("s"))
        return f"{self.count:,} {kind}"


@dataclass(frozen=True)
class CharacterFacts:
    """The characters of a corpus.

    Attributes:
        characters: all of them, without line ends.
        letters: those that are letters.
        scripts: how many letters belong to each script, the most frequent first.
        odd: what may be out of place, in the order of `w2v.text.survey.KINDS`.

    """

    characters: int
    letters: int
    scripts: dict[str, int]
    odd: tuple[OddThing, ...]


@dataclass(frozen=True)
class WordFacts:
    """The words of a corpus, and the vocabulary that the options choose.

    Attributes:
        tokenizer: the definition of a word.
        reason: why that tokenizer is used.
        words: all words.
        distinct: the distinct ones.
        most_frequent: the ten most frequent words with their occurrences.
        once: distinct words that occur once.
        too_long: words that are dropped because they have more than 1000 bytes.
        long: words of 40 or more characters.
        long_example: the most frequent one of these, shortened; or an empty string.
        min_count: the option.
        vocab_size: the option.
        vocabulary: the distinct words in the vocabulary.
        covered: their occurrences.
        rare: distinct words that occur fewer than ``min_count`` times.
        rare_occurrences: their occurrences.
        beyond_size: distinct words that exceed ``vocab_size``.
        beyond_size_occurrences: their occurrences.

    """

    tokenizer: str
    reason: str
    words: int
    distinct: int
    most_frequent: dict[str, int]
    once: int
    too_long: int
    long: int
    long_example: str
    min_count: int
    vocab_size: int
    vocabulary: int
    covered: int
    rare: int
    rare_occurrences: int
    beyond_size: int
    beyond_size_occurrences: int


@dataclass(frozen=True)
class SplitLine:
    """A line and its words.

    Attributes:
        text: the line; only the beginning of a long one.
        words: of this text.

    """

    text: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class TrainingFacts:
    """What training would do with the text and the given options.

    Attributes:
        words: to train on in each epoch.
        epochs: the number of epochs.
        sample: the subsampling threshold.
        kept_words: the share of the words that subsampling is expected to keep.
        pairs: the pairs of center and context that are expected in each epoch.
        median_uses: how often the median word is expected to be a center, in all epochs.
        memory_bytes: that training needs, about.

    """

    words: int
    epochs: int
    sample: float
    kept_words: float
    pairs: int
    median_uses: float
    memory_bytes: int


@dataclass(frozen=True)
class Finding:
    """Something to know or to act upon.

    Attributes:
        message: what was found and what to do about it. Options stand in backticks, spelled as in
            Python.
        warning: whether the result of training would suffer; otherwise it is information.

    """

    message: str
    warning: bool = True
    command: str = ""


@dataclass(frozen=True)
class CorpusInspection:
    """What a reader of a corpus sees; ``str()`` gives a report.

    Attributes:
        refusal: the error that `train` would report instead of reading the text, or None. Then the
            other figures cover the text up to there, and ``words`` and ``training`` may be None.
        exit_code: that of the command line; 0 without a refusal.
        files: the files and their encodings.
        lines: the lines.
        characters: the characters.
        words: the words, None if there are none.
        examples: the first lines, split into words.
        training: what training would do, None if it is not possible.
        findings: what to know or to act upon, the most important first.
        seconds: the time that the inspection took.

    """

    refusal: str | None
    exit_code: int
    files: FileFacts
    lines: LineFacts
    characters: CharacterFacts
    words: WordFacts | None
    examples: tuple[SplitLine, ...]
    training: TrainingFacts | None
    findings: tuple[Finding, ...]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the facts as plain values: dicts, tuples, strings and numbers."""
        return dataclasses.asdict(self)

    def report(self, spell: Spell = str) -> str:
        """Return a report for a person.

        Args:
            spell: changes how the options in a message are spelled, for the command line.

        """
        return "\n".join(_report(self, spell))

    def __str__(self) -> str:
        """Describe the corpus."""
        return self.report()


def _report(found: CorpusInspection, spell: Spell) -> Iterator[str]:
    """Yield the lines of the report: sections with an empty line between them."""
    sections = []
    if found.refusal is not None:
        sections.append(_rows("refused", ["training refuses this text: see the first finding"]))
    sections.append(_file_rows(found.files))
    if found.words is not None:
        sections += [
            _line_rows(found.lines, found.files.text_bytes),
            _character_rows(found.characters),
            _word_rows(found.words, spell),
            _example_rows(found.examples),
        ]
    if found.training is not None:
        sections.append(_training_rows(found.training, spell))
    sections.append(_finding_rows(found.findings, spell))
    filled = [lines for lines in map(list, sections) if lines]
    for number, lines in enumerate(filled):
        yield from lines if number == 0 else ["", *lines]


def _rows(label: str, lines: list[str], *, parts: list[str] | None = None) -> Iterator[str]:
    """Yield a label, and text beside it; parts are separated by visible marks and not broken."""
    wrapped: list[str] = []
    for line in lines:
        wrapped += wrap(line.split(), _WIDTH - _LABEL)
    if parts is not None:
        wrapped += wrap(parts, _WIDTH - _LABEL, _SEPARATOR)
    for line in wrapped:
        yield f"{label:<{_LABEL}}{line}".rstrip()
        label = ""


def _file_rows(facts: FileFacts) -> Iterator[str]:
    if facts.files:
        stored = f", {_bytes(facts.stored_bytes)}" if facts.stored_bytes is not None else ""
        empty = f", {facts.empty:,} of them empty" if facts.empty else ""
        if facts.empty == facts.files == 1:
            empty = ", which is empty"
            stored = ""
        text = ""
        if facts.stored_bytes is None or any(
            kind.compression or kind.encoding not in _UTF8 for kind in facts.kinds
        ):
            text = f"; {_bytes(facts.text_bytes)} of text as UTF-8"
        yield from _rows("files", [f"{counted(facts.files, 'file')}{empty}{stored}{text}"])
    elif facts.text_bytes:
        yield from _rows("text", [_bytes(facts.text_bytes)])
    for number, kind in enumerate(facts.kinds):
        yield from _rows("encoding" if number == 0 else "", [_describe_kind(kind, facts)])
    if facts.invalid_bytes:
        invalid = f"{facts.invalid_bytes:,}; the first one in {facts.first_invalid}"
        yield from _rows("invalid bytes", [invalid])
    reasons: dict[str, list[str]] = {}
    for file in facts.skipped:
        reasons.setdefault(file.reason, []).append(file.name)
    for number, (reason, names) in enumerate(reasons.items()):
        some = ", ".join(dict.fromkeys(names[:3])) + (" ..." if len(names) > 3 else "")
        yield from _rows("skipped" if number == 0 else "", [f"{len(names):,} {reason}: {some}"])


def _describe_kind(kind: FileKind, facts: FileFacts) -> str:
    name = kind.encoding
    if name.startswith(("utf", "ascii")):
        name = name.upper()
    elif name == UNKNOWN:
        name = "unknown, but not the one expected" if facts.invalid_bytes else name
    parts = [name]
    if kind.byte_order_mark:
        parts.append("byte-order mark")
    if kind.compression is not None:
        parts.append(f"{kind.compression}-compressed")
    described = ", ".join(parts)
    if len(facts.kinds) == 1:
        return described
    return f"{described}: {counted(kind.files, 'file')}, {_bytes(kind.text_bytes)}"


def _line_rows(facts: LineFacts, text_bytes: int) -> Iterator[str]:
    empty = f"; {facts.blank:,} blank" if facts.blank else ""
    others = facts.lines - facts.blank - facts.with_words
    without_words = f"; {others:,} without words" if others > 0 else ""
    yield from _rows("lines", [f"{facts.lines:,}{empty}{without_words}"])
    if facts.with_words:
        one = ""
        if facts.with_one_word:
            share = _percent(facts.with_one_word, facts.with_words)
            one = f"; {facts.with_one_word:,} lines ({share}) have one word, so no pairs"
        yield from _rows("words per line", [f"median {_median(facts.median_words)}{one}"])
        longest = f"{counted(facts.longest_words, 'word')}, {facts.longest_place}: "
        room = _WIDTH - _LABEL - columns(longest)
        shown = shorten(facts.longest_text, max(room, 30))
        yield from _rows("longest line", [longest + shown])
    if facts.repeats:
        share = _percent(facts.repeats, facts.lines - facts.blank)
        of_text = _percent(facts.repeated_bytes, text_bytes)
        repeats = (
            f"{counted(facts.repeats, 'line')} ({share}; {of_text} of the text) "
            f"repeat{'s' if facts.repeats == 1 else ''} an earlier one"
        )
        yield from _rows("repeated lines", [repeats])
        width = max(len(f"{line.count:,}") for line in facts.most_repeated)
        for line in facts.most_repeated:
            count = f"{line.count:>{width},} x "
            yield f"{'':<{_LABEL}}{count}{shorten(line.text, _WIDTH - _LABEL - len(count))}"
    else:
        yield from _rows("repeated lines", ["none"])
    if facts.not_compared:
        note = (
            f"{facts.not_compared:,} lines were compared only with the first 2,097,152 distinct "
            "ones, so there may be more"
        )
        yield from _rows("", [note])


def _character_rows(facts: CharacterFacts) -> Iterator[str]:
    shown = [
        f"{script} {_percent(count, facts.letters)}"
        for script, count in facts.scripts.items()
        if count >= _LEAST_SHARE * facts.letters
    ]
    yield from _rows("characters", [f"{facts.characters:,}; {facts.letters:,} letters"])
    if shown:
        yield from _rows("scripts", [", ".join(shown)])
    if not facts.odd:
        yield from _rows("odd characters", ["none"])
    for number, odd in enumerate(facts.odd):
        codes = list(odd.characters.items())
        named = ", ".join(code if len(codes) == 1 else f"{code} {n:,}" for code, n in codes[:4])
        named = f" ({named}{', ...' if len(codes) > 4 else ''})" if codes else ""
        text = f"{odd}{named}: {odd.place}: "
        room = _WIDTH - _LABEL - columns(text)
        label = "odd characters" if number == 0 else ""
        if room >= columns(odd.example) or room >= 30:
            yield f"{label:<{_LABEL}}{text}{shorten(odd.example, room)}"
        else:
            yield from _rows(label, [text.removesuffix(": ")])
            yield f"{'':<{_LABEL}}  {shorten(odd.example, _WIDTH - _LABEL - 2)}"


def _word_rows(facts: WordFacts, spell: Spell) -> Iterator[str]:
    yield from _rows("tokenizer", [f"{facts.tokenizer}; {spell(facts.reason)}"])
    yield from _rows("words", [f"{facts.words:,}; {facts.distinct:,} distinct"])
    frequent = [f"{word} {count:,}" for word, count in facts.most_frequent.items()]
    yield from _rows("most frequent", [], parts=frequent)
    once = (
        f"{facts.once:,} words ({_percent(facts.once, facts.distinct)} of the distinct ones, "
        f"{_percent(facts.once, facts.words)} of the text)"
    )
    yield from _rows("occur once", [once if facts.once else "none"])
    dropped = [
        _dropped(f"`min_count={facts.min_count}`", facts.rare, facts.rare_occurrences, facts),
        _dropped(
            f"`vocab_size={facts.vocab_size}`",
            facts.beyond_size,
            facts.beyond_size_occurrences,
            facts,
        ),
    ]
    if facts.too_long:
        dropped.append(f"more than 1,000 bytes long: {facts.too_long:,} occurrences")
    yield from _rows("dropped", [spell(line) for line in dropped])
    if facts.long:
        yield from _rows("long words", [f"{facts.long:,} of 40 or more characters"])
        yield f"{'':<{_LABEL}}{shorten(facts.long_example, _WIDTH - _LABEL)}"
    covered = f"{counted(facts.vocabulary, 'word')}, {_percent(facts.covered, facts.words)}"
    yield from _rows("vocabulary", [f"{covered} of the text"])


def _dropped(option: str, words: int, occurrences: int, facts: WordFacts) -> str:
    if not words:
        return f"{option}: none"
    share = _percent(occurrences, facts.words)
    return f"{option}: {counted(words, 'word')}, {occurrences:,} occurrences ({share} of the text)"


def _example_rows(examples: tuple[SplitLine, ...]) -> Iterator[str]:
    for number, example in enumerate(examples):
        text = shorten(example.text, 2 * (_WIDTH - _LABEL) - 20)
        yield from _rows("examples" if number == 0 else "", [text])
        words = list(wrap(example.words, _WIDTH - _LABEL - 3, _SEPARATOR))
        if not words:
            words = ["(no words)"]
        if len(words) > _EXAMPLE_ROWS:
            words = [*words[: _EXAMPLE_ROWS - 1], f"{words[_EXAMPLE_ROWS - 1]} ..."]
        for mark, line in zip(["=> ", "   ", "   "], words, strict=False):
            yield f"{'':<{_LABEL}}{mark}{line}".rstrip(" ·")


def _training_rows(facts: TrainingFacts, spell: Spell) -> Iterator[str]:
    yield from _rows("training", [spell(f"`epochs={facts.epochs}`, `sample={facts.sample:g}`")])
    if not facts.pairs:
        yield from _rows("", ["no pairs of words, so nothing could be learned"])
        return
    kept = f"of which subsampling keeps {100 * facts.kept_words:.0f} %"
    uses = f"half of the words are trained on {_rounded(facts.median_uses)} times or more"
    rows = [
        f"{facts.words:,} words in each epoch, {kept}: about {_rounded(facts.pairs)} pairs",
        f"{uses}, in all epochs",
        f"about {format_bytes(facts.memory_bytes)} of memory",
    ]
    yield from _rows("", rows)


def _finding_rows(findings: tuple[Finding, ...], spell: Spell) -> Iterator[str]:
    if not findings:
        yield from _rows("findings", ["nothing unusual found"])
    for number, finding in enumerate(findings, 1):
        mark = f"{number}. "
        label = "findings" if number == 1 else ""
        lines = wrap(spell(finding.message).split(), _WIDTH - _LABEL - len(mark))
        for line in lines:
            yield f"{label:<{_LABEL}}{mark}{line}"
            label, mark = "", " " * len(mark)
        if finding.command:
            yield f"{'':<{_LABEL}}{mark}$ {finding.command}"


def _bytes(size: int) -> str:
    return counted(size, "byte") if size < 10_000 else format_bytes(size)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _percent(part: float, whole: float) -> str:
    """Return a share with two digits that matter; not 0 or 100 % unless it is."""
    share = 100 * part / max(whole, 1)
    if share >= 99.95 and part < whole:
        return "99.9 %"
    if 0 < share < 0.01:
        return "< 0.01 %"
    return (
        f"{share:.0f} %"
        if part in (0, whole)
        else f"{share:.2g} %"
        if share < 10
        else (f"{share:.1f} %" if share > 99 else f"{share:.0f} %")
    )


def _median(number: float) -> str:
    return f"{number:,.1f}".removesuffix(".0")


def _rounded(number: float) -> str:
    """Return an estimate with two digits that matter, in words where it is large."""
    for unit, name in ((1e9, " billion"), (1e6, " million")):
        if number >= 0.995 * unit:
            return (
                f"{number / unit:.2g}{name}"
                if number < 99 * unit
                else (f"{number / unit:,.0f}{name}")
            )
    return f"{float(f'{number:.2g}'):,.0f}"
