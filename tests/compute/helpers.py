"""A small kernel, and damages to the file that it is cached in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from w2v.compute.jit import inlined, kernel


def new_kernel() -> Callable[[int], int]:
    """Define the same kernel anew, as another process does."""

    @inlined
    def double(number: int) -> int:
        return 2 * number

    @kernel
    def double_and_add_one(number: int) -> int:
        return double(number) + 1

    return double_and_add_one


def compiles(function: Callable[[int], int]) -> bool:
    """Whether a new kernel is compiled when it is called; if not, it is loaded from the cache."""
    assert function(20) == 41
    stats = function.stats
    assert sum(stats.cache_hits.values()) + sum(stats.cache_misses.values()) == 1
    return sum(stats.cache_misses.values()) == 1


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").write_text("content")


def replace_by_link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def flip_bit(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def rewrite(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": rewrite(lambda content: b""),
    "header cut": rewrite(lambda content: content[:20]),
    "header only": rewrite(lambda content: content[:85]),
    "cut in half": rewrite(lambda content: content[: len(content) // 2]),
    "one byte short": rewrite(lambda content: content[:-1]),
    "one byte more": rewrite(lambda content: content + b"\0"),
    "zeros": rewrite(lambda content: bytes(len(content))),
    "random bytes": rewrite(lambda content: os.urandom(len(content))),
    "end zeroed": rewrite(lambda content: content[:-100] + bytes(100)),
    "bit of the magic number": lambda path: flip_bit(path, 0),
    "bit of the stamp": lambda path: flip_bit(path, 14),
    "bit of the checksum": lambda path: flip_bit(path, 50),
    "bit of the length": lambda path: flip_bit(path, 77),
    "bit of the payload": lambda path: flip_bit(path, -7),
    "directory": replace_by_directory,
    "link": replace_by_link,
    "pipe": replace_by_pipe,
}
