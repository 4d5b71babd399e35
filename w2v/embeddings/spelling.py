"""Near spellings: suggestions for a word that is not in the vocabulary."""

from __future__ import annotations

import heapq
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_CANDIDATES = 500
_MAX_LENGTH_DIFFERENCE = 2


def near_spellings(
    word: str, words: Sequence[str], limit: int = 3, cutoff: float = 0.65
) -> list[str]:
    """Return up to ``limit`` of ``words`` that are spelled like ``word``, the most similar first.

    The measure is difflib's ratio, which must be at least ``cutoff``. At equal ratio the earlier
    word comes first. difflib is too slow for a whole vocabulary, so it compares only the 500
    words of similar length that share the most pairs of characters with ``word``.
    """
    pairs = ["".join(pair) for pair in pairwise(word)] or [word]
    shared = (
        (sum(pair in other for pair in pairs), -row)
        for row, other in enumerate(words)
        if abs(len(other) - len(word)) <= _MAX_LENGTH_DIFFERENCE
    )
    candidates = heapq.nlargest(_CANDIDATES, (entry for entry in shared if entry[0]))
    matcher = SequenceMatcher(b=word, autojunk=False)
    ranked = []
    for _, negative_row in candidates:
        matcher.set_seq1(words[-negative_row])
        if matcher.quick_ratio() >= cutoff and (ratio := matcher.ratio()) >= cutoff:
            ranked.append((-ratio, -negative_row))
    return [words[row] for _, row in sorted(ranked)[:limit]]
