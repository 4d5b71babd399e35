"""Reading of sources with the compiled tokenizer and with the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import reference
from w2v.config import Config
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.sources import FileSource, SourceOptions, TextSource
from w2v.text.tokenizer import END_OF_LINE, Scanner
from w2v.text.validity import ByteCounts


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


def selected(path: Path | str, **options: Any) -> list[str]:
    """Return the lines of the selected part of a file."""
    source = FileSource([path], SourceOptions.of(Config(**options)))
    return lines_of(source)


def lines_of(source: TextSource) -> list[str]:
    """Return the lines of a source, without the last, empty one."""
    text = b"".join(blocks_of(source)).decode("utf-8", "surrogateescape")
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


def notes_of(path: Path | str, **options: Any) -> list[str]:
    """Read a file and return the messages of the notices."""
    source = FileSource([path], SourceOptions.of(Config(**options)))
    for block in blocks_of(source):
        source.check(ByteCounts(len(block), 0, 0))
    return [notice.message for notice in source.finish()]
