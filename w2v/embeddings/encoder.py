"""From texts to ids, with the definition of a word that a model was trained with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, ResourceError, UnknownWordError, short_repr
from w2v.options import LENGTH
from w2v.text.definition import checked_definition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from w2v.formats.layout import Layout
    from w2v.text.tokenizer import Tokenizer

    Text = str | Sequence[str] | Sequence[int] | NDArray[np.integer[Any]]


_UNKNOWN = -1  # in place of a rank


class Encoder:
    """Numbers words by the rows of a layout.

    Args:
        find: gives the rank of a word, None if it is not in the vocabulary.
        size: V, words in the vocabulary.
        definition: of a word, as ``meta["tokenizer"]`` records it; looked at when text is cut.

    """

    def __init__(self, find: Callable[[str], int | None], size: int, definition: object) -> None:
        self._find = find
        self._size = size
        self.definition = definition

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Cuts text into words; ConfigError if it is not known how."""
        # Imported here because it loads the compiler, which words and ids do not need.
        from w2v.text.tokenizer import Tokenizer

        return Tokenizer(*checked_definition(self.definition), self._rank)

    def encode(
        self, texts: Text | Sequence[Text], length: int | None, layout: Layout
    ) -> NDArray[np.int32]:
        """Do what `Embeddings.encode` says."""
        check_length(length)
        if isinstance(texts, (str, bytes)):
            single: NDArray[np.int32] = self._fill([self.rows_of(texts, layout)], length, layout)[0]
            return single
        rows = [self._numbered(i, text, layout) for i, text in enumerate(_in_order(texts))]
        return self._fill(rows, length, layout)

    def _numbered(self, number: int, text: Any, layout: Layout) -> NDArray[np.int32]:
        """Do ``rows_of``; an error tells which text it is about."""
        try:
            return self.rows_of(text, layout)
        except (ConfigError, UnknownWordError) as error:
            message = f"text {number}: {error}"
            raise type(error)(message) from error

    def rows_of(self, text: Any, layout: Layout) -> NDArray[np.int32]:
        """Return (n,) int32: the row of each word of one text, as `Embeddings.encode` takes it.

        Bytes are text too, in UTF-8.
        """
        if isinstance(text, (str, bytes)):
            ranks: NDArray[np.int32] = self.tokenizer.tags(text)
        elif _axes(text) == 1 and all(isinstance(word, str) for word in text):
            ranks = np.array([self._rank(word) for word in text], np.int32)
        else:
            return self._checked_ids(text, layout)
        known = ranks != _UNKNOWN
        if layout.unknown is None and not known.all():
            words = self.tokenizer.words(text) if isinstance(text, (str, bytes)) else text
            message = (
                f"{words[int(known.argmin())]!r} is not among the {self._size} words, and rows "
                f"{layout.rows!r} have none for unknown words; take rows 'pad+unk', "
                "here and for the matrix"
            )
            raise UnknownWordError(message)
        return np.where(known, ranks + np.int32(layout.first_word), np.int32(layout.unknown or 0))

    def _rank(self, word: str) -> int:
        rank = self._find(word)
        return _UNKNOWN if rank is None else rank

    def _checked_ids(self, ids: Any, layout: Layout) -> NDArray[np.int32]:
        array = np.asarray(ids) if _axes(ids) == 1 else None
        if array is None or array.dtype.kind not in "iu":
            alone = isinstance(ids, (int, np.integer))
            hint = "; a text of ids goes into a list of its own, as in [[4, 20]]" if alone else ""
            message = f"a text must be a string, a list of words or a list of ids, got {short_repr(ids)}{hint}"
            raise ConfigError(message)
        rows = self._size + layout.first_word
        outside = (array < 0) | (array >= rows)
        if outside.any():
            message = (
                f"id {array[int(outside.argmax())]} belongs to no row: with rows "
                f"{layout.rows!r} they go from 0 to {rows - 1}"
            )
            raise ConfigError(message)
        return array.astype(np.int32)

    def _fill(
        self, texts: list[NDArray[np.int32]], length: int | None, layout: Layout
    ) -> NDArray[np.int32]:
        """Cut texts and fill them up to one length."""
        sizes = [len(text) for text in texts]
        wanted = max(sizes, default=0) if length is None else int(length)
        layout.check_lengths(min(sizes, default=wanted), wanted)
        try:
            result = np.full((len(texts), wanted), layout.padding or 0, np.int32)
        except (MemoryError, OverflowError, ValueError) as error:
            message = (
                f"there is no memory for {len(texts)} x {wanted} ids; "
                "give a smaller length, or fewer texts at a time"
            )
            raise ResourceError(message) from error
        for row, text in zip(result, texts, strict=True):
            row[: len(text)] = text[:wanted]
        return result


def check_length(length: object) -> None:
    """Refuse a length of texts that is none.

    Raises:
        ConfigError: it is neither None nor a whole number at least 1.

    """
    if length is not None:
        LENGTH.check("length", length)


def _in_order(texts: Any) -> Iterable[Any]:
    """Return the texts, provided that they are some, in an order.

    Sets have no order, and of mappings and tables Python would go through the names.
    """
    unfit = isinstance(texts, (set, frozenset, Mapping)) or hasattr(texts, "columns")
    if unfit or not isinstance(texts, Iterable) or getattr(texts, "shape", None) == ():
        message = (
            f"expected a text or a sequence of texts, got a {type(texts).__name__}; "
            "give a list, or one column of a table"
        )
        raise ConfigError(message)
    return texts


def _axes(text: Any) -> int | None:
    """Count the axes of an array or of nested lists, None if these are of several lengths."""
    try:
        return np.ndim(text)
    except ValueError:
        return None
