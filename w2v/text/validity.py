"""Whether a text is UTF-8: judged over the whole of each file, while it is read.

A byte that is not valid UTF-8 separates words. In text of another encoding, this would cut words at
every accent. So a file is refused if a tenth of its non-ASCII bytes are invalid, and the error
names the encoding that is likely. A few damaged bytes in UTF-8 are only counted and reported.

The share is of the non-ASCII bytes: in English, German or Spanish text nearly all bytes are ASCII,
whatever its encoding.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.errors import InputError
from w2v.system.encodings import (
    MULTI_BYTE,
    SURE,
    WIDE,
    decode_sample,
    guess_encoding,
    wide_encoding,
)

if TYPE_CHECKING:
    from w2v.text.blocks import Block
    from w2v.text.decode import TextStream

_MOST_INVALID = 0.1
"""The share of the non-ASCII bytes of a file that may be invalid."""

# A single byte is no evidence of an encoding, unless it is much of the text.
_SINGLE_SHARE = 0.01

# A block like this is refused at once, not only at the end of its file.
_MANY_BYTES = 100
_MANY_SHARE = 0.5

# Below these shares of the non-ASCII bytes, invalid bytes are only a part of a text: in general,
# and for encodings in which many bytes are valid UTF-8 by accident.
_WHOLLY = 0.8
_WHOLLY_MULTI_BYTE = 0.3

# Non-ASCII bytes of blocks without invalid ones are counted exactly up to this size; beyond it, the
# number is estimated from the first bytes.
_EXACT_BYTES = 1 << 16
_COUNTED_BYTES = 1 << 14
_SAMPLE_BYTES = 1 << 14
_WIDE_WINDOW = 512
_WIDE_PLACES = 8
_EXCERPT = 20
_NON_ASCII = re.compile(rb"[\x80-\xff]")


class ByteCounts(NamedTuple):
    """What is odd about the bytes of a block.

    Attributes:
        size: the bytes.
        non_ascii: those above 127; in a block without invalid bytes, an estimate.
        invalid: those that are not part of a valid UTF-8 sequence.
        sample: if invalid bytes are many, lines that are not UTF-8.
        wide: UTF-16 or UTF-32 if a part of the block is in it, or None.
        wide_at: the offset at which it was found.

    """

    size: int
    non_ascii: int
    invalid: int
    sample: bytes = b""
    wide: str | None = None
    wide_at: int = 0


class Damage(NamedTuple):
    """What there is to say about the encoding of a file.

    Attributes:
        name: of the file.
        invalid: invalid bytes.
        mixture: see `Validity.mixture`.
        doubt: see `Validity.doubt`.
        suspicion: what a notice about invalid bytes has to add, if the text may be in another
            encoding.

    """

    name: str
    invalid: int
    mixture: str
    doubt: str
    suspicion: str


class BlockBytes:
    """The bytes of a block, before and after it is split into words.

    Most is done before, because that loads the block into the processor's cache, where it is needed
    next.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._has_zeros = block.find(0) >= 0
        self._non_ascii = _estimate_non_ascii(block)

    def count(self, invalid: int) -> ByteCounts:
        """Return the counts, given that of the invalid bytes from splitting the block."""
        if not invalid and not self._has_zeros:
            return ByteCounts(len(self._block), self._non_ascii, 0)
        return count_bytes(self._block, invalid)


def count_bytes(block: Block, invalid: int) -> ByteCounts:
    """Count the bytes of a block whose invalid bytes are known."""
    non_ascii = _count_non_ascii(block) if invalid else _estimate_non_ascii(block)
    sample = b""
    if invalid > _MOST_INVALID * non_ascii:
        sample = _invalid_lines(bytes(block))
    return ByteCounts(len(block), non_ascii, invalid, sample, *_find_wide(bytes(block)))


def _count_non_ascii(block: Block) -> int:
    return int(np.count_nonzero(np.frombuffer(block, np.int8) < 0))


