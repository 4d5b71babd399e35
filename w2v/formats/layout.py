"""Which row of an Embedding layer's matrix belongs to which word.

Layers keep rows for what is not a word: padding, which fills short texts up, and words that are
not in the vocabulary. A matrix whose rows are numbered one way and ids that are numbered another
give a model that trains and means nothing; so a layout has a name, is recorded beside the matrix,
and whoever needs a number asks it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.errors import ConfigError, FormatError
from w2v.options import Option

ROWS = ("none", "pad", "pad+unk")
"""The layouts: words from row 0; row 0 for padding; and row 1 for unknown words too."""

UNKNOWN_VECTORS = ("zeros", "mean-rare", "trained")
"""What the row of unknown words may hold."""

ROWS_OPTION = Option(
    str,
    "Rows before the words: none, one of zeros for padding, and one for unknown words.",
    choices=ROWS,
)
UNK_OPTION = Option(
    str,
    "What unknown words get.  [default: as trained by --train-unk or exported, else zeros]",
    choices=UNKNOWN_VECTORS,
)


@dataclass(frozen=True)
class Layout:
    """How rows are numbered.

    Attributes:
        rows: one of ROWS.
        unknown_vector: one of UNKNOWN_VECTORS, or None where unknown words have no row.

    Raises:
        ConfigError: there is no such layout, or it has no row for unknown words.

    """

    rows: str = "none"
    unknown_vector: str | None = None

    def __post_init__(self) -> None:
        ROWS_OPTION.check("rows", self.rows)
        if self.unknown is None and self.unknown_vector is not None:
            message = (
                f"requires a row for unknown words: got `unk={self.unknown_vector!r}` and "
                f"`rows={self.rows!r}`; omit `unk`, or use `rows='pad+unk'`"
            )
            raise ConfigError(message, option="unk")
        if self.unknown is not None:
            UNK_OPTION.check("unk", self.unknown_vector)

    @property
    def padding(self) -> int | None:
        """The row of padding, all zeros, or None."""
        return None if self.rows == "none" else 0

    @property
    def unknown(self) -> int | None:
        """The row of words that are not in the vocabulary, or None."""
        return 1 if self.rows == "pad+unk" else None

    @property
    def first_word(self) -> int:
        """The row of the most frequent word; the others follow by rank."""
        return ROWS.index(self.rows)

    def check_lengths(self, shortest: int, wanted: int) -> None:
        """Refuse to fill a text up where there is nothing to fill it with.

        Raises:
            ConfigError: there is not.

        """
        if self.padding is None and shortest < wanted:
            message = (
                f"has no padding row in the layout {self.rows!r}, so a text of {shortest} words "
                f"cannot be padded to {wanted}; use `rows='pad'` or `rows='pad+unk'`, here and "
                "for the matrix"
            )
            raise ConfigError(message, option="rows")

    def __str__(self) -> str:
        """Say which rows are for what."""
        parts = [f"words from {self.first_word}"]
        if self.unknown is not None:
            parts.insert(0, f"{self.unknown} unknown words")
        if self.padding is not None:
            parts.insert(0, f"{self.padding} padding")
        return f"{self.rows} ({', '.join(parts)})"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as they are recorded beside a matrix."""
        return {
            "layout": self.rows,
            "padding": self.padding,
            "unknown": self.unknown,
            "first_word": self.first_word,
            "unknown_vector": self.unknown_vector,
        }

    @classmethod
    def from_dict(cls, recorded: object) -> Layout:
        """Take back what ``as_dict`` gave.

        Raises:
            FormatError: it is something else.

        """
        try:
            layout = cls(recorded["layout"], recorded["unknown_vector"])  # type: ignore[index]
        except (ConfigError, LookupError, TypeError) as error:
            message = f"expected a layout of rows as w2v records it, got {recorded!r:.200}"
            raise FormatError(message) from error
        if recorded != layout.as_dict():
            message = (
                f"the rows of layout {layout.rows!r} are {layout.as_dict()}, got {recorded!r:.200}"
            )
            raise FormatError(message)
        return layout
