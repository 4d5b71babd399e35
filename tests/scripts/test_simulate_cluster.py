"""The model of training on a cluster: its rows and bytes against draws and real rounds."""

from __future__ import annotations

import dataclasses
import doctest
import math

import numpy as np
import pytest
from click.testing import CliRunner

from scripts import simulate_cluster
from scripts.bench import cluster_model
from scripts.bench.cluster_model import Machines, Speeds, Text, estimate, expected_rows, zipf_counts
from scripts.bench.cluster_traffic import array_bytes
from support import KJV, compiled_only
from w2v.config import Config
from w2v.training.backends.exchange import Rows
from w2v.training.plan import round_count
from w2v.training.sampling import keep_thresholds, noise_probabilities

pytestmark = pytest.mark.slow

TEXT = Text(zipf_counts(3_000, 400_000), 10_000, clustering=1.0)


def drawn_rows(text: Text, config: Config, positions: int, shards: int, random) -> list[int]:
    """Return the rows with vectors and all rows that spans of words drawn one by one change."""
    shares = np.append(text.counts, text.lines) / text.positions
    keep = np.append(keep_thresholds(text.counts, config.chosen_sample) / 2**32, 1.0)
    noise = noise_probabilities(text.counts, config.noise_exponent)
    words: set[int] = set()
    drawn: set[int] = set()
    for _ in range(shards):
        ids = random.choice(len(shares), positions, p=shares)
        kept = ids[random.random(positions) < keep[ids]]
        words.update(kept[kept < len(text.counts)].tolist())
        draws = (math.ceil(len(kept) / config.sharing) + 1) * config.noise_words
        drawn.update(random.choice(len(noise), draws, p=noise).tolist())
    return [len(words), len(words | drawn)]


@pytest.mark.parametrize(("positions", "shards"), [(2_000, 1), (500, 5)])
def test_the_rows_are_those_of_drawn_words(positions, shards):
    config = Config(epochs=1, sample=1e-3)
    random = np.random.default_rng(5)
    found = np.mean([drawn_rows(TEXT, config, positions, shards, random) for _ in range(20)], 0)
    assert expected_rows(TEXT, config, positions, shards) == pytest.approx(found, rel=0.03)


def test_clustered_words_change_fewer_rows():
    config = Config(epochs=1, sample=1e-3)
    clustered = dataclasses.replace(TEXT, clustering=0.5)
    rows, fewer = (expected_rows(text, config, 2_000) for text in (TEXT, clustered))
    assert fewer.vectors < 0.8 * rows.vectors
    assert fewer.contexts < rows.contexts


def test_the_times_add_up():
    machines = Machines(workers=4, cores=2, gbits=10)
    speeds = Speeds(
        words=1e6, deterministic=2, cut=1e8, merge=1e8, apply=1e8, network=0.5, call=0, object=1
    )
    found = estimate(TEXT, Config(dim=64), machines, speeds)
    config = cluster_model.resolved(TEXT, Config(dim=64), 8)
    assert found.rounds == round_count(TEXT.positions, config)
    assert found.positions * found.rounds * 8 == pytest.approx(TEXT.positions)
    # One shard for each core, at half of twice the speed at dim 128.
    assert found.train == pytest.approx(found.positions * TEXT.words / TEXT.positions / 1e6)
    sent = (2 * found.shard_bytes + found.merged_bytes) * 3 / 4
    assert found.received_bytes == pytest.approx(sent)
    # The process that runs the command receives and applies the merged rows before the workers.
    assert found.move == pytest.approx((sent + found.merged_bytes) / 625e6)
    handled = 2 * found.shard_bytes + found.shard_bytes + 2 * found.merged_bytes
    assert found.handle == pytest.approx(handled / 1e8)
    assert found.coordinate == 4 * 6
    assert found.epoch_seconds == found.rounds * found.seconds
    assert found.moving_share + found.train / found.seconds < 1
    config = Config(dim=64, deterministic=True, rounds=1)
    longer = estimate(TEXT, config, machines, speeds)
    assert longer.rounds == 1
    assert longer.train == pytest.approx(found.train * found.rounds)
    assert Machines(256, 16, 10).shards == 1_024


def test_the_bytes_of_all_arrays_are_counted():
    words = np.zeros(3, np.int32)
    rows = Rows(words, np.zeros((3, 8), np.float32), words[:1], np.zeros((1, 8), np.float32))
    assert array_bytes([rows, rows]) == 2 * (12 + 96 + 4 + 32)


@compiled_only
def test_real_rounds_exchange_as_many_bytes(monkeypatch):
    monkeypatch.setattr(simulate_cluster, "CHECKS", [(50_000, 128, 4, 2), (2_000, 16, 8, 3)])
    monkeypatch.setattr(simulate_cluster, "_CHECKED_ROUNDS", 2)
    done = CliRunner().invoke(simulate_cluster.main, ["--check", str(KJV)])
    assert done.exit_code == 0, done.output
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines()]
    assert [row[0].strip() for row in rows[2:]] == ["kjv.txt", "kjv.txt"]
    assert [row[3].strip() for row in rows[2:]] == ["4", "8"]
    monkeypatch.setattr(simulate_cluster, "TOLERANCE", 0.0)
    done = CliRunner().invoke(simulate_cluster.main, ["--check", str(KJV)])
    assert done.exit_code == 1
    assert done.stderr == "Error: 2 of 2 estimates are off by more than 0%\n"


def test_a_table_for_each_text():
    options = ["--gigabytes", "1", "--gigabytes", "2000", "--workers", "4", "--workers", "1"]
    done = CliRunner().invoke(simulate_cluster.main, [*options, "--gbits", "10", "--words", "999"])
    assert done.exit_code == 0, done.output
    titles = [line for line in done.stdout.splitlines() if line.startswith("Text of")]
    assert [title.partition(",")[0] for title in titles] == ["Text of 1 GB", "Text of 2 TB"]
    rows = [line.split("|")[1:4] for line in done.stdout.splitlines() if line.startswith("| 10 ")]
    assert [[int(cell) for cell in row] for row in rows] == [[10, 4, 64], [10, 1, 16]] * 2


def test_the_plot_has_the_same_bytes_each_time(tmp_path):
    paths = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in paths:
        done = CliRunner().invoke(simulate_cluster.main, ["--words", "500", "--plot", str(path)])
        assert done.exit_code == 0, done.output
    assert paths[0].read_bytes() == paths[1].read_bytes()
    done = CliRunner().invoke(simulate_cluster.main, ["--plot", str(tmp_path / "a.txt")])
    assert done.exit_code == 2
    assert "must end in .png or .svg" in done.stderr


@pytest.mark.parametrize("module", [simulate_cluster], ids=lambda module: module.__name__)
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
