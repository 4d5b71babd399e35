"""Encode texts as ids, with the tokenizer that a model was trained with."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sized
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, ResourceError, UnknownWordError, short_repr
from w2v.events import Encoding, Notice, Observer, ignore
from w2v.options import LENGTH, is_ordered_iterable
from w2v.text import segmenters
from w2v.text.definition import WordDefinition
from w2v.text.phrases import PhraseJoiner, recorded_phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from w2v.formats.layout import Layout
    from w2v.text.tokenizer import Tokenizer

    Text = str | Sequence[str] | Sequence[int] | NDArray[np.integer[Any]]


_UNKNOWN = -1  # the rank of out-of-vocabulary words
_UNSPLIT = (
    "text {} is a list of words, and {} is unknown, because it has blanks; pass a text as a "
    "string, not in a list of its own"
)
_MOST_REMEMBERED = 1 << 18  # ranks
_REPORT_SECONDS = 0.1  # between two reports of progress


class Encoder:
    """Map the words of texts to the rows of a layout.

    Args:
        find: returns the rank of a word, or None if it is not in the vocabulary.
        size: V, the number of words.
        definition: ``meta["tokenizer"]``. It is checked when a string is encoded.

    """

    def __init__(self, find: Callable[[str], int | None], size: int, definition: object) -> None:
        self._find = find
        self._size = size
        self.definition = definition
        self._tokenizer: Tokenizer | None = None
        self._ranks: dict[str, int] = {}

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the model; raises ConfigError if it is not recorded."""
        return self.prepare(ignore)

    def prepare(self, observer: Observer) -> Tokenizer:
        """Return the tokenizer, with its kernels compiled.

        Args:
            observer: receives `w2v.events.Compiling` if that takes long.

        Raises:
            ConfigError: the tokenizer is not recorded.

        """
        if self._tokenizer is None:
            # Imported here because they load the compiler, which words and ids do not need.
            from w2v.text.compiling import compile_kernels
            from w2v.text.tokenizer import Tokenizer

            tokenizer = Tokenizer(WordDefinition.from_meta(self.definition), self._rank)
            compile_kernels(observer, lambda: tokenizer.numbers("a", segmented=True))
            _note_other_version(tokenizer.definition, observer)
            self._tokenizer = tokenizer
        return self._tokenizer

    def encode(
        self,
        texts: Text | Sequence[Text],
        length: int | None,
        layout: Layout,
        observer: Observer = ignore,
        *,
        in_front: bool = False,
    ) -> NDArray[np.int32]:
        """Encode one text or several; see `Embeddings.encode`."""
        check_length(length)
        if isinstance(texts, (str, bytes)):
            self.prepare(observer)
            single: NDArray[np.int32] = self._pad(
                [self.rows_of(texts, layout)], length, layout, in_front=in_front
            )[0]
            return single
        rows = list(self._encode_each(_checked_texts(texts), layout, observer))
        return self._pad(rows, length, layout, in_front=in_front)

    def _encode_each(
        self, texts: Iterable[Any], layout: Layout, observer: Observer
    ) -> Iterator[NDArray[np.int32]]:
        """Yield the rows of each text, and report the progress."""
        total = len(texts) if isinstance(texts, Sized) else None
        done = reported = words = 0
        noted = False
        started = last = time.perf_counter()
        for done, text in enumerate(texts, 1):
            if isinstance(text, (str, bytes)):
                self.prepare(observer)
            rows = self._encode_one(done - 1, text, layout)
            if not noted and (sentence := self._unsplit(text, rows, layout)) is not None:
                noted = True
                observer(Notice(_UNSPLIT.format(done - 1, short_repr(str(sentence)))))
            words += len(rows)
            now = time.perf_counter()
            if now - last >= _REPORT_SECONDS:
                observer(Encoding(done, total, words, now - started))
                reported, last = done, now
            yield rows
        if 0 < reported < done:
            observer(Encoding(done, total, words, time.perf_counter() - started))

    def _unsplit(self, text: Any, rows: NDArray[np.int32], layout: Layout) -> str | None:
        """Return an unknown word of a list that has blanks, as a sentence has, or None."""
        unknown = rows == layout.unknown
        if isinstance(text, (str, bytes)) or not unknown.any() or not isinstance(text[0], str):
            return None
        if isinstance(self.definition, dict) and self.definition.get("name") == "tokens":
            return None  # tokens may have blanks
        words = itertools.compress(text, unknown.tolist())
        return next((word for word in words if " " in word), None)

    def _encode_one(self, number: int, text: Any, layout: Layout) -> NDArray[np.int32]:
        """Call ``rows_of``, and add the number of the text to its errors."""
        try:
            return self.rows_of(text, layout)
        except (ConfigError, UnknownWordError) as error:
            message = f"text {number}: {error}"
            raise type(error)(message) from error

    def rows_of(self, text: Any, layout: Layout, *, segmented: bool = False) -> NDArray[np.int32]:
        """Return (n,) int32, the row of each word of one text.

        Args:
            text: a string, UTF-8 bytes, a list of words, or a list of ids.
            layout: the layout of the rows.
            segmented: whether a string or bytes come from `Tokenizer.segment`.

        Raises:
            ConfigError: ``text`` is none of these, or an id is out of range.
            UnknownWordError: a word is out of vocabulary, and the layout has no row for it.

        """
        words = None
        if isinstance(text, (str, bytes)):
            if self.joiner is not None:
                words = self._joined_words(text, self.joiner, segmented=segmented)
        elif _dimensions(text) == 1 and all(isinstance(word, str) for word in text):
            words = list(text) if self.joiner is None else self.joiner.join(text)
        else:
            return self._checked_ids(text, layout)
        if words is None:
            ranks: NDArray[np.int32] = self.tokenizer.numbers(text, segmented=segmented)
        else:
            ranks = np.array(list(map(self._remembered_rank, words)), np.int32)
        known = ranks != _UNKNOWN
        if layout.unknown is None and not known.all():
            if words is None:
                words = self.tokenizer.words(text, segmented=segmented)
            message = (
                f"{words[int(known.argmin())]!r} is not among the {self._size} words, and the "
                f"layout {layout.name!r} has no row for unknown words; use `rows='pad+unk'`, here "
                "and for the matrix"
            )
            raise UnknownWordError(message)
        return np.where(known, ranks + np.int32(layout.first_word), np.int32(layout.unknown or 0))

    @cached_property
    def joiner(self) -> PhraseJoiner | None:
        """What joins the phrases of texts, if the model has any."""
        phrases = recorded_phrases(self.definition)
        return PhraseJoiner(phrases, self._is_word) if phrases else None

    def _is_word(self, word: str) -> bool:
        return self._find(word) is not None

    def _joined_words(
        self, text: str | bytes, joiner: PhraseJoiner, *, segmented: bool
    ) -> list[str]:
        """Return the words of a text. No phrase extends over the end of a line."""
        lines = text.split(b"\n") if isinstance(text, bytes) else text.split("\n")
        words = (self.tokenizer.words(line, segmented=segmented) for line in lines)
        return [word for line in words for word in joiner.join(line)]

    def _remembered_rank(self, word: str) -> int:
        """Return the rank of a word. Looking up unknown words takes long, and most words repeat."""
        rank = self._ranks.get(word)
        if rank is None:
            if len(self._ranks) >= _MOST_REMEMBERED:
                self._ranks.clear()
            rank = self._ranks[word] = self._rank(word)
        return rank

    def _rank(self, word: str) -> int:
        rank = self._find(word)
        return _UNKNOWN if rank is None else rank

    def _checked_ids(self, ids: Any, layout: Layout) -> NDArray[np.int32]:
        array = np.asarray(ids) if _dimensions(ids) == 1 else None
        if array is None or array.dtype.kind not in "iu":
            single = isinstance(ids, (int, np.integer))
            hint = "; put the ids of each text in a list of their own: [[4, 20]]" if single else ""
            message = (
                "a text must be a string, a list of words or a list of ids, "
                f"got {short_repr(ids)}{hint}"
            )
            raise ConfigError(message)
        rows = self._size + layout.first_word
        outside = (array < 0) | (array >= rows)
        if outside.any():
            message = (
                f"id {array[int(outside.argmax())]} is out of range: the layout {layout.name!r} "
                f"has rows 0 to {rows - 1}"
            )
            raise ConfigError(message)
        return array.astype(np.int32)

    def _pad(
        self,
        texts: list[NDArray[np.int32]],
        length: int | None,
        layout: Layout,
        *,
        in_front: bool,
    ) -> NDArray[np.int32]:
        """Truncate or pad texts to one length, by default that of the longest."""
        sizes = [len(text) for text in texts]
        wanted = max(sizes, default=0) if length is None else int(length)
        layout.check_lengths(min(sizes, default=wanted), wanted)
        try:
            result = np.full((len(texts), wanted), layout.padding or 0, np.int32)
        except (MemoryError, OverflowError, ValueError) as error:
            message = (
                f"too little memory for {len(texts)} x {wanted} ids; use a smaller length, or "
                "encode fewer texts at a time"
            )
            raise ResourceError(message) from error
        for row, text in zip(result, texts, strict=True):
            start = max(wanted - len(text), 0) if in_front else 0
            row[start : start + len(text)] = text[:wanted]
        return result


def _note_other_version(definition: WordDefinition, observer: Observer) -> None:
    """Report that the segmenter is not the one of the training."""
    name, trained = definition.segmenter, definition.segmenter_version
    found = None if name is None or trained is None else segmenters.version(name)
    if found is not None and found != trained:
        message = (
            f"the model was trained with version {trained} of the segmenter {name!r}, and {found} "
            "is installed, which may find other words; to be sure, install the former"
        )
        observer(Notice(message))


def check_length(length: object) -> None:
    """Check the ``length`` argument of ``encode``.

    Raises:
        ConfigError: it is neither None nor an integer of at least 1.

    """
    if length is not None:
        LENGTH.check("length", length)


def _checked_texts(texts: Any) -> Iterable[Any]:
    if not is_ordered_iterable(texts):
        message = (
            f"expected a text or a sequence of texts, got a {type(texts).__name__}; "
            "pass a list, or one column of a table"
        )
        raise ConfigError(message)
    checked: Iterable[Any] = texts
    return checked


def _dimensions(text: Any) -> int | None:
    """Return the number of axes of an array or of nested lists, or None if they are ragged."""
    try:
        return np.ndim(text)
    except ValueError:
        return None
