"""The segmenters that have a name of their own, as functions that split a line into words.

Each needs a package, which is imported at the first line. Dictionaries are loaded once in a
process. What is not safe for several threads is made once for each.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

_local = threading.local()

# SudachiPy takes 49,149 bytes at a time, and characters have up to four.
_MOST_CHARACTERS = 12_000
_SENTENCE_ENDS = re.compile(r"[。！？.!?\s]")


def jieba(line: str) -> list[str]:
    """Split Chinese, with the default dictionary and the model for words that it lacks."""
    words: list[str] = _jieba().lcut(line)
    return words


def rjieba(line: str) -> list[str]:
    """Split Chinese as `jieba` does, by compiled code."""
    import rjieba as package

    words: list[str] = package.cut(line)
    return words


def sudachi(line: str) -> Iterator[str]:
    """Split Japanese into the longest units of Sudachi (mode C), in which names are whole."""
    if not hasattr(_local, "sudachi"):
        _local.sudachi = _sudachi()
    for part in _parts(line):
        for morpheme in _local.sudachi.tokenize(part):
            yield morpheme.surface()


def fugashi(line: str) -> list[str]:
    """Split Japanese into the short units of UniDic."""
    if not hasattr(_local, "fugashi"):
        import fugashi as package
        import unidic_lite

        _local.fugashi = package.Tagger(f'-d "{unidic_lite.DICDIR}"')
    return [word.surface for part in _parts(line) for word in _local.fugashi(part)]


def pythainlp(line: str) -> list[str]:
    """Split Thai by the longest matches in a dictionary (newmm)."""
    from pythainlp.tokenize import word_tokenize

    words: list[str] = word_tokenize(line, engine="newmm", keep_whitespace=False)
    return words


def kiwi(line: str) -> list[str]:
    """Split Korean into morphemes; particles and endings become words of their own."""
    return [token.form for part in _parts(line) for token in _kiwi().tokenize(part)]


@functools.cache
def _jieba() -> Any:
    """Return a tokenizer of jieba.

    It is a new one, without the words that this program may have added to the global one. jieba
    would cache its dictionary in a file of a predictable name in a directory that all users may
    write to, and unmarshal what it finds there. Reading the dictionary takes half a second more.
    """
    with warnings.catch_warnings(action="ignore"):  # about its source and its own imports
        import jieba as package

    package.setLogLevel(logging.WARNING)
    tokenizer = package.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


def _sudachi() -> Any:
    from sudachipy import Dictionary, SplitMode

    dictionary = Dictionary()
    make = getattr(dictionary, "tokenizer", None) or dictionary.create  # its name in old versions
    return make(mode=SplitMode.C)


@functools.cache
def _kiwi() -> Any:
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)  # the lines are shared among processes already


def _parts(line: str) -> Iterator[str]:
    """Split a long line after the last sentence of each part, or anywhere in a long sentence."""
    start = 0
    while len(line) - start > _MOST_CHARACTERS:
        ends = [
            match.end() for match in _SENTENCE_ENDS.finditer(line, start, start + _MOST_CHARACTERS)
        ]
        end = ends[-1] if ends else start + _MOST_CHARACTERS
        yield line[start:end]
        start = end
    yield line[start:]
