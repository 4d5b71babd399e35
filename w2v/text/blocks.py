"""Blocks of text: a stream cut into pieces of about a megabyte that split no word."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator

BLOCK_BYTES = 1 << 20


# A run of more word characters than these is a token far too long to be kept. This much of it
# stands for all of it.
STAND_IN_CHARACTERS = 1 << 12


Block = bytes | bytearray


LastBoundary = Callable[[Block], int]


def split_blocks(stream: io.BufferedIOBase, last_boundary: LastBoundary) -> Iterator[Block]:
    """Cut a stream into blocks at line ends, else at white space, else where no word is cut.

    The last block ends with a line end, which is added if need be.
    """
    rest: Block = b""
    last: Block = b"\n"
    while True:
        block = bytearray(len(rest) + BLOCK_BYTES)  # to read into: a join would copy it all
        block[: len(rest)] = rest
        with memoryview(block) as room:
            size = stream.readinto(room[len(rest) :])
        if not size:
            break
        del block[len(rest) + size :]
        last = block[-1:]
        cut = block.rfind(b"\n") + 1
        if not cut:
            cut = max(block.rfind(b" "), block.rfind(b"\t")) + 1
        if not cut:
            cut = last_boundary(block)
        if cut:
            rest = bytes(block[cut:])
            del block[cut:]
            yield block
        else:
            rest = _stand_in(block)
    if last != b"\n":
        yield rest + b"\n"


def _stand_in(block: Block) -> Block:
    """Return a token as it is, or a shorter one if it is far too long to be kept.

    What follows is still part of it: its last character is kept, for it may be an apostrophe, and
    so is an unfinished one.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = decoder.decode(block)
    unfinished, _ = decoder.getstate()
    if len(text) <= STAND_IN_CHARACTERS:
        return block
    head = text[:STAND_IN_CHARACTERS].removesuffix("'").removesuffix("\u2019")
    return (head + text[-1]).encode() + unfinished
