"""tokenizer.json: the tokenizer of a model, for the ``tokenizers`` library and its users.

The file is JSON: a normalizer changes the characters of a text, a pre-tokenizer finds the words,
and a model maps them to rows. Character classes are listed as ranges, from the tables that training
uses, because the regular expressions of the library follow another version of Unicode.

The library lowercases and normalizes by its own version of Unicode, which may know letters that
Python does not. The ``unicode`` tokenizer treats such letters as separators, so a normalizer
replaces them by spaces first. The ``whitespace`` tokenizer leaves them unchanged, but the library
lowercases them: with Python 3.11, 55 letters of Unicode 16 and 17.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.formats.words import encode_words
from w2v.text.characters import (
    APOSTROPHE,
    CONNECTOR,
    DOTTED_I,
    IGNORED,
    JOINER,
    JOINS,
    LETTER,
    MARK,
    MIDDLE_DOT,
    MODIFIER,
    NUMBER,
    SEPARATOR,
    SINGLE,
    VARIANT,
    VIRAMA,
    CharacterTables,
    character_tables,
    runs,
)
from w2v.text.normal import ABOVE, COMBINING_DOT, ZERO_WIDTH_JOINER

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
        "normalizer": _normalizer(tables, definition),
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": _word(tables) if definition.normalizes else _run(tables)},
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


def _normalizer(tables: CharacterTables, definition: WordDefinition) -> dict[str, Any] | None:
    """Return the normalizer, which changes the characters of a text before it is split."""
    steps: list[dict[str, Any]] = []
    if definition.normalizes:
        steps += _steps_to_normal_form(tables)
    elif definition.name == "unicode":
        steps.append(_replace_string("\u2019", "'"))
        if tables.lowercase:
            steps.append(_separators(tables))
    if tables.lowercase:
        if not tables.dotted:
            steps.append(_replace_string(chr(DOTTED_I), "i"))  # the library gives it two characters
        steps.append({"type": "Lowercase"})
        if definition.normalizes:
            steps += _steps_to_plain_i(tables)
    if definition.normalizes:
        steps.append({"type": "NFC"})
    return {"type": "Sequence", "normalizers": steps} if steps else None


def _steps_to_normal_form(tables: CharacterTables) -> list[dict[str, Any]]:
    """Return the steps that drop ignored characters and write apostrophes in one way."""
    classes = tables.classes
    mark = _set((classes == MARK) | (classes == JOINER))
    shown = _set((classes == MARK) | (classes >= MODIFIER))
    joins, virama = _set(tables.traits & JOINS > 0), _set(tables.traits & VIRAMA > 0)
    joiner, zwj = _set(classes == JOINER), rf"\x{{{ZERO_WIDTH_JOINER:X}}}"
    owner = _set((classes == SINGLE) | (classes == VARIANT) | (classes >= MODIFIER))
    unmodified = _set(classes >= CONNECTOR)
    before_modifier = _set((classes == MARK) | (classes >= CONNECTOR))
    single = _set((classes == SINGLE) | (classes == VARIANT))
    steps = [
        _separators(tables),
        _replace(_set(classes == IGNORED), ""),
        # Joiners stay after characters that join, and before others of the word; see
        # `w2v.text.characters`.
        _replace(f"(?<!{joins}){joiner}+", ""),
        _replace(f"(?!{zwj}){joiner}(?!{shown})|(?<!{virama}){zwj}(?!{shown})", ""),
        # Marks without a base.
        _replace(rf"(?<!{owner})(?<!{mark}){mark}+", ""),
    ]
    for code in np.flatnonzero(classes == MODIFIER).tolist():
        letter = rf"\x{{{code:X}}}"
        # It begins a word after a Han or Kana character, whose marks must not hide that.
        steps.append(_replace(rf"{single}{mark}+\K{letter}(?={unmodified})", f" {chr(code)}"))
        steps.append(_replace(f"(?<={before_modifier}){letter}(?={unmodified})", "'"))
    for code in np.flatnonzero((classes == APOSTROPHE) | (classes == MIDDLE_DOT)).tolist():
        written = int(tables.written[code])
        if written != code:
            steps.append(_replace_string(chr(code), chr(written)))
    return steps


def _steps_to_plain_i(tables: CharacterTables) -> list[dict[str, Any]]:
    """Return the steps that drop a dot above an i; see `w2v.text.normal.normal_form`."""
    order = tables.order
    between = _set((order > 0) & (order != ABOVE))
    pattern = rf"(?<=i|i{between}|i{between}{between})\x{{{COMBINING_DOT:X}}}+"
    return [{"type": "NFD"}, _replace(pattern, "")]


def _separators(tables: CharacterTables) -> dict[str, Any]:
    """Return the step that replaces separators beyond ASCII by spaces."""
    others = tables.classes == SEPARATOR
    others[:_FIRST_NON_ASCII] = False
    return _replace(_set(others), " ")


def _replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def _replace_string(string: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": string}, "content": content}


def _word(tables: CharacterTables) -> str:
    """Return the regular expression for a word of a normalized text."""
    classes = tables.classes
    marks = f"{_set((classes == MARK) | (classes == JOINER))}*"
    apostrophe = f"(?:'(?={_set(classes >= MODIFIER)}))?"
    dot = f"{_set((classes == MIDDLE_DOT) & (tables.written == np.arange(len(classes))))}"
    letter, other = _set(classes == LETTER), _set((classes >= MODIFIER) & (classes < LETTER))
    connector = _set((classes == CONNECTOR) | (classes == MODIFIER))
    # Only from their first one: to try each of a long row would take quadratic time.
    connectors = f"(?<!{connector})(?:{connector}{marks}{apostrophe})*"
    units = (
        f"(?:{letter}{marks}(?:'(?={_set(classes >= MODIFIER)})|{dot}(?={letter}))?"
        f"|{other}{marks}{apostrophe})+"
    )
    return f"{_set(classes == SINGLE)}{marks}|{connectors}(?={_set(classes >= NUMBER)}){units}"


def _run(tables: CharacterTables) -> str:
    """Return the regular expression for a word of a text that is not normalized."""
    inner = f"{_set(tables.classes == LETTER)}+"
    singles = tables.classes == SINGLE
    return f"{_set(singles)}|{inner}(?:'{inner})*" if singles.any() else inner


def _set(members: NDArray[np.bool]) -> str:
    """Return the true code points as a character class of a regular expression."""
    ranges = (rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in runs(members))
    return f"[{''.join(ranges)}]"
