"""The definition of a word: the rule by which text becomes words."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError

if TYPE_CHECKING:
    from w2v.config import Config

MAX_WORD_BYTES = 1000
"""Longer words are dropped."""

TOKENIZER_HINT = (
    "set embeddings.meta['tokenizer'] = {'name': 'unicode', 'lowercase': True} (or 'whitespace')"
)
"""How to record the tokenizer of embeddings that do not. The command line has another way."""

_TEXT_TOKENIZERS = ("unicode", "whitespace")


@dataclass(frozen=True)
class WordDefinition:
    """The rule by which text becomes words.

    Two definitions are equal if name and lowercase are.

    Attributes:
        name: the tokenizer, ``unicode`` or ``whitespace``; ``tokens`` for lists of tokens.
        lowercase: whether words are lowercased.
        max_word_bytes: longer words are dropped.
        unicode: the version of Unicode.

    """

    name: str
    lowercase: bool
    max_word_bytes: int = field(default=MAX_WORD_BYTES, compare=False)
    unicode: str = field(default=unicodedata.unidata_version, compare=False)

    @classmethod
    def from_config(cls, config: Config, *, tokenized: bool) -> WordDefinition:
        """Return the definition for a corpus of text, or one of lists of tokens."""
        name = "tokens" if tokenized else config.tokenizer
        return cls(name, config.lowercases(name))

    @classmethod
    def from_meta(cls, recorded: Any) -> WordDefinition:
        """Return the definition that embeddings record.

        Args:
            recorded: ``meta["tokenizer"]``, or None.

        Raises:
            ConfigError: none is recorded, or it does not apply to text.

        """
        try:
            definition = cls(recorded["name"], recorded["lowercase"])
        except (LookupError, TypeError):
            definition = None
        if (
            definition is None
            or definition.name not in _TEXT_TOKENIZERS
            or not isinstance(definition.lowercase, bool)
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
        return definition

    def as_dict(self) -> dict[str, Any]:
        """Return the definition as ``meta.json`` records it."""
        return asdict(self)

    def __str__(self) -> str:
        """Describe the definition in a few words."""
        return f"{self.name}, {'lowercased' if self.lowercase else 'case-sensitive'}"


def lowercase_word(word: str) -> str:
    """Lowercase each character on its own, as the tokenizer does."""
    return "".join(character.lower() for character in word)
