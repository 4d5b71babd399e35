"""gensim the way its users call it: raw text, line by line through simple_preprocess."""

from __future__ import annotations

from collections.abc import Iterator

from gensim.models import Word2Vec
from gensim.utils import simple_preprocess

import word2vec_options
from gensim_options import as_gensim


class Lines:
    """The tokenized lines of a file, re-iterable."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __iter__(self) -> Iterator[list[str]]:
        with open(self.path, encoding="utf-8") as file:  # noqa: PTH123 - as users write it
            for line in file:
                yield simple_preprocess(line)


if __name__ == "__main__":
    options = word2vec_options.parse()
    Word2Vec(Lines(options.train), **as_gensim(options)).save(options.output)
