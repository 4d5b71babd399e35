"""Words as bytes: UTF-8, and the lines of ``vocab.txt``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from w2v.errors import FormatError

LINE_BREAK = re.compile(r"\n")
"""What no word of ``vocab.txt`` may contain."""

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def encode_words(words: Sequence[str]) -> list[bytes]:
    """Encode words as UTF-8.

    Raises:
        FormatError: a word contains a lone surrogate, which UTF-8 cannot represent.

    """
    try:
        return [word.encode("utf-8") for word in words]
    except UnicodeEncodeError as error:
        message = f"{error.object!r} cannot be written as UTF-8; rename the word"
        raise FormatError(message) from error


def size_of_words(words: Sequence[str]) -> int:
    """Return the number of bytes of words in UTF-8.

    Raises:
        FormatError: a word contains a lone surrogate, which UTF-8 cannot represent.

    """
    size = 0
    for word in words:
        size += len(word) if word.isascii() else len(encode_words([word])[0])
    return size


def decode_words(words: list[bytes] | dict[bytes, int]) -> tuple[list[str], int]:
    r"""Decode words from UTF-8, tolerating words that are not valid UTF-8.

    A million words take 100 MB, so the argument is empty afterwards.

    Such words occur because word2vec.c truncates words at a byte. Their invalid bytes become
    U+FFFD. If that makes two words equal, the bytes are escaped instead, as in ``caf\xe9``, so
    that words remain distinct.

    Returns:
        The words, and the number of words that were not valid UTF-8.

    """
    joined = b"\n".join(words)
    if joined.count(b"\n") == len(words) - 1 and (text := _strictly(joined)) is not None:
        words.clear()
        return text.split("\n"), 0
    encoded = list(words)
    words.clear()
    decoded = [_strictly(word) for word in encoded]
    taken = set(decoded)
    result = []
    for word, text in zip(encoded, decoded, strict=True):
        if text is None:
            text = word.decode("utf-8", "replace")
            if text in taken:
                text = word.decode("utf-8", "backslashreplace")
            taken.add(text)
        result.append(text)
    return result, decoded.count(None)


def _strictly(word: bytes) -> str | None:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return None


def encode_vocabulary(words: Sequence[str]) -> bytes:
    """Return the bytes of ``vocab.txt``: one word per line.

    Raises:
        FormatError: a word contains a line break or cannot be written as UTF-8.

    """
    for word in words:
        if "\n" in word:
            message = (
                f"{word!r} contains a line break, which vocab.txt cannot hold; rename the word"
            )
            raise FormatError(message)
    return b"".join(word + b"\n" for word in encode_words(words))


def decode_vocabulary(data: bytes, path: Path) -> list[str]:
    """Return the words in the bytes of ``vocab.txt``, which were read from ``path``.

    Raises:
        FormatError: the file is truncated or not UTF-8.

    """
    if not data.endswith(b"\n"):
        message = f"{path}: expected a line break after the last word; the file is truncated"
        raise FormatError(message)
    try:
        return data[:-1].decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{path}, line {line}: expected UTF-8, got {error.reason}"
        raise FormatError(message) from error
