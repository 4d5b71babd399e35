"""Load embeddings from any supported file or directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.embeddings.embeddings import Embeddings
from w2v.formats import registry

if TYPE_CHECKING:
    from pathlib import Path


def load(path: str | Path) -> Embeddings:
    """Load embeddings from a model directory or a file of a known format.

    The files in a directory determine its format. The extension of a file does, and where formats
    share an extension, the first line of the file decides.

    Raises:
        InputError: the path does not exist or cannot be read.
        FormatError: the file does not match its format, or its extension is unknown.
        ConfigError: ``path`` is not a path.

    """
    return Embeddings.from_table(registry.read(path))
