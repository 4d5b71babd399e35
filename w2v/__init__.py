"""Word vectors from a text, fast, ready for an Embedding layer.

    >>> import w2v
    >>> model = w2v.train("corpus.txt", dim=128)
    >>> model.most_similar("king")
    >>> model.save("king.w2v")

Names are loaded when they are first used: importing this package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from w2v._version import __version__

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.corpus.pairs import skipgram_pair_blocks, skipgram_pairs
    from w2v.embeddings.embeddings import Embeddings
    from w2v.embeddings.load import load
    from w2v.errors import W2VError
    from w2v.pipeline.train import read_corpus, resume, train

__all__ = [
    "Config",
    "Embeddings",
    "W2VError",
    "__version__",
    "load",
    "read_corpus",
    "resume",
    "skipgram_pair_blocks",
    "skipgram_pairs",
    "train",
]

_HOMES = {
    "Config": "w2v.config",
    "Embeddings": "w2v.embeddings.embeddings",
    "W2VError": "w2v.errors",
    "load": "w2v.embeddings.load",
    "read_corpus": "w2v.pipeline.train",
    "resume": "w2v.pipeline.train",
    "skipgram_pair_blocks": "w2v.corpus.pairs",
    "skipgram_pairs": "w2v.corpus.pairs",
    "train": "w2v.pipeline.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
