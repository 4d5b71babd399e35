"""The result as an object: words, their vectors, what is near to what, and layers made of it."""

from __future__ import annotations

import copy
import heapq
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.embeddings.encoder import Encoder
from w2v.errors import (
    ConfigError,
    FormatError,
    MissingExtraError,
    UnknownWordError,
    short_repr,
)
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION, Layout
from w2v.options import SWITCH, Option, check_path
from w2v.text.definition import lowercase_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from w2v.embeddings.encoder import Text

_TOPN = Option(int, "Words to give.", low=0)
_MATRIX_AXES = 2
_RARE_SHARE = 10
_MOST_RARE = 1_000


class Embeddings:
    """Words and their vectors; row i of the matrix belongs to word i, the most frequent first.

    Attributes:
        words: the V words.
        matrix: (V, D) float32, C order. Nothing here ever changes it.
        counts: (V,) int64, how often each word occurred, or None if that is not known.
        meta: how the model was made, as plain JSON values.
        unknown: (D,) float32, the vector of words that are not in the vocabulary, or None if
            there is none.
        unk: what ``unknown`` is, one of `w2v.formats.layout.UNKNOWN_VECTORS`, or None.
        rows: the layout (see `w2v.formats.layout`) that `matrix_for`, `encode` and the layers use unless
            told otherwise: that of the file the embeddings were read from, if it records one,
            else ``"pad+unk"``. It says nothing about ``matrix``, which has rows for words only.

    If ``meta["tokenizer"]["lowercase"]`` is true, a word that is not found as it is written is
    looked up in lower case, by every method.

    """

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
        """Check that everything fits together; arrays of the right type are not copied.

        Args:
            words: V words, each one once, none empty.
            matrix: (V, D) of any float type, all finite, V and D at least 1.
            counts: (V,) of any integer type, none negative, or None.
            meta: JSON-able values, or None for none.
            unknown: (D,) of any float type, all finite: the trained vector of unknown words.
            source: the file these come from, to be named by errors.

        Raises:
            FormatError: the first thing that does not fit.

        """
        try:
            self.words = list(words)
            self.matrix = _checked_matrix(matrix, self.words)
            self._rows = _checked_words(self.words)
            self.counts = None if counts is None else _checked_counts(counts, len(self.words))
            self.unknown = None if unknown is None else _checked_unknown(unknown, self.dim)
        except FormatError as error:
            if source is None:
                raise
            message = f"{source}: {error}"
            raise FormatError(message) from error
        self.meta: dict[str, Any] = {} if meta is None else meta
        self.unk = None if unknown is None else "trained"
        self.rows = "pad+unk"
        self._encoder: Encoder | None = None

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
    ) -> Embeddings:
        """Take back what ``matrix_for`` gave; the other arguments are those of the class.

        Args:
            layout: of the rows of ``matrix``.
            words: V words.
            matrix: (V + layout.first_word, D) of any float type.
            counts: as above.
            meta: as above.
            source: as above.

        Raises:
            FormatError: the first thing that does not fit; a row of padding that is not zero, too.

        """
        if matrix.ndim == _MATRIX_AXES and layout.padding is not None and matrix[:1].any():
            message = (
                f"{source}: " if source is not None else ""
            ) + f"row 0 is not zero, but with rows {layout.rows!r} it is padding; is it damaged?"
            raise FormatError(message)
        unknown = None
        if matrix.ndim == _MATRIX_AXES and layout.unknown is not None:
            unknown = matrix[layout.unknown].copy() if len(matrix) > layout.unknown else None
        embeddings = cls(
            words, matrix[layout.first_word :], counts, meta, unknown=unknown, source=source
        )
        embeddings.rows = layout.rows
        embeddings.unk = layout.unknown_vector
        return embeddings

    @property
    def dim(self) -> int:
        """D, the length of a vector."""
        return int(self.matrix.shape[1])

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """(V, D) float32, read-only: the rows scaled to length 1, zero rows left zero.

        Made at first use and kept, so it does not follow later changes of ``matrix``.
        """
        norms = np.sqrt(np.einsum("ij,ij->i", self.matrix, self.matrix, dtype=np.float64))
        norms[norms == 0] = 1
        unit = np.empty_like(self.matrix)
        np.divide(self.matrix, norms[:, None], out=unit, casting="same_kind")
        unit.flags.writeable = False
        return unit

    def __len__(self) -> int:
        """V, the number of words."""
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        """Go through the words by rank."""
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        """Whether the word, or its lower-case form where that counts, has a vector."""
        return isinstance(word, str) and self._find(word) is not None

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """Return the word's vector: (D,) float32, a read-only view of the matrix.

        Raises:
            UnknownWordError: the word is not in the vocabulary.

        """
        row: NDArray[np.float32] = self.matrix[self.id_of(word)]
        row.flags.writeable = False
        return row

    def __repr__(self) -> str:
        """Say how large it is."""
        return f"Embeddings({len(self)} words, dim {self.dim})"

    def id_of(self, word: str) -> int:
        """Return the word's row.

        Raises:
            UnknownWordError: the word is not in the vocabulary; near spellings are named.
            ConfigError: it is no string.

        """
        if not isinstance(word, str):
            message = f"a word must be a string, one at a time, got {short_repr(word)}"
            raise ConfigError(message)
        row = self._find(word)
        if row is not None:
            return row
        message = f"{word!r} is not among the {len(self)} words of this model"
        near = near_spellings(lowercase_word(word) if self._lowers else word, self.words)
        if near:
            message += f"; did you mean {' or '.join(map(repr, near))}?"
        raise UnknownWordError(message)

    def most_similar(
        self, query: str | NDArray[np.floating[Any]], topn: int = 10
    ) -> list[tuple[str, float]]:
        """Return the ``topn`` words (fewer if there are not as many) nearest to ``query``.

        Args:
            query: a word, which is left out of the answer, or a vector (D,).
            topn: how many.

        Returns:
            (word, cosine) by falling cosine, ties by rank. A zero vector has cosine 0 to all.

        Raises:
            UnknownWordError: the word is not in the vocabulary.
            ConfigError: the vector is not D finite numbers, or ``topn`` no whole number at least 0.

        """
        _TOPN.check("topn", topn)
        if isinstance(query, str):
            row = self.id_of(query)
            return self._nearest(self.unit[row], topn, {row})
        try:
            vector = np.asarray(query, dtype=np.float64)
        except (OverflowError, TypeError, ValueError):
            vector = np.asarray(query, dtype=object)
        if vector.dtype == object or vector.shape != (self.dim,) or not np.isfinite(vector).all():
            message = (
                f"a query must be a word or {self.dim} finite numbers, "
                f"got an array of shape {vector.shape}"
            )
            raise ConfigError(message)
        return self._nearest(vector, topn, set())

    def analogy(self, a: str, b: str, c: str, topn: int = 1) -> list[tuple[str, float]]:
        """Answer "a is to b as c is to ?" by 3CosAdd: the words nearest to b - a + c.

        The three vectors are scaled to length 1 first, and the three words are left out of the
        answer (Mikolov, Yih and Zweig 2013, "Linguistic regularities in continuous space word
        representations"; Levy and Goldberg 2014, "Linguistic regularities in sparse and
        explicit word representations", eq. 1 to 3).

        Returns:
            (word, cosine) as ``most_similar`` does.

        Raises:
            UnknownWordError: one of the three is not in the vocabulary.
            ConfigError: one is no string, or ``topn`` no whole number at least 0.

        """
        _TOPN.check("topn", topn)
        rows = [self.id_of(word) for word in (a, b, c)]
        unit_a, unit_b, unit_c = self.unit[rows].astype(np.float64)
        return self._nearest(unit_b - unit_a + unit_c, topn, set(rows))

    def layout(self, rows: str | None = None, unk: str | None = None) -> Layout:
        """Return the layout of these names.

        Args:
            rows: ``"none"``, ``"pad"`` or ``"pad+unk"``; None for that of these embeddings.
            unk: what unknown words get: ``"zeros"``, ``"mean-rare"`` (the mean of the rarest
                tenth of the words, 1,000 at most) or ``"trained"``; None for the vector
                that these embeddings have for them, else zeros.

        Raises:
            ConfigError: there is no such layout, or no vector that was trained.

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
        """Return the matrix of an Embedding layer, a copy.

        Args:
            rows: the layout; see ``layout``.
            unk: what unknown words get; see ``layout``.

        Returns:
            (V + k, D) float32, C order: k rows for padding (zeros) and unknown words, then the
            words by rank. ``encode(..., rows=rows)`` gives the ids that belong to it.

        Raises:
            ConfigError: there is no such layout, or no vector that was trained.

        """
        layout = self.layout(rows, unk)
        matrix = np.zeros((len(self) + layout.first_word, self.dim), np.float32)
        matrix[layout.first_word :] = self.matrix
        if layout.unknown is not None and layout.unknown_vector == self.unk:
            matrix[layout.unknown] = self.unknown
        elif layout.unknown_vector == "mean-rare":
            rare = min(_MOST_RARE, -(-len(self) // _RARE_SHARE))
            matrix[layout.unknown] = self.matrix[-rare:].mean(axis=0, dtype=np.float64)
        return matrix

    def tokenize(self, text: str) -> list[str]:
        """Cut a text into words as the training did.

        Raises:
            ConfigError: it is not recorded how it did, or the text is no string.

        """
        if not isinstance(text, (str, bytes)):
            message = f"a text must be a string, one at a time, got {short_repr(text)}"
            raise ConfigError(message)
        return self.encoder.tokenizer.words(text)

    def encode(
        self,
        texts: Text | Sequence[Text],
        length: int | None = None,
        rows: str | None = None,
    ) -> NDArray[np.int32]:
        """Turn texts into ids: the numbers of the rows of ``matrix_for(rows)``.

        Args:
            texts: one string or a sequence of texts. A text is a string, which is cut into words as
                the training did, or words in a list, or ids, which are checked. So ``["a b"]`` is
                one text in a sequence, and ``[["a", "b"]]`` is too.
            length: how many ids each text gets: longer ones are cut, shorter ones filled up with
                padding, both at the end. None for the longest one's.
            rows: the layout; see ``layout``.

        Returns:
            (length,) int32 for one string, else (samples, length), C order.

        Raises:
            ConfigError: padding is needed but has no row; an id belongs to no row; a string
                cannot be cut into words, for it is not recorded how; or ``texts`` are none.
            UnknownWordError: a word is unknown, and the layout has no row for such.
            ResourceError: there is no memory for so many ids.

        """
        return self.encoder.encode(texts, length, self.layout(rows))

    def keras_layer(
        self,
        *,
        trainable: bool = False,
        rows: str | None = None,
        unk: str | None = None,
        **options: Any,
    ) -> Any:
        """Make a ``keras.layers.Embedding`` of the matrix; padding, if it has a row, is masked.

        Args:
            trainable: whether training a model changes it.
            rows: the layout; see ``layout``.
            unk: what unknown words get; see ``layout``.
            options: further arguments of the layer.

        Raises:
            ConfigError: there is no such layout, or no vector that was trained.
            MissingExtraError: keras is not installed.

        """
        try:
            import keras
        except ModuleNotFoundError as error:
            raise MissingExtraError("a Keras layer", "keras") from error
        matrix = self.matrix_for(rows, unk)
        options.setdefault("mask_zero", self.layout(rows, unk).padding is not None)
        return keras.layers.Embedding(
            *matrix.shape, weights=[matrix], trainable=trainable, **options
        )

    def torch_layer(
        self,
        *,
        trainable: bool = False,
        rows: str | None = None,
        unk: str | None = None,
        **options: Any,
    ) -> Any:
        """Make a ``torch.nn.Embedding`` of the matrix; the row of padding, if any, stays zero.

        Arguments and errors are those of ``keras_layer``.
        """
        try:
            import torch
        except ModuleNotFoundError as error:
            raise MissingExtraError("a PyTorch layer", "torch") from error
        options.setdefault("padding_idx", self.layout(rows, unk).padding)
        return torch.nn.Embedding.from_pretrained(
            torch.from_numpy(self.matrix_for(rows, unk)), freeze=not trainable, **options
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a model folder: rows for words only, and a vector of unknown words if trained.

        Raises:
            OutputError: it cannot be put there; ``overwrite`` replaces a model folder.
            FormatError: a word contains a line end or cannot be written as UTF-8.
            ConfigError: ``path`` is no path, or ``overwrite`` neither True nor False.

        """
        # Imported here because the formats are made of embeddings, not the other way round.
        from w2v.formats import native as model

        check_path("path", path)
        SWITCH.check("overwrite", overwrite)
        model.write(self, path, overwrite=overwrite)

    @property
    def encoder(self) -> Encoder:
        """What `encode` does with one text; it follows changes of ``meta["tokenizer"]``."""
        definition = self.meta.get("tokenizer")
        if self._encoder is None or self._encoder.definition != definition:
            self._encoder = Encoder(self._find, len(self), copy.deepcopy(definition))
        return self._encoder

    @property
    def _lowers(self) -> bool:
        tokenizer = self.meta.get("tokenizer")
        return isinstance(tokenizer, dict) and tokenizer.get("lowercase") is True

    def _find(self, word: str) -> int | None:
        row = self._rows.get(word)
        if row is None and self._lowers:
            row = self._rows.get(lowercase_word(word))
        return row

    def _nearest(
        self, vector: NDArray[Any], topn: int, left_out: set[int]
    ) -> list[tuple[str, float]]:
        """Rank all rows but those left out by their cosine to ``vector``, of any length."""
        norm = np.linalg.norm(vector.astype(np.float64))
        direction = (vector / norm if norm > 0 else np.zeros(self.dim)).astype(np.float32)
        cosines = np.clip(self.unit @ direction, -1, 1)
        order = np.argsort(-cosines, kind="stable")[: topn + len(left_out)].tolist()
        best = [row for row in order if row not in left_out][:topn]
        return [(self.words[row], float(cosines[row])) for row in best]


