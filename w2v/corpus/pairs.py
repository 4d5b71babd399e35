"""Skip-gram pairs: the words and their contexts in a window.

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

_COUNT = Option(int, "A number of words or pairs.", low=1)
_PAIRS_PER_STEP = 1 << 16


@runtime_checkable
class Sentences(Protocol):
    """Anything with sentences, such as an encoded text."""

    def sentences(self) -> Iterator[NDArray[Any]]:
        """Yield the sentences in order, each an array of ids."""
        ...


@inlined
def context_range(ids: NDArray[Any], center: int, window: int, end_of_line: int) -> tuple[int, int]:
    """Return the range of positions around a center, up to ``window`` on either side.

    Returns:
        The first position, and the end. The range does not cross a line end. It includes the
        center, which is not its own context.

    """
    first = center
    while first > 0 and center - first < window and ids[first - 1] != end_of_line:
        first -= 1
    end = center + 1
    while end < len(ids) and end - center <= window and ids[end] != end_of_line:
        end += 1
    return first, end


@kernel
def count_pairs(ids: NDArray[Any], end_of_line: int, window: int) -> int:
    """Return the number of (center, context) pairs of a text.

    A line of n words has 2 (n - d) pairs at each distance d below n, up to the window.
    """
    pairs = 0
    length = 0
    for position in range(len(ids) + 1):
        if position == len(ids) or ids[position] == end_of_line:
            reach = min(window, length - 1) if length > 0 else 0
            pairs += 2 * length * reach - reach * (reach + 1)
            length = 0
        else:
            length += 1
    return pairs


@kernel
def fill_pairs(
    ids: NDArray[Any], center: int, window: int, end_of_line: int, pairs: NDArray[np.int64]
) -> tuple[int, int]:
    """Fill an array with the positions of (center, context) pairs.

    Args:
        ids: (n,) words, with ``end_of_line`` between sentences.
        center: the position to start from.
        window: context words on either side.
        end_of_line: the value that ends a sentence.
        pairs: (m, 2) receives the positions. All pairs of a center are written, or none.

    Returns:
        The next center, and the number of pairs written.

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

    Every word within ``window`` positions of the center is a context. Windows have full size, no
    word is subsampled, and no pair crosses the end of a sentence.

    Args:
        ids: a sentence of tokens or ids; an iterable of sentences, each a list, a tuple or an
            array; or an encoded text.
        window: context words on either side.

    Yields:
        Pairs, ordered by center and then by context, from left to right.

    Raises:
        ConfigError: the window is not a positive integer, or ``ids`` has no sentences.

    """
    window = _COUNT.check("window", window)
    _check_sentences(ids)
    return _generate_pairs(ids, window)


def _generate_pairs(ids: Iterable[Token] | Sentences, window: int) -> Iterator[tuple[Token, Token]]:
    for sentence in _sentences(ids):
        tokens = sentence.tolist() if isinstance(sentence, np.ndarray) else sentence
        for block in _position_blocks(len(tokens), window, _PAIRS_PER_STEP):
            for center, context in block.tolist():
                yield tokens[center], tokens[context]


def skipgram_pair_blocks(
    ids: Iterable[int] | Sentences, window: int = 2, block_size: int = 1 << 16
) -> Iterator[NDArray[np.int32]]:
    """Generate the pairs of `skipgram_pairs` in arrays, for training loops of your own.

    Args:
        ids: as for `skipgram_pairs`, with integers as words.
        window: context words on either side.
        block_size: pairs in a block; only the last block has fewer.

    Yields:
        (block_size, 2) int32 arrays, with center and context in each row.

    Raises:
        ConfigError: the window or the block size is not a positive integer, or ``ids`` has no
            sentences; or, when it is reached, a word is not a 32-bit integer.

    """
    window = _COUNT.check("window", window)
    block_size = _COUNT.check("block_size", block_size)
    _check_sentences(ids)
    return _generate_blocks(ids, window, block_size)


def _generate_blocks(
    ids: Iterable[int] | Sentences, window: int, block_size: int
) -> Iterator[NDArray[np.int32]]:
    pending: list[NDArray[np.int32]] = []
    size = 0
    for sentence in _sentences(ids):
        words = _checked_ids(sentence)
        for block in _position_blocks(len(words), window, block_size):
            pending.append(words[block])
            size += len(block)
            if size >= block_size:
                pairs = np.concatenate(pending)
                whole = size - size % block_size
                yield from pairs[:whole].reshape(-1, block_size, 2)
                pending = [pairs[whole:]]
                size -= whole
    if size:
        yield np.concatenate(pending)


def _checked_ids(sentence: Any) -> NDArray[np.int32]:
    """Return a sentence as int32; reject ids that do not fit."""
    array = np.asarray(sentence)
    if not array.size:
        return np.empty(0, np.int32)
    if array.dtype.kind not in "iu":
        message = (
            f"skipgram_pair_blocks needs integers as words, got {short_repr(sentence)}; "
            "replace the words by ids, or use skipgram_pairs"
        )
        raise ConfigError(message)
    if not np.can_cast(array.dtype, np.int32):
        lowest, highest = int(array.min()), int(array.max())
        limits = np.iinfo(np.int32)
        if lowest < limits.min or highest > limits.max:
            beyond = highest if highest > limits.max else lowest
            message = f"ids must fit 32 bits, got {beyond}; number the words from 0"
            raise ConfigError(message)
    return array.astype(np.int32, copy=False)


def _position_blocks(length: int, window: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of positions in one sentence, in blocks of at most ``size``.

    A window wider than the sentence takes no more memory, and a block holds all pairs of at least
    one center.
    """
    window = min(window, max(length, 1))
    size = max(size, 2 * window)
    positions = np.arange(length)
    center = 0
    while center < length:
        pairs = np.empty((min(size, 2 * window * length), 2), np.int64)
        center, filled = fill_pairs(positions, center, window, -1, pairs)
        if filled:
            yield pairs[:filled]


def _check_sentences(ids: object) -> None:
    """Reject objects without sentences or without an order, and strings."""
    is_text = isinstance(ids, (str, bytes, bytearray))
    if not isinstance(ids, Sentences) and (is_text or not is_ordered_iterable(ids)):
        text = "must be a list of words or ids, or an iterable of such lists, got "
        raise ConfigError(text + short_repr(ids), option="ids")


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
            "must be one sentence or an iterable of sentences, got both: "
            f"{short_repr(tokens[0])} is beside lists"
        )
        raise ConfigError(message, option="ids")
    if tokens:
        yield tokens
