"""The definition of a word: the rule by which text becomes words."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, short_repr
from w2v.system.functions import function_name
from w2v.text import segmenters
from w2v.text.normal import is_han_or_kana, is_kana, lowercase_word, word_form
from w2v.text.phrases import Phrases, recorded_phrases

if TYPE_CHECKING:
    from w2v.config import Config

MAX_WORD_BYTES = 1000
"""Longer words are dropped."""

TOKENIZER_HINT = (
    "set embeddings.meta['tokenizer'] = {'name': 'unicode', 'lowercase': True, 'edition': 2} "
    "(or 'whitespace')"
)
"""How to record the tokenizer of embeddings that do not. The command line has another way."""

SINGLE_CHARACTERS = (
    "`tokenizer='unicode'` makes each Chinese or Japanese character a word of its own"
)
"""The beginning of messages about text of Han or Kana."""

TEXT_TOKENIZERS = ("unicode", "whitespace")

FIRST_EDITION = 1
EDITION = 2
"""The edition of the rules by which text becomes words; see `WordDefinition`."""


def segmenters_for(text: str) -> tuple[str, ...]:
    """Return the built-in segmenters for a text of Han and maybe Kana, the most usual first."""
    return ("sudachi", "fugashi") if any(map(is_kana, text)) else ("jieba", "rjieba")


@dataclass(frozen=True)
class WordDefinition:
    """The rule by which text becomes words.

    Two definitions are equal if name, lowercase, edition, segmenter and phrases are.

    Attributes:
        name: the tokenizer, ``unicode`` or ``whitespace``; ``tokens`` for lists of tokens.
        lowercase: whether words are lowercased.
        max_word_bytes: longer words are dropped.
        unicode: the version of Unicode.
        edition: of the rules, see `w2v.text.characters`. Models that were saved before there were
            two do not record it; they keep the first one.
        segmenter: the name of the function that splits a line before the tokenizer does, see
            `w2v.text.segmenters`; None without one.
        segmenter_version: the version of its package, if known.
        phrases: words that are joined, for each pass; see `w2v.text.phrases`.

    """

    name: str
    lowercase: bool
    max_word_bytes: int = field(default=MAX_WORD_BYTES, compare=False)
    unicode: str = field(default=unicodedata.unidata_version, compare=False)
    edition: int = field(default=EDITION, metadata={"if_missing": FIRST_EDITION})
    phrases: Phrases = field(default=(), metadata={"if_missing": ()})
    segmenter: str | None = field(default=None, metadata={"if_missing": None})
    segmenter_version: str | None = field(default=None, compare=False)

    @classmethod
    def from_config(cls, config: Config, *, tokenized: bool) -> WordDefinition:
        """Return the definition for a corpus of text, or one of lists of tokens.

        The tokenizer ``auto`` is ``unicode`` here; `w2v.text.segmented` makes the choice.

        Raises:
            ConfigError: lists of tokens cannot be segmented.

        """
        segmenter = config.segmenter
        if tokenized:
            if segmenter is not None:
                message = (
                    f"applies to text, but the corpus is lists of tokens, got "
                    f"`segmenter={segmenter!r}`; omit it, or pass strings"
                )
                raise ConfigError(message, option="segmenter")
            return cls("tokens", config.lowercases("tokens"))
        name = "unicode" if config.tokenizer == "auto" else config.tokenizer
        version = None if segmenter is None else segmenters.version(segmenter)
        return cls(name, config.lowercases(name), segmenter=segmenter, segmenter_version=version)

    @classmethod
    def from_meta(cls, recorded: Any) -> WordDefinition:
        """Return the definition that embeddings record.

        Args:
            recorded: ``meta["tokenizer"]``, or None.

        Raises:
            ConfigError: none is recorded, or it does not apply to text.

        """
        try:
            definition = cls(
                recorded["name"],
                recorded["lowercase"],
                edition=recorded.get("edition", FIRST_EDITION),
                phrases=recorded_phrases(recorded),
                segmenter=recorded.get("segmenter"),
                segmenter_version=recorded.get("segmenter_version"),
            )
        except (AttributeError, LookupError, TypeError):
            definition = None
        if (
            definition is None
            or definition.name not in TEXT_TOKENIZERS
            or not isinstance(definition.lowercase, bool)
            or type(definition.edition) is not int
        ):
            reason = (
                "were trained on lists of tokens"
                if definition is not None and definition.name == "tokens"
                else "do not record a tokenizer"
            )
            message = (
                f"these embeddings {reason}, so they cannot split a string into words; pass lists "
                f"of words, or {TOKENIZER_HINT}"
            )
            raise ConfigError(message)
        segmenter = definition.segmenter
        if segmenter is not None and function_name(segmenter) is None:
            message = (
                "these embeddings record a segmenter that is no name of one: "
                f"{short_repr(segmenter)}; pass lists of words, or set "
                "embeddings.meta['tokenizer']['segmenter'] to the name of one, or to None"
            )
            raise ConfigError(message)
        if not FIRST_EDITION <= definition.edition <= EDITION:
            message = (
                f"these embeddings have edition {definition.edition} of the tokenizer's rules, and "
                f"this w2v knows editions {FIRST_EDITION} to {EDITION}; use a newer w2v"
            )
            raise ConfigError(message)
        return definition

    @classmethod
    def if_recorded(cls, recorded: Any) -> WordDefinition | None:
        """Return the definition that embeddings record, or None if they record none for text."""
        try:
            return cls.from_meta(recorded)
        except ConfigError:  # of another program, or trained on lists of tokens
            return None

    @property
    def normalizes(self) -> bool:
        """Whether words are written in normalization form C."""
        return self.name == "unicode" and self.edition > FIRST_EDITION

    @property
    def dotted(self) -> bool:
        """Whether the lowercase form of U+0130, a capital I with a dot above, keeps its dot."""
        return self.lowercase and self.edition == FIRST_EDITION

    @property
    def splits_han(self) -> bool:
        """Whether each Han, Hiragana or Katakana character is a word of its own."""
        return self.name == "unicode" and self.segmenter is None

    def is_impossible(self, word: str) -> bool:
        """Return whether no text has a word."""
        return self.splits_han and len(word) > 1 and any(map(is_han_or_kana, word))

    def why_impossible(self, word: str) -> str | None:
        """Return why no text has a word, with a remedy; None if it may have it."""
        if self.is_impossible(word):
            return (
                f"{SINGLE_CHARACTERS}; for words of several characters, train with "
                f"{segmenters.recommend(*segmenters_for(word))}, or put blanks between the words "
                "of the text, and train with `tokenizer='whitespace'`"
            )
        return None

    def form(self, word: str) -> str:
        """Return the form in which a text that is a single word becomes a word."""
        if self.normalizes:
            return word_form(word, lowercase=self.lowercase)
        if not self.lowercase:
            return word
        return "".join(map(str.lower, word)) if self.dotted else lowercase_word(word)

    def as_dict(self) -> dict[str, Any]:
        """Return the definition as ``meta.json`` records it."""
        recorded = asdict(self) | {"phrases": [list(entries) for entries in self.phrases]}
        if not self.phrases:
            del recorded["phrases"]
        if self.segmenter is None:
            del recorded["segmenter"], recorded["segmenter_version"]
        return recorded

    def __str__(self) -> str:
        """Describe the definition in a few words."""
        text = f"{self.name}, {'lowercased' if self.lowercase else 'case-sensitive'}"
        if self.segmenter is not None:
            version = "" if self.segmenter_version is None else f" {self.segmenter_version}"
            text += f", segmented by {self.segmenter}{version}"
        phrases = sum(map(len, self.phrases))
        return f"{text}, {phrases:,} phrases" if phrases else text
