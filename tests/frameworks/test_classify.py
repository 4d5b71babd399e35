"""The comparison of text classifiers runs as a whole, on texts whose words give the label away."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT

COMMON = [f"common{i}" for i in range(40)]
TELLING = {label: [f"{label}{i}" for i in range(60)] for label in ("neg", "pos")}


def write_texts(path: Path, count: int, seed: int) -> None:
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for i in range(count):
            label = ("neg", "pos")[i % 2]
            words = draw.choices(COMMON, k=15) + draw.choices(TELLING[label], k=5)
            draw.shuffle(words)
            file.write(f"{label}\t{' '.join(words)}\n")
        file.write("neg\t!!!\n")  # a text without a word


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the script wrote."""
    found = tmp_path_factory.mktemp("classify")
    write_texts(found / "train.tsv", 2_000, seed=1)
    write_texts(found / "test.tsv", 200, seed=2)
    (found / "more.txt").write_text("common1 unlabelled words\n" * 20, encoding="utf-8")
    arguments = ["train.tsv", "test.tsv", "--unlabelled", "more.txt", "--seeds", "1"]
    arguments += ["--size", "40", "--size", "80", "--dim", "16", "--length", "20"]
    arguments += ["--json", "out.json", "--plot", "out.svg", "--output", "out.md"]
    command = [sys.executable, "-m", "scripts.classify_reviews", *arguments]
    environment = {**os.environ, "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "torch")}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        command, cwd=found, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    (found / "stdout").write_text(done.stdout, encoding="utf-8")
    return found


def accuracies(folder: Path, size: int) -> dict[str, float]:
    results = json.loads((folder / "out.json").read_text("utf-8"))["results"]
    return {row["variant"]: row["accuracy"] for row in results if row["size"] == size}


def test_pretrained_vectors_tell_the_texts_apart(folder):
    of_few, of_more = accuracies(folder, 40), accuracies(folder, 80)
    assert len(of_few) == len(of_more) == 6
    assert of_more["pretrained, frozen"] > 0.9
    assert of_more["pretrained, fine-tuned"] > 0.9
    assert of_few["pretrained, frozen"] > of_few["random, frozen"]


def test_the_unlabelled_text_is_learnt_from_too(folder):
    written = json.loads((folder / "out.json").read_text("utf-8"))
    assert written["data"]["unlabelled_texts"] == 2_001 + 20
    assert written["vectors"][0]["words"] == 40 + 120 + 2  # "unlabelled" and "words"


def test_the_table_is_written_and_the_plot_drawn(folder):
    table = (folder / "out.md").read_text("utf-8")
    assert table == (folder / "stdout").read_text("utf-8")
    assert "| pretrained, frozen |" in table
    assert b"</svg>" in (folder / "out.svg").read_bytes()
