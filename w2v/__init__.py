"""Word vectors from text: fast training, ready for an Embedding layer.

    >>> import w2v
    >>> model = w2v.train("corpus.txt", dim=128)
    >>> model.most_similar("king")
    >>> model.save("king.w2v")

Names are loaded when first used, so importing this package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from w2v._version import __version__

if TYPE_CHECKING:
    from w2v.config import Config as Config
    from w2v.corpus.pairs import skipgram_pair_blocks as skipgram_pair_blocks
    from w2v.corpus.pairs import skipgram_pairs as skipgram_pairs
    from w2v.embeddings.embeddings import Embeddings as Embeddings
    from w2v.embeddings.load import load as load
    from w2v.embeddings.merging import merge as merge
    from w2v.embeddings.postprocess import postprocess as postprocess
    from w2v.errors import W2VError as W2VError
    from w2v.evaluation.compare import compare as compare
    from w2v.evaluation.report import evaluate as evaluate
    from w2v.pipeline.inspect import inspect as inspect
    from w2v.pipeline.read import find_phrases as find_phrases
    from w2v.pipeline.read import read_corpus as read_corpus
    from w2v.pipeline.train import resume as resume
    from w2v.pipeline.train import train as train
    from w2v.views.map import map_page as map_page

_MODULES = {
    "Config": "config",
    "Embeddings": "embeddings.embeddings",
    "W2VError": "errors",
    "compare": "evaluation.compare",
    "evaluate": "evaluation.report",
    "find_phrases": "pipeline.read",
    "inspect": "pipeline.inspect",
    "load": "embeddings.load",
    "map_page": "views.map",
    "merge": "embeddings.merging",
    "postprocess": "embeddings.postprocess",
    "read_corpus": "pipeline.read",
    "resume": "pipeline.train",
    "skipgram_pair_blocks": "corpus.pairs",
    "skipgram_pairs": "corpus.pairs",
    "train": "pipeline.train",
}
"""The public names and their modules. A test compares them with the imports above."""

__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"w2v.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
