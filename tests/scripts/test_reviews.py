"""Labelled texts: how they are read and drawn, and what is printed and drawn of the results."""

from __future__ import annotations

import doctest
import json
import lzma
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from scripts import classify_reviews
from scripts.bench import reviews
from scripts.bench.reviews import AVERAGED, NETWORKS, TF_IDF, Labelled, Result

LINES = "neg\tThe <br /><br/>plot\npos\tgood\r\nneg\t¡no!\n"
NAMES = ("bad", "fair", "good")


def labelled(*counts: int) -> Labelled:
    """Return texts with a number of each label."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return Labelled([f"text {row}" for row in range(len(labels))], labels, NAMES[: len(counts)])


def results(accuracies: dict[str, dict[int, list[float]]]) -> list[dict]:
    return [
        asdict(Result(variant, size, seed, accuracy, 0.5, None, 10.0 * seed))
        for variant, of_variant in accuracies.items()
        for size, of_size in of_variant.items()
        for seed, accuracy in enumerate(of_size, 1)
    ]


RESULTS = results(
    {
        "random, frozen": {20: [0.5, 0.6], 1_000: [0.7, 0.7]},
        AVERAGED: {20: [0.6, 0.6], 1_000: [0.9, 0.91]},
    }
)
FIGURES = {
    "machine": {"cores": "2"},
    "data": {
        "train": "a.tsv",
        "train_texts": 1_000,
        "test": "b.tsv",
        "test_texts": 2_000,
        "labels": ["neg", "pos"],
        "unlabelled_texts": 3_000,
    },
    "network": "small",
    "vectors": [{"words": 5_000, "seconds": 1.0}, {"words": 5_000, "seconds": 2.0}],
    "results": RESULTS,
}


def test_the_examples_in_docstrings_hold():
    found = doctest.testmod(reviews)
    assert found.attempted > 0
    assert found.failed == 0


def test_help_works_without_frameworks():
    script = Path(classify_reviews.__file__)
    program = (
        f"import runpy, sys; sys.argv = ['{script.name}', '--help']\n"
        f"try: runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "finally: assert not {'keras', 'torch', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", program]
    environment = {"PYTHONPATH": str(script.parent.parent)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert f"Usage: {script.name}" in done.stdout


@pytest.mark.parametrize("compress", [bytes, lzma.compress])
def test_labelled_texts_are_read_plain_and_compressed(tmp_path, compress):
    path = tmp_path / "a.tsv"
    path.write_bytes(compress(LINES.encode()))
    read = reviews.read_labelled(path)
    assert read.names == ("neg", "pos")
    assert read.labels.tolist() == [0, 1, 0]
    assert read.texts == ["The   plot", "good", "¡no!"]


def test_a_line_longer_than_a_block_is_one_text(tmp_path):
    path = tmp_path / "a.tsv"
    text = "word " * 300_000 + "x" * (3 << 20)
    path.write_text(f"neg\t{text}\npos\tgood", encoding="utf-8")
    assert reviews.read_labelled(path).texts == [text, "good"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"neg text", "line 2: expected a label, a tab and a text, got 'neg text'"),
        (b"neg\tone\ttwo", r"line 2: expected a label, a tab and a text, got 'neg\\tone\\ttwo'"),
        (b"\ttext", "line 2: expected a label, a tab and a text"),
        (b"neg\t ", "line 2: expected a label, a tab and a text"),
        (b"", "line 2: expected a label, a tab and a text, got ''"),
        (b"neg\t\xff", "line 2: expected text in UTF-8, but 'utf-8' codec can't decode byte 0xff"),
        (b"other\ttext", "line 2: expected one of the labels neg, pos of the training file"),
    ],
)
def test_invalid_lines_are_rejected(tmp_path, line, message):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"neg\tone\n" + line + b"\npos\ttwo\n")
    with pytest.raises(click.ClickException, match=f"{re.escape(str(path))}, {message}"):
        reviews.read_labelled(path, ["neg", "pos"])


def test_one_label_is_not_enough(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("neg\tone\nneg\ttwo\n", encoding="utf-8")
    with pytest.raises(click.ClickException, match="at least two labels, got 'neg' only"):
        reviews.read_labelled(path)


def test_draws_are_balanced_at_any_length_and_repeat():
    labels = labelled(50, 30, 40).labels
    drawn = reviews.draw(labels, 61, seed=1)
    assert len(set(drawn.tolist())) == 61
    for count in range(62):
        tallies = np.bincount(labels[drawn[:count]], minlength=3)
        assert tallies.max() - tallies.min() <= 1
    assert drawn.tolist() == reviews.draw(labels, 61, seed=1).tolist()
    assert sorted(drawn) != sorted(reviews.draw(labels, 61, seed=2))
    assert sorted(reviews.draw(labels[:80], 60, 1)[1::2]) == list(range(50, 80))


def test_a_fifth_is_held_out():
    trained, validated = reviews.held_out(reviews.draw(labelled(20, 20).labels, 20, seed=1))
    assert (len(trained), len(validated)) == (16, 4)
    assert not set(trained) & set(validated)


@pytest.mark.parametrize("size", [9, 61])
def test_sizes_that_cannot_be_drawn_are_rejected(size):
    reviews.check_sizes(labelled(50, 30), (10, 60))
    message = rf"cannot draw a balanced sample of {size} texts of 2 labels: expected from 10 to"
    with pytest.raises(click.ClickException, match=f"{message} 60"):
        reviews.check_sizes(labelled(50, 30), (10, size))


def test_the_table_has_means_deviations_and_seconds():
    assert reviews.table(RESULTS).splitlines() == [
        "| accuracy in %, by labelled texts | 20 | 1,000 | seconds, 1,000 |",
        "|---|--:|--:|--:|",
        "| random, frozen | 55.0 ± 7.1 | 70.0 ± 0.0 | 15.0 |",
        f"| {AVERAGED} | 60.0 ± 0.0 | 90.5 ± 0.7 | 15.0 |",
    ]


def test_one_seed_has_no_deviation():
    assert "| 50.0 |" in reviews.table(results({TF_IDF: {20: [0.5]}}))


def test_the_report_describes_the_data():
    text = reviews.report(FIGURES)
    assert text.startswith("Machine: cores 2.\n\na.tsv: 1,000 texts; b.tsv: 2,000 to test on;")
    assert "5,000 words, trained in 1.5 s each on 3,000 texts without labels" in text
    assert text.endswith(reviews.table(RESULTS))


@pytest.mark.parametrize(
    ("texts", "arguments", "message"),
    [
        ("neg\tone\n", (), "expected texts of at least two labels"),
        ("neg\tone\npos\ttwo\n", (), "cannot draw a balanced sample of 500 texts"),
        ("\0\1\2\3", (), "expected UTF-8 text; convert or extract it first"),
        ("neg\tone\n", ("--plot", "/no/such/directory/x.svg"), "does not exist"),
        ("neg\tone\n", ("--output", "/no/such/directory/x.md"), "does not exist"),
    ],
)
def test_invalid_input_is_rejected_early(monkeypatch, tmp_path, texts, arguments, message):
    monkeypatch.setattr(classify_reviews.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    path = tmp_path / "a.tsv"
    path.write_text(texts, encoding="utf-8")
    result = CliRunner().invoke(classify_reviews.main, [str(path), str(path), *arguments])
    assert result.exit_code in (1, 2)
    assert message in result.output


@pytest.mark.parametrize(
    ("backend", "missing", "hint"),
    [
        (None, "keras", "install it with: pip install --group classify"),
        (None, "torch", "install it with: pip install --group classify"),
        ("jax", "keras", "install it with: pip install --group classify"),
        ("jax", "jax", "install it, or use torch: KERAS_BACKEND=torch"),
    ],
)
def test_a_missing_package_is_named(monkeypatch, backend, missing, hint):
    environment = {} if backend is None else {"KERAS_BACKEND": backend}
    monkeypatch.setattr(classify_reviews.os, "environ", environment)
    monkeypatch.setattr(
        classify_reviews.importlib.util, "find_spec", lambda name: name != missing or None
    )
    message = re.escape(f"{missing} is not installed; {hint}")
    with pytest.raises(click.ClickException, match=message):
        classify_reviews.check_installed("keras")


def test_the_plot_is_drawn_from_the_figures(tmp_path):
    pytest.importorskip("matplotlib")
    from scripts.bench import plot

    written = tmp_path / "reviews.json"
    written.write_text(json.dumps(FIGURES), encoding="utf-8")
    result = CliRunner().invoke(plot.main, [str(written), "--output", str(tmp_path / "plots")])
    assert result.exit_code == 0, result.output
    drawn = {path.name for path in (tmp_path / "plots").iterdir()}
    assert drawn == {"reviews.png", "reviews.svg"}


def test_every_classifier_looks_different():
    plot = pytest.importorskip("scripts.bench.plot")
    variants = [*NETWORKS, AVERAGED, TF_IDF]
    assert len({plot.look_of(variant) for variant in variants}) == len(variants)
