"""Words with their vectors: the table that every format reads and writes."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from w2v.errors import ConfigError, FormatError
from w2v.formats import norms
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION, Layout
from w2v.formats.words import encode_vocabulary
from w2v.system.atomic import iter_row_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from w2v.formats.classic.fasttext_bin import Subwords
    from w2v.formats.packed_words import PackedWords

DEFAULT_ROWS = "pad+unk"
"""The layout of tables without one of their own."""

_MATRIX_AXES = 2
_RARE_SHARE = 10
_MAX_RARE = 1_000


class VectorTable:
    """V words and their vectors. Row i of the matrix belongs to word i, the most frequent first.

    Attributes:
        words: the V words.
        matrix: (V, D) float32, C order.
        counts: (V,) int64, the frequency of each word, or None if it is not known.
        meta: how the vectors were made, as plain JSON values.
        unknown: (D,) float32, the vector of out-of-vocabulary words, or None.
        unk: the kind of ``unknown``, one of `w2v.formats.layout.UNKNOWN_VECTORS`, or None.
        subwords: the vectors of other words, from their n-grams, or None; see
            `w2v.formats.classic.fasttext_bin`. They are not copied or saved.
        rows: the name of the default layout (see `w2v.formats.layout`): the layout recorded in
            the file that the table was read from, else ``"pad+unk"``. It does not apply to
            ``matrix``, which has rows for words only.

    """

    subwords: Subwords | None = None
    _packed: PackedWords | None = None  # the words, if they were not decoded when they were read

    def __init__(
        self,
        words: Sequence[str],
        matrix: ArrayLike,
        counts: ArrayLike | None = None,
        meta: dict[str, Any] | None = None,
        *,
        unknown: ArrayLike | None = None,
        source: str | Path | None = None,
    ) -> None:
        """Check the parts and that they fit together. Arrays of the right type are not copied.

        Args:
            words: V distinct, non-empty words.
            matrix: (V, D) of any float type, all finite; V and D are at least 1.
            counts: (V,) of any integer type, none negative, or None.
            meta: plain JSON values, or None.
            unknown: (D,) of any float type, all finite: the trained vector of out-of-vocabulary
                words, or None.
            source: the file that the parts were read from, for error messages.

        Raises:
            FormatError: a part is invalid.

        """
        try:
            self.words = list(words)
            self.matrix = _checked_matrix(matrix, self.words)
            self._row_of = _checked_words(self.words)
            self.counts = None if counts is None else _checked_counts(counts, len(self.words))
            self.unknown = None if unknown is None else _checked_unknown(unknown, self.dim)
        except FormatError as error:
            if source is None:
                raise
            message = f"{source}: {error}"
            raise FormatError(message) from error
        self.meta: dict[str, Any] = {} if meta is None else meta
        self.unk = None if unknown is None else "trained"
        self.rows = DEFAULT_ROWS

    @classmethod
    def from_rows(
        cls,
        layout: Layout,
        words: Sequence[str],
        matrix: NDArray[np.float32],
        counts: ArrayLike | None = None,
        meta: dict[str, Any] | None = None,
        *,
        source: str | Path | None = None,
    ) -> Self:
        """Make a table from the matrix of an Embedding layer, the inverse of ``matrix_for``.

        Args:
            layout: the layout of the rows of ``matrix``.
            words: V words.
            matrix: (V + layout.first_word, D) of any float type.
            counts: (V,) of any integer type, or None.
            meta: plain JSON values, or None.
            source: the file that the parts were read from, for error messages.

        Raises:
            FormatError: a part is invalid, or the padding row is not zero.

        """
        is_matrix = matrix.ndim == _MATRIX_AXES
        if is_matrix and layout.padding is not None and matrix[:1].any():
            where = "" if source is None else f"{source}: "
            message = (
                f"{where}row 0 must be zero, because it is the padding row of the layout "
                f"{layout.name!r}; the file is damaged"
            )
            raise FormatError(message)
        unknown = None
        if is_matrix and layout.unknown is not None and len(matrix) > layout.unknown:
            unknown = matrix[layout.unknown].copy()
        table = cls(
            words, matrix[layout.first_word :], counts, meta, unknown=unknown, source=source
        )
        table.rows = layout.name
        table.unk = layout.unknown_vector
        return table

    @classmethod
    def from_checked(
        cls,
        packed: PackedWords,
        matrix: NDArray[np.float32],
        lengths: NDArray[np.float64],
        counts: NDArray[np.int64] | None,
        meta: dict[str, Any],
        unknown: NDArray[np.float32] | None,
    ) -> Self:
        """Make a table of parts that were checked when they were read before.

        Args:
            packed: V words, which are decoded when they are needed.
            matrix: (V, D), finite, C order.
            lengths: (V,), those of its rows.
            counts: (V,), or None.
            meta: plain JSON values.
            unknown: (D,), or None.

        Raises:
            FormatError: ``counts`` or ``unknown`` are invalid.

        """
        table = cls.__new__(cls)
        table.matrix, table.meta, table.rows = matrix, meta, DEFAULT_ROWS
        table._packed, table._norms = packed, lengths
        table.counts = None if counts is None else _checked_counts(counts, len(matrix))
        table.unknown = None if unknown is None else _checked_unknown(unknown, table.dim)
        table.unk = None if unknown is None else "trained"
        return table

    @cached_property
    def words(self) -> list[str]:
        """The V words."""
        assert self._packed is not None  # else they are set
        return self._packed.to_list()

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    def row_of(self, word: str) -> int | None:
        """Return the row of a word as it is written, or None if there is none."""
        packed = self._packed
        if packed is None or packed.should_use_dict or "_row_of" in vars(self):
            return self._row_of.get(word)
        return packed.find(word)

    def encode_vocabulary(self) -> bytes:
        """Return all words in UTF-8, each followed by LF.

        Raises:
            FormatError: a word contains LF or cannot be written as UTF-8.

        """
        if self._packed is None or "words" in vars(self):
            return encode_vocabulary(self.words)
        return self._packed.data

    def word_of(self, row: int) -> str:
        """Return the word of a row, which is not negative."""
        if self._packed is None or "words" in vars(self):
            return self.words[row]
        return self._packed[row]

    @cached_property
    def _norms(self) -> NDArray[np.float64]:
        """(V,) float64: the lengths of the vectors."""
        return norms.norms_of(self.matrix)

    def head(self, size: int) -> Self:
        """Return the table of the first words."""
        return self.with_words(self.words, without=range(size, len(self)))

    def with_words(self, words: Sequence[str], *, without: Sequence[int] = ()) -> Self:
        """Return the table with other words for the same rows.

        Args:
            words: V words.
            without: rows to leave out.

        """
        kept = np.ones(len(self), bool)
        kept[list(without)] = False
        rows: Any = np.flatnonzero(kept)
        if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
            rows = slice(rows[0], rows[-1] + 1)  # so that the matrix is not copied
        table = type(self)(
            list(itertools.compress(words, kept.tolist())),
            self.matrix[rows],
            None if self.counts is None else self.counts[rows],
            self.meta,
            unknown=self.unknown,
        )
        table.unk, table.rows, table.subwords = self.unk, self.rows, self.subwords
        return table

    def __len__(self) -> int:
        """Return V, the number of words."""
        return len(self.matrix)

    @property
    def dim(self) -> int:
        """D, the length of a vector."""
        return int(self.matrix.shape[1])

    def largest_number(self) -> float:
        """Return the greatest absolute value in the matrix."""
        return max(float(np.abs(rows).max()) for rows in iter_row_chunks(self.matrix))

    def layout(self, rows: str | None = None, unk: str | None = None) -> Layout:
        """Return a layout of the rows of an Embedding layer.

        Args:
            rows: ``"none"``, ``"pad"`` or ``"pad+unk"``; None for the default, ``self.rows``.
            unk: the vector of out-of-vocabulary words: ``"zeros"``, ``"mean-rare"`` (the mean of
                the rarest tenth of the words, at most 1,000) or ``"trained"``; None for the
                vector in ``self.unknown``, or zeros if there is none.

        Raises:
            ConfigError: a name is invalid, the layout has no row for out-of-vocabulary words, or
                there is no trained vector.

        """
        rows = self.rows if rows is None else rows
        ROWS_OPTION.check("rows", rows)
        if unk is not None:
            UNK_OPTION.check("unk", unk)
        if rows == "pad+unk" and unk is None:
            unk = self.unk or "zeros"
        if unk == "trained" and self.unk != "trained":
            message = (
                "must not be 'trained', because these embeddings have no trained vector for "
                "unknown words; train with `train_unk=True`, or use `unk='zeros'` or "
                "`unk='mean-rare'`"
            )
            raise ConfigError(message, option="unk")
        return Layout(rows, unk)

    def matrix_for(self, rows: str | None = None, unk: str | None = None) -> NDArray[np.float32]:
        """Return the matrix of an Embedding layer, as a copy.

        Args:
            rows: the name of the layout, as in ``layout``.
            unk: the vector of out-of-vocabulary words, as in ``layout``.

        Returns:
            (V + k, D) float32, C order: k rows for padding (zeros) and out-of-vocabulary words,
            then the words by rank. ``encode(..., rows=rows)`` returns the ids of these rows.

        Raises:
            ConfigError: the layout is invalid, or there is no trained vector.

        """
        layout = self.layout(rows, unk)
        matrix = np.empty((len(self) + layout.first_word, self.dim), np.float32)
        matrix[: layout.first_word] = self._special_rows(layout)
        matrix[layout.first_word :] = self.matrix
        return matrix

    def iter_rows(self, layout: Layout, dtype: str = "float32") -> Iterator[NDArray[np.floating]]:
        """Yield the rows of ``matrix_for`` in chunks, without a copy of the whole.

        Args:
            layout: the layout of the rows.
            dtype: the type of the numbers, one of `w2v.formats.reading.DTYPES`.

        Raises:
            FormatError: a number is too large for the type.

        """
        if layout.first_word:
            yield _as_type(self._special_rows(layout), dtype)
        for rows in iter_row_chunks(self.matrix):
            yield _as_type(rows, dtype)

    def _special_rows(self, layout: Layout) -> NDArray[np.float32]:
        """Return the rows before those of the words."""
        special = np.zeros((layout.first_word, self.dim), np.float32)
        if layout.unknown is not None and layout.unknown_vector == self.unk:
            special[layout.unknown] = self.unknown
        elif layout.unknown_vector == "mean-rare":
            rare = min(_MAX_RARE, -(-len(self) // _RARE_SHARE))
            special[layout.unknown] = self.matrix[-rare:].mean(axis=0, dtype=np.float64)
        return special


def _checked_matrix(matrix: ArrayLike, words: list[str]) -> NDArray[np.float32]:
    array = np.asarray(matrix)
    if array.ndim != _MATRIX_AXES or array.dtype.kind != "f":
        message = (
            "the matrix must be a table of floats, words x dimensions, "
            f"got shape {array.shape} of {array.dtype}"
        )
        raise FormatError(message)
    if 0 in array.shape or len(words) != len(array):
        message = (
            "the matrix must have a row for each word and at least one row and one column, "
            f"got {len(array)} rows and {array.shape[1]} columns for {len(words)} words"
        )
        raise FormatError(message)
    array = _as_float32(array)
    # NaN and infinity survive in the sum, which needs no temporary array of V x D. It may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        is_finite = np.isfinite(array.sum())
    if not is_finite and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        message = (
            f"vectors must be finite in float32, but that of word {row}, {words[row]!r:.200}, "
            "contains NaN or infinity"
        )
        raise FormatError(message)
    return array


def _as_type(rows: NDArray[np.float32], dtype: str) -> NDArray[np.floating]:
    """Return rows in a type of numbers, in little-endian order.

    Raises:
        FormatError: a number is too large for it.

    """
    kind = np.dtype(dtype).newbyteorder("<")
    with np.errstate(over="ignore", under="ignore"):
        converted = rows.astype(kind, copy=False)
    if kind.itemsize < rows.itemsize and not np.isfinite(converted).all():
        message = (
            f"{dtype} holds numbers up to {float(np.finfo(kind).max):,.0f}, but the vectors have "
            f"one of {float(np.abs(rows).max()):,.6g}; use `dtype='float32'`"
        )
        raise FormatError(message)
    return converted


def _checked_words(words: list[str]) -> dict[str, int]:
    """Map each word to its row, provided that the words are valid and distinct."""
    row_of: dict[str, int] = {}
    for row, word in enumerate(words):
        if not isinstance(word, str) or not word:
            message = f"word {row} must be a non-empty string, got {word!r:.200}"
            raise FormatError(message)
        if row_of.setdefault(word, row) != row:
            message = (
                f"words must be distinct, but words {row_of[word]} and {row} are {word!r:.200}"
            )
            raise FormatError(message)
    return row_of


def _checked_unknown(unknown: ArrayLike, dim: int) -> NDArray[np.float32]:
    array = np.asarray(unknown)
    if array.shape != (dim,) or array.dtype.kind != "f":
        message = (
            f"the vector of unknown words must be {dim} floats, "
            f"got shape {array.shape} of {array.dtype}"
        )
        raise FormatError(message)
    array = _as_float32(array)
    if not np.isfinite(array).all():
        message = (
            "the vector of unknown words contains NaN or infinity; it must be finite in float32"
        )
        raise FormatError(message)
    return array


def _as_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32 in C order, not copied where possible; too large numbers become infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def _checked_counts(counts: ArrayLike, size: int) -> NDArray[np.int64]:
    array = np.asarray(counts)
    if array.shape != (size,) or not np.can_cast(array.dtype, np.int64) or array.dtype == bool:
        message = (
            f"the counts must be {size} integers, one per word, "
            f"got shape {array.shape} of {array.dtype}"
        )
        raise FormatError(message)
    array = np.ascontiguousarray(array, dtype=np.int64)
    if array.min() < 0:
        row = int(array.argmin())
        message = f"counts must not be negative, but the count of word {row} is {array[row]}"
        raise FormatError(message)
    return array
