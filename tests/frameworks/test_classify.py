"""The script that compares text classifiers, on texts whose words determine the label."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT

COMMON = [f"common{i}" for i in range(40)]
LABEL_WORDS = {label: [f"{label}{i}" for i in range(60)] for label in ("neg", "pos")}


def write_texts(path: Path, count: int, seed: int) -> None:
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for i in range(count):
            label = ("neg", "pos")[i % 2]
            words = rng.choices(COMMON, k=15) + rng.choices(LABEL_WORDS[label], k=5)
            rng.shuffle(words)
            file.write(f"{label}\t{' '.join(words)}\n")
        file.write("neg\t!!!\n")  # a text without a word


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """The directory with the output of the script."""
    for name in ("keras", "matplotlib", "sklearn"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    path = tmp_path_factory.mktemp("classify")
    write_texts(path / "train.tsv", 2_000, seed=1)
    write_texts(path / "test.tsv", 200, seed=2)
    (path / "more.txt").write_text("common1 unlabelled words\n" * 20, encoding="utf-8")
    arguments = ["train.tsv", "test.tsv", "--unlabelled", "more.txt", "--seeds", "1"]
    arguments += ["--size", "40", "--size", "80", "--dim", "16", "--length", "20"]
    arguments += ["--json", "out.json", "--plot", "out.svg", "--output", "out.md"]
    command = [sys.executable, "-m", "scripts.classify_reviews", *arguments]
    environment = {**os.environ, "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "torch")}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        command, cwd=path, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    (path / "stdout").write_text(done.stdout, encoding="utf-8")
    return path


def accuracies(directory: Path, size: int) -> dict[str, float]:
    results = json.loads((directory / "out.json").read_text("utf-8"))["results"]
    return {row["variant"]: row["accuracy"] for row in results if row["size"] == size}


def test_pretrained_vectors_separate_the_labels(directory):
    few, more = accuracies(directory, 40), accuracies(directory, 80)
    assert len(few) == len(more) == 6
    assert more["pretrained, frozen"] > 0.9
    assert more["pretrained, fine-tuned"] > 0.9
    assert few["pretrained, frozen"] > few["random, frozen"]


def test_vectors_are_trained_on_the_unlabelled_text_too(directory):
    written = json.loads((directory / "out.json").read_text("utf-8"))
    assert written["data"]["unlabelled_texts"] == 2_001 + 20
    assert written["vectors"][0]["words"] == 40 + 120 + 2  # "unlabelled" and "words"


def test_the_table_and_the_plot_are_written(directory):
    table = (directory / "out.md").read_text("utf-8")
    assert table == (directory / "stdout").read_text("utf-8")
    assert "| pretrained, frozen |" in table
    assert b"</svg>" in (directory / "out.svg").read_bytes()
