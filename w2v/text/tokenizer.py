"""Splitting of UTF-8 text into words, by one compiled pass over the bytes.

The classes of `w2v.text.characters` define the words. A byte that is not part of a valid UTF-8
sequence separates words and is counted.

Most text is ASCII letters and separators, and is split without looking at single bytes: vectors of
64 bytes are compared with the ranges of a class, which gives a bit for each byte, and words begin
and end where the bits change. This takes 12 ns per English word; a table look-up for each byte took
30 ns.

The pass checks whether a word may not be in normalization form C. Such words are rare in most
text. They are looked up in a table of their own, which leads to the normalized word, so that each
distinct one is normalized only once.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import BYTES, ascii_lowercase, bytes_between, eight_bytes, trailing_zeros
from w2v.text.characters import (
    CHANGES,
    CONNECTOR,
    DOTTED_I,
    FIRST,
    IGNORED,
    JOINER,
    JOINS,
    LETTER,
    MARK,
    MIDDLE_DOT,
    MODIFIER,
    NEWLINE,
    NUMBER,
    SECOND,
    SEPARATOR,
    SINGLE,
    VARIANT,
    VIRAMA,
    CharacterTables,
    character_tables,
)
from w2v.text.definition import MAX_WORD_BYTES, WordDefinition
from w2v.text.normal import COMBINING_DOT, TOKEN_SEPARATOR, ZERO_WIDTH_JOINER, normal_form
from w2v.text.segmenters import Segmenter, load
from w2v.text.wordtable import NO_WORD, Words, WordTable, as_batch, hash_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from w2v.text.blocks import Block

END_OF_LINE = NO_WORD
"""The separator between the provisional ids of two lines."""

# Words are split and then looked up in batches of this size. Batches of 8,192 words took 7 % more
# time, and more with two threads, which wait for each other between the calls of kernels.
_BATCH = 1 << 15
# `_window` returns at least this many bits.
_WINDOW = 57
# TOKEN_SEPARATOR is a SEPARATOR by every definition. This many follow a block, so that nothing else
# is seen when BYTES bytes are read from any position in the block.
_PADDING = 2 * BYTES
# Space behind the padding for words that are not written as they stand in the text.
_SCRATCH = 1 << 16
_MAX_WRITTEN = MAX_WORD_BYTES + 16
# No character below has a trait other than FIRST, or a combining class.
_FIRST_WITH_TRAITS = 0x300
# The id of a word that is too long in normalization form C.
_TOO_LONG = NO_WORD - 1

# A tokenizer forgets its words beyond this number, so that a server that runs for months does not
# remember every misspelling that it was sent.
_MAX_REMEMBERED = 1 << 20


class TokenCounts(NamedTuple):
    """The number of tokens read.

    Attributes:
        tokens: all tokens.
        too_long: tokens that were dropped because they exceed MAX_WORD_BYTES.
        invalid_bytes: bytes that are not UTF-8.

    """

    tokens: int = 0
    too_long: int = 0
    invalid_bytes: int = 0


class MarkedText(NamedTuple):
    """A block of text with the classes of its bytes.

    Attributes:
        data: uint8, the text, _PADDING times TOKEN_SEPARATOR, and _SCRATCH bytes.
        size: the length of the text.
        plain: uint8, one bit for each byte of text, the first one lowest: part of a word.
        special: the same: needs a closer look.

    """

    data: NDArray[np.uint8]
    size: int
    plain: NDArray[np.uint8]
    special: NDArray[np.uint8]


class SplitState(NamedTuple):
    """The progress of splitting a block.

    Attributes:
        position: the next byte.
        line_ended: whether the last word is empty, which marks the end of a line.
        words: words in the present batch, empty ones included.
        unsettled: those of them that may not be in normalization form C.
        tokens: see `TokenCounts`, as for the others.
        too_long: dropped tokens.
        invalid_bytes: bytes that are not UTF-8.

    """

    position: int
    line_ended: bool
    words: int
    unsettled: int
    tokens: int
    too_long: int
    invalid_bytes: int


class WrittenWord(NamedTuple):
    """A word that was written character by character.

    Attributes:
        text_end: its end in the text.
        end: its end as written.
        is_word: whether it has a letter or a number.
        is_normal: whether it is certainly in normalization form C.

    """

    text_end: int
    end: int
    is_word: bool
    is_normal: bool


@inlined
def decode_character(data: NDArray[np.uint8], i: int, end: int) -> tuple[np.int64, int]:
    """Decode the character that starts at ``data[i]``, a byte above 127.

    Returns:
        The code point and its length in bytes; the length is 0 if the byte starts no valid
        sequence (truncated, overlong, a surrogate, or beyond U+10FFFF).

    """
    lead = np.int64(data[i])
    if lead < 0xC2 or lead > 0xF4:
        return np.int64(0), 0
    length = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if i + length > end:
        return np.int64(0), 0
    code = lead & (0x7F >> length)
    for k in range(1, length):
        byte = np.int64(data[i + k])
        if byte & 0xC0 != 0x80:
            return np.int64(0), 0
        code = (code << 6) | (byte & 0x3F)
    if length == 3 and (code < 0x800 or 0xD800 <= code <= 0xDFFF):
        return np.int64(0), 0
    if length == 4 and (code < 0x10000 or code > 0x10FFFF):
        return np.int64(0), 0
    return code, length


@inlined
def _append(data: NDArray[np.uint8], end: int, code: Any) -> int:
    """Write a code point at ``end`` and return the new end."""
    size = 1 if code < 0x80 else (2 if code < 0x800 else (3 if code < 0x10000 else 4))
    if size == 1:
        data[end] = code
    else:
        for k in range(size - 1, 0, -1):
            data[end + k] = 0x80 | (code & 0x3F)
            code >>= 6
        data[end] = (0xF00 >> size) & 0xFF | code
    return end + size


@kernel
def _mark(
    data: NDArray[np.uint8],
    size: int,
    tables: CharacterTables,
    plain_bits: NDArray[np.uint64],
    special_bits: NDArray[np.uint64],
) -> None:
    """Mark the bytes of a text by their class, and lowercase ASCII letters in place.

    Args:
        data: the text and BYTES more.
        size: the number of bytes to mark.
        tables: the ranges of the classes.
        plain_bits: receives a bit for each byte, the first one lowest: whether it is plain.
        special_bits: receives whether it is special.

    """
    plain, special, lowercase = tables.plain, tables.special, tables.lowercase
    for i in range(0, size, BYTES):
        if lowercase:
            ascii_lowercase(data, i)
        bits = np.uint64(0)
        for k in range(len(plain)):
            bits |= bytes_between(data, i, plain[k, 0], plain[k, 1])
        plain_bits[i // BYTES] = bits
        bits = np.uint64(0)
        for k in range(len(special)):
            bits |= bytes_between(data, i, special[k, 0], special[k, 1])
        special_bits[i // BYTES] = bits


@inlined
def _window(bits: NDArray[np.uint8], i: int) -> np.uint64:
    """Return the bits from number ``i`` on, at least _WINDOW, the first one lowest, then zeros."""
    return eight_bytes(bits, i >> 3) >> np.uint64(i & 7)


@inlined
def _classify(
    data: NDArray[np.uint8], i: int, size: int, classes: NDArray[np.uint8]
) -> tuple[Any, np.int64, int]:
    """Return the class of the character at ``data[i]``, its code point and its length in bytes.

    The length of a byte that is not UTF-8 is 0.
    """
    code = np.int64(data[i])
    width = 1
    if code >= 0x80:
        code, width = decode_character(data, i, size)
    character_class = classes[code] if width > 0 else np.uint8(SEPARATOR)
    return character_class, code, width


@inlined
def _follows_normally(
    traits: NDArray[np.uint8], orders: NDArray[np.uint8], code: Any, starter: Any, last_order: Any
) -> tuple[bool, Any, Any]:
    """Return whether a character changes nothing in the normal form of what is before it.

    Args:
        traits: of all characters.
        orders: their canonical combining classes.
        code: the character.
        starter: the last character of combining class 0.
        last_order: the combining class of the last character.

    Returns:
        The answer, and the next ``starter`` and ``last_order``.

    """
    normal = True
    order = np.uint8(0)
    if code >= _FIRST_WITH_TRAITS:
        own = traits[code]
        order = orders[code]
        composes = own & SECOND != 0 and traits[starter] & FIRST != 0
        normal = own & CHANGES == 0 and not composes and (order == 0 or order >= last_order)
    if order == 0:
        starter = code
    return normal, starter, order


@inlined
def _underscores(data: NDArray[np.uint8], start: int, length: int) -> int:
    """Return the number of underscores at the beginning of a word."""
    count = 0
    while count < length and data[start + count] == ord("_"):
        count += 1
    return count


@inlined
def _write_word(
    data: NDArray[np.uint8], begin: int, i: int, size: int, start: int, tables: CharacterTables
) -> WrittenWord:
    """Write the word that begins at ``data[begin]`` to ``start``, character by character.

    The characters up to ``data[i]`` are bases of ASCII, which stay as they are. A word longer than
    MAX_WORD_BYTES is truncated.
    """
    classes, written, traits, orders = tables.classes, tables.written, tables.traits, tables.order
    text_end = i
    end = start
    is_word = False
    is_normal = True
    starter = np.int64(0)
    last_order = np.uint8(0)
    base = SEPARATOR  # the class of the last base
    last = SEPARATOR  # the class of the last character that was written
    last_code = np.int64(0)
    # What is written only if a suitable character follows:
    inner = np.int64(0)  # an apostrophe or a middle dot
    inner_class = SEPARATOR
    joiner = np.int64(0)
    # Where a modifier letter was written that is an apostrophe if a base follows.
    modifier = -1
    length = min(i - begin, MAX_WORD_BYTES + 1)
    if length > 0:
        for k in range(length):
            data[start + k] = data[begin + k]
        end += length
        last_code = np.int64(data[i - 1])
        starter = last_code
        base = int(classes[last_code])
        last = base
        is_word = base != CONNECTOR or _underscores(data, start, length) < length
    while i < size:
        character_class, code, width = _classify(data, i, size, classes)
        if character_class >= MODIFIER:
            if inner != 0:
                if inner_class == MIDDLE_DOT and (character_class != LETTER or base != LETTER):
                    break
                end = _append(data, end, inner)
                starter, last_order = inner, np.uint8(0)
                inner = np.int64(0)
                last = SEPARATOR
            elif joiner != 0:
                end = _append(data, end, joiner)
                starter, last_order = joiner, np.uint8(0)
                joiner = np.int64(0)
                last = SEPARATOR
            elif modifier >= 0 and character_class != MODIFIER:
                end = _append(data, modifier, ord("'"))
                starter, last_order = np.int64(ord("'")), np.uint8(0)
            modifier = -1
            if character_class == MODIFIER and (last == MARK or last >= CONNECTOR):
                modifier = end
            base = character_class
            is_word |= character_class >= NUMBER
        elif character_class == MARK:
            if inner != 0 or last == SEPARATOR:  # the mark does not belong to a base
                i += width
                continue
            if joiner != 0:
                end = _append(data, end, joiner)
                starter, last_order = joiner, np.uint8(0)
                joiner = np.int64(0)
            modifier = -1
        elif character_class == IGNORED:
            i += width
            continue
        elif character_class == JOINER:
            if inner == 0 and joiner == 0 and traits[last_code] & JOINS != 0:
                joiner = code
                text_end = i + width
            i += width
            continue
        elif character_class > MARK and inner == 0:  # an apostrophe or a middle dot
            if joiner == ZERO_WIDTH_JOINER and traits[last_code] & VIRAMA != 0:
                end = _append(data, end, joiner)
            joiner = np.int64(0)
            modifier = -1
            inner = np.int64(written[code])
            inner_class = int(character_class)
            i += width
            continue
        else:
            break
        last = character_class
        last_code = np.int64(written[code])
        end = _append(data, end, last_code)
        if code == DOTTED_I and tables.dotted:
            end = _append(data, end, COMBINING_DOT)
        normal, starter, last_order = _follows_normally(
            traits, orders, last_code, starter, last_order
        )
        is_normal &= normal
        end = min(end, start + MAX_WORD_BYTES + 1)
        i += width
        text_end = i
    if joiner == ZERO_WIDTH_JOINER and traits[last_code] & VIRAMA != 0:
        end = _append(data, end, joiner)
    return WrittenWord(text_end, end, is_word, is_normal)


@inlined
def _write_single(
    data: NDArray[np.uint8], i: int, size: int, start: int, tables: CharacterTables
) -> WrittenWord:
    """Write the character at ``data[i]``, a word of its own, and the marks after it."""
    classes, written, traits, orders = tables.classes, tables.written, tables.traits, tables.order
    _, code, width = _classify(data, i, size, classes)
    last_code = np.int64(written[code])
    end = _append(data, start, last_code)
    is_normal, starter, last_order = _follows_normally(
        traits, orders, last_code, np.int64(0), np.uint8(0)
    )
    joiner = np.int64(0)  # written only if a suitable character follows
    keeps_joiner = False
    i += width
    while i < size:
        character_class, code, width = _classify(data, i, size, classes)
        if character_class == MARK:
            if joiner != 0:
                end = _append(data, end, joiner)
                starter, last_order = joiner, np.uint8(0)
                joiner = np.int64(0)
            last_code = np.int64(written[code])
            end = min(_append(data, end, last_code), start + MAX_WORD_BYTES + 1)
            normal, starter, last_order = _follows_normally(
                traits, orders, last_code, starter, last_order
            )
            is_normal &= normal
        elif character_class == JOINER:
            if joiner == 0 and traits[last_code] & JOINS != 0:
                joiner = code
        elif character_class != IGNORED:
            keeps_joiner = character_class >= MODIFIER
            break
        i += width
    keeps_joiner |= joiner == ZERO_WIDTH_JOINER and traits[last_code] & VIRAMA != 0
    if joiner != 0 and keeps_joiner:
        end = _append(data, end, joiner)
    return WrittenWord(i, end, True, is_normal)


@kernel
def _split(
    text: MarkedText,
    tables: CharacterTables,
    batch: Words,
    unsettled: NDArray[np.int64],
    state: SplitState,
) -> SplitState:
    """Find the next words of a block, until the batch or the scratch space is full.

    Args:
        text: the block.
        tables: the treatment of each character.
        batch: of ``text.data``; receives the words. A word of length 0 marks the end of a line.
        unsettled: receives the numbers, in the batch, of words that may not be in normal form.
        state: the state to continue from.

    Returns:
        The new state.

    """
    data, size, plain_bits, special_bits = text
    classes = tables.classes
    starts, lengths, hashes = batch.starts, batch.lengths, batch.hashes
    connects = classes[ord("_")] == CONNECTOR
    connector = np.uint8(ord("_") if connects else 0)  # of ASCII; no word begins with 0
    i = state.position
    line_ended = state.line_ended
    tokens = state.tokens
    too_long = state.too_long
    invalid_bytes = state.invalid_bytes
    scratch = size + _PADDING
    words = 0
    found = 0
    while i < size and words < len(starts) and scratch + _MAX_WRITTEN < len(data):
        # Most words are ASCII between separators. They have a small loop, without the code for
        # others, so that it runs in the processor's registers.
        while i < size and words < len(starts):
            plain = _window(plain_bits, i)
            special = _window(special_bits, i)
            gap = trailing_zeros(plain | special)
            if gap >= _WINDOW:
                i += _WINDOW
                continue
            length = trailing_zeros(~(plain >> np.uint64(gap)))
            end = gap + length
            if end >= _WINDOW or (special >> np.uint64(end)) & np.uint64(1):
                break
            start = i + gap
            i += end
            if data[start] == connector and _underscores(data, start, length) == length:
                continue  # no letter and no number
            starts[words] = start
            lengths[words] = length
            hashes[words] = hash_word(data, start, length)
            words += 1
            tokens += 1
            line_ended = False
        if i >= size or words == len(starts):
            break
        plain = _window(plain_bits, i)
        special = _window(special_bits, i)
        gap = trailing_zeros(plain | special)
        if gap >= _WINDOW:
            i += _WINDOW
            continue
        start = i + gap
        i = start + trailing_zeros(~(plain >> np.uint64(gap)))
        if i - start + gap >= _WINDOW:  # the word may continue beyond the window
            run = _WINDOW
            i = start
            while run == _WINDOW:
                run = min(trailing_zeros(~_window(plain_bits, i)), _WINDOW)
                i += run
            special = _window(special_bits, i)
        else:
            special >>= np.uint64(gap + i - start)
        length = i - start
        is_normal = True
        if special & np.uint64(1):
            character_class, _, width = _classify(data, i, size, classes)
            if character_class >= MODIFIER or (character_class >= IGNORED and length > 0):
                i, end, is_word, is_normal = _write_word(data, start, i, size, scratch, tables)
                length = 0
                if is_word:
                    start = scratch
                    scratch = end
                    length = end - start
            elif length == 0:
                i += max(width, 1)
                invalid_bytes += width == 0
                following = character_class
                while following == SINGLE:  # mostly, the next character is one as well
                    following, _, width = _classify(data, i, size, classes)
                    if following >= IGNORED and following <= MARK:
                        character_class = VARIANT
                        break
                    starts[words] = start
                    lengths[words] = i - start
                    hashes[words] = hash_word(data, start, i - start)
                    words += 1
                    tokens += 1
                    line_ended = False
                    if words == len(starts):
                        break
                    if following == SINGLE:
                        start = i
                        i += width
                if character_class == VARIANT:
                    i, end, _, is_normal = _write_single(data, start, size, scratch, tables)
                    start = scratch
                    scratch = end
                    length = end - start
                elif character_class == NEWLINE and not line_ended:
                    line_ended = True
                    lengths[words] = 0
                    words += 1
        in_text = start < size  # not written to the scratch space
        if in_text and connects and length > 0 and _underscores(data, start, length) == length:
            continue  # no letter and no number
        if length > MAX_WORD_BYTES:
            too_long += 1
            if not in_text:  # free the scratch space
                scratch = start
        elif length > 0:
            starts[words] = start
            lengths[words] = length
            hashes[words] = hash_word(data, start, length)
            if not is_normal:
                unsettled[found] = words
                found += 1
            words += 1
            line_ended = False
        tokens += length > 0
    return SplitState(i, line_ended, words, found, tokens, too_long, invalid_bytes)


class Scanner:
    """Turns blocks of text into provisional ids of its own word table.

    It is for one thread at a time. Several scanners work in parallel, and their tables are merged
    at the end.

    Attributes:
        words: the words seen so far.
        counts: the number of tokens.
        tokenizing: seconds spent splitting text.
        hashing: seconds spent looking up and counting words.

    """

    def __init__(self, tables: CharacterTables) -> None:
        self.tables = tables
        self.words = WordTable()
        self.counts = TokenCounts()
        self.tokenizing = 0.0
        self.hashing = 0.0
        self._data: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._bits: NDArray[np.uint64] = np.empty((2, 0), np.uint64)
        self._starts: NDArray[np.int64] = np.zeros(_BATCH, np.int64)
        self._lengths: NDArray[np.int32] = np.zeros(_BATCH, np.int32)
        self._hashes: NDArray[np.uint64] = np.zeros(_BATCH, np.uint64)
        self._unsettled: NDArray[np.int64] = np.zeros(_BATCH, np.int64)
        # Words as they stand in the text, and the id of the normal form of each, or _TOO_LONG.
        self._variants = WordTable()
        self._normal_ids: NDArray[np.uint32] = np.empty(0, np.uint32)

    def __len__(self) -> int:
        """Return the number of words that are remembered."""
        return len(self.words) + len(self._variants)

    def scan(self, block: Block) -> NDArray[np.uint32]:
        """Return the provisional ids of a block of whole words, END_OF_LINE between lines."""
        started = time.perf_counter()
        text = self._mark(block)
        batch = Words(self._data, self._starts, self._lengths, self._hashes)
        state = SplitState(0, False, 0, 0, *self.counts)
        parts = [np.empty(0, np.uint32)]
        while state.position < len(block):
            state = _split(text, self.tables, batch, self._unsettled, state)
            split = time.perf_counter()
            self.tokenizing += split - started
            ids = self._add(batch.head(state.words), self._unsettled[: state.unsettled])
            dropped = state.unsettled and int(np.count_nonzero(ids == _TOO_LONG))
            if dropped:
                ids = ids[ids != _TOO_LONG]
                state = state._replace(too_long=state.too_long + dropped)
            parts.append(ids)
            started = time.perf_counter()
            self.hashing += started - split
        self.counts = TokenCounts(state.tokens, state.too_long, state.invalid_bytes)
        return np.concatenate(parts)

    def _add(self, batch: Words, unsettled: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Count a batch of words, the unsettled ones in their normal form."""
        if not len(unsettled):
            return self.words.add(batch)
        data, starts, lengths, hashes = batch
        variants = self._variants.add(
            Words(data, starts[unsettled], lengths[unsettled], hashes[unsettled])
        )
        lengths[unsettled] = 0
        ids = self.words.add(batch)
        self._normalize_new_variants()
        ids[unsettled] = self._normal_ids[variants]
        counted = ids[unsettled]
        np.add.at(self.words.counts, counted[counted != _TOO_LONG], 1)
        return ids

    def _normalize_new_variants(self) -> None:
        known = len(self._normal_ids)
        if known == len(self._variants):
            return
        new = self._variants.words(np.arange(known, len(self._variants)))
        lowercase = self.tables.lowercase
        forms = [normal_form(word.decode(), lowercase=lowercase).encode() for word in new]
        ids = self.words.add(
            as_batch([form if len(form) <= MAX_WORD_BYTES else b"" for form in forms]), times=0
        )
        ids[ids == NO_WORD] = _TOO_LONG
        self._normal_ids = np.append(self._normal_ids, ids)

    def _mark(self, block: Block) -> MarkedText:
        """Copy a block into the buffer, which has space behind it, and mark its bytes."""
        size = len(block)
        if len(self._data) < size + _PADDING + _SCRATCH:
            self._data = np.zeros(size + _PADDING + _SCRATCH, np.uint8)
            self._bits = np.zeros((2, size // BYTES + 3), np.uint64)
        self._data[:size] = np.frombuffer(block, np.uint8)
        self._data[size : size + _PADDING] = ord(TOKEN_SEPARATOR)
        plain, special = self._bits
        _mark(self._data, size + BYTES, self.tables, plain, special)
        return MarkedText(self._data, size, plain.view(np.uint8), special.view(np.uint8))


class Tokenizer:
    """Splits texts into words, and maps each word to a number.

    It remembers the words it has seen. Threads may share it, and so may forked processes. The
    segmenter of the definition, if any, is loaded for the first text.

    Args:
        definition: of a word.
        number_of: returns the number of a word; called once for each word that is remembered.

    """

    def __init__(self, definition: WordDefinition, number_of: Callable[[str], int]) -> None:
        self.definition = definition
        self.tables = character_tables(definition)
        self._number_of = number_of
        self._segmenter: Segmenter | None = None
        self._begin()
        _TOKENIZERS.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._scanner = Scanner(self.tables)
        self._numbers: NDArray[np.int32] = np.empty(0, np.int32)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy without the words it remembers and the lock."""
        return type(self), (self.definition, self._number_of)

    def segment(self, text: str | bytes) -> str | bytes:
        """Return a text with a separator between its segments; as it is without a segmenter.

        Raises:
            ConfigError: the segmenter cannot be found, or returns something else than strings.
            MissingExtraError: its package is not installed.
            InputError: it fails.

        """
        if self.definition.segmenter is None:
            return text
        if self._segmenter is None:
            self._segmenter = load(self.definition.segmenter)
        segmenter = self._segmenter
        return segmenter.segment(text) if isinstance(text, str) else segmenter.segment_bytes(text)

    def words(self, text: str | bytes, *, segmented: bool = False) -> list[str]:
        """Return the words of a text.

        Args:
            text: of one or several lines; bytes are UTF-8.
            segmented: whether it comes from `segment`.

        Raises:
            W2VError: see `segment`.

        """
        if not segmented:
            text = self.segment(text)
        with self._lock:
            ids = self._scan(text)
            return [word.decode() for word in self._scanner.words.words(ids)]

    def numbers(self, text: str | bytes, *, segmented: bool = False) -> NDArray[np.int32]:
        """Return (n,) int32, the number of each word of a text; see `words`."""
        if not segmented:
            text = self.segment(text)
        with self._lock:
            ids = self._scan(text)
            table = self._scanner.words
            if len(table) > len(self._numbers):
                new = table.words(np.arange(len(self._numbers), len(table)))
                numbers = [self._number_of(word.decode()) for word in new]
                self._numbers = np.append(self._numbers, np.array(numbers, np.int32))
            found: NDArray[np.int32] = self._numbers[ids]
            return found

    def _scan(self, text: str | bytes) -> NDArray[np.int64]:
        """Return the provisional ids of the words of a text."""
        if len(self._scanner) > _MAX_REMEMBERED:
            self._scanner = Scanner(self.tables)
            self._numbers = np.empty(0, np.int32)
        if isinstance(text, str):  # a lone surrogate separates words, as invalid bytes do
            text = text.encode("utf-8", "surrogatepass")
        ids = self._scanner.scan(text)
        return np.asarray(ids[ids != END_OF_LINE], np.int64)


_TOKENIZERS: WeakSet[Tokenizer] = WeakSet()


def _begin_after_fork() -> None:
    """Reset the tokenizers after a fork: a thread of the parent may hold the lock."""
    for tokenizer in _TOKENIZERS:
        tokenizer._begin()


os.register_at_fork(after_in_child=_begin_after_fork)
