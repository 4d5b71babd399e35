"""Encoded text: lines of word ids in one flat array, memory-mapped from a file."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.corpus.pairs import count_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Dtype = type[np.unsignedinteger[Any]]

# Ids that `EncodedText.sentences` searches at once.
_IDS_PER_STEP = 1 << 20


def id_dtype(size: int) -> Dtype:
    """Return the smallest type for ``size`` different ids and an end of line."""
    return np.uint16 if size <= np.iinfo(np.uint16).max else np.uint32


class EncodedText:
    """Lines of word ids.

    Attributes:
        ids: (n,) uint16 or uint32; the highest value of the type ends each line.
        words: the number of words.
        lines: the number of lines, none of them empty.

    """

    def __init__(self, ids: NDArray[Any], words: int, lines: int) -> None:
        self.ids = ids
        self.words = words
        self.lines = lines

    @classmethod
    def open(cls, path: Path, dtype: Dtype, words: int, lines: int) -> EncodedText:
        """Map the ids in a file."""
        if not path.stat().st_size:  # an empty file cannot be mapped
            return cls(np.empty(0, dtype), words, lines)
        return cls(np.memmap(path, dtype, mode="r"), words, lines)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied: the ids themselves, not their file."""
        return vars(self) | {"ids": np.asarray(self.ids)}

    @property
    def dtype(self) -> Dtype:
        """The type of the ids."""
        return self.ids.dtype.type

    @property
    def end_of_line(self) -> int:
        """The value that ends a line."""
        return int(np.iinfo(self.dtype).max)

    @property
    def size(self) -> int:
        """The number of positions: words and line ends."""
        return len(self.ids)

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[NDArray[Any]]:
        """Return the ids in some ranges of positions."""
        return [self.ids[begin:end] for begin, end in ranges]

    def line_bounds(self, position: int) -> tuple[int, int]:
        """Return positions between which the line at a position lies, or more than that."""
        del position
        return 0, self.size

    def count_pairs(self, window: int) -> int:
        """Return the number of (center, context) pairs."""
        return int(count_pairs(self.ids, self.end_of_line, window))

    def line_ends(self) -> Iterator[NDArray[np.int64]]:
        """Yield the positions of the line ends, of one part of the text after the other."""
        for first in range(0, len(self.ids), _IDS_PER_STEP):
            part = self.ids[first : first + _IDS_PER_STEP]
            yield np.flatnonzero(part == self.end_of_line) + first

    @cached_property
    def longest_line(self) -> int:
        """The number of words in the longest line."""
        longest = start = 0
        for ends in self.line_ends():
            if len(ends):
                longest = max(longest, int(np.diff(ends, prepend=start - 1).max()) - 1)
                start = int(ends[-1]) + 1
        return max(longest, len(self.ids) - start)

    def sentences(self) -> Iterator[NDArray[Any]]:
        """Yield the ids of each line."""
        start = 0
        for ends in self.line_ends():
            for end in ends.tolist():
                yield self.ids[start:end]
                start = end + 1
