"""Layouts: which row of an Embedding layer belongs to which word.

Besides words, an Embedding layer may need a row for padding, which makes texts equally long, and
one for out-of-vocabulary words. If the matrix and the ids disagree on these rows, a model still
trains, but on the wrong vectors. So each layout has a name, and files record it with the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2v.errors import ConfigError, FormatError
from w2v.options import Option

LAYOUTS = ("none", "pad", "pad+unk")
"""Words from row 0; a padding row before them; a padding row and a row for unknown words."""

UNKNOWN_VECTORS = ("zeros", "mean-rare", "trained")
"""Vectors for the row of out-of-vocabulary words."""

ROWS_OPTION = Option(
    str,
    "Rows before the words: none, padding (zeros), or padding and unknown words.",
    choices=LAYOUTS,
)
UNK_OPTION = Option(
    str,
    "Vector of unknown words.  [default: the model's own, if it has one, else zeros]",
    choices=UNKNOWN_VECTORS,
)


@dataclass(frozen=True)
class Layout:
    """The rows of an Embedding layer.

    Attributes:
        name: one of LAYOUTS.
        unknown_vector: one of UNKNOWN_VECTORS, or None if there is no row for unknown words.

    Raises:
        ConfigError: a name is invalid, or there is a vector but no row for unknown words.

    """

    name: str = "none"
    unknown_vector: str | None = None

    def __post_init__(self) -> None:
        ROWS_OPTION.check("rows", self.name)
        if self.unknown is None and self.unknown_vector is not None:
            message = (
                f"requires a row for unknown words: got `unk={self.unknown_vector!r}` and "
                f"`rows={self.name!r}`; omit `unk`, or use `rows='pad+unk'`"
            )
            raise ConfigError(message, option="unk")
        if self.unknown is not None:
            UNK_OPTION.check("unk", self.unknown_vector)

    @property
    def padding(self) -> int | None:
        """The row of padding, which is all zeros, or None."""
        return None if self.name == "none" else 0

    @property
    def unknown(self) -> int | None:
        """The row of out-of-vocabulary words, or None."""
        return 1 if self.name == "pad+unk" else None

    @property
    def first_word(self) -> int:
        """The row of the most frequent word. The other words follow by rank."""
        return LAYOUTS.index(self.name)

    def check_lengths(self, shortest: int, wanted: int) -> None:
        """Check that texts can be padded to a length.

        Raises:
            ConfigError: a text is shorter, and the layout has no padding row.

        """
        if self.padding is None and shortest < wanted:
            message = (
                f"has no padding row in the layout {self.name!r}, so a text of {shortest} words "
                f"cannot be padded to {wanted}; use `rows='pad'` or `rows='pad+unk'`, here and "
                "for the matrix"
            )
            raise ConfigError(message, option="rows")

    def __str__(self) -> str:
        """Describe the rows, as in ``pad (0 padding, words from 1)``."""
        parts = [f"words from {self.first_word}"]
        if self.unknown is not None:
            parts.insert(0, f"{self.unknown} unknown words")
        if self.padding is not None:
            parts.insert(0, f"{self.padding} padding")
        return f"{self.name} ({', '.join(parts)})"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as files record them."""
        return {
            "layout": self.name,
            "padding": self.padding,
            "unknown": self.unknown,
            "first_word": self.first_word,
            "unknown_vector": self.unknown_vector,
        }

    @classmethod
    def from_dict(cls, recorded: object) -> Layout:
        """Return the layout that ``as_dict`` described.

        Raises:
            FormatError: ``recorded`` does not describe a layout.

        """
        try:
            layout = cls(recorded["layout"], recorded["unknown_vector"])  # type: ignore[index]
        except (ConfigError, LookupError, TypeError) as error:
            message = f"expected a layout of rows as w2v records it, got {recorded!r:.200}"
            raise FormatError(message) from error
        if recorded != layout.as_dict():
            message = (
                f"the rows of the layout {layout.name!r} are {layout.as_dict()}, "
                f"got {recorded!r:.200}"
            )
            raise FormatError(message)
        return layout
