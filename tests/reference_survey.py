"""A slow, simple survey of a text, written from the definitions of what it counts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

import reference

_BYTES_1252 = {bytes([b]).decode("cp1252", "ignore") or chr(b): b for b in range(0x80, 0x100)}
_TWO = "\u00c2\u00c3\u00ce\u00cf\u00d0\u00d1"

PATTERNS = {
    "HTML entities": rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});",
    "HTML tags": rb"<(?=/?[A-Za-z][A-Za-z0-9]{0,15}[\s/>])/?[A-Za-z][A-Za-z0-9]{0,15}[^<>\n]*>",
    "URLs": rb"(?<=[A-Za-z])://(?=[\x21-\xff])|(?<![A-Za-z0-9/])(?i:www)\.(?=[A-Za-z0-9])",
    "e-mail addresses": rb"(?<=[A-Za-z0-9._%+-])@[A-Za-z0-9-][A-Za-z0-9.-]*\.[A-Za-z]{2}",
}


class Survey(NamedTuple):
    """What a text has; see `w2v.corpus.survey.CorpusSurvey`."""

    codes: Counter[int]
    kinds: Counter[str]
    invalid: int
    lines: int
    blank: int
    not_normal: list[int]
    repeats: int
    counts: Counter[bytes]


def kind_of(character: str) -> str | None:
    """Return the kind of a character that may be out of place."""
    kinds = {
        "\u200b\u2060\ufeff": "zero-width characters",
        "\u200c\u200d": "zero-width joiners",
        "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069": (
            "direction marks"
        ),
        "\u00ad": "soft hyphens",
        "\u2028\u2029": "line separators",
        "\ufffd": "replacement characters",
    }
    for characters, kind in kinds.items():
        if character in characters:
            return kind
    if character in "\t\n\r":
        return None
    by_category = {
        "Cc": "control characters",
        "Co": "private-use characters",
        "Cn": "unassigned characters",
    }
    return by_category.get(unicodedata.category(character))


def split_lines(text: bytes) -> list[bytes]:
    """Return the lines of a text; an end of line at the end begins no further line."""
    lines = re.split(b"\r\n|\n|\r", text)
    return lines[:-1] if lines[-1] == b"" else lines


def is_blank(line: bytes) -> bool:
    """Return whether a line is white space of ASCII only."""
    return line.strip(b" \t\r\n\x0b\x0c") == b""


def count_mojibake(text: str) -> int:
    """Count pieces of UTF-8 that were decoded as windows-1252."""
    found = 0
    for i, lead in enumerate(text):
        following = [_BYTES_1252.get(c, 0) for c in text[i + 1 : i + 3]] + [0, 0]
        second, third = following[:2]
        of_two = lead in _TWO and 0x80 <= second <= 0xBF
        of_three = lead == "\u00e2" and 0x80 <= second <= 0x86 and 0x80 <= third <= 0xBF
        found += of_two or of_three
    return found


def survey(text: bytes) -> Survey:
    """Survey a text."""
    characters = text.decode("utf-8", "surrogateescape")
    valid = [c for c in characters if ord(c) not in reference.INVALID_BYTES]
    kinds = Counter(kind for kind in map(kind_of, valid) if kind is not None)
    for kind, pattern in PATTERNS.items():
        kinds[kind] = len(re.findall(pattern, text))
    kinds["mojibake"] = count_mojibake(characters)
    lines = split_lines(text)
    counts = Counter(line for line in lines if not is_blank(line))
    not_normal = [
        i
        for i, line in enumerate(lines)
        if not unicodedata.is_normalized("NFC", line.decode("utf-8", "replace"))
    ]
    return Survey(
        Counter(map(ord, valid)),
        +kinds,
        len(characters) - len(valid),
        len(lines),
        sum(map(is_blank, lines)),
        not_normal,
        counts.total() - len(counts),
        counts,
    )


def words_of_lines(text: bytes, tokenizer: str = "unicode") -> list[list[str]]:
    """Return the words of each line, empty ones included."""
    lines = reference.read(text, tokenizer, lowercase=tokenizer == "unicode").lines
    return lines[: len(split_lines(text))]
