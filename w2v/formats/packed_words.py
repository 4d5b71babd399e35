"""The words of a large model as the bytes of their file.

A million strings and a dict of them take half a second and 150 MB, which a single query need not
spend. So a word is searched for in the bytes, and only the words that are asked for are decoded.
"""

from __future__ import annotations

import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINE_FEED = ord("\n")
_FEW_SEARCHES = 32  # together, they take about as long as building the dict


class PackedWords:
    r"""V distinct words in UTF-8, each followed by LF.

    Attributes:
        data: the words, known to be valid.

    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._searches = 0

    @cached_property
    def _ends(self) -> NDArray[np.intp]:
        """(V,) the positions of the line feeds."""
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == _LINE_FEED)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> str:
        """Return the word of a row, which is not negative."""
        start = 0 if row == 0 else int(self._ends[row - 1]) + 1
        return self.data[start : int(self._ends[row])].decode()

    def find(self, word: str) -> int | None:
        """Return the row of a word, or None."""
        try:
            wanted = word.encode() + b"\n"
        except UnicodeEncodeError:
            return None
        if wanted.count(b"\n") > 1:
            return None
        self._searches += 1
        if self.data.startswith(wanted):
            return 0
        position = self.data.find(b"\n" + wanted)
        return None if position < 0 else int(np.searchsorted(self._ends, position)) + 1

    @property
    def should_use_dict(self) -> bool:
        """Whether there were so many searches that a dict is worth its time."""
        return self._searches >= _FEW_SEARCHES

    @cached_property
    def are_normal(self) -> bool:
        """Whether all words are in normalization form C, as all parts of such a text are."""
        return self.data.isascii() or unicodedata.is_normalized("NFC", self.data.decode())

    def to_list(self) -> list[str]:
        """Return all words."""
        return self.data[:-1].decode().split("\n")
