"""The command line of word2vec.c, shared by the programs in this directory."""

from __future__ import annotations

import argparse


def parse() -> argparse.Namespace:
    """Parse the options of word2vec.c and two more: full windows and the vocabulary size."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("train", "output"):
        parser.add_argument(f"-{name}", required=True)
    for name in ("size", "window", "negative", "threads", "iter", "min-count", "seed"):
        parser.add_argument(f"-{name}", type=int, required=True)
    for name in ("sample", "alpha"):
        parser.add_argument(f"-{name}", type=float, required=True)
    parser.add_argument("-full-windows", type=int, default=0)
    parser.add_argument("-vocab-size", type=int, default=None)
    options, _ = parser.parse_known_args()  # -cbow 0 -binary 1
    return options
