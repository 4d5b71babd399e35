"""Embeddings: look up words, compare them, encode texts, and make Embedding layers."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from w2v.embeddings import exchange, layers, queries, search
from w2v.embeddings.encoder import Encoder
from w2v.embeddings.given_words import GivenWords, matrix_of_words
from w2v.embeddings.spelling import near_spellings
from w2v.errors import ConfigError, FormatError, UnknownWordError, short_repr
from w2v.events import Notice
from w2v.formats import native, registry
from w2v.formats.layout import LAYOUTS, ROWS_OPTION, Layout
from w2v.formats.norms import norms_of, unit_rows
from w2v.formats.special_rows import with_special_rows
from w2v.formats.table import DEFAULT_ROWS, VectorTable
from w2v.options import ID_TYPE, PADDING, SWITCH, Option, is_ordered_iterable
from w2v.progress import check_reporting, reporting
from w2v.text.definition import WordDefinition
from w2v.text.normal import comparable_form, is_normal, normal_form
from w2v.text.phrases import BLANK, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.embeddings.encoder import Text
    from w2v.views.map import MapPage

_MOVED_PADDING = (
    "training has moved the padding row of the layer; it is zero again in the embeddings. Mask the "
    "padding in training, so that it has no effect"
)
_CACHES = {"_encoder", "_norms", "_rows_by_normal_form", "unit"}
_NOT_PICKLED = _CACHES | {"subwords", "_packed"}  # which belong to a file
_TOPN = Option(int, "Number of words to return.", low=0)
_RESTRICT = Option(int, "Number of words to look among.", low=1)
_LEAST_WORDS = 2
_SHOWN_NEIGHBOURS = 6  # in a notebook
_SHOWN_AMONG = 50_000  # words, so that large models are shown at once


class Embeddings(VectorTable):
    """Words and their vectors. Row i of the matrix belongs to word i, the most frequent first.

    Every method looks up a word as written first. Then it looks for the same word in normalization
    form C, in which a letter with an accent is one character; as the recorded tokenizer would write
    it; and if ``meta["tokenizer"]["lowercase"]`` is true, in lower case.

    Attributes:
        words: the V words.
        matrix: (V, D) float32, C order. No method changes it.
        counts: (V,) int64, the frequency of each word, or None if it is not known.
        meta: how the vectors were made, as plain JSON values.
        unknown: (D,) float32, the vector of out-of-vocabulary words, or None.
        unk: the kind of ``unknown``, one of `w2v.formats.layout.UNKNOWN_VECTORS`, or None.
        rows: the name of the default layout (see `w2v.formats.layout`) of `matrix_for`, `encode`
            and the layers: the layout recorded in the file that was loaded, else ``"pad+unk"``.
            It does not apply to ``matrix``, which has rows for words only.

    """

    _encoder: Encoder | None = None

    @classmethod
    def from_table(cls, table: VectorTable) -> Self:
        """Return embeddings that share the arrays of a table, without checking them again."""
        embeddings = cls.__new__(cls)
        vars(embeddings).update(vars(table))
        return embeddings

    @classmethod
    def from_layer(
        cls, layer: Any, words: Sequence[str] | VectorTable, rows: str | None = None
    ) -> Self:
        """Make embeddings from an Embedding layer, with the vectors that it has learned.

        Args:
            layer: a layer of Keras or PyTorch, such as one that `keras_layer` or `torch_layer`
                made. Its vectors are copied.
            words: the V words in the order of their rows; or the embeddings that the layer was made
                from, whose counts and ``meta`` are copied, so that ``encode`` works as before.
            rows: the name of the layout of its rows, as in ``layout``.

        Returns:
            Embeddings whose unknown vector, if the layout has a row for it, is ``"trained"``. If
            training has moved the padding row, this is logged, and the row is zero again.

        Raises:
            ConfigError: this is no such layer, or the layout is invalid.
            FormatError: the layer has another number of rows, or a word or vector is invalid.

        """
        matrix = layers.matrix_of(layer)
        known = words if isinstance(words, VectorTable) else None
        names = words.words if isinstance(words, VectorTable) else list(words)
        rows = (DEFAULT_ROWS if known is None else known.rows) if rows is None else rows
        ROWS_OPTION.check("rows", rows)
        layout = Layout(rows, "trained" if rows == "pad+unk" else None)
        _check_rows(len(matrix), len(names), layout)
        with reporting() as observer:
            if layout.padding is not None and matrix[layout.padding].any():
                matrix[layout.padding] = 0
                observer(Notice(_MOVED_PADDING))
        counts, meta = (None, None) if known is None else (known.counts, copy.deepcopy(known.meta))
        return cls.from_rows(layout, names, matrix, counts, meta)

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """(V, D) float32, read-only: the rows scaled to length 1. Zero rows stay zero.

        Other libraries that need to write to it, or warn that they cannot, such as
        ``torch.from_numpy``, take ``normalized().matrix`` or a copy.
        Computed at first use and cached, so it does not follow later changes of ``matrix``.
        """
        unit = unit_rows(self.matrix, self._norms, np.float32)
        unit.flags.writeable = False
        return unit

    def _unit_rows(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """Return some vectors, scaled to length 1; zero vectors stay zero."""
        vectors = self.matrix[list(rows)]
        return unit_rows(vectors, norms_of(vectors), np.float64)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: everything but what can be computed again."""
        state = {"words": self.words, "_row_of": self._row_of} | vars(self)
        return {name: value for name, value in state.items() if name not in _NOT_PICKLED}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the words by rank."""
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        """Return whether the word is in the vocabulary."""
        return isinstance(word, str) and self._find(word) is not None

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """Return the vector of a word: (D,) float32, a copy.

        Raises:
            UnknownWordError: the word is not in the vocabulary.

        """
        row: NDArray[np.float32] = self.matrix[self.id_of(word)].copy()
        return row

    def __repr__(self) -> str:
        """Return the number of words and the vector size."""
        return f"Embeddings({len(self)} words, dim {self.dim})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: size, corpus, options, and neighbours of a few words."""
        from w2v.views.summary import example_rows, summary_html

        examples = [self.words[row] for row in example_rows(len(self))]
        nearest = [
            (word, self.most_similar(word, _SHOWN_NEIGHBOURS, restrict=_SHOWN_AMONG))
            for word in examples
        ]
        return summary_html(len(self), self.dim, self.meta, nearest)

    def id_of(self, word: str) -> int:
        """Return the row of a word.

        Raises:
            UnknownWordError: the word is not in the vocabulary. The message suggests near
                spellings.
            ConfigError: ``word`` is not a string.

        """
        if not isinstance(word, str):
            message = f"a word must be a single string, got {short_repr(word)}"
            raise ConfigError(message)
        row = self._find(word)
        if row is not None:
            return row
        message = f"{word!r} is not among the {len(self)} words of this model"
        definition = self._definition
        reason = None if definition is None else definition.why_impossible(word)
        near = near_spellings(self._forms(word)[-1], self.words)
        if reason is not None:
            message += f": {reason}"
        elif near:
            message += f"; did you mean {' or '.join(map(repr, near))}?"
        raise UnknownWordError(message)

    def get(self, word: str, default: Any = None) -> Any:
        """Return the vector of a word, (D,) float32, or a default if it is not in the vocabulary.

        Raises:
            ConfigError: ``word`` is not a string.

        """
        return self[word] if word in self or not isinstance(word, str) else default

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of the vectors of two words, from -1 to 1; 0 if one is zero.

        Raises:
            UnknownWordError: a word is not in the vocabulary.
            ConfigError: a word is not a string.

        """
        rows = [self.id_of(word) for word in (a, b)]
        return queries.cosine(*self.matrix[rows])

    def most_similar(
        self,
        query: str | Sequence[str] | NDArray[np.floating[Any]] | None = None,
        topn: int = 10,
        *,
        positive: str | Sequence[str] = (),
        negative: str | Sequence[str] = (),
        restrict: int | None = None,
    ) -> list[tuple[str, float]]:
        """Return the words nearest to ``query``.

        With several words, these are the words nearest to the sum of their unit vectors, minus
        those of ``negative``.

        Args:
            query: a word, or several; or a vector (D,). Words are excluded from the result.
            topn: the number of words; fewer if the vocabulary is smaller.
            positive: further words to add.
            negative: words to subtract, which are excluded from the result too.
            restrict: look among this many words only, from the first one.

        Returns:
            (word, cosine) by decreasing cosine, ties by rank. A zero vector has cosine 0 with
            every word.

        Raises:
            UnknownWordError: a word is not in the vocabulary.
            ConfigError: the vector is not D finite numbers, nothing is asked for, ``topn`` is not
                an integer of at least 0, or ``restrict`` not one of at least 1.

        """
        topn = _TOPN.check("topn", topn)
        if restrict is not None:
            restrict = _RESTRICT.check("restrict", restrict)
        added = [*queries.as_words(query), *queries.as_words(positive)]
        removed = queries.as_words(negative)
        vector = queries.as_vector(query, self.dim)
        if vector is not None and (added or removed):
            message = "a vector as the query cannot be combined with words; pass one of them"
            raise ConfigError(message)
        if vector is not None:
            return self._nearest(vector, topn, set(), restrict)
        if not added and not removed:
            message = "pass a word, several words or a vector to find the nearest words of"
            raise ConfigError(message)
        rows = [self.id_of(word) for word in (*added, *removed)]
        if len(rows) == 1 and added:
            return self._nearest(self.matrix[rows[0]], topn, set(rows), restrict)
        signs = np.repeat([1.0, -1.0], [len(added), len(removed)])
        return self._nearest(signs @ self._unit_rows(rows), topn, set(rows), restrict)

    def neighbours(
        self, words: Sequence[str] | None = None, topn: int = 10
    ) -> list[list[tuple[str, float]]]:
        """Return the words nearest to each of many words, much faster than one by one.

        Args:
            words: the words; None for all words of the model.
            topn: the number of neighbours of each; fewer if the vocabulary is smaller.

        Returns:
            For each word (word, cosine) as ``most_similar(word, topn)``, without the word itself.

        Raises:
            UnknownWordError: a word is not in the vocabulary.
            ConfigError: ``words`` is not a sequence of words, or ``topn`` is not an integer of at
                least 0.

        """
        from w2v.views.neighbours import nearest_words  # which loads the compiler

        topn = _TOPN.check("topn", topn)
        if words is None:
            rows = np.arange(len(self))
        else:
            if isinstance(words, str) or not is_ordered_iterable(words):
                message = f"must be a sequence of words, got {short_repr(words)}"
                raise ConfigError(message, option="words")
            rows = np.array([self.id_of(word) for word in words], np.int64)
        found = nearest_words(self.matrix, norms_of(self.matrix), rows, topn)
        return [
            [(self.word_of(row), cosine) for row, cosine in zip(ids, cosines, strict=True)]
            for ids, cosines in zip(found.ids.tolist(), found.cosines.tolist(), strict=True)
        ]

    def doesnt_match(self, words: Sequence[str]) -> str:
        """Return the word that fits least to the others, the first of `odd_one_out`.

        Raises:
            UnknownWordError: a word is not in the vocabulary.
            ConfigError: these are not at least two words.

        """
        return self.odd_one_out(words)[0][0]

    def odd_one_out(self, words: Sequence[str]) -> list[tuple[str, float]]:
        """Return how well each word fits to the others, the odd one first.

        Returns:
            (word, cosine of its vector with the mean of all), each vector scaled to length 1; by
            increasing cosine, ties by order. The cosine is 0 where a vector or the mean is zero.

        Raises:
            UnknownWordError: a word is not in the vocabulary.
            ConfigError: these are not at least two words.

        """
        given = queries.as_words(words)
        if len(given) < _LEAST_WORDS:
            message = f"expected at least {_LEAST_WORDS} words, got {short_repr(words)}"
            raise ConfigError(message)
        unit = self._unit_rows([self.id_of(word) for word in given])
        mean = unit.mean(axis=0)
        fits = np.clip(unit @ mean / (np.linalg.norm(mean) or 1.0), -1, 1)
        order = np.argsort(fits, kind="stable")
        return [(given[i], float(fits[i])) for i in order]

    def analogy(self, a: str, b: str, c: str, topn: int = 1) -> list[tuple[str, float]]:
        """Answer "a is to b as c is to ?" by 3CosAdd: the words nearest to b - a + c.

        The three vectors are scaled to length 1 first, and the three words are excluded from the
        result (Mikolov, Yih and Zweig 2013, "Linguistic regularities in continuous space word
        representations"; Levy and Goldberg 2014, "Linguistic regularities in sparse and
        explicit word representations", eq. 1 to 3).

        Returns:
            (word, cosine), ordered as in ``most_similar``.

        Raises:
            UnknownWordError: one of the three words is not in the vocabulary.
            ConfigError: one is not a string, or ``topn`` is not an integer of at least 0.

        """
        topn = _TOPN.check("topn", topn)
        rows = [self.id_of(word) for word in (a, b, c)]
        unit_a, unit_b, unit_c = self._unit_rows(rows)
        return self._nearest(unit_b - unit_a + unit_c, topn, set(rows))

    def tokenize(self, text: str) -> list[str]:
        """Split a text into words, as in training.

        Raises:
            ConfigError: the tokenizer is not recorded, or ``text`` is not a string.

        """
        if not isinstance(text, (str, bytes)):
            message = f"a text must be a single string, got {short_repr(text)}"
            raise ConfigError(message)
        encoder = self.encoder
        with reporting() as observer:
            return encoder.prepare(observer).words(text)

    def encode(
        self,
        texts: Text | Sequence[Text],
        length: int | None = None,
        rows: str | None = None,
        *,
        padding: str = "post",
        dtype: str = "int32",
        progress: bool | None = None,
    ) -> NDArray[np.int32] | NDArray[np.int64]:
        """Convert texts to ids, which are rows of ``matrix_for(rows)``.

        Args:
            texts: one string, or a sequence of texts. Each text is a string, which is tokenized
                as in training, a list of words, or a list of ids, which are checked. So
                ``["a b"]`` and ``[["a", "b"]]`` are both a sequence of one text.
            length: the number of ids per text. Longer texts are truncated and shorter ones
                padded, both at the end. None for the length of the longest text.
            rows: the name of the layout, as in ``layout``.
            padding: ``"post"``, or ``"pre"`` to pad in front of the texts.
            dtype: of the ids: ``"int32"``, or ``"int64"``, which some layers of PyTorch need.
            progress: whether to show a progress bar if this takes long, see `w2v.train`.

        Returns:
            (length,) of ``dtype`` for one string, else (texts, length), C order.

        Raises:
            ConfigError: padding is needed but the layout has no padding row, an id is out of
                range, the tokenizer is not recorded, or ``texts`` is not a sequence of texts.
            UnknownWordError: a word is out of vocabulary, and the layout has no row for it.
            ResourceError: there is too little memory for the ids.

        """
        layout = self.layout(rows)
        check_reporting(progress=progress)
        PADDING.check("padding", padding)
        ID_TYPE.check("dtype", dtype)
        in_front = padding == "pre"
        with reporting(progress=progress) as observer:
            ids = self.encoder.encode(texts, length, layout, observer, in_front=in_front)
        return ids.astype(np.int64) if dtype == "int64" else ids

    def keras_layer(
        self,
        *,
        trainable: bool = False,
        rows: str | None = None,
        unk: str | None = None,
        **options: Any,
    ) -> Any:
        """Make a ``keras.layers.Embedding``. It masks padding, if the layout has a row for it.

        Args:
            trainable: whether training updates the vectors.
            rows: the name of the layout, as in ``layout``.
            unk: the vector of out-of-vocabulary words, as in ``layout``.
            options: further arguments of the layer.

        Raises:
            ConfigError: the layout is invalid, there is no trained vector, or an option contradicts
                the layout: ``mask_zero`` without a padding row would mask a word.
            MissingExtraError: keras is not installed.

        """
        matrix, layout = self.matrix_for(rows, unk), self.layout(rows, unk)
        return layers.keras_layer(matrix, layout, trainable=trainable, **options)

    def torch_layer(
        self,
        *,
        trainable: bool = False,
        rows: str | None = None,
        unk: str | None = None,
        **options: Any,
    ) -> Any:
        """Make a ``torch.nn.Embedding``. Its padding row, if any, stays zero.

        Args:
            trainable: whether training updates the vectors.
            rows: the name of the layout, as in ``layout``.
            unk: the vector of out-of-vocabulary words, as in ``layout``.
            options: further arguments of the layer.

        Raises:
            ConfigError: the layout is invalid, there is no trained vector, or an option contradicts
                the layout: ``padding_idx`` would keep the vector of a word from being trained.
            MissingExtraError: torch is not installed.

        """
        matrix, layout = self.matrix_for(rows, unk), self.layout(rows, unk)
        return layers.torch_layer(matrix, layout, trainable=trainable, **options)

    def plot(self, words: Sequence[str], ax: Any = None) -> Any:
        """Draw some words at the first two principal components of their unit vectors.

        A notebook shows the figure below the cell; elsewhere, call ``matplotlib.pyplot.show()``.
        For thousands of words, see `map`.

        Args:
            words: the words, each of which is drawn once.
            ax: the ``matplotlib.axes.Axes`` to draw on; None for a new figure.

        Returns:
            The axes.

        Raises:
            UnknownWordError: a word is not in the vocabulary.
            ConfigError: ``words`` is no sequence of words, or empty.
            MissingExtraError: matplotlib is not installed.

        """
        from w2v.views import figures
        from w2v.views.scatter import draw_words

        if isinstance(words, str) or not is_ordered_iterable(words):
            message = f"must be a sequence of words, got {short_repr(words)}"
            raise ConfigError(message, option="words")
        rows = list(dict.fromkeys(self.id_of(word) for word in words))
        if not rows:
            message = "must be a sequence of words, got none"
            raise ConfigError(message, option="words")
        figures.require_matplotlib("Embeddings.plot")
        if ax is None:
            from matplotlib import pyplot as plt

            ax = plt.subplots(figsize=(6, 5), layout="constrained")[1]
        draw_words([self.words[row] for row in rows], self._unit_rows(rows), ax)
        return ax

    def map(
        self,
        words: int = 5000,
        layout: str = "tsne",
        *,
        title: str | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> MapPage:
        """Draw the most frequent words as a map, which a notebook shows in the cell.

        ``model.map().save("map.html")`` writes it as one page that needs no network.

        Args:
            words: the number of words on the map; all if there are fewer.
            layout: how words get their places: ``"tsne"``; ``"umap"``, with the extra ``umap``; or
                ``"pca"``.
            title: the title of the page.
            threads: the number of threads; None for all cores. The result does not depend on it.
            progress: whether to show a progress bar if this takes long, see `w2v.train`.

        Raises:
            ConfigError: an argument is invalid.
            MissingExtraError: the layout needs a package that is not installed.

        """
        from w2v.views.map import map_page  # loads the compiler

        return map_page(self, words, layout, title=title, threads=threads, progress=progress)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a model directory, or a file if the name has the extension of a format.

        A model directory holds everything: rows for words only, the counts, ``meta`` and the
        trained unknown vector, if any. A file such as ``kjv.txt`` or ``kjv.bin`` holds what its
        format can hold; see "File formats" in the documentation.

        Args:
            path: the directory or file to create.
            overwrite: whether to replace an existing model directory or file.

        Raises:
            OutputError: it cannot be written.
            FormatError: a word cannot be written in the format.
            MissingExtraError: the format needs a package that is not installed.
            ConfigError: ``path`` is not a path, or has the extension of a file that cannot be
                written; or ``overwrite`` is not a bool.

        """
        entry = registry.output_format("path", path)
        overwrite = SWITCH.check("overwrite", overwrite)
        if entry is None:
            native.write(self, path, overwrite=overwrite)
        else:
            entry.write(self, path, overwrite=overwrite)

    def export(
        self,
        path: str | Path,
        format: str | None = None,  # noqa: A002 - the usual name
        *,
        rows: str | None = None,
        unk: str | None = None,
        dtype: str = "float32",
        overwrite: bool = False,
        on_bad_word: str = "fail",
    ) -> None:
        """Write a file or directory in a format that other programs read.

        Args:
            path: the file or directory to create.
            format: the name of the format, as ``w2v formats`` lists them; by default, it follows
                from the extension.
            rows: the name of the layout, as in ``layout``, for formats that have layouts.
            unk: the vector of out-of-vocabulary words, as in ``layout``.
            dtype: the type of the numbers: ``"float32"``; or ``"float16"``, for the formats npy,
                safetensors and hf.
            overwrite: whether to replace an existing file, or directory of the same format.
            on_bad_word: what to do about words that the format cannot hold: ``"fail"``,
                ``"skip"``, or ``"replace"``, which puts underscores in place of the characters.

        Raises:
            ConfigError: an argument is invalid, or the extension is that of no format.
            OutputError: it cannot be written.
            FormatError: a word cannot be written in the format.
            MissingExtraError: the format needs a package that is not installed.

        """
        entry = registry.by_name_or_extension(path, format)
        with reporting() as observer:
            entry.write(
                self,
                path,
                rows=rows,
                unk=unk,
                dtype=dtype,
                overwrite=overwrite,
                on_bad_word=on_bad_word,
                observer=observer,
            )

    def normalized(self) -> Self:
        """Return the same words with vectors of length 1; zero vectors stay zero."""
        copied = copy.copy(self)
        copied.matrix = self.unit.copy()
        copied.unknown = None if self.unknown is None else queries.unit_of(self.unknown)
        for name in _CACHES & vars(copied).keys():
            del vars(copied)[name]
        return copied

    def to_gensim(self) -> Any:
        """Return ``gensim.models.KeyedVectors`` with the words, the vectors and the counts.

        Raises:
            MissingExtraError: gensim is not installed.

        """
        return exchange.to_gensim(self)

    @classmethod
    def from_gensim(cls, model: Any) -> Self:
        """Make embeddings of a model of gensim, or of its ``KeyedVectors``. Vectors are copied.

        Raises:
            ConfigError: ``model`` is neither.

        """
        return cls(*exchange.from_gensim(model))

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame`` of (V, D) float32, whose index is the words.

        Raises:
            MissingExtraError: pandas is not installed.

        """
        return exchange.to_pandas(self)

    def matrix_for(
        self,
        rows: str | None = None,
        unk: str | None = None,
        *,
        words: GivenWords | None = None,
        missing: str = "zeros",
        lowercase: bool = False,
        seed: int = 1,
        special_rows: bool = False,
    ) -> NDArray[np.float32]:
        """Return the matrix of an Embedding layer, as a copy.

        Args:
            rows: the name of the layout, as in ``layout``.
            unk: the vector of out-of-vocabulary words, as in ``layout``.
            words: the vocabulary of another program, instead of a layout: words in the order of
                their rows, such as ``get_vocabulary()`` of Keras; or the row of each word, such as
                ``word_index`` or ``get_vocab()`` of a tokenizer. A report of how many have a vector
                is logged.
            missing: the rows of ``words`` without a vector: ``"zeros"``; ``"normal"``, random
                numbers with the mean and the standard deviation of the vectors; or ``"mean"``, the
                mean of the vectors. Padding (``""``, ``"<pad>"``, ``"[PAD]"``) is zero.
            lowercase: whether to look up ``words`` in lowercase that are not found otherwise.
            seed: of random numbers.
            special_rows: whether rows that the embeddings have for ``<unk>``, ``[PAD]`` and the
                like are those of the layout, and not words; or with ``words``, those of any such
                name.

        Returns:
            (V + k, D) float32, C order: k rows for padding (zeros) and out-of-vocabulary words,
            then the words by rank. ``encode(..., rows=rows)`` returns the ids of these rows. With
            ``words``, (n, D): a row for each word.

        Raises:
            ConfigError: the layout is invalid, there is no trained vector, or ``words`` are not
                words, or none of them has a vector; or there are no special rows.

        """
        special_rows = SWITCH.check("special_rows", special_rows)
        if words is None and special_rows:
            with reporting() as observer:
                return with_special_rows(self, observer).matrix_for(rows, unk)
        if words is None:
            return super().matrix_for(rows, unk)
        if rows is not None or unk is not None:
            message = "determines the rows, so it cannot be combined with a layout; omit that"
            raise ConfigError(message, option="words")
        lowercase = SWITCH.check("lowercase", lowercase)
        matrix, found = matrix_of_words(
            self, words, missing, lowercase=lowercase, seed=seed, special_rows=special_rows
        )
        with reporting() as observer:
            observer(Notice(str(found), warning=found.is_poor))
        return matrix

    @property
    def encoder(self) -> Encoder:
        """The encoder behind ``encode``. It follows changes of ``meta["tokenizer"]``."""
        definition = self.meta.get("tokenizer")
        if self._encoder is None or self._encoder.definition != definition:
            self._encoder = Encoder(self._find, len(self), copy.deepcopy(definition))
        return self._encoder

    @property
    def _lowercases(self) -> bool:
        tokenizer = self.meta.get("tokenizer")
        return isinstance(tokenizer, dict) and tokenizer.get("lowercase") is True

    @property
    def _definition(self) -> WordDefinition | None:
        """The definition of a word, without the phrases, which take long to check."""
        recorded = self.meta.get("tokenizer")
        if isinstance(recorded, dict):
            recorded = recorded | {"phrases": ()}
        return WordDefinition.if_recorded(recorded)

    def _find(self, word: str) -> int | None:
        """Return the row of a word, or None."""
        row = self.row_of(word)
        if row is None:
            for form in self._forms(word):
                row = self.row_of(form)
                if row is None:
                    row = self._rows_by_normal_form.get(form)
                if row is not None:
                    break
        return row

    def _forms(self, word: str) -> list[str]:
        """Return the forms in which to look up a word that does not occur as written."""
        forms = [normal_form(word, lowercase=False)]
        if BLANK in word:  # as one writes a phrase
            return [*forms, *self._forms(joined(word))]
        if (definition := self._definition) is not None:
            forms.append(definition.form(word))
        if self._lowercases:
            forms.append(comparable_form(word))
        return forms

    @cached_property
    def _rows_by_normal_form(self) -> dict[str, int]:
        """The rows of words that are not in normalization form C; models of w2v have none."""
        if self._packed is not None and self._packed.are_normal:
            return {}
        return {
            normal_form(word, lowercase=False): row
            for word, row in reversed(self._row_of.items())
            if not is_normal(word)
        }

    def _nearest(
        self, vector: NDArray[Any], topn: int, excluded: set[int], restrict: int | None = None
    ) -> list[tuple[str, float]]:
        """Rank the first rows except ``excluded`` by their cosine with ``vector``."""
        matrix, count = self.matrix[:restrict], topn + len(excluded)
        rows, cosines = search.nearest_rows(matrix, self._norms[:restrict], vector, count)
        if search.are_stale(matrix, self._norms, rows):
            del self._norms
            rows, cosines = search.nearest_rows(matrix, self._norms[:restrict], vector, count)
        found = zip(rows.tolist(), cosines.tolist(), strict=True)
        best = [(row, cosine) for row, cosine in found if row not in excluded][:topn]
        return [(self.word_of(row), cosine) for row, cosine in best]


def _check_rows(found: int, words: int, layout: Layout) -> None:
    """Check that a layer has the rows of a layout."""
    if found == words + layout.first_word:
        return
    fitting = [name for before, name in enumerate(LAYOUTS) if words + before == found]
    remedy = f"; use `rows={fitting[0]!r}`" if fitting else ""
    message = (
        f"the layer has {found:,} rows, but {words:,} words in the layout {layout.name!r} take "
        f"{words + layout.first_word:,}{remedy}"
    )
    raise FormatError(message)
