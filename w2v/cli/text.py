"""`w2v vocab`, `w2v phrases` and `w2v pairs`: what a corpus consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cloup

from w2v.cli import options
from w2v.cli.process import Command, require_stdout, write_lines
from w2v.config import CORPUS, PHRASES
from w2v.text.phrases import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

_text_options = options.apply(
    *options.hyperparameters(CORPUS),
    *options.hyperparameters(PHRASES),
    options.vocabulary,
    options.include,
    options.strict,
    options.hyperparameter("threads"),
)


@cloup.command(cls=Command, short_help="List the vocabulary of a corpus.")
@options.corpus
@_text_options
@options.quiet
def vocab(corpus: tuple[str, ...], quiet: bool, **arguments: Any) -> None:
    """List the vocabulary of CORPUS by frequency: id, word, count.

    CORPUS is files, directories, addresses, or - for stdin. Statistics appear on stderr.
    """
    require_stdout()
    from w2v.cli.progress import observing
    from w2v.pipeline import read as pipeline

    with observing(quiet=quiet) as observer:
        vocabulary, _ = pipeline.read_vocabulary(
            options.corpus_paths(corpus), observer=observer, **arguments
        )
    rows = zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)
    write_lines(f"{i}\t{word}\t{count}\n" for i, (word, count) in enumerate(rows))


@cloup.command(cls=Command, short_help="List the phrases of a corpus.")
@options.corpus
@options.apply(
    *options.hyperparameters(PHRASES),
    *options.hyperparameters(CORPUS),
    options.include,
    options.strict,
    options.hyperparameter("threads"),
)
@options.quiet
def phrases(corpus: tuple[str, ...], quiet: bool, **arguments: Any) -> None:
    """List the phrases of CORPUS by pass and score: phrase, count, score, pass.

    CORPUS is files, directories, addresses, or - for stdin. Without --phrases, there is one pass.
    `w2v train` joins those phrases that have a place in the vocabulary, and those that are parts
    of them.
    """
    require_stdout()
    from w2v.cli.progress import observing
    from w2v.pipeline import read as pipeline

    arguments["phrases"] = arguments["phrases"] or 1
    with observing(quiet=quiet) as observer:
        found = pipeline.find_phrases(options.corpus_paths(corpus), observer=observer, **arguments)
    write_lines(
        f"{joined(entry.phrase)}\t{entry.count}\t{entry.score:.4g}\t{number}\n"
        for number, entries in enumerate(found, 1)
        for entry in entries
    )


@cloup.command(cls=Command, short_help="List the (center, context) pairs of a corpus.")
@options.corpus
@options.hyperparameter("window")
@cloup.option("--ids", is_flag=True, help="Print ids instead of words.")
@_text_options
@options.work_dir("the directory for temporary files of the system")
@options.quiet
def pairs(corpus: tuple[str, ...], window: int, ids: bool, quiet: bool, **arguments: Any) -> None:
    """List the (center, context) pairs of CORPUS in order.

    CORPUS is files, directories, addresses, or - for stdin. Windows are full and nothing is
    subsampled.
    """
    require_stdout()
    from w2v.cli.progress import observing
    from w2v.corpus.pairs import skipgram_pairs
    from w2v.pipeline import read as pipeline
    from w2v.pipeline import warmup

    paths = options.corpus_paths(corpus)
    with (
        observing(quiet=quiet) as observer,
        pipeline.read_corpus(paths, observer=observer, **arguments) as read,
    ):
        words = read.vocabulary.words
        names = [str(i) for i in range(len(words))] if ids else words
        warmup.compile_kernels(observer, warmup.list_pairs)
        found: Iterator[tuple[int, int]] = skipgram_pairs(read.text, window)
        write_lines(f"{names[center]}\t{names[context]}\n" for center, context in found)
