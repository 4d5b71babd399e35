"""tokenizer.json: the definition of a word, for the ``tokenizers`` library and all that use it.

A normaliser changes the characters of a text, a pre-tokeniser finds the words in it, and a model
numbers them; the file is plain JSON. Characters are listed as ranges, from the tables that
training used, for the regular expressions of the library know another version of Unicode.

Letters are made small by the library, which may know letters that Python does not. The
``unicode`` tokenizer takes those for separators, so they are made spaces before. To the
``whitespace`` tokenizer they are parts of words, which keep them as they are, and here they
become small: with Python 3.11, 55 letters that came with Unicode 16 and 17.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, FormatError
from w2v.text.definition import TOKENIZER_HINT, checked_definition
from w2v.text.tokenizer import SEPARATOR, SINGLE, WORD, CharacterTables, character_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from w2v.formats.layout import Layout

_BEYOND_ASCII = 0x80


def encode(words: Sequence[str], layout: Layout, definition: object) -> bytes:
    """Return the bytes of a tokenizer.json.

    Args:
        words: by rank.
        layout: which number each gets; it has rows for padding and unknown words.
        definition: of a word, as ``meta["tokenizer"]`` records it.

    Raises:
        ConfigError: it is not known how a text is cut into words.
        FormatError: a word cannot be written as UTF-8.

    """
    tokenizer, lowercase = _checked(definition)
    tables = character_tables(tokenizer, lowercase=lowercase)
    pad, unknown = special_names(words, tokenizer)
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
        # The library would look for added tokens in a text before it cuts it into words.
        "added_tokens": [],
        "normalizer": _normalizer(tables, tokenizer),
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
    try:
        return json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        word = next(word for word in words if error.object[error.start] in word)
        message = f"{word!r} cannot be written as UTF-8; rename the word"
        raise FormatError(message) from error


def special_names(words: Iterable[str], tokenizer: str) -> tuple[str, str]:
    """Return names of padding and of unknown words that neither a word nor a text can have.

    They are ``[PAD]`` and ``[UNK]``, as no word has brackets. Where one may have, they have a
    space, which separates words; and more spaces as long as a foreign word is the same.
    """
    taken = set(words)
    pad, unknown = ("[PAD]", "[UNK]") if tokenizer == "unicode" else ("[PAD ]", "[UNK ]")
    while pad in taken or unknown in taken:
        pad, unknown = pad.replace("]", " ]"), unknown.replace("]", " ]")
    return pad, unknown


def _checked(definition: object) -> tuple[str, bool]:
    try:
        return checked_definition(definition)
    except ConfigError as error:
        message = (
            "hf records how a text is cut into words, and these embeddings do not say how; "
            f"{TOKENIZER_HINT}"
        )
        raise ConfigError(message) from error


def _normalizer(tables: CharacterTables, tokenizer: str) -> dict[str, Any] | None:
    """Return what is done to the characters of a text before words are looked for."""
    steps: list[dict[str, Any]] = []
    if tokenizer == "unicode":
        steps.append({"type": "Replace", "pattern": {"String": "\u2019"}, "content": "'"})
    if tokenizer == "unicode" and tables.lowercase:
        others = tables.classes == SEPARATOR
        others[:_BEYOND_ASCII] = False
        pattern = f"[{_ranges(others)}]"
        steps.append({"type": "Replace", "pattern": {"Regex": pattern}, "content": " "})
    if tables.lowercase:
        steps.append({"type": "Lowercase"})
    return {"type": "Sequence", "normalizers": steps} if steps else None


def _word(tables: CharacterTables) -> str:
    """Return the regular expression of a word."""
    inner = f"[{_ranges(tables.classes == WORD)}]+"
    singles = tables.classes == SINGLE
    return f"[{_ranges(singles)}]|{inner}(?:'{inner})*" if singles.any() else inner


def _ranges(members: NDArray[np.bool]) -> str:
    """Return the code points that are true as the inside of a class of a regular expression."""
    steps = np.diff(members.astype(np.int8), prepend=0, append=0)
    firsts = np.flatnonzero(steps > 0)
    lasts = np.flatnonzero(steps < 0) - 1
    return "".join(rf"\x{{{a:X}}}-\x{{{b:X}}}" for a, b in zip(firsts, lasts, strict=True))