def _estimate_non_ascii(block: Block) -> int:
    """Return the number of non-ASCII bytes, from the first ones of a long block."""
    if len(block) <= _EXACT_BYTES:
        return _count_non_ascii(block)
    return _count_non_ascii(block[:_COUNTED_BYTES]) * len(block) // _COUNTED_BYTES


def _invalid_lines(text: bytes) -> bytes:
    """Return the first lines that are not UTF-8, or their parts from a little before that."""
    found: list[bytes] = []
    size = 0
    for line in text.split(b"\n"):
        try:
            line.decode()
        except UnicodeDecodeError:
            first = _NON_ASCII.search(line)
            assert first is not None
            start = max(0, first.start() - _EXCERPT)  # preceded by ASCII only, so at a character
            found.append(line[start : start + _SAMPLE_BYTES])
            size += len(found[-1])
            if size >= _SAMPLE_BYTES:
                break
    return b"\n".join(found)[:_SAMPLE_BYTES]


def _find_wide(block: bytes) -> tuple[str | None, int]:
    """Return UTF-16 or UTF-32 and an offset if a part of a block with zeros is in it, or None.

    Windows at some of the zeros are looked at, the first and the last included. A character may
    begin at any offset.
    """
    zeros = np.flatnonzero(np.frombuffer(block, np.uint8) == 0)
    if not len(zeros):
        return None, 0
    chosen = np.linspace(0, len(zeros) - 1, min(_WIDE_PLACES, len(zeros))).astype(np.int64)
    for place in zeros[chosen].tolist():
        for start in (place, max(0, place - _WIDE_WINDOW)):
            for shift in range(4):
                window = block[start + shift : start + _WIDE_WINDOW]
                encoding = wide_encoding(window[: len(window) & ~3])
                if encoding is not None:
                    # The byte order is ambiguous: the first character may begin before the zero.
                    return encoding[:6].upper(), place
    return None, 0


