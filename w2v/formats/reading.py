"""How to read and write files of vectors that are not quite right: odd rows and odd words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.events import Notice, Observer, ignore
from w2v.options import SWITCH, Option

if TYPE_CHECKING:
    import os

ON_BAD_ROW = Option(
    str,
    "What to do about a row of a file of vectors that is not a distinct word and its numbers.",
    choices=("fail", "skip"),
)
ON_BAD_WORD = Option(
    str,
    "What to do about a word that the format cannot hold; replace puts underscores in place of the"
    " characters.",
    choices=("fail", "skip", "replace"),
)
MISSING = Option(
    str,
    "Rows of words without a vector: zeros, random numbers with the mean and the spread of the"
    " vectors (normal), or the mean of the vectors (mean).",
    choices=("zeros", "normal", "mean"),
)
HOW = Option(
    str,
    "How to merge: the mean of the vectors, after rotating all models onto the first one, for the"
    " words of any model (average); or the vectors side by side, for the words of all models"
    " (concatenate).",
    choices=("average", "concatenate"),
)
DTYPES = ("float32", "float16")
DTYPE = Option(
    str,
    "Type of the numbers in the file; float16 takes half the space, and keeps three digits.",
    choices=DTYPES,
)
LIMIT = Option(int, "Read only this many words, from the first one.", low=1)


COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
"""The extensions of compressed files that can be written."""


def compression_suffix(path: str | os.PathLike[str]) -> str:
    """Return the extension by which a name asks for compression, or "" if there is none."""
    suffix = Path(path).suffix.lower()
    return suffix if suffix in COMPRESSED_SUFFIXES else ""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file of vectors.

    Attributes:
        on_bad_row: see `BadRows`. Only the formats of word2vec, GloVe and fastText have such rows.
        limit: the number of words to read, from the first one; None for all.
        special_rows: whether rows of ``<unk>``, ``[PAD]`` and the like are those of the layout; see
            `w2v.formats.special_rows`.
        observer: receives a `Notice` of what was odd.

    """

    on_bad_row: str = "fail"
    limit: int | None = None
    observer: Observer = ignore
    special_rows: bool = False

    def __post_init__(self) -> None:
        ON_BAD_ROW.check("on_bad_row", self.on_bad_row)
        if self.limit is not None:
            LIMIT.check("limit", self.limit)
        SWITCH.check("special_rows", self.special_rows)


READ_ALL = ReadOptions()
"""All rows are read, and the first bad one is an error."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


class BadRows:
    """The rows of a file that are not a distinct word and D finite numbers.

    By default, the first one is an error. With ``on_bad_row="skip"``, they are left out and counted
    by reason, and the first row of a word counts.

    Args:
        path: the file, for messages.
        options: how to read it.

    """

    def __init__(self, path: str | Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    @property
    def skips(self) -> bool:
        """Whether bad rows are skipped."""
        return self._options.on_bad_row == "skip"

    def add(self, reason: str, where: str, detail: str = "") -> None:
        """Skip a row.

        Args:
            reason: in a few words, the same for all rows of this kind.
            where: the file and the line.
            detail: what was received and expected.

        Raises:
            FormatError: bad rows are errors.

        """
        if not self.skips:
            described = f"{reason}: {detail}" if detail else reason
            message = f"{where}: {described}; repair it, or skip such rows: `on_bad_row='skip'`"
            raise FormatError(message)
        self._counts[reason] += 1
        self._first.setdefault(reason, where.removeprefix(f"{self._path}, "))

    def note(self, message: str) -> None:
        """Report what is odd about the file as a whole."""
        self._options.observer(Notice(f"{self._path}: {message}"))

    def finish(self) -> dict[str, int]:
        """Report the skipped rows; return how many there are by reason."""
        if self._counts:
            reasons = [
                f"{count:,} x {reason} (first in {self._first[reason]})"
                for reason, count in self._counts.most_common()
            ]
            total = self._counts.total()
            were = "was" if total == 1 else "were"
            self.note(f"{counted(total, 'row')} {were} skipped: {', '.join(reasons)}")
        return dict(self._counts)
