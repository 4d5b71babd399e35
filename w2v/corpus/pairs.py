"""Which words are each other's context: the window rule, once, for everything that needs it.

>>> list(skipgram_pairs("the quick brown fox jumps".split(), window=2))[:5]
[('the', 'quick'), ('the', 'brown'), ('quick', 'the'), ('quick', 'brown'), ('quick', 'fox')]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from w2v.compute.jit import inlined, kernel
from w2v.errors import ConfigError, short_repr
from w2v.options import Option, is_ordered_iterable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

Token = TypeVar("Token")

_COUNT = Option(int, "Of places or of pairs.", low=1)
_POSITIONS_AT_ONCE = 1 << 16


@runtime_checkable
class Sentences(Protocol):
    """Anything that gives its sentences one by one, such as an encoded text."""

    def sentences(self) -> Iterator[NDArray[Any]]:
        """Return the sentences in order, each an array of ids."""
        ...


@inlined
def context_range(ids: NDArray[Any], center: int, window: int, end_of_line: int) -> tuple[int, int]:
    """Return the words around a center, up to ``window`` away on either side in the same line.

    Returns:
        The first position and the one behind the last; the center itself lies between and is
        not its own context.

    """
    first = center
    while first > 0 and center - first < window and ids[first - 1] != end_of_line:
        first -= 1
    end = center + 1
    while end < len(ids) and end - center <= window and ids[end] != end_of_line:
        end += 1
    return first, end


@kernel
def fill_pairs(
    ids: NDArray[Any], center: int, window: int, end_of_line: int, pairs: NDArray[np.int64]
) -> tuple[int, int]:
    """Write the positions of (center, context) pairs from a center on, as many as there is room.

    Args:
        ids: (n,) words, with ``end_of_line`` between sentences.
        center: the position to begin at.
        window: context words on either side.
        end_of_line: what ends a sentence.
        pairs: (m, 2) receives the positions; a center is left for later if not all its pairs fit.

    Returns:
        The center to go on with, and the number of pairs written.

    """
    filled = 0
    while center < len(ids) and filled + 2 * window <= len(pairs):
        if ids[center] != end_of_line:
            first, end = context_range(ids, center, window, end_of_line)
            for context in range(first, end):
                if context != center:
                    pairs[filled, 0] = center
                    pairs[filled, 1] = context
                    filled += 1
        center += 1
    return center, filled


def skipgram_pairs(
    ids: Iterable[Token] | Sentences, window: int = 2
) -> Iterator[tuple[Token, Token]]:
    """Generate the (center, context) pairs of skip-gram, in the order of the text.

    Every word within ``window`` places of the center on either side is a context of it; windows
    are full, nothing is subsampled, and no pair crosses the end of a sentence.

    Args:
        ids: a sentence as a sequence of anything, tokens or ids; or an iterable of such sentences,
            each a list, a tuple or an array; or an encoded text.
        window: context words on either side.

    Yields:
        The center, then the context, center by center and context by context from left to right.

    Raises:
        ConfigError: the window is not a whole number above 0, or ``ids`` are no sentences.

    """
    _COUNT.check("window", window)
    _check_sentences(ids)
    return _generate_pairs(ids, window)


def _generate_pairs(ids: Iterable[Token] | Sentences, window: int) -> Iterator[tuple[Token, Token]]:
    for sentence in _sentences(ids):
        tokens = sentence.tolist() if isinstance(sentence, np.ndarray) else sentence
        for block in _position_blocks(len(tokens), window, _POSITIONS_AT_ONCE):
            for center, context in block.tolist():
                yield tokens[center], tokens[context]


def skipgram_pair_blocks(
    ids: Iterable[int] | Sentences, window: int = 2, block_size: int = 1 << 16
) -> Iterator[NDArray[np.int32]]:
    """Generate the pairs of `skipgram_pairs` as arrays, for models that are fed by hand.

    Args:
        ids: as for `skipgram_pairs`, with whole numbers for words.
        window: context words on either side.
        block_size: pairs in a block; only the last block has fewer.

    Yields:
        (block_size, 2) int32 arrays, center and context in each row.

    Raises:
        ConfigError: the window or the block size is not a whole number above 0, or ``ids`` are no
            sentences; or, when it is its turn, a word is no whole number of 32 bits.

    """
    _COUNT.check("window", window)
    _COUNT.check("block_size", block_size)
    _check_sentences(ids)
    return _generate_blocks(ids, window, block_size)


def _generate_blocks(
    ids: Iterable[int] | Sentences, window: int, block_size: int
) -> Iterator[NDArray[np.int32]]:
    gathered: list[NDArray[np.int32]] = []
    size = 0
    for sentence in _sentences(ids):
        words = _checked_ids(sentence)
        for block in _position_blocks(len(words), window, block_size):
            gathered.append(words[block])
            size += len(block)
            if size >= block_size:
                pairs = np.concatenate(gathered)
                whole = size - size % block_size
                yield from pairs[:whole].reshape(-1, block_size, 2)
                gathered = [pairs[whole:]]
                size -= whole
    if size:
        yield np.concatenate(gathered)


def _checked_ids(sentence: Any) -> NDArray[np.int32]:
    """Return a sentence as int32, but none that would change by it."""
    array = np.asarray(sentence)
    if not array.size:
        return np.empty(0, np.int32)
    if array.dtype.kind not in "iu":
        message = (
            f"blocks have whole numbers for words, got {short_repr(sentence)}; "
            "number the words, or take skipgram_pairs"
        )
        raise ConfigError(message)
    if not np.can_cast(array.dtype, np.int32):
        lowest, highest = int(array.min()), int(array.max())
        limits = np.iinfo(np.int32)
        if lowest < limits.min or highest > limits.max:
            beyond = highest if highest > limits.max else lowest
            message = f"blocks have ids of 32 bits, got {beyond}; number the words from 0"
            raise ConfigError(message)
    return array.astype(np.int32, copy=False)


def _position_blocks(length: int, window: int, room: int) -> Iterator[NDArray[np.int64]]:
    """Return the pairs of positions in one sentence, in blocks of at most ``room``.

    No word is farther away than the sentence is long, whatever the window; and a block has room for
    the pairs of one center, at least.
    """
    window = min(window, max(length, 1))
    room = max(room, 2 * window)
    positions = np.arange(length)
    center = 0
    while center < length:
        pairs = np.empty((min(room, 2 * window * length), 2), np.int64)
        center, filled = fill_pairs(positions, center, window, -1, pairs)
        if filled:
            yield pairs[:filled]


def _check_sentences(ids: object) -> None:
    """Refuse what has no sentences, or not in an order, and texts, which have characters."""
    is_text = isinstance(ids, (str, bytes, bytearray))
    if not isinstance(ids, Sentences) and (is_text or not is_ordered_iterable(ids)):
        text = "ids must be a sentence, as a list of words or numbers, or an iterable of such, got "
        raise ConfigError(text + short_repr(ids))


def _sentences(ids: Any) -> Iterator[Any]:
    if isinstance(ids, Sentences):
        yield from ids.sentences()
        return
    if isinstance(ids, np.ndarray) and ids.ndim == 1:
        yield ids
        return
    tokens: list[Any] = []
    nested = False
    for item in ids:
        if isinstance(item, (list, tuple, np.ndarray)):
            nested = True
            yield item
        else:
            tokens.append(item)
    if nested and tokens:
        message = (
            f"expected one sentence or an iterable of sentences, got both: {tokens[0]!r} stands"
            " beside lists"
        )
        raise ConfigError(message)
    if tokens:
        yield tokens