class Validity:
    """The validity of one file as UTF-8.

    Args:
        name: of the file, for messages.
        stream: the text, or None if it is plain UTF-8.
        encoding: the given encoding. Text that is given as UTF-8 is never refused.
        selected: whether the text is only a part of the file.
        begin: the offset in the file at which the text begins, if it is a part of the file.

    Attributes:
        name: the same.
        encoding: of the text.
        compression: of the file, or None.
        marked: whether it begins with a byte-order mark.
        is_part: whether the text is a part of the file, which is judged as a whole later.
        invalid: invalid bytes so far.
        wide: UTF-16 or UTF-32 if a part is in it although the text was given as UTF-8, or None.

    """

    def __init__(
        self,
        name: str,
        stream: TextStream | None,
        encoding: str | None,
        *,
        selected: bool = False,
        begin: int | None = None,
    ) -> None:
        self.name = name
        self._part = " of the selected text" if selected else ""
        self.invalid = 0
        self.wide: str | None = None
        self._transcoder = None if stream is None else stream.transcoder
        self.encoding = "utf-8" if self._transcoder is None else self._transcoder.encoding
        self.compression = None if stream is None else stream.compression
        self.marked = stream is not None and stream.marked
        self._trusted = encoding is not None and self._transcoder is None
        self._begin = begin or 0
        self.is_part = begin is not None
        self._size = 0
        self._non_ascii = 0
        self._sample = b""

    def add(self, counts: ByteCounts) -> None:
        """Add a block of the text.

        Raises:
            InputError: the block is not UTF-8.

        """
        if self._trusted:
            self.wide = self.wide or counts.wide
        elif counts.wide is not None:
            offset = self._begin + self._size + counts.wide_at
            message = (
                f"{self.name} contains text in {counts.wide} among other text, at byte {offset:,}"
                f"{self._part}: expected one encoding; convert that part to UTF-8, or pass "
                "`encoding='utf-8'` to read it as it is"
            )
            raise InputError(message)
        self._size += counts.size
        self._non_ascii += counts.non_ascii
        self.invalid += counts.invalid
        self._sample = self._sample or counts.sample
        if counts.invalid >= max(_MANY_BYTES, _MANY_SHARE * counts.non_ascii):
            self._refuse()

    def finish(self) -> None:
        """Judge the whole text.

        Raises:
            InputError: it is not UTF-8.

        """
        if self._is_foreign and (self.invalid > 1 or _SINGLE_SHARE * self._size < 1):
            self._refuse()

    def totals(self) -> ByteCounts:
        """Return the counts of all blocks together."""
        return ByteCounts(self._size, self._non_ascii, self.invalid, self._sample, self.wide)

    def finding(self) -> Damage | None:
        """Return what there is to say about the text, or None."""
        if not (self.invalid or self.mixture or self.doubt):
            return None
        return Damage(self.name, self.invalid, self.mixture, self.doubt, self.suspicion)

    @property
    def _is_foreign(self) -> bool:
        return self.invalid > _MOST_INVALID * self._non_ascii

    @property
    def mixture(self) -> str:
        """What a notice says if UTF-16 or UTF-32 is mixed into the text."""
        if self.wide is None:
            return ""
        return (
            f"{self.name} contains text in {self.wide} among other text, whose letters are read as "
            "words; convert that part to UTF-8"
        )

    @functools.cached_property
    def doubt(self) -> str:
        """What a notice says if the text seems to be in another encoding than the given one."""
        if self._transcoder is None or self._transcoder.encoding in WIDE:
            return ""
        head, given = self._transcoder.head[:_SAMPLE_BYTES], self._transcoder.encoding
        guess = guess_encoding(head, SURE) if _NON_ASCII.search(head) else None
        if guess is None or decode_sample(head, guess) == decode_sample(head, given):
            return ""
        as_given, as_guessed = (
            _excerpt(decode_sample(head, given)),
            _excerpt(decode_sample(head, guess)),
        )
        return (
            f"{self.name} reads {as_given} in the given encoding, and {as_guessed} in {guess}; if "
            f"that is right, pass `encoding={guess!r}`"
        )

    @property
    def suspicion(self) -> str:
        """What a notice about invalid bytes has to add if the text may be in another encoding."""
        guess = guess_encoding(self._sample) if self._is_foreign and not self._trusted else None
        if guess is None or self._transcoder is not None:
            return ""
        shown = _excerpt(decode_sample(self._sample, guess))
        return f"; if the text is in {guess} ({shown}), pass `encoding={guess!r}`"

    def _refuse(self) -> None:
        """Raise the error for text in another encoding, unless it was given as UTF-8."""
        if self._trusted:
            return
        share = f"{self.invalid:,} of {self._non_ascii:,} non-ASCII bytes are invalid"
        if self._transcoder is not None:
            guess = guess_encoding(self._transcoder.undecodable)
            likely = "convert it" if guess is None else f"it is probably `encoding={guess!r}`"
            message = f"{self.name} is not text in {self._transcoder.encoding}: {share}; {likely}"
            raise InputError(message)
        guess = guess_encoding(self._sample)
        raise InputError(f"{self.name} is not UTF-8: {share}; {self._advice(guess)}")

    def _advice(self, guess: str | None) -> str:
        anyway = "`encoding='utf-8'` to split words at these bytes"
        if guess is None:
            return f"convert it to UTF-8, or pass its `encoding`, or {anyway}"
        shown = _excerpt(decode_sample(self._sample, guess))
        wholly = _WHOLLY_MULTI_BYTE if guess in MULTI_BYTE else _WHOLLY
        if self.invalid < wholly * self._non_ascii:
            return (
                f"a part of it is probably in {guess} ({shown}); convert that part to UTF-8, or "
                f"pass {anyway}"
            )
        return f"it is probably in {guess} ({shown}); pass `encoding={guess!r}`, or {anyway}"


def _excerpt(text: str) -> str:
    """Return a few characters around the first one that is not ASCII."""
    first = next((i for i, character in enumerate(text) if character > "\x7f"), 0)
    start = max(0, first - _EXCERPT // 2)
    shown = "".join(
        character if character.isprintable() and character not in "`'" else " "
        for character in text[start : first + _EXCERPT]
    )
    return f"'{' '.join(shown.split())}'"
