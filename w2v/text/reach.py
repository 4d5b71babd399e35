"""Which words of a vocabulary a tokenizer can find in a text at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from w2v.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from w2v.text.definition import WordDefinition

_SAMPLED_WORDS = 1_000
_MOST_REACHED = 0.9  # programs have a few names that no text contains, such as </s>


class Reach(NamedTuple):
    """How many of the first words of a vocabulary a tokenizer finds.

    Attributes:
        words: the words that were tried.
        found: those that become themselves as a text of their own.
        missed: one of the others, or "".
        becomes: what that one becomes.

    """

    words: int
    found: int
    missed: str
    becomes: list[str]

    @property
    def is_low(self) -> bool:
        """Whether many words are missed."""
        return self.found < _MOST_REACHED * self.words

    def __str__(self) -> str:
        """Describe it in a sentence."""
        becomes = " ".join(self.becomes) or "nothing"
        return (
            f"the tokenizer finds {self.found:,} of the first {self.words:,} words; "
            f"{self.missed!r:.200}, for example, becomes {becomes:.200}"
        )


def reach(words: Sequence[str], definition: WordDefinition) -> Reach:
    """Return how many of the first words a tokenizer finds."""
    # Here, because it loads the compiler.
    from w2v.text.tokenizer import Tokenizer

    tokenizer = Tokenizer(definition, lambda _word: 0)
    sample = words[:_SAMPLED_WORDS]
    found, missed, becomes = 0, "", []
    for word in sample:
        tokens = tokenizer.words(word)
        if tokens == [word]:
            found += 1
        elif not missed:
            missed, becomes = word, tokens
    return Reach(len(sample), found, missed, becomes)


def require_reach(words: Sequence[str], definition: WordDefinition) -> Reach:
    """Return how many of the first words a tokenizer finds, at least one.

    Raises:
        ConfigError: it finds none.

    """
    reached = reach(words, definition)
    if not reached.found:
        message = f"{reached}; use another tokenizer, or `lowercase=False` for words with capitals"
        raise ConfigError(message)
    return reached
