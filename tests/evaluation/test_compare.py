"""The comparison of two models."""

from __future__ import annotations

import json

import numpy as np
import pytest

from samples import ROYALS
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, InputError
from w2v.evaluation.compare import compare
from w2v.evaluation.evaluate import evaluate as evaluate_file
from w2v.events import Notice

WORDS = [f"w{i}" for i in range(60)]


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


MATRIX = noise(0, 60, 6)
FIRST = Embeddings(WORDS, MATRIX)
TURN = np.linalg.qr(noise(1, 6, 6))[0]


@pytest.fixture
def pairs(tmp_path):
    """30 pairs, with scores near the cosines of the first model."""
    path = tmp_path / "pairs.txt"
    chosen = [(f"w{i}", f"w{i + 30}") for i in range(30)]
    scores = [FIRST.similarity(a, b) for a, b in chosen] + 0.2 * noise(2, 30)
    lines = [f"{a} {b} {score:.6f}\n" for (a, b), score in zip(chosen, scores, strict=True)]
    path.write_text("".join(lines))
    return path


def test_a_turned_model_is_the_same(pairs):
    found = compare(FIRST, Embeddings(WORDS, 3 * MATRIX @ TURN), pairs)
    assert (found.overlap, found.common, found.words) == (1, 60, 60)
    assert found.cosine == pytest.approx(1, abs=1e-6)
    assert [each.cosine for each in found.moved] == pytest.approx([1] * 20, abs=1e-6)
    (difference,) = found.sets
    assert difference.first == difference.second > 0.5
    assert (difference.difference, difference.low, difference.high, difference.p) == (0, 0, 0, 1)
    assert not difference.is_clear
    assert found.notes == ()


def test_words_that_moved_are_found(pairs):
    order = list(range(60))
    order[10], order[20] = 20, 10
    moved = Embeddings(WORDS, MATRIX[order] @ TURN)
    found = compare(FIRST, moved, pairs, moved=3)
    assert len(found.moved) == 3
    assert {each.word for each in found.moved[:2]} == {"w10", "w20"}
    assert found.moved[2].cosine > 0.9 > found.moved[1].cosine
    assert found.moved[0].cosine <= found.moved[1].cosine
    (ten,) = (each for each in found.moved if each.word == "w10")
    assert ten.first == tuple(word for word, _ in FIRST.most_similar("w10", 3))
    assert ten.second == tuple(word for word, _ in moved.most_similar("w10", 3))


def test_neighbours_are_those_among_the_most_frequent_common_words():
    # the second model has other words first, and the common ones in another order
    kept = [*range(59, 30, -1), *range(25)]
    words = ["x", "y", *(WORDS[i] for i in kept)]
    noisy = np.vstack([noise(3, 2, 6), MATRIX[kept] + 0.5 * noise(4, 54, 6)])
    second = Embeddings(words, noisy)
    found = compare(FIRST, second, words=30)
    ranks = {word: FIRST.words.index(word) + words.index(word) for word in words[2:]}
    chosen = sorted(ranks, key=lambda word: (ranks[word], FIRST.words.index(word)))[:30]
    assert (found.common, found.words) == (54, 30)
    models = [
        Embeddings(chosen, np.array([model[word] for word in chosen])) for model in (FIRST, second)
    ]
    shares = [
        len(set.intersection(*({w for w, _ in m.most_similar(word, 10)} for m in models))) / 10
        for word in chosen
    ]
    assert found.overlap == pytest.approx(np.mean(shares))
    assert 0.2 < found.overlap < 1


def test_scores_are_for_items_that_both_cover(pairs):
    second = Embeddings(WORDS[5:], MATRIX[5:] + noise(5, 55, 6))
    (difference,) = compare(FIRST, second, pairs).sets
    assert (difference.covered, difference.total) == (25, 30)
    only = pairs.with_name("only.txt")
    only.write_text("".join(pairs.read_text().splitlines(keepends=True)[5:]))
    first, second = (evaluate_file(model, only).rho for model in (FIRST, second))
    assert (difference.first, difference.second) == (pytest.approx(first), pytest.approx(second))
    assert difference.difference == pytest.approx(second - first)
    assert difference.low <= difference.difference <= difference.high