def near_spellings(
    word: str, words: Sequence[str], limit: int = 3, cutoff: float = 0.65
) -> list[str]:
    """Return up to ``limit`` of ``words`` that look like ``word``, the most alike first.

    difflib's ratio decides (at least ``cutoff``; the earlier word at equal ratio). It is too
    slow for a whole vocabulary, so it sees only the 500 words of about the same length that
    share most pairs of letters with ``word``.
    """
    pairs = ["".join(pair) for pair in pairwise(word)] or [word]
    shared = (
        (sum(pair in other for pair in pairs), -row)
        for row, other in enumerate(words)
        if abs(len(other) - len(word)) <= 2
    )
    candidates = heapq.nlargest(500, (entry for entry in shared if entry[0]))
    matcher = SequenceMatcher(b=word, autojunk=False)
    ranked = []
    for _, negative_row in candidates:
        matcher.set_seq1(words[-negative_row])
        if matcher.quick_ratio() >= cutoff and (ratio := matcher.ratio()) >= cutoff:
            ranked.append((-ratio, -negative_row))
    return [words[row] for _, row in sorted(ranked)[:limit]]


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
    with np.errstate(over="ignore"):  # what overflows is infinite, which is refused next
        array = np.ascontiguousarray(array, dtype=np.float32)
    if not (np.isfinite(array.min()) and np.isfinite(array.max())):
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        message = (
            f"the vector of word {row}, {words[row]!r:.200}, holds NaN or infinity; "
            "every number must be finite in float32"
        )
        raise FormatError(message)
    return array


