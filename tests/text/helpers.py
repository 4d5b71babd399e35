"""Reading of sources with the compiled tokenizer and with the reference."""

from __future__ import annotations

from pathlib import Path

import reference
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.sources import FileSource
from w2v.text.tokenizer import END_OF_LINE, Scanner


def blocks_of(source, name="unicode"):
    tables = character_tables(WordDefinition(name, True))
    return list(source.blocks(tables.last_boundary))


def text_of(*paths: Path | str) -> bytes:
    return b"".join(blocks_of(FileSource(paths)))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read(source, name="unicode", *, lowercase=True) -> reference.Read:
    """Read all words of a source."""
    scanner = Scanner(character_tables(WordDefinition(name, lowercase)))
    lines: list[list[str]] = [[]]
    for block in blocks_of(source, name):
        for i in scanner.scan(block).tolist():
            if i == END_OF_LINE:
                lines.append([])
            else:
                lines[-1].append(scanner.words.word(i).decode())
    words = [line for line in lines if line]
    return reference.Read(words, scanner.counts.too_long, scanner.counts.invalid_bytes)


def expected(text: bytes, name="unicode", *, lowercase=True) -> reference.Read:
    """Read a text with the reference."""
    result = reference.read(text, name, lowercase=lowercase)
    return result._replace(lines=[line for line in result.lines if line])
