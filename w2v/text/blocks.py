"""Blocks of text: a stream split into pieces of about a megabyte that split no word."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator

from w2v.text.normal import APOSTROPHES, MIDDLE_DOTS

Block = bytes | bytearray

LastBoundary = Callable[[Block], int]
"""A function that returns the last offset in a block at which no word is split, or 0."""

BLOCK_BYTES = 1 << 20

# A token that fills a block is far too long, and will be dropped. To bound memory, it is shortened
# to this many characters, which is still too long.
STAND_IN_CHARACTERS = 1 << 12


def split_blocks(stream: io.BufferedIOBase, last_boundary: LastBoundary) -> Iterator[Block]:
    """Split a stream at line ends, otherwise at white space, otherwise between words.

    The last block ends with a line end, which is added if it is missing.
    """
    rest: Block = b""
    last: Block = b"\n"
    while data := stream.read(BLOCK_BYTES):
        last = data[-1:]
        end = data.rfind(b"\n") + 1
        if end:
            # Without a copy of the remainder, which belongs to the next block.
            yield b"".join((rest, memoryview(data)[:end]))
            rest = data[end:]
            continue
        block = rest + data
        end = max(block.rfind(b" "), block.rfind(b"\t")) + 1 or last_boundary(block)
        if end:
            yield block[:end]
        rest = block[end:] if end else _shorten(block)
    if last != b"\n":
        yield rest + b"\n"


def batches(blocks: Iterator[Block]) -> Iterator[list[Block]]:
    """Yield blocks alone, or together if they are small, such as those of small files.

    What is done once for each batch, above all handing it to a thread, would take longer than
    splitting a small block into words.
    """
    batch: list[Block] = []
    size = 0
    for block in blocks:
        batch.append(block)
        size += len(block)
        if 2 * size > BLOCK_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _shorten(block: Block) -> Block:
    """Return a token, shortened if it is far too long.

    The following bytes still belong to the token. So its last character, which may be an
    apostrophe, and an incomplete character after it are not removed; nor is one letter or number,
    because without any it may be no word.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = decoder.decode(block)
    incomplete, _ = decoder.getstate()
    if len(text) <= STAND_IN_CHARACTERS:
        return block
    head = text[:STAND_IN_CHARACTERS]
    if ord(head[-1]) in APOSTROPHES | MIDDLE_DOTS:
        head = head[:-1]
    rest = text[STAND_IN_CHARACTERS:]
    if not any(map(str.isalnum, head)):
        head += next(filter(str.isalnum, rest), "")
    return (head + text[-1]).encode() + incomplete
