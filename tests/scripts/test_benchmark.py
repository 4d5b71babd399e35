"""The benchmark scripts: their figures, their tables, and whole runs."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import w2v
from scripts import soak
from scripts.bench import benchmark, figures, generated_text, measuring, peak, scaling, trainers
from scripts.bench.figures import Run, WholeRun
from scripts.bench.scaling import Sample
from support import JIT, ROOT
from w2v.formats.registry import FORMATS

compiled_only = pytest.mark.skipif(
    not JIT, reason="trains in other processes, which takes minutes as plain Python"
)

# Accepts the command line of word2vec.c, sleeps for each epoch, and writes arbitrary vectors.
FAKE = f"""#!{sys.executable}
import struct, sys, time
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert options["-cbow"] == "0" and options["-binary"] == "1" and options["-min-count"] == "1"
assert "-full-windows" not in options
time.sleep(0.2 * int(options["-iter"]))
with open(options["-train"], encoding="utf-8") as file:
    words = ["</s>", *sorted(set(file.read().split()))]
dim = int(options["-size"])
with open(options["-output"], "wb") as file:
    file.write(b"%d %d\\n" % (len(words), dim))
    for row, word in enumerate(words):
        file.write(word.encode() + b" " + struct.pack(f"<{{dim}}f", *[row + 1] * dim) + b"\\n")
