"""Blocks of text: a stream split into pieces of about a megabyte that split no word."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator

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
    while True:
        # Bytes are read into the block itself, because joining two parts would copy both.
        block = bytearray(len(rest) + BLOCK_BYTES)
        block[: len(rest)] = rest
        with memoryview(block) as view:
            size = stream.readinto(view[len(rest) :])
        if not size:
            break
        del block[len(rest) + size :]
        last = block[-1:]
        end = block.rfind(b"\n") + 1
        if not end:
            end = max(block.rfind(b" "), block.rfind(b"\t")) + 1
        if not end:
            end = last_boundary(block)
        if end:
            rest = bytes(block[end:])
            del block[end:]
            yield block
        else:
            rest = _shorten(block)
    if last != b"\n":
        yield rest + b"\n"


def _shorten(block: Block) -> Block:
    """Return a token, shortened if it is far too long.

    The following bytes still belong to the token. So its last character, which may be an
    apostrophe, and an incomplete character behind it are not removed.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = decoder.decode(block)
    incomplete, _ = decoder.getstate()
    if len(text) <= STAND_IN_CHARACTERS:
        return block
    head = text[:STAND_IN_CHARACTERS].removesuffix("'").removesuffix("\u2019")
    return (head + text[-1]).encode() + incomplete
