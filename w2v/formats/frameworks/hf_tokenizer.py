"""tokenizer.json: the tokenizer of a model, for the ``tokenizers`` library and its users.

The file is JSON: a normalizer changes the characters of a text, a pre-tokenizer finds the words,
and a model maps them to rows. Character classes are listed as ranges, from the tables that training
uses, because the regular expressions of the library follow another version of Unicode.

The library lowercases by its own version of Unicode, which may know letters that Python does not.
The ``unicode`` tokenizer treats such letters as separators, so a normalizer replaces them by
spaces first. The ``whitespace`` tokenizer leaves them unchanged, but the library lowercases them:
with Python 3.11, 55 letters of Unicode 16 and 17.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.formats.words import encode_words
from w2v.text.characters import SEPARATOR, SINGLE, WORD, CharacterTables, character_tables, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from w2v.formats.layout import Layout
    from w2v.text.definition import WordDefinition

_FIRST_NON_ASCII = 0x80


def encode(words: Sequence[str], layout: Layout, definition: WordDefinition) -> bytes:
    """Return the bytes of a tokenizer.json.

    Args:
        words: the words by rank.
        layout: the layout of the rows, with padding and unknown words.
        definition: the definition of a word.

    Raises:
        FormatError: a word cannot be written as UTF-8.

    """
    encode_words(words)  # raises the error for words that are not Unicode
    tables = character_tables(definition)
    pad, unknown = special_names(words, definition.name)
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": {
            "strategy": "BatchLongest",
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": layout.padding,
            "pad_type_id": 0,
            "pad_token": pad,
        },
        # The library searches texts for added tokens before it splits them into words.
        "added_tokens": [],
        "normalizer": _normalizer(tables, definition.name),
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": _word(tables)},
            "behavior": "Removed",
            "invert": True,
        },
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {name: row for row, name in enumerate([pad, unknown, *words])},
            "unk_token": unknown,
        },
    }
    return json.dumps(content, ensure_ascii=False).encode("utf-8")


def special_names(words: Iterable[str], tokenizer: str) -> tuple[str, str]:
    """Return names for padding and unknown words that differ from every word of any text.

    These are ``[PAD]`` and ``[UNK]`` if words cannot contain brackets, else names with a space,
    which words cannot contain. More spaces are added while a word of another program is equal.
    """
    taken = set(words)
    pad, unknown = ("[PAD]", "[UNK]") if tokenizer == "unicode" else ("[PAD ]", "[UNK ]")
    while pad in taken or unknown in taken:
        pad, unknown = pad.replace("]", " ]"), unknown.replace("]", " ]")
    return pad, unknown


def _normalizer(tables: CharacterTables, tokenizer: str) -> dict[str, Any] | None:
    """Return the normalizer, which changes the characters of a text before it is split."""
    steps: list[dict[str, Any]] = []
    if tokenizer == "unicode":
        steps.append({"type": "Replace", "pattern": {"String": "\u2019"}, "content": "'"})
    if tokenizer == "unicode" and tables.lowercase:
        others = tables.classes == SEPARATOR
        others[:_FIRST_NON_ASCII] = False
        pattern = f"[{_ranges(others)}]"
        steps.append({"type": "Replace", "pattern": {"Regex": pattern}, "content": " "})
    if tables.lowercase:
        steps.append({"type": "Lowercase"})
    return {"type": "Sequence", "normalizers": steps} if steps else None


def _word(tables: CharacterTables) -> str:
    """Return the regular expression for a word."""
    inner = f"[{_ranges(tables.classes == WORD)}]+"
    singles = tables.classes == SINGLE
    return f"[{_ranges(singles)}]|{inner}(?:'{inner})*" if singles.any() else inner


def _ranges(members: NDArray[np.bool]) -> str:
    """Return the true code points as the inside of a character class of a regular expression."""
    return "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in runs(members))