"""
LINES = ["the king and the queen", "The Queen and a king, the king"] * 20


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "raw.txt"
    path.write_text("\n".join([*LINES, "rare"]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    path = tmp_path / "fake"
    path.write_text(FAKE, encoding="utf-8")
    path.chmod(0o755)
    return path


def run_of(trainer: str, turn: int, speed: float, threads: int = 2, **more) -> Run:
    return Run("default", threads, trainer, turn, speed * 1e6, 100.0, 10, **more)


def quality_of(score: float) -> dict:
    return {"q.txt": {"measure": "%", "score": score, "covered": 1, "total": 2}}


ROUNDS = [
    run_of("w2v", 1, 4, threads=1, useful_gflops=10, peak_gflops=100, reading_mb_per_second=50),
    run_of("w2v", 1, 6, useful_gflops=30, peak_gflops=200, reading_mb_per_second=80),
    run_of("gensim", 1, 2),
    run_of("w2v", 2, 5, threads=1, useful_gflops=20, peak_gflops=100, reading_mb_per_second=50),
    run_of("w2v", 2, 9, useful_gflops=50, peak_gflops=200, reading_mb_per_second=80),
    run_of("gensim", 2, 1),
    run_of("w2v", 3, 4, threads=1, useful_gflops=40, peak_gflops=100, reading_mb_per_second=50),
    run_of("w2v", 3, 8, useful_gflops=40, peak_gflops=200, reading_mb_per_second=80),
    run_of("gensim", 3, 2),
]


@pytest.mark.parametrize("module", [measuring, generated_text, scaling, soak])
def test_the_examples_in_docstrings_hold(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize(
    "script", ["bench.benchmark", "bench.scaling", "bench.plot", "soak", "fuzz"]
)
def test_help_works(script):
    command = [sys.executable, "-m", f"scripts.{script}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert f"Usage: python -m scripts.{script}" in done.stdout


def test_ratios_are_computed_round_by_round():
    assert figures.ratios(ROUNDS, "w2v", 2, "gensim") == [3, 9, 4]
    assert figures.ratios(ROUNDS, "w2v", 1, "gensim") == []  # gensim did not run with one
    assert figures.against_fewest(ROUNDS[:2] + ROUNDS[3:5], 2, 1) == [1.5, 1.8]


def test_a_round_without_a_peer_has_no_ratio():
    assert figures.ratios(ROUNDS[:5], "w2v", 2, "gensim") == [3]


def test_the_training_table_has_medians():
    assert figures.training_table(ROUNDS).splitlines() == [
        "| trainer | threads | training, million words/s | times gensim | memory, MB |",
        "|---|--:|--:|--:|--:|",
        "| w2v | 1 | 4.00 (4.00 to 5.00) | - | 100 |",
        "| w2v | 2 | 8.00 (6.00 to 9.00) | 4.00 | 100 |",
        "| gensim | 2 | 2.00 (1.00 to 2.00) | 1.00 | 100 |",
    ]


def test_the_training_table_has_a_column_for_each_file():
    runs = [run_of("w2v", turn, 1, quality=quality_of(score)) for turn, score in ((1, 4), (2, 8))]
    assert "| q.txt, % (1 of 2 covered) |" in figures.training_table(runs)
    assert "| w2v | 2 | 1.00 (1.00 to 1.00) | - | 6.0 | 100 |" in figures.training_table(runs)


def test_the_machine_table_has_shares_and_speed_ups():
    lines = figures.machine_table(ROUNDS).splitlines()
    assert "times 1 thread |" in lines[0]
    assert lines[2:] == [
        "| 1 | 50 | 4.00 | 1.00 | 20.0 | 100.0 | 20.0 % |",
        "| 2 | 80 | 8.00 | 1.80 | 40.0 | 200.0 | 20.0 % |",
    ]


def test_the_cost_of_determinism_is_compared_round_by_round():
    deterministic = [
        run_of("w2v --deterministic", turn, speed) for turn, speed in ((1, 3), (2, 6), (3, 8))
    ]
    assert figures.price_table(ROUNDS + deterministic).splitlines() == [
        "| w2v --deterministic, threads | time, times w2v's |",
        "|---|--:|",
        "| 2 | 1.50 |",
    ]


def test_whole_runs_are_compared_round_by_round():
    seconds = {"w2v": (10, 20, 10), "gensim": (100, 100, 150)}
    wholes = [
        WholeRun("default", 2, trainer, turn, of_trainer[turn], 50.0)
        for turn in range(3)
        for trainer, of_trainer in seconds.items()
    ]
    assert figures.whole_table(wholes).splitlines()[2:] == [
        "| w2v | 2 | 10.0 | 1.00 | 50 |",
        "| gensim | 2 | 100.0 | 10.00 | 50 |",
    ]


def test_medians_ignore_missing_values():
    assert measuring.median([3.0, None, 1.0, 2.0]) == 2
    assert measuring.median([None]) is None
    assert measuring.number(None) == "-"
    assert measuring.number(1234.567) == "1,234.57"


def meta_with(**epoch) -> dict:
    config = {"window": 2, "shared_negatives": 16, "dim": 10}
    return {"config": config, "epochs": [epoch, epoch]}


def test_operations_count_scores_of_contexts_and_negative_samples():
    # 2 epochs of 40 pairs and 11 centers with 16 negative samples; a score takes 6 * 10 operations
    assert peak.useful_operations(meta_with(pairs=40, centers=11)) == 2 * (40 + 176) * 60


def test_chains_compute_multiply_adds():
    start, rounds = 0.25, 3
    terms = np.float32(start) + np.float32(0.001) * np.arange(peak.CHAINS)
    for _ in range(rounds):
        terms = terms * 0.999 + 0.001
    expected = terms.sum() * peak.WIDTH
    assert peak.chained_multiply_adds(rounds, start) == pytest.approx(expected, rel=1e-5)


def test_the_peak_is_a_rate():
    assert peak.peak_gflops(2, repeats=1, rounds=100) > 0


def test_the_generated_text_depends_on_the_seed_only(tmp_path):
    texts = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generated_text.write_text(tmp_path / name, 0.5, vocabulary=5_000, seed=seed)
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1] != texts[2]
    assert len(texts[0]) >= 0.5e6


def test_the_generated_text_follows_zipf_and_has_topics(tmp_path):
    words = generated_text.write_text(tmp_path / "a", 0.5, vocabulary=5_000)
    lines = [line.split() for line in (tmp_path / "a").read_text("ascii").splitlines()]
    counts = {word: 0 for line in lines for word in line}
    for word in (word for line in lines for word in line):
        counts[word] += 1
    assert sum(counts.values()) == words
    first, tenth = (counts[generated_text.spell(rank)] for rank in (0, 9))
    assert first / tenth == pytest.approx((9 + 2.7) / 2.7, rel=0.1)
    rank_of = {generated_text.spell(rank): rank for rank in range(5_000)}
    topics = [[r % 64 for w in line if (r := rank_of[w]) >= 128] for line in lines]
    common = {max(set(topic), key=topic.count) for topic in topics if len(topic) >= 10}
    assert common == set(range(64))
    shared = [topic.count(topic[0]) / len(topic) for topic in topics if len(topic) >= 10]
    assert 0.25 < np.mean(shared) < 0.5  # two words in the topic of their line: one pair in four


def test_a_complete_text_has_every_word(tmp_path):
    generated_text.write_text(tmp_path / "a", 0.01, vocabulary=30_000, complete=True)
    assert len(set((tmp_path / "a").read_text("ascii").split())) == 30_000


def test_peers_get_the_words_of_the_vocabulary(raw, tmp_path):
    raw.write_text(raw.read_text("utf-8") + "king " * 2_500, encoding="utf-8")
    text = trainers.prepare(raw, tmp_path / "words.txt", trainers.Setting(vocab_size=3))
    lines = [line.split() for line in text.path.read_text("utf-8").splitlines()]
    assert text.vocabulary == ["king", "the", "and"]
    assert lines[:2] == [["the", "king", "and", "the"], ["the", "and", "king", "the", "king"]]
    assert [len(line) for line in lines[-3:]] == [1_000, 1_000, 500]
    assert sum(map(len, lines)) == text.words


def test_vectors_are_restricted_to_the_common_vocabulary(tmp_path):
    path = tmp_path / "model.bin"
    peers = w2v.Embeddings(["</s>", "b", "a"], np.eye(3, dtype=np.float32))
    FORMATS["word2vec-bin"].write(peers, path)
    found = trainers.load_vectors(path, ["a", "missing", "b"])
    assert found.words == ["a", "b"]
    assert found.matrix.tolist() == [[0, 0, 1], [0, 1, 0]]


def test_the_time_of_a_program_excludes_its_first_epoch(raw, fake, tmp_path):
    setting = trainers.Setting(epochs=3, dim=5)
    text = trainers.prepare(raw, tmp_path / "words.txt", setting)
    done = trainers.Peer("fake", (str(fake),)).run(text, setting, 1, 1, tmp_path / "model.bin")
    assert done.epochs == 2
    assert 0.1 < done.seconds < done.usage.seconds
    assert w2v.load(tmp_path / "model.bin").dim == 5


def test_a_program_that_is_too_fast_is_an_error(raw, fake, tmp_path):
    fake.write_text(FAKE.replace("0.2 * int", "0.6 / int"), encoding="utf-8")
    setting = trainers.Setting(epochs=3)
    text = trainers.prepare(raw, tmp_path / "words.txt", setting)
    with pytest.raises(click.ClickException, match="the text is too short to time it"):
        trainers.Peer("fake", (str(fake),)).run(text, setting, 1, 1, tmp_path / "model.bin")


def test_a_process_is_measured_and_its_failure_is_quoted():
    program = "import time; held = b'1' * 50_000_000; time.sleep(0.3); print(len(held))"
    usage = measuring.run_process([sys.executable, "-c", program])
    assert usage.output == "50000000\n"
    assert usage.seconds > 0.3
    if Path("/proc/self/task").exists():
        assert 50 < usage.memory_mb < 100
    with pytest.raises(click.ClickException, match="ended with 3: the reason"):
        measuring.run_process(["sh", "-c", "echo the reason >&2; exit 3"])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_the_memory_of_child_processes_is_included():
    program = "held = bytearray(b'1' * 50_000_000); import time; time.sleep(0.5)"
    usage = measuring.run_process(["sh", "-c", f'{sys.executable} -c "{program}"; true'])
    assert usage.memory_mb > 50


def test_a_process_may_end_while_it_is_measured(monkeypatch):
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert measuring._family(ended.pid) == [ended.pid]
    monkeypatch.setattr(measuring, "_threads", lambda _: [Path("/proc/self/task/missing")])
    assert measuring._family(ended.pid) == [ended.pid]
    assert measuring.anonymous_mb(ended.pid) is None


def test_reported_seconds_are_parsed():
    assert trainers.reported_seconds("loading\ntraining seconds: 1.5\n") == 1.5
    with pytest.raises(ValueError, match="expected a line 'training seconds"):
        trainers.reported_seconds("done")


def test_missing_peers_are_skipped(monkeypatch, capsys):
    monkeypatch.setattr(trainers.importlib.util, "find_spec", lambda name: None)
    assert benchmark.present_peers(()) == []
    message = capsys.readouterr().err
    assert "skipping gensim" in message
    assert "pip install --group bench" in message


def test_options_override_a_setting():
    changed = benchmark.with_options(trainers.SETTINGS["gensim"], {"epochs": 1, "dim": None})
    assert (changed.epochs, changed.dim, changed.window) == (1, 128, 5)


def test_unset_options_have_no_arguments():
    options = {"min_count": 0, "shrink_windows": False, "overwrite": True, "lr_min": None}
    assert measuring.command_line(options) == ["--min-count", "0", "--overwrite"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "pass either CORPUS or --generate MB"),
        (["--generate", "1", "--binary", "nonsense"], "expected NAME=PATH"),
        (["--generate", "1", "--json", "/no/such/directory/x.json"], "the directory of"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, message):
    result = CliRunner().invoke(benchmark.main, arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.exhaustive
@compiled_only
def test_the_benchmark_runs_with_a_program(raw, fake, tmp_path):
    path = tmp_path / "figures.json"
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("king queen 9\nking and 1\nthe queen 2\n", encoding="utf-8")
    arguments = [str(raw), "--binary", f"fake={fake}", "--peer", "none", "--epochs", "1"]
    arguments += ["--repeats", "1", "--threads", "1", "--eval", str(pairs), "--json", str(path)]
    arguments += ["--dim", "8", "--sample", "0.1", "--deterministic"]
    result = CliRunner().invoke(benchmark.main, arguments)
    assert result.exit_code == 0, result.output
    written = json.loads(path.read_text("utf-8"))
    trainers = ["w2v", "w2v --deterministic", "fake"]
    assert [run["trainer"] for run in written["runs"]] == trainers
    assert [run["words"] for run in written["runs"]] == [5, 5, 5]
    assert written["runs"][2]["quality"]["pairs.txt"]["covered"] == 3
    assert written["runs"][0]["peak_gflops"] > 0
    assert [run["trainer"] for run in written["whole"]] == ["w2v"]
    assert figures.report(written) in result.output


SAMPLES = [
    Sample("dim", x, turn, 2.0, 1_000, 500, 0.5, seconds, 3.0, None)
    for turn, slower in ((1, 1), (2, 5), (3, 1))
    for x, seconds in ((50, 0.001 * slower), (100, 0.002 * slower))
]


def test_scaling_has_medians_and_an_exponent():
    groups = scaling.by_experiment(map(vars, SAMPLES))
    assert list(groups) == ["dim"]
    lines = scaling.table("dim", groups["dim"]).splitlines()
    assert lines[2] == "| 50 | 0.00 | 4 | 0.50 | 0.00 | 1,000 | 2,000 | 1.00 | - |"
    assert lines[3].endswith("| 2,000 | 4,000 | 0.50 | - |")
    assert scaling.exponent([1], [1]) is None


def test_texts_are_cut_and_repeated(tmp_path):
    base = tmp_path / "base.txt"
    base.write_text("a b c d\n" * 1_000, encoding="utf-8")
    texts = scaling.Texts(base, tmp_path)
    twice_and_a_bit = texts.of_size(0.0165)
    assert twice_and_a_bit[:2] == [base, base]
    # The third part has 500 bytes, rounded up to the end of a line.
    assert twice_and_a_bit[2].read_text("utf-8") == "a b c d\n" * 63
    assert texts.of_size(0.016) == [base, base]


def test_unusual_texts_have_the_same_words(tmp_path):
    base = tmp_path / "base.txt"
    base.write_text("a b c d\n" * 1_000, encoding="utf-8")
    texts = scaling.Texts(base, tmp_path)
    (one,) = texts.one_line(0.008)
    (many,) = texts.word_lines(0.008)
    (same,) = texts.one_word(0.08)
    assert one.read_text("utf-8").split() == ["a", "b", "c", "d"] * 1_000
    assert "\n" not in one.read_text("utf-8")
    assert many.read_text("utf-8").split() == ["a", "b", "c", "d"] * 1_000
    assert many.read_text("utf-8").count("\n") == 10 + 990 * 4
    words = same.read_text("utf-8").split()
    assert words.count("word") == 0.9 * len(words)


def test_every_experiment_is_measured(tmp_path):
    found = scaling.points(scaling.Texts(tmp_path, tmp_path), scaling.FULL, threads=6)
    assert list(dict.fromkeys(point.experiment for point in found)) == list(scaling.EXPERIMENTS)
    threads = [p.options["threads"] for p in found if p.experiment == "threads"]
    assert threads == [1, 2, 4, 6]
    windows = [p.options for p in found if p.experiment == "window"]
    assert windows[0] == {"window": 1, "threads": 6}


def test_plots_show_the_figures(tmp_path):
    pytest.importorskip("matplotlib")
    from scripts.bench import plot

    odd = [
        Sample("text", name, 1, 2.0, 10, 20, 0.5, 0.1, 3.0, None) for name in ("ordinary", "odd")
    ]
    setting = {**trainers.Setting().options(), "words": 10, "vocabulary": 5}
    written = {
        "speed": {
            "corpus": {"name": "a.txt"},
            "settings": {"default": setting},
            "runs": [vars(run) for run in ROUNDS],
        },
        "scaling": {"samples": [vars(sample) for sample in SAMPLES + odd]},
    }
    for name, content in written.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    arguments = [*(str(tmp_path / name) for name in written), "--output", str(tmp_path / "plots")]
    result = CliRunner().invoke(plot.main, arguments)
    assert result.exit_code == 0, result.output
    drawn = {path.name for path in (tmp_path / "plots").iterdir()}
    names = ("speed", "scaling", "odd-texts")
    assert drawn == {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}
    assert plot.speeds_of(written["speed"]["runs"], "default") == {
        "w2v": (8.0, "4.0 times gensim"),
        "gensim": (2.0, ""),
    }


def test_round_numbers_enclose_the_values():
    plot = pytest.importorskip("scripts.bench.plot")
    assert plot.round_numbers(3, 40) == [2, 5, 10, 20, 50]
    assert plot.round_numbers(0.1, 1) == [0.1, 0.2, 0.5, 1, 2]
    assert plot.round_numbers(100, 100) == [100, 200]
