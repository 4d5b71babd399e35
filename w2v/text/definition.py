"""The definition of a word: the name of the tokenizer, and whether it lowercases."""

from __future__ import annotations

from typing import Any

from w2v.errors import ConfigError

TOKENIZER_HINT = (
    "say how it is cut: w2v convert --tokenizer, or in Python embeddings.meta['tokenizer'] = "
    "{'name': 'unicode', 'lowercase': True} (or 'whitespace')"
)
"""What to do where it is not recorded."""


def checked_definition(recorded: Any) -> tuple[str, bool]:
    """Return the name of the tokenizer and whether letters are made small.

    Args:
        recorded: ``meta["tokenizer"]``, if there is one.

    Raises:
        ConfigError: text cannot be cut into words by it.

    """
    try:
        name, lowercase = recorded["name"], recorded["lowercase"]
    except (LookupError, TypeError):
        name, lowercase = None, None
    if name not in ("unicode", "whitespace") or not isinstance(lowercase, bool):
        reason = (
            "were trained on words that were cut already"
            if name == "tokens"
            else "do not say how text was cut into words"
        )
        message = f"these embeddings {reason}, so a string cannot be; give lists of words, or {TOKENIZER_HINT}"
        raise ConfigError(message)
    return name, lowercase


def lowercase_word(word: str) -> str:
    """Lower-case character by character, as the tokenizer does (no rule looks at neighbours)."""
    return "".join(character.lower() for character in word)