def _checked_words(words: list[str]) -> dict[str, int]:
    """Map each word to its row, provided that they are words and all different."""
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        if not isinstance(word, str) or not word:
            message = (
                f"word {row} is {word!r:.200}; every word must be a string of 1 character or more"
            )
            raise FormatError(message)
        if rows.setdefault(word, row) != row:
            message = f"{word!r:.200} is both word {rows[word]} and word {row}; words must differ"
            raise FormatError(message)
    return rows


def _checked_unknown(unknown: ArrayLike, dim: int) -> NDArray[np.float32]:
    array = np.asarray(unknown)
    if array.shape != (dim,) or array.dtype.kind != "f":
        message = (
            f"the vector of unknown words must be {dim} floats, "
            f"got shape {array.shape} of {array.dtype}"
        )
        raise FormatError(message)
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(array).all():
        message = "the vector of unknown words holds NaN or infinity; it must be finite in float32"
        raise FormatError(message)
    return array


def _checked_counts(counts: ArrayLike, size: int) -> NDArray[np.int64]:
    array = np.asarray(counts)
    if array.shape != (size,) or not np.can_cast(array.dtype, np.int64) or array.dtype == bool:
        message = (
            f"the counts must be {size} integers, one a word, "
            f"got shape {array.shape} of {array.dtype}"
        )
        raise FormatError(message)
    array = np.ascontiguousarray(array, dtype=np.int64)
    if array.min() < 0:
        row = int(array.argmin())
        message = f"the count of word {row} is {array[row]}; counts cannot be negative"
        raise FormatError(message)
    return array