def test_a_clear_difference_and_one_that_may_be_chance(pairs):
    random = Embeddings(WORDS, noise(6, 60, 6))
    noisy = [Embeddings(WORDS, MATRIX + 0.3 * noise(seed, 60, 6)) for seed in (7, 8)]
    (clear,) = compare(FIRST, random, pairs).sets
    assert clear.is_clear
    assert clear.p < 0.01
    assert clear.high < 0
    (chance,) = compare(*noisy, pairs).sets
    assert not chance.is_clear
    assert chance.low < 0 < chance.high
    (other,) = compare(random, FIRST, pairs).sets
    assert (other.low, other.high) == (pytest.approx(-clear.high), pytest.approx(-clear.low))


def test_models_of_different_sizes_are_not_aligned(pairs):
    received = []
    wide = Embeddings(WORDS, np.hstack([MATRIX, MATRIX]))
    found = compare(FIRST, wide, pairs, observer=received.append)
    assert (found.cosine, found.moved, found.overlap) == (None, (), 1)
    assert received == [Notice(note) for note in found.notes]
    (note,) = found.notes
    assert "vectors of 6 and 12 numbers, so they are not aligned" in note
    assert "aligned" not in str(found)


def test_few_common_words_and_low_coverage_are_noted(pairs):
    other = Embeddings([*WORDS[:20], *(f"x{i}" for i in range(40))], MATRIX)
    coverage, common = compare(FIRST, other, pairs).notes
    assert coverage.startswith("the models both cover only 0 % of pairs.txt")
    assert "only 20 words in common, of 60 of the smaller one" in common
    with pytest.raises(ConfigError, match="the models have 1 words in common, expected 2 or more"):
        compare(FIRST, Embeddings(["w0", "W1"], MATRIX[:2]), pairs)


def test_the_tables(pairs):
    other = Embeddings([*WORDS[:59], "日本"], MATRIX)
    names = ("old.w2v", "new.w2v")
    lines = str(compare(other, other, pairs, names=names, moved=1)).splitlines()
    assert lines[:3] == ["A: old.w2v", "B: new.w2v", ""]
    header = ["set", "A", "B", "B", "-", "A", "95", "%", "interval", "p", "covered", "total"]
    assert lines[3].split() == header
    assert lines[4].split()[-3:] == ["1.000", "29", "30"]
    assert lines[6:8] == [
        "neighbours: 100.0 % of the 10 nearest words are the same, for 60 of 60 common words",
        "aligned: median cosine 1.000 of a word with itself",
    ]
    assert lines[9].split() == [
        "moved",
        "most",
        "cosine",
        "nearest",
        "in",
        "A",
        "nearest",
        "in",
        "B",
    ]


def test_the_result_is_plain_values(pairs):
    found = json.loads(json.dumps(compare(FIRST, FIRST, pairs, moved=2).as_dict()))
    assert set(found) == {
        *("names", "sets", "common", "words", "overlap", "cosine", "moved", "notes"),
    }
    assert len(found["moved"]) == 2
    assert set(found["moved"][0]) == {"word", "cosine", "first", "second"}


def test_the_models_are_not_changed(pairs):
    before = FIRST.matrix.copy()
    compare(FIRST, Embeddings(WORDS, MATRIX @ TURN), pairs)
    assert (FIRST.matrix == before).all()


def test_a_model_of_two_words():
    two = Embeddings(["a", "b"], np.eye(2))
    found = compare(two, two, words=2)
    assert (found.overlap, found.words) == (1, 2)
    assert found.sets[0].first is None
    assert found.sets[0].p is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"words": 1}, ConfigError, "words must be an integer of at least 2, got 1"),
        ({"moved": -1}, ConfigError, "moved must be an integer of at least 0, got -1"),
        ({"second": "b.w2v"}, ConfigError, "second must be embeddings, got 'b.w2v'; load models"),
        ({"files": "nowhere"}, InputError, "nowhere"),
        ({"method": "x"}, ConfigError, "method must be one of add, mul"),
        ({"observer": 1}, ConfigError, "observer must be a function"),
    ],
)
def test_bad_arguments_are_rejected(arguments, error, message):
    with pytest.raises(error, match=message):
        compare(**{"first": ROYALS, "second": ROYALS} | arguments)
