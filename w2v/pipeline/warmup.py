"""Compilation of kernels before a run needs them.

Each function without arguments here uses the kernels of one stage on tiny data, so that they are
compiled, or loaded from the cache. `compile_kernels` calls those of the stages that a run has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.config import Config
from w2v.corpus.build import count_words
from w2v.corpus.encoded import EncodedText
from w2v.corpus.pairs import skipgram_pairs
from w2v.corpus.spool import warm_up_spool
from w2v.corpus.survey import warm_up_survey
from w2v.text.compiling import compile_kernels as compile_kernels
from w2v.text.objects import IterableSource
from w2v.text.wordtable import warm_up_table

if TYPE_CHECKING:
    from collections.abc import Callable


def read_text() -> None:
    """Use the kernels that cut text into words and count them."""
    decomposed = "e\u0301"  # so that words are normalized, too
    count_words(IterableSource([f"a b a b {decomposed}"] * 2), Config(min_count=1, threads=1))
    warm_up_table()


def encode_text() -> None:
    """Use the kernels that turn words into ids, besides those of `read_text`."""
    warm_up_spool()


def join_phrases() -> None:
    """Use the kernels that find phrases and join them, besides those of `read_text`."""
    lines = ["a of b c", "a of b c"]
    count_words(IterableSource(lines), Config(min_count=1, threads=1, phrases=1, vocab_size=2))


def reading(config: Config) -> list[Callable[[], object]]:
    """Return the stages of reading a text with these options."""
    return [read_text, join_phrases] if config.phrases else [read_text]


def survey_text() -> None:
    """Use the kernels that count characters and lines, besides those of `read_text`."""
    warm_up_survey()


def list_pairs() -> None:
    """Use the kernels of skip-gram pairs."""
    list(skipgram_pairs([0, 1]))


def training(dtype: type[np.unsignedinteger[Any]], config: Config) -> Callable[[], object]:
    """Return the stage of training on ids of a type, with the backend that is configured."""
    from w2v.training.trainer import train_model  # which stages without training do not need

    ids = np.array([0, 0, np.iinfo(dtype).max], dtype)
    ids.flags.writeable = False  # like those of a file
    text, no_text = EncodedText(ids, 2, 1), EncodedText(ids[:0], 0, 0)
    tiny = Config(
        min_count=1, sample=0, dim=1, epochs=1, threads=1, deterministic=config.deterministic
    )
    # `ignore` would log that this text is too small.
    return lambda: train_model(text, no_text, np.array([2]), tiny, lambda _event: None)
