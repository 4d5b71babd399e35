"""Reading a corpus without training on it."""

from __future__ import annotations

import os
from typing import Any, Unpack

from w2v.config import Config, TrainOptions
from w2v.corpus.build import Corpus, build_corpus, count_words
from w2v.corpus.build import find_phrases as find_phrases_of
from w2v.corpus.phrases import ScoredPhrase
from w2v.corpus.vocabulary import Vocabulary
from w2v.events import CorpusRead, Observer, ignore
from w2v.pipeline import warmup
from w2v.pipeline.arguments import (
    Directories,
    GivenVocabulary,
    Patterns,
    check_arguments,
    read_given_vocabulary,
    source_options,
)
from w2v.progress import reporting
from w2v.text.sources import open_corpus


def read_corpus(
    corpus: Any,
    *,
    vocab: GivenVocabulary | None = None,
    include: Patterns = (),
    strict: bool = False,
    work_dir: str | os.PathLike[str] | None = None,
    observer: Observer = ignore,
    progress: bool | None = None,
    **options: Unpack[TrainOptions],
) -> Corpus:
    """Read and encode a corpus as `train` does, to train something else on it.

    Use the result in a ``with`` block: closing it removes the temporary directory that holds the
    ids. Arguments and errors are those of `train`.
    """
    config = Config.of(options)
    check_arguments(observer, progress, paths={"work_dir": work_dir})
    words = read_given_vocabulary(vocab)
    source = open_corpus(corpus, source_options(config, include, strict))
    work = str(Directories.of(None, work_dir).work)
    with reporting(observer, progress) as report:
        warmup.compile_kernels(report, *warmup.reading(config), warmup.encode_text)
        encoded = build_corpus(source, config, words=words, work_dir=work, observer=report)
        report(encoded.report)
        return encoded


def read_vocabulary(
    corpus: Any,
    *,
    vocab: GivenVocabulary | None = None,
    include: Patterns = (),
    strict: bool = False,
    observer: Observer = ignore,
    progress: bool | None = None,
    **options: Unpack[TrainOptions],
) -> tuple[Vocabulary, CorpusRead]:
    """Count and rank the words of a corpus. Arguments and errors are those of `train`."""
    config = Config.of(options)
    check_arguments(observer, progress, paths={})
    words = read_given_vocabulary(vocab)
    source = open_corpus(corpus, source_options(config, include, strict))
    with reporting(observer, progress) as report:
        warmup.compile_kernels(report, *warmup.reading(config))
        vocabulary, statistics = count_words(source, config, words=words, observer=report)
        report(statistics)
        return vocabulary, statistics


def find_phrases(
    corpus: Any,
    *,
    include: Patterns = (),
    strict: bool = False,
    observer: Observer = ignore,
    progress: bool | None = None,
    **options: Unpack[TrainOptions],
) -> list[list[ScoredPhrase]]:
    """Find the phrases of a corpus. Arguments and errors are those of `train`.

    Without ``phrases``, there is one pass.

    Returns:
        The phrases of each pass, the highest score first. `train` joins those that have a place in
        the vocabulary, and those that are parts of them.

    """
    config = Config.of({"phrases": 1} | options)
    check_arguments(observer, progress, paths={})
    source = open_corpus(corpus, source_options(config, include, strict))
    with reporting(observer, progress) as report:
        warmup.compile_kernels(report, warmup.read_text, warmup.join_phrases)
        return find_phrases_of(source, config, observer=report)
