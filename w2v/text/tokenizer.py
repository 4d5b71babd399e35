"""What a word is, as tables over all of Unicode and one compiled pass over the bytes.

A word is a maximal run of characters of the categories L*, M*, N* and Pc or of join controls,
in which one apostrophe (' or U+2019, written as ') between two such characters stays inside;
letters are made small one by one; a Han, Hiragana or Katakana character is a word of its own.
So ``The King's 日本`` has the words ``the``, ``king's``, ``日`` and ``本``.

The text is UTF-8. A byte that is not part of a valid sequence separates words and is counted.

Most text is ASCII letters and separators, and is cut without looking at single bytes: vectors of
64 bytes are compared with the ranges of a class, which gives a bit for each byte, and words begin
and end where the bits change. That takes 12 ns a word of English, where a table look-up for each
byte took 30.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import BYTES, ascii_lowercase, bytes_between, eight_bytes, trailing_zeros
from w2v.text.characters import (
    APOSTROPHE,
    COMBINING_DOT,
    DOTTED_I,
    NEWLINE,
    SEPARATOR,
    SINGLE,
    TOKEN_SEPARATOR,
    WORD,
    CharacterTables,
    character_tables,
)
from w2v.text.definition import MAX_WORD_BYTES, WordDefinition
from w2v.text.wordtable import NO_WORD, WordTable, hash_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

END_OF_LINE = NO_WORD  # stands between the provisional ids of two lines

# Entries of a scanner's tallies.
TOKENS = 0
TOO_LONG = 1  # tokens dropped because they exceed MAX_WORD_BYTES
INVALID = 2  # bytes that are not UTF-8
TALLIES = 3

# Words that are cut, and then looked up, in one go: what is known of them stays in the cache.
_WORDS_AT_ONCE = 1 << 13
# Bits that a look at eight bytes of bits from any bit on is sure to give.
_WINDOW = 57
# Room behind the text for words that are not written as they stand there, one of them the longest.
_ASIDE = 1 << 16
_LONGEST = MAX_WORD_BYTES + 16

# Different words that are remembered between single texts, so that a server that runs for months
# does not keep every misspelling it was sent.
_MOST_REMEMBERED = 1 << 20

_BEHIND = 2 * BYTES

# Entries of the state of `_cut_words`.
_POSITION = 0
_LINE_ENDED = 1  # whether the last thing that was given is the end of a line


@inlined
def _decode(text: NDArray[np.uint8], i: int, end: int) -> tuple[np.int64, int]:
    """Decode the character that starts at ``text[i]``, a byte above 127.

    Returns the code point and its length in bytes; the length is 0 if the byte starts no valid
    sequence (truncated, overlong, a surrogate, or beyond U+10FFFF).
    """
    lead = np.int64(text[i])
    if lead < 0xC2 or lead > 0xF4:
        return np.int64(0), 0
    length = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if i + length > end:
        return np.int64(0), 0
    code = lead & (0x7F >> length)
    for k in range(1, length):
        byte = np.int64(text[i + k])
        if byte & 0xC0 != 0x80:
            return np.int64(0), 0
        code = (code << 6) | (byte & 0x3F)
    if length == 3 and (code < 0x800 or 0xD800 <= code <= 0xDFFF):
        return np.int64(0), 0
    if length == 4 and (code < 0x10000 or code > 0x10FFFF):
        return np.int64(0), 0
    return code, length


@inlined
def _append(letters: NDArray[np.uint8], end: int, code: Any) -> int:
    """Write a code point at ``end``; return where the next one goes."""
    size = 1 if code < 0x80 else (2 if code < 0x800 else (3 if code < 0x10000 else 4))
    if size == 1:
        letters[end] = code
    else:
        for k in range(size - 1, 0, -1):
            letters[end + k] = 0x80 | (code & 0x3F)
            code >>= 6
        letters[end] = (0xF00 >> size) & 0xFF | code
    return end + size


@kernel
def _mark(
    letters: NDArray[np.uint8],
    size: int,
    plain: NDArray[np.uint8],
    odd: NDArray[np.uint8],
    lowercase: bool,
    plain_bits: NDArray[np.uint64],
    odd_bits: NDArray[np.uint64],
) -> None:
    """Mark the bytes of a text by their class, a bit each, and make ASCII letters small.

    Args:
        letters: the bytes and BYTES more, changed.
        size: how many to mark.
        plain: (k, 2) ranges of bytes, see `CharacterTables`.
        odd: (k, 2) likewise.
        lowercase: whether to make letters small.
        plain_bits: receives a bit for each byte, the first one lowest: whether it is plain.
        odd_bits: receives whether it is odd.

    """
    for i in range(0, size, BYTES):
        if lowercase:
            ascii_lowercase(letters, i)
        bits = np.uint64(0)
        for k in range(len(plain)):
            bits |= bytes_between(letters, i, plain[k, 0], plain[k, 1])
        plain_bits[i // BYTES] = bits
        bits = np.uint64(0)
        for k in range(len(odd)):
            bits |= bytes_between(letters, i, odd[k, 0], odd[k, 1])
        odd_bits[i // BYTES] = bits


@inlined
def _window(bits: NDArray[np.uint8], i: int) -> np.uint64:
    """The bits from number ``i`` on, _WINDOW of them at least, the first one lowest, then zeros."""
    return eight_bytes(bits, i >> 3) >> np.uint64(i & 7)


@inlined
def _kind(
    letters: NDArray[np.uint8], i: int, size: int, classes: NDArray[np.uint8]
) -> tuple[Any, np.int64, int]:
    """The class of the character at ``letters[i]``, its code point, and its length in bytes.

    The length of a byte that is not UTF-8 is 0.
    """
    code = np.int64(letters[i])
    width = 1
    if code >= 0x80:
        code, width = _decode(letters, i, size)
    kind = classes[code] if width > 0 else np.uint8(SEPARATOR)
    return kind, code, width


@inlined
def _write_word(
    letters: NDArray[np.uint8],
    i: int,
    size: int,
    start: int,
    classes: NDArray[np.uint8],
    written: NDArray[np.int32],
) -> tuple[int, int]:
    """Write the word that begins at ``letters[i]`` to ``start``, character by character.

    Returns where it ends in the text and where it ends as written. Of a word longer than
    MAX_WORD_BYTES the rest is not written.
    """
    behind = i
    end = start
    apostrophe = False  # seen, waiting for what follows
    while i < size:
        kind, code, width = _kind(letters, i, size, classes)
        if kind == WORD:
            if apostrophe:
                end = _append(letters, end, ord("'"))
                apostrophe = False
            end = _append(letters, end, written[code])
            if code == DOTTED_I and written[code] != code:
                end = _append(letters, end, COMBINING_DOT)
            end = min(end, start + MAX_WORD_BYTES + 1)
            behind = i + width
        elif kind == APOSTROPHE and not apostrophe:
            apostrophe = True
        else:
            break
        i += width
    return behind, end


@kernel
def _cut_words(
    letters: NDArray[np.uint8],
    size: int,
    plain_bits: NDArray[np.uint8],
    odd_bits: NDArray[np.uint8],
    classes: NDArray[np.uint8],
    written: NDArray[np.int32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    state: NDArray[np.int64],
    tallies: NDArray[np.int64],
) -> int:
    """Find the next words of a block of text, until there is no room for more.

    Args:
        letters: the text, marked, and _BEHIND of TOKEN_SEPARATOR; then _ASIDE bytes of room for
            words that are written otherwise than they stand there.
        size: bytes of the text.
        plain_bits: what `_mark` says of each byte.
        odd_bits: likewise.
        classes: the class of each code point.
        written: the code point that stands for each in a word.
        starts: (n,) receives where in ``letters`` each word begins.
        lengths: (n,) receives its bytes; 0 stands once for the line ends between two words.
        hashes: (n,) receives its hash.
        state: where we are, updated.
        tallies: tokens, those dropped, and bytes that are not UTF-8, updated.

    Returns:
        The number of words, empty ones included.

    """
    i = state[_POSITION]
    line_ended = state[_LINE_ENDED]
    aside = size + _BEHIND
    words = 0
    while i < size and words < len(starts) and aside + _LONGEST < len(letters):
        plain = _window(plain_bits, i)
        odd = _window(odd_bits, i)
        gap = trailing_zeros(plain | odd)
        if gap >= _WINDOW:
            i += _WINDOW
            continue
        start = i + gap
        i = start + trailing_zeros(~(plain >> np.uint64(gap)))
        if i - start + gap >= _WINDOW:  # it may go on beyond the window
            run = _WINDOW
            i = start
            while run == _WINDOW:
                run = min(trailing_zeros(~_window(plain_bits, i)), _WINDOW)
                i += run
            odd = _window(odd_bits, i)
        else:
            odd >>= np.uint64(gap + i - start)
        length = i - start
        if odd & np.uint64(1):
            kind, _, width = _kind(letters, i, size, classes)
            if kind == WORD or (kind == APOSTROPHE and length > 0):
                i, end = _write_word(letters, start, size, aside, classes, written)
                start = aside
                aside = end
                length = end - start
            elif length == 0:
                i += max(width, 1)
                tallies[INVALID] += width == 0
                if kind == SINGLE:
                    length = width
                elif kind == NEWLINE and not line_ended:
                    line_ended = 1
                    lengths[words] = 0
                    words += 1
        if length > MAX_WORD_BYTES:
            tallies[TOO_LONG] += 1
            if start >= size:  # it was written aside, and is the last one there
                aside = start
        elif length > 0:
            starts[words] = start
            lengths[words] = length
            hashes[words] = hash_word(letters, start, length)
            words += 1
            line_ended = 0
        tallies[TOKENS] += length > 0
    state[_POSITION] = i
    state[_LINE_ENDED] = line_ended
    return words


class Scanner:
    """Turns blocks of text into provisional ids of its own word table, keeping tallies.

    One thread uses it at a time; several scanners work side by side and are merged at the end.

    Attributes:
        words: the words seen so far.
        tallies: (TALLIES,) int64.
        tokenizing: seconds spent on cutting words so far.
        hashing: seconds spent on looking them up and counting them.

    """

    def __init__(self, tables: CharacterTables) -> None:
        self.tables = tables
        self.words = WordTable()
        self.tallies: NDArray[np.int64] = np.zeros(TALLIES, np.int64)
        self.tokenizing = 0.0
        self.hashing = 0.0
        self._letters: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._bits: NDArray[np.uint64] = np.empty((2, 0), np.uint64)
        self._starts: NDArray[np.int64] = np.zeros(_WORDS_AT_ONCE, np.int64)
        self._lengths: NDArray[np.int32] = np.zeros(_WORDS_AT_ONCE, np.int32)
        self._hashes: NDArray[np.uint64] = np.zeros(_WORDS_AT_ONCE, np.uint64)

    def scan(self, block: bytes | bytearray) -> NDArray[np.uint32]:
        """Return the provisional ids of a block that cuts no word, END_OF_LINE between lines."""
        state = np.zeros(2, np.int64)
        begun = time.perf_counter()
        self._take(block)
        parts = [np.empty(0, np.uint32)]
        while state[_POSITION] < len(block):
            words = self._cut(len(block), state)
            cut = time.perf_counter()
            self.tokenizing += cut - begun
            parts.append(
                self.words.add(
                    self._letters, self._starts[:words], self._lengths[:words], self._hashes[:words]
                )
            )
            begun = time.perf_counter()
            self.hashing += begun - cut
        return np.concatenate(parts)

    def _take(self, block: bytes | bytearray) -> None:
        """Copy a block to where there is room behind it, and mark its bytes."""
        size = len(block)
        if len(self._letters) < size + _BEHIND + _ASIDE:
            self._letters = np.zeros(size + _BEHIND + _ASIDE, np.uint8)
            self._bits = np.zeros((2, size // BYTES + 3), np.uint64)
        self._letters[:size] = np.frombuffer(block, np.uint8)
        self._letters[size : size + _BEHIND] = ord(TOKEN_SEPARATOR)
        tables = self.tables
        _mark(
            self._letters,
            size + BYTES,
            tables.plain,
            tables.special,
            tables.lowercase,
            self._bits[0],
            self._bits[1],
        )

    def _cut(self, size: int, state: NDArray[np.int64]) -> int:
        return _cut_words(
            self._letters,
            size,
            self._bits[0].view(np.uint8),
            self._bits[1].view(np.uint8),
            self.tables.classes,
            self.tables.written,
            self._starts,
            self._lengths,
            self._hashes,
            state,
            self.tallies,
        )


class Tokenizer:
    """Cuts single texts into words, and tags each word with a number.

    It remembers the words it has seen; threads may share it.

    Args:
        definition: of a word.
        tag: gives the number of a word, and is asked once for each as long as it is remembered.

    """

    def __init__(self, definition: WordDefinition, tag: Callable[[str], int]) -> None:
        self.tables = character_tables(definition)
        self._tag = tag
        self._lock = threading.Lock()
        self._scanner = Scanner(self.tables)
        self._tags: NDArray[np.int32] = np.empty(0, np.int32)

    def words(self, text: str | bytes) -> list[str]:
        """Return the words of a text; bytes are UTF-8."""
        with self._lock:
            ids = self._scan(text)
            return [word.decode() for word in self._scanner.words.words(ids)]

    def tags(self, text: str | bytes) -> NDArray[np.int32]:
        """Return (n,) int32: the number of each word of a text."""
        with self._lock:
            ids = self._scan(text)
            table = self._scanner.words
            if len(table) > len(self._tags):
                new = table.words(np.arange(len(self._tags), len(table)))
                tags = [self._tag(word.decode()) for word in new]
                self._tags = np.append(self._tags, np.array(tags, np.int32))
            tagged: NDArray[np.int32] = self._tags[ids]
            return tagged

    def _scan(self, text: str | bytes) -> NDArray[np.int64]:
        """Return the provisional ids of a text's words."""
        if len(self._scanner.words) > _MOST_REMEMBERED:
            self._scanner = Scanner(self.tables)
            self._tags = np.empty(0, np.int32)
        if isinstance(text, str):  # a lone surrogate separates words, as bytes that are not UTF-8
            text = text.encode("utf-8", "surrogatepass")
        ids = self._scanner.scan(text)
        return np.asarray(ids[ids != END_OF_LINE], np.int64)
