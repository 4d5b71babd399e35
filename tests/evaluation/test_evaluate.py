"""Properties of both kinds of evaluation."""

from __future__ import annotations

from samples import ROYALS
from w2v.embeddings.embeddings import Embeddings
from w2v.evaluation.evaluate import evaluate


def test_evaluation_does_not_change_the_embeddings(write_file):
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix.copy())
    before = embeddings.matrix.tobytes()
    evaluate(embeddings, write_file(": x\nman woman king queen\n"))
    evaluate(embeddings, write_file("man woman 1\nking queen 9\n"))
    assert embeddings.matrix.tobytes() == before
