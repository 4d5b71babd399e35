"""Evaluate embeddings on a file of analogies or of word similarities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from w2v.evaluation.analogies import AnalogyResult, Section, evaluate_analogies
from w2v.evaluation.questions import are_analogies, parse_analogies, parse_pairs, read_lines
from w2v.evaluation.similarity import SimilarityResult, evaluate_similarity
from w2v.options import TOP, check_path

if TYPE_CHECKING:
    from w2v.embeddings.embeddings import Embeddings

__all__ = ["AnalogyResult", "Section", "SimilarityResult", "evaluate"]


def evaluate(
    embeddings: Embeddings, path: str | Path, *, top: int = 30_000
) -> SimilarityResult | AnalogyResult:
    """Evaluate embeddings on a file of analogies or of word similarities.

    A file of analogies starts (after empty lines and ``#`` comments) with a line ``: section``,
    and has four words on every other line. A file of similarities has two words and a score per
    line, separated by tabs, commas or white space, and may start with a header.

    Analogies follow gensim's ``evaluate_word_analogies(restrict_vocab=top)``: 3CosAdd among the
    ``top`` most frequent words. Questions with other words are not covered. Case is ignored, and
    the most frequent form of a word represents it. The words of the question are excluded from
    the answers. Similarities use the whole vocabulary.

    Raises:
        InputError: the file cannot be read.
        FormatError: a line is malformed.
        ConfigError: ``top`` is not an integer of at least 1, or ``path`` is not a path.

    """
    check_path("path", path)
    top = TOP.check("top", top)
    lines, name = read_lines(path), Path(path).name
    if are_analogies(lines):
        return evaluate_analogies(embeddings, name, parse_analogies(lines, path), top)
    return evaluate_similarity(embeddings, name, parse_pairs(lines, path))
