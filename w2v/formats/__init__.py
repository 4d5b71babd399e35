"""The files that embeddings are written to and read from, one module a format.

To add a format, write a module with ``read(path)`` and ``write(embeddings, path, *,
overwrite)`` and list it in ``FORMATS``; the round-trip tests run over the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from w2v.errors import FormatError
from w2v.formats import model, word2vec_bin, word2vec_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from w2v.embeddings import Embeddings


class Writer(Protocol):
    """Writes embeddings to a new file, whole or not at all."""

    def __call__(
        self, embeddings: Embeddings, path: str | Path, *, overwrite: bool = False
    ) -> None:
        """Write to ``path``; FormatError for what the format cannot hold, else OutputError."""


@dataclass(frozen=True)
class Format:
    """A file format: its name on the command line, how to read and write it, what it is."""

    name: str
    read: Callable[[str | Path], Embeddings]
    write: Writer
    extension: str
    description: str


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            "word2vec-text",
            word2vec_text.read,
            word2vec_text.write,
            ".txt",
            "word2vec's text file: a line with V and D, then a word and D numbers a line",
        ),
        Format(
            "word2vec-bin",
            word2vec_bin.read,
            word2vec_bin.write,
            ".bin",
            "word2vec's binary file: a line with V and D, then each word and D float32",
        ),
    )
}


def load(path: str | Path) -> Embeddings:
    """Read embeddings: a model folder, or a file whose extension tells its format.

    Raises:
        InputError: there is nothing there, or it may not be read.
        FormatError: it is not what its format says, or the extension belongs to no format.

    """
    path = Path(path)
    if path.is_dir() or not path.exists():
        return model.read(path)
    for known in FORMATS.values():
        if path.suffix.lower() == known.extension:
            return known.read(path)
    extensions = ", ".join(f"{known.extension} ({known.name})" for known in FORMATS.values())
    message = (
        f"{path} is neither a model folder nor a file in a known format; "
        f"the known extensions are {extensions}"
    )
    raise FormatError(message)
