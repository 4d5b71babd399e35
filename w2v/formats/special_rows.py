"""Rows of padding and of unknown words that a file has among its words.

Files of other programs may have a row for ``<unk>``, ``[PAD]`` and the like. They are read as
words, unless these rows are to be those of a layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from w2v.errors import ConfigError
from w2v.events import Notice, Observer

if TYPE_CHECKING:
    from w2v.formats.table import VectorTable

    Table = TypeVar("Table", bound=VectorTable)

PADDING_NAMES = ("<pad>", "[PAD]", "<PAD>", "[pad]")
"""Names of padding."""

UNKNOWN_NAMES = ("<unk>", "[UNK]", "<UNK>", "[unk]", "<oov>", "<OOV>")
"""Names of out-of-vocabulary words."""

_NOT_ZERO = "the vector of {} is not zero, and was dropped: padding is zero in all layouts"


def find(table: VectorTable, names: tuple[str, ...]) -> int | None:
    """Return the first row of a table that has one of these names, or None."""
    return min((row for row in map(table.row_of, names) if row is not None), default=None)


def find_special(table: VectorTable) -> tuple[int | None, int | None]:
    """Return the rows of padding and of unknown words.

    Raises:
        ConfigError: there is neither.

    """
    padding, unknown = find(table, PADDING_NAMES), find(table, UNKNOWN_NAMES)
    if padding is None and unknown is None:
        message = (
            f"requires a row of padding or of unknown words: none of the {len(table):,} words is "
            f"{', '.join((*PADDING_NAMES, *UNKNOWN_NAMES))}; omit it"
        )
        raise ConfigError(message, option="special_rows")
    return padding, unknown


def with_special_rows(table: Table, observer: Observer) -> Table:
    """Return a table without the words for padding and unknown words.

    The vector of unknown words becomes that of the table. The rows of padding are zero in every
    layout, so the vector of padding is dropped.

    Args:
        table: words and vectors.
        observer: receives a `Notice` if the vector of padding is not zero.

    Raises:
        ConfigError: there are no such words, or no others.

    """
    padding, unknown = find_special(table)
    special = [row for row in (padding, unknown) if row is not None]
    if len(special) == len(table):
        message = "requires words beside those of padding and of unknown words"
        raise ConfigError(message, option="special_rows")
    changed = table.with_words(table.words, without=special)
    names = {}
    if padding is not None:
        names["padding"] = table.word_of(padding)
        if table.matrix[padding].any():
            observer(Notice(_NOT_ZERO.format(names["padding"])))
    if unknown is not None:
        names["unknown"] = table.word_of(unknown)
        changed.unknown, changed.unk = table.matrix[unknown].copy(), "trained"
    changed.meta = table.meta | {"special_rows": names}
    return changed
