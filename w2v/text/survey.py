"""What stands in a text, apart from its words: a count of its characters, its lines, odd things.

One compiled pass over the bytes of each block counts every code point, hashes every line, and
counts what is odd in text to learn from: characters that nobody sees, rests of HTML, addresses.
Scripts and the like follow from the counts of the code points, of which there are few distinct.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.text.characters import CODE_POINTS
from w2v.text.normal import TOKEN_SEPARATOR
from w2v.text.tokenizer import decode_character
from w2v.text.wordtable import SLACK, hash_word

if TYPE_CHECKING:
    from w2v.text.blocks import Block

KINDS = (
    "control characters",
    "private-use characters",
    "unassigned characters",
    "replacement characters",
    "zero-width characters",
    "zero-width joiners",
    "direction marks",
    "soft hyphens",
    "line separators",
    "HTML entities",
    "HTML tags",
    "URLs",
    "e-mail addresses",
    "mojibake",
)
"""The odd things that are counted, by the number of their kind."""

_CONTROL, _PRIVATE, _UNASSIGNED, _REPLACEMENT, _ZERO_WIDTH, _JOINER = range(6)
_DIRECTION, _SOFT_HYPHEN, _SEPARATOR, _ENTITY, _TAG, _URL, _EMAIL, _MOJIBAKE = range(6, 14)

CHARACTERS = range(_ENTITY)
"""The kinds that are single characters; the others are longer pieces of text."""

# The trait of a character is the number of its kind plus one, or 0; and bits.
_KIND = 31
_LEAD = 32  # begins a piece of UTF-8 that was decoded as windows-1252
_DOUBTFUL = 64  # may not be in normalization form C, for itself or after another character

_ZERO_WIDTH_CHARACTERS = (0x200B, 0x2060, 0xFEFF)
_JOINERS = (0x200C, 0x200D)
_DIRECTION_MARKS = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINE_SEPARATORS = (0x2028, 0x2029)
_WHITE_CONTROLS = (0x09, 0x0A, 0x0D)
# All characters of other planes are unassigned, or private up to the last two of each plane.
_PLANES_IN_USE = (range(0x40000), range(0xE0000, 0xE1000))
_PRIVATE_PLANES = (range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))
# Large blocks without a character that changes under normalization or composes.
_NEVER_DOUBTFUL = (range(0x3400, 0xA000), range(0xAC00, 0xD7A4), range(0x20000, 0x2F800))
_MEDIAL_AND_FINAL_JAMO = range(0x1161, 0x11C3)

# UTF-8 that was decoded as windows-1252 is looked for where it is letters of European languages,
# punctuation or currency: the first bytes of these. More would find text that is right.
_LEAD_OF_THREE = 0xE2
_MOJIBAKE_LEADS = (0xC2, 0xC3, 0xCE, 0xCF, 0xD0, 0xD1, _LEAD_OF_THREE)
_MOST_PUNCTUATION = 0x86  # the second byte of E2 80 80 to E2 86 BF
# windows-1252 has characters up to this one.
_LAST_1252 = 0x2122

_LONGEST_ENTITY = 32
_LONGEST_TAG_NAME = 16
_LONGEST_TAG = 500
_LONGEST_DOMAIN = 250
_LONGEST_URL = 2000
_LONGEST_LOCAL_PART = 64


class CharacterTraits(NamedTuple):
    """What the survey has to know of characters.

    Attributes:
        traits: (0x110000,) uint8, the kind and the bits of each code point.
        bytes_1252: (0x2123,) uint8, the byte above 127 of a character in windows-1252, else 0.
        return_ends: whether a carriage return ends a line, as in text, but not in tokens.

    """

    traits: NDArray[np.uint8]
    bytes_1252: NDArray[np.uint8]
    return_ends: bool


class Tally(NamedTuple):
    """The counts of some text, of one thread.

    Attributes:
        codes: (0x110000,) int64, the occurrences of each code point.
        kinds: (len(KINDS),) int64, the occurrences of each kind of odd things.
        first: (len(KINDS), 2) int64, the offset of the first one in the last block and its length
            in bytes; the offset is -1 if there is none.

    """

    codes: NDArray[np.int64]
    kinds: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Tally:
        """Return a tally of no text."""
        return cls(
            np.zeros(CODE_POINTS, np.int64),
            np.zeros(len(KINDS), np.int64),
            np.full((len(KINDS), 2), -1, np.int64),
        )


class Lines(NamedTuple):
    """The ends of the lines of a block.

    Attributes:
        starts: (n,) int64, the offset of the first byte of each line.
        sizes: (n,) int64, its length in bytes without the line end.
        hashes: (n,) uint64, of its bytes in the block; 0 for white space only.
        doubtful: (n,) bool, whether it may not be in normalization form C.

    """

    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    doubtful: NDArray[np.bool]

    def head(self, size: int) -> Lines:
        """Return the first lines."""
        starts, sizes, hashes, doubtful = self
        return Lines(starts[:size], sizes[:size], hashes[:size], doubtful[:size])


class SurveyState(NamedTuple):
    """The result of the pass over a block.

    Attributes:
        lines: that begin in the block; or go on in it, for the first one.
        ended: whether the last of them ends in the block.
        invalid: bytes that are not UTF-8.
        first_invalid: the offset of the first one, -1 if there is none.
        ascii: bytes below 128.

    """

    lines: int
    ended: bool
    invalid: int
    first_invalid: int
    ascii: int


@functools.lru_cache(maxsize=2)
def character_traits(*, tokenized: bool) -> CharacterTraits:
    """Return the tables for a text, or for lists of tokens."""
    traits = np.full(CODE_POINTS, _UNASSIGNED + 1, np.uint8)
    kind_of = {"Cc": _CONTROL + 1, "Co": _PRIVATE + 1, "Cn": _UNASSIGNED + 1}
    for plane in _PLANES_IN_USE:
        categories = map(unicodedata.category, map(chr, plane))
        traits[plane.start : plane.stop] = [kind_of.get(category, 0) for category in categories]
    for plane in _PRIVATE_PLANES:
        traits[plane.start : plane.stop] = _PRIVATE + 1
    for codes, kind in (
        (_ZERO_WIDTH_CHARACTERS, _ZERO_WIDTH),
        (_JOINERS, _JOINER),
        (_DIRECTION_MARKS, _DIRECTION),
        (_LINE_SEPARATORS, _SEPARATOR),
        ((0xAD,), _SOFT_HYPHEN),
        ((0xFFFD,), _REPLACEMENT),
        (_WHITE_CONTROLS, -1),
        ((ord(TOKEN_SEPARATOR),) if tokenized else (), -1),
    ):
        traits[list(codes)] = kind + 1
    traits[list(_doubtful_characters())] |= _DOUBTFUL
    bytes_1252 = np.zeros(_LAST_1252 + 1, np.uint8)
    for byte in range(0x80, 0x100):
        # Bytes that windows-1252 does not define are controls, as in the standard of the WHATWG.
        decoded = bytes([byte]).decode("cp1252", "ignore") or chr(byte)
        bytes_1252[ord(decoded)] = byte
    traits[list(_MOJIBAKE_LEADS)] |= _LEAD
    return CharacterTraits(traits, bytes_1252, not tokenized)


def kind_of(code: int, characters: CharacterTraits) -> int:
    """Return the number of the kind of a code point, -1 for an ordinary character."""
    return int(characters.traits[code] & _KIND) - 1


def _doubtful_characters() -> set[int]:
    """Return characters that, somewhere in a text, may change in normalization form C.

    Those that cannot be part of any such change are missing; see Unicode Standard Annex 15 for the
    quick check, of which this is a variant that needs no list of properties.
    """
    doubtful = set(_MEDIAL_AND_FINAL_JAMO)
    for code in range(0x40000):
        if any(code in block for block in _NEVER_DOUBTFUL):
            continue
        character = chr(code)
        parts = unicodedata.decomposition(character)
        if unicodedata.combining(character):
            doubtful.add(code)
        elif parts and not parts.startswith("<"):
            if not unicodedata.is_normalized("NFC", character):
                doubtful.add(code)
            elif " " in parts:
                doubtful.add(int(parts.split()[1], 16))
    return doubtful


@inlined
def _is_letter(byte: Any) -> Any:
    return ord("a") <= (byte | 0x20) <= ord("z")


@inlined
def _is_digit(byte: Any) -> Any:
    return ord("0") <= byte <= ord("9")


@inlined
def _is_white(byte: Any) -> Any:
    return byte == ord(" ") or ord("\t") <= byte <= ord("\r")


@inlined
def _entity_length(data: NDArray[np.uint8], i: int, size: int) -> int:
    """Return the length of the HTML entity that begins at ``data[i]``, 0 if there is none."""
    j = i + 1
    is_number = j < size and data[j] == ord("#")
    is_hexadecimal = is_number and j + 1 < size and (data[j + 1] | 0x20) == ord("x")
    j += int(is_number) + int(is_hexadecimal)
    first = j
    longest = (6 if is_hexadecimal else 7) if is_number else _LONGEST_ENTITY
    while j < size and j - first < longest:
        byte = data[j]
        if is_hexadecimal:
            fits = _is_digit(byte) or ord("a") <= (byte | 0x20) <= ord("f")
        elif is_number:
            fits = _is_digit(byte)
        else:
            fits = _is_letter(byte) or (j > first and _is_digit(byte))
        if not fits:
            break
        j += 1
    complete = j < size and data[j] == ord(";") and j - first >= (1 if is_number else 2)
    return j + 1 - i if complete else 0


@inlined
def _tag_length(data: NDArray[np.uint8], i: int, size: int) -> int:
    """Return the length of the HTML tag that begins at ``data[i]``, 0 if there is none."""
    j = i + 1
    j += int(j < size and data[j] == ord("/"))
    first = j
    while (
        j < size
        and j - first <= _LONGEST_TAG_NAME
        and (_is_letter(data[j]) or (j > first and _is_digit(data[j])))
    ):
        j += 1
    named = 0 < j - first <= _LONGEST_TAG_NAME and j < size
    length = 0
    if named and (_is_white(data[j]) or data[j] == ord("/") or data[j] == ord(">")):
        end = min(size, i + _LONGEST_TAG)
        while j < end and data[j] != ord(">") and data[j] != ord("<") and data[j] != ord("\n"):
            j += 1
        if j < end and data[j] == ord(">"):
            length = j + 1 - i
    return length


@inlined
def _url_start(data: NDArray[np.uint8], i: int, size: int) -> int:
    """Return where the URL begins whose scheme, or whose "www", ends at ``data[i]``; -1 if none."""
    start = -1
    if data[i] == ord(":"):
        slashes = i + 3 < size and data[i + 1] == ord("/") and data[i + 2] == ord("/")
        if slashes and data[i + 3] > ord(" ") and i > 0 and _is_letter(data[i - 1]):
            start = i - 1
            while start > 0 and i - start < _LONGEST_TAG_NAME and _is_letter(data[start - 1]):
                start -= 1
    elif i >= 3 and i + 1 < size and (_is_letter(data[i + 1]) or _is_digit(data[i + 1])):
        www = (
            (data[i - 1] | 0x20) == ord("w")
            and (data[i - 2] | 0x20) == ord("w")
            and (data[i - 3] | 0x20) == ord("w")
        )
        before = data[i - 4] if i > 3 else np.uint8(ord(" "))
        inside = _is_letter(before) or _is_digit(before) or before == ord("/")
        if www and not inside:
            start = i - 3
    return start


@inlined
def _is_local(byte: Any) -> Any:
    """Return whether a byte may stand before the @ of an address."""
    other = byte == ord(".") or byte == ord("_") or byte == ord("%")
    other = other or byte == ord("+") or byte == ord("-")
    return _is_letter(byte) or _is_digit(byte) or other


@inlined
def _email_end(data: NDArray[np.uint8], i: int, size: int) -> int:
    """Return the end of the e-mail address with the @ at ``data[i]``, -1 if there is none."""
    end = -1
    if i > 0 and _is_local(data[i - 1]):
        j = i + 1
        last = min(size - 2, i + _LONGEST_DOMAIN)
        while j < last and (
            _is_letter(data[j]) or _is_digit(data[j]) or data[j] == ord("-") or data[j] == ord(".")
        ):
            known = data[j] == ord(".") and j > i + 1
            if known and _is_letter(data[j + 1]) and _is_letter(data[j + 2]):
                end = j + 3
            elif data[j] == ord(".") and j == i + 1:
                break
            j += 1
    return end


@inlined
def _mojibake_length(
    data: NDArray[np.uint8], i: int, size: int, code: Any, width: int, bytes_1252: NDArray[np.uint8]
) -> int:
    """Return the length of UTF-8 that was decoded as windows-1252, 0 if it is not.

    Args:
        data: the text.
        i: the offset of the character that stands for the first byte.
        size: of the text.
        code: that character.
        width: its length in bytes.
        bytes_1252: see `CharacterTraits`.

    """
    j = i + width
    following = 2 if code == _LEAD_OF_THREE else 1
    length = 0
    for k in range(following):
        next_code, next_width = np.int64(0), 0
        if j < size and data[j] >= 0x80:
            next_code, next_width = decode_character(data, j, size)
        byte = np.int64(bytes_1252[next_code]) if next_code <= _LAST_1252 else np.int64(0)
        limit = _MOST_PUNCTUATION if following == 2 and k == 0 else 0xBF
        if byte < 0x80 or byte > limit:
            break
        j += next_width
        if k == following - 1:
            length = j - i
    return length


@kernel
def _survey(
    data: NDArray[np.uint8],
    size: int,
    characters: CharacterTraits,
    tally: Tally,
    lines: Lines,
    ascii_codes: NDArray[np.int64],
) -> SurveyState:
    """Count what is in a block.

    Args:
        data: the block, and SLACK bytes.
        size: its length.
        characters: what to look for.
        tally: receives the counts.
        lines: receives the lines; there is room for all.
        ascii_codes: (4, 128) zeros, work space: adjacent bytes are counted in different rows,
            because a number that was just written takes time to read.

    Returns:
        The rest of the result.

    """
    traits, bytes_1252, return_ends = characters
    codes, kinds, first = tally
    line = 0
    start = 0
    visible = -1  # the last byte that is not white space
    doubtful = False
    invalid = 0
    first_invalid = -1
    i = 0
    while i < size:
        byte = data[i]
        kind = -1
        at, length = i, 1
        if byte < 0x80:
            ascii_codes[i & 3, byte] += 1
            if byte > ord("@") or (ord("/") <= byte <= ord("9")):  # mostly a letter or a digit
                if byte == 0x7F:
                    kind = _CONTROL
                visible = i
            elif byte == ord(" "):
                pass
            elif byte == ord("\n") or (byte == ord("\r") and return_ends):
                pair = byte == ord("\r") and i + 1 < size and data[i + 1] == ord("\n")
                lines.starts[line] = start
                lines.sizes[line] = i - start
                blank = visible < start
                lines.hashes[line] = np.uint64(0) if blank else hash_word(data, start, i - start)
                lines.doubtful[line] = doubtful
                line += 1
                doubtful = False
                if pair:
                    i += 1
                    ascii_codes[0, ord("\n")] += 1
                start = i + 1
            elif byte < ord(" "):
                kind = int(traits[byte] & _KIND) - 1
                if not _is_white(byte):
                    visible = i
            else:
                visible = i
                if byte == ord("&"):
                    length = _entity_length(data, i, size)
                    kind = _ENTITY if length > 0 else -1
                elif byte == ord("<"):
                    length = _tag_length(data, i, size)
                    kind = _TAG if length > 0 else -1
                elif byte == ord(":") or byte == ord("."):
                    at = _url_start(data, i, size)
                    kind = _URL if at >= 0 else -1
                    length = i + 1 - at
                elif byte == ord("@"):
                    end = _email_end(data, i, size)
                    kind = _EMAIL if end >= 0 else -1
                    length = end - i
            i += 1
        else:
            visible = i
            code, width = decode_character(data, i, size)
            if width == 0:
                invalid += 1
                first_invalid = i if first_invalid < 0 else first_invalid
                i += 1
            else:
                codes[code] += 1
                trait = int(traits[code])
                if trait != 0:
                    doubtful |= trait & _DOUBTFUL != 0
                    kind = (trait & _KIND) - 1
                    length = width
                    if trait & _LEAD != 0:
                        length = _mojibake_length(data, i, size, code, width, bytes_1252)
                        kind = _MOJIBAKE if length > 0 else -1
                i += width
        if kind >= 0:
            kinds[kind] += 1
            if first[kind, 0] < 0:
                if kind == _EMAIL:
                    end = at + length
                    while end < size and (_is_letter(data[end]) or _is_digit(data[end])):
                        end += 1
                    while at > 0 and i - at < _LONGEST_LOCAL_PART and _is_local(data[at - 1]):
                        at -= 1
                    length = end - at
                elif kind == _URL:
                    end = i
                    while end < size and end - at < _LONGEST_URL and data[end] > ord(" "):
                        end += 1
                    length = end - at
                first[kind, 0] = at
                first[kind, 1] = length
    ended = start >= size
    if not ended:
        lines.starts[line] = start
        lines.sizes[line] = size - start
        blank = visible < start
        lines.hashes[line] = np.uint64(0) if blank else hash_word(data, start, size - start)
        lines.doubtful[line] = doubtful
        line += 1
    ascii_bytes = 0
    for byte in range(128):
        for row in range(4):
            codes[byte] += ascii_codes[row, byte]
            ascii_bytes += ascii_codes[row, byte]
            ascii_codes[row, byte] = 0
    return SurveyState(line, ended, invalid, first_invalid, ascii_bytes)


class SurveyedBlock(NamedTuple):
    """What a block has.

    Attributes:
        lines: its lines; the first one may have begun in the block before.
        ended: whether the last line ends in the block.
        size: the bytes.
        ascii: those below 128.
        invalid: those that are not UTF-8.
        invalid_line: the number of the line of the first one, from 0; -1 if there is none.
        not_normal: (n,) int64, the numbers of the lines that are not in normalization form C.
        examples: by kind, the number of the line of the first one, from 0, and an excerpt: the
            bytes before it, itself, and those after it.

    """

    lines: Lines
    ended: bool
    size: int
    ascii: int
    invalid: int
    invalid_line: int
    not_normal: NDArray[np.int64]
    examples: dict[int, tuple[int, tuple[bytes, bytes, bytes]]]


_AROUND = 48
"""Bytes of an excerpt before and after the place."""


class Surveyor:
    """Surveys blocks of text, for one thread at a time.

    Args:
        tokenized: whether the text is lists of tokens.

    Attributes:
        tally: the counts of all blocks so far.

    """

    def __init__(self, *, tokenized: bool) -> None:
        self.tally = Tally.empty()
        self._characters = character_traits(tokenized=tokenized)
        self._data: NDArray[np.uint8] = np.zeros(SLACK, np.uint8)
        self._ascii: NDArray[np.int64] = np.zeros((4, 128), np.int64)

    def survey(self, block: Block) -> SurveyedBlock:
        """Survey a block."""
        size = len(block)
        if len(self._data) < size + SLACK:
            self._data = np.zeros(size + SLACK, np.uint8)
        self._data[:size] = np.frombuffer(block, np.uint8)
        room = block.count(b"\n") + block.count(b"\r") + 1
        lines = Lines(
            np.empty(room, np.int64),
            np.empty(room, np.int64),
            np.empty(room, np.uint64),
            np.empty(room, np.bool),
        )
        self.tally.first[:] = -1
        state = _survey(self._data, size, self._characters, self.tally, lines, self._ascii)
        lines = lines.head(state.lines)
        return SurveyedBlock(
            lines,
            state.ended,
            size,
            state.ascii,
            state.invalid,
            _line_of(state.first_invalid, lines) if state.invalid else -1,
            _not_normal(block, lines),
            {
                kind: (_line_of(at, lines), _excerpt(block, at, length))
                for kind, (at, length) in enumerate(self.tally.first.tolist())
                if at >= 0
            },
        )


def _line_of(offset: int, lines: Lines) -> int:
    return int(np.searchsorted(lines.starts, offset, side="right")) - 1


def _not_normal(block: Block, lines: Lines) -> NDArray[np.int64]:
    """Return the numbers of the lines that are not in normalization form C."""
    found = []
    for number in np.flatnonzero(lines.doubtful).tolist():
        start = lines.starts[number]
        text = block[start : start + lines.sizes[number]].decode("utf-8", "replace")
        if not unicodedata.is_normalized("NFC", text):
            found.append(number)
    return np.array(found, np.int64)


def _excerpt(block: Block, at: int, length: int) -> tuple[bytes, bytes, bytes]:
    """Return the bytes before a place in its line, at it, and after it."""
    end = at + length
    before = bytes(block[max(0, at - _AROUND) : at])
    after = bytes(block[end : end + _AROUND])
    return before.rpartition(b"\n")[2], bytes(block[at:end]), after.partition(b"\n")[0]
