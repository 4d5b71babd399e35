"""A part of the text to hold out, where the draws of single lines held out none or all of them.

Each line is held out with the probability that was asked for, so all of a few lines may end up on
one side. Then one line is held out, or the end of it if it is long, or if it is the only one. The
choice depends on the seed and the encoded text, not on the threads that read it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.random import HELD_OUT_LINES, make_key
from w2v.corpus.encoded import EncodedText
from w2v.corpus.id_files import HELD_OUT, TEXT, append, changing, create
from w2v.events import Notice

if TYPE_CHECKING:
    from pathlib import Path

# A longer line is split, unless about as many words are to be held out.
_LONG_LINE = 1000
# A part of a line has at least this many words, because a single one has no context.
_FEWEST_WORDS = 2
# By this factor, the share that is held out may differ from that asked for without a notice.
_TOLERANCE = 2
# Ids that are searched or moved at once.
_IDS_PER_STEP = 1 << 20


class _Piece(NamedTuple):
    """A part of the text.

    Attributes:
        start: its first id.
        end: the end of its line.
        line_begun: whether words of the line come before it.

    """

    start: int
    end: int
    line_begun: bool


def hold_out_some(
    directory: Path, text: EncodedText, held_out: EncodedText, *, share: float, seed: int
) -> tuple[EncodedText, EncodedText, Notice | None]:
    """Hold out at least one line, or a part of it, and never all lines, if that is possible.

    Args:
        directory: with the files of both texts. They are changed if one of the texts has no lines.
        text: the text to train on.
        held_out: the held-out text.
        share: of the lines to hold out, above 0.
        seed: of the choice.

    Returns:
        The text to train on; the held-out text; and a notice if a line was split, or if the share
        is not about that asked for.

    Raises:
        OutputError: the files cannot be written.
        DiskFullError: there is too little disk space.

    """
    if text.lines and held_out.lines:
        lines = text.lines + held_out.lines
        return text, held_out, _line_notice(held_out.lines, lines, share)
    whole = text if text.lines else held_out
    if not text.lines:
        with changing(directory):
            (directory / HELD_OUT).replace(directory / TEXT)
    piece = _choose(whole, share, seed)
    text, held_out = _divide(directory, whole, piece)
    if piece is None:
        message = (
            f"nothing is held out for validation, because the text is one line of {whole.words:,} "
            "words; use more text, or omit `validation`"
        )
        return text, held_out, Notice(message)
    if piece.line_begun:
        return text, held_out, _split_notice(held_out.words, whole, share)
    return text, held_out, _line_notice(1, whole.lines, share)


def _choose(whole: EncodedText, share: float, seed: int) -> _Piece | None:
    """Choose what to hold out; None if the text is too short."""
    wanted = max(_FEWEST_WORDS, round(share * whole.words))
    chosen = int(make_key(seed, HELD_OUT_LINES, whole.lines)) % whole.lines
    start, end = _find_line(whole, chosen)
    if whole.lines == 1:
        wanted = min(wanted, whole.words - _FEWEST_WORDS)
        return _Piece(end - wanted, end, line_begun=True) if wanted >= _FEWEST_WORDS else None
    if end - start > max(_LONG_LINE, _TOLERANCE * wanted):
        return _Piece(end - wanted, end, line_begun=True)
    return _Piece(start, end, line_begun=False)


def _find_line(text: EncodedText, number: int) -> tuple[int, int]:
    """Return the first id of a line, and its end."""
    start = lines = 0
    for ends in text.line_ends():
        starts = np.append(start, ends + 1)
        if lines + len(ends) > number:
            return int(starts[number - lines]), int(ends[number - lines])
        start = int(starts[-1])
        lines += len(ends)
    message = f"the text has {lines} lines, and no line {number}"
    raise IndexError(message)


def _divide(
    directory: Path, whole: EncodedText, piece: _Piece | None
) -> tuple[EncodedText, EncodedText]:
    """Move a piece of a text to the held-out text."""
    dtype = whole.ids.dtype.type
    paths = directory / TEXT, directory / HELD_OUT
    with create(paths[1]) as file:
        if piece is not None:
            append(file, whole.ids[piece.start : piece.end + 1])
    words = 0 if piece is None else piece.end - piece.start
    lines = int(piece is not None and not piece.line_begun)
    if piece is not None:
        with changing(directory):
            _remove(paths[0], whole, piece)
    return (
        EncodedText.open(paths[0], dtype, whole.words - words, whole.lines - lines),
        EncodedText.open(paths[1], dtype, words, int(piece is not None)),
    )


def _remove(path: Path, whole: EncodedText, piece: _Piece) -> None:
    """Remove a piece from the file of a text. A line that it ended ends before it."""
    ids = np.memmap(path, whole.ids.dtype, mode="r+")
    rest = piece.end + 1
    if piece.line_begun:
        ids[piece.start] = whole.end_of_line
    shift = rest - piece.start - int(piece.line_begun)
    size = len(ids) - shift
    for first in range(rest, len(ids), _IDS_PER_STEP):
        part = ids[first : first + _IDS_PER_STEP]
        ids[first - shift : first - shift + len(part)] = part
    ids.flush()
    del ids
    os.truncate(path, size * whole.ids.itemsize)


def _line_notice(held_out: int, lines: int, share: float) -> Notice | None:
    """Return a notice if too many or too few lines are held out."""
    if share / _TOLERANCE <= held_out / lines <= share * _TOLERANCE:
        return None
    return Notice(
        f"{held_out:,} of {lines:,} lines held out for validation, a share of "
        f"{held_out / lines:.2g} instead of `validation={share:g}`; a text of more lines gives a "
        "closer share"
    )


def _split_notice(words: int, whole: EncodedText, share: float) -> Notice:
    """Return a notice that a line was split: a warning if the share is wrong."""
    found = words / whole.words
    one = whole.lines == 1
    start = "one line, so its" if one else f"only {whole.lines:,} lines, so the"
    end = "" if one else " of one"
    return Notice(
        f"the text has {start} last {words:,} words{end} are held out for validation, a share of "
        f"{found:.2g} (`validation={share:g}`); split the text into lines to hold out whole ones",
        warning=not share / _TOLERANCE <= found <= share * _TOLERANCE,
    )
