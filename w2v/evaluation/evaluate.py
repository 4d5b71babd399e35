"""Evaluate embeddings on a file of analogies or of word similarities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.evaluation.analogies import AnalogyResult, Section, evaluate_analogies
from w2v.evaluation.questions import AnalogySet, read_set
from w2v.evaluation.similarity import SimilarityResult, evaluate_similarity
from w2v.options import METHOD, SWITCH, TOP, check_path

if TYPE_CHECKING:
    from pathlib import Path

    from w2v.embeddings.embeddings import Embeddings

__all__ = ["AnalogyResult", "Section", "SimilarityResult", "evaluate"]


def evaluate(
    embeddings: Embeddings,
    path: str | Path,
    *,
    top: int = 30_000,
    method: str = "add",
    lower: bool = True,
) -> SimilarityResult | AnalogyResult:
    """Evaluate embeddings on a file of analogies or of word similarities.

    A file of analogies has four words a line, separated by white space, tabs, semicolons or commas;
    lines ``: section`` may stand between them. A directory of analogies, as BATS, has a file of
    pairs ``word<tab>answer/answer`` for each relation. A file of similarities has two words, a
    score and possibly further columns per line, and may start with a header.

    Analogies follow gensim's ``evaluate_word_analogies(restrict_vocab=top)``: 3CosAdd among the
    ``top`` most frequent words. Questions with other words are not covered. Case is ignored, and
    the most frequent form of a word represents it. The words of the question are excluded from
    the answers. Similarities use the whole vocabulary.

    Args:
        embeddings: the embeddings to evaluate.
        path: the file or directory.
        top: the number of words that are candidates of analogies.
        method: ``"add"`` for 3CosAdd, or ``"mul"`` for 3CosMul (Levy and Goldberg 2014).
        lower: whether case is ignored; otherwise, words are looked up as the file writes them.

    Raises:
        InputError: the file cannot be read.
        FormatError: a line is malformed.
        ConfigError: an argument is invalid.

    """
    check_path("path", path)
    top = TOP.check("top", top)
    METHOD.check("method", method)
    lower = SWITCH.check("lower", lower)
    read = read_set(path, lower=lower)
    if isinstance(read, AnalogySet):
        return evaluate_analogies(
            embeddings, read.name, read.sections, top, method=method, lower=lower
        )
    return evaluate_similarity(embeddings, read.name, read.pairs, lower=lower)
