"""The options of word2vec.c under the names of gensim."""

from __future__ import annotations

import argparse
from typing import Any


def as_gensim(options: argparse.Namespace) -> dict[str, Any]:
    """Return keyword arguments of gensim.models.Word2Vec."""
    return {
        "sg": 1,
        "vector_size": options.size,
        "window": options.window,
        "shrink_windows": not options.full_windows,
        "sample": options.sample,
        "negative": options.negative,
        "epochs": options.iter,
        "alpha": options.alpha,
        "min_alpha": options.alpha * 1e-4,
        "min_count": options.min_count,
        "max_final_vocab": options.vocab_size,
        "workers": options.threads,
        "seed": options.seed,
    }
