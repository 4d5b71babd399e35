"""Checks of memory and disk space before a run; errors report needed and available amounts."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from support import KJV, compiled_only
from w2v.config import Config
from w2v.errors import DiskFullError, OutputError, ResourceError
from w2v.events import ignore
from w2v.pipeline import preflight, warmup
from w2v.pipeline.arguments import Directories
from w2v.pipeline.read import read_vocabulary

GB = 10**9
MB = 10**6


@pytest.fixture
def free(monkeypatch):
    """Return a function that sets the free space of every disk, or of each directory."""

    def set_free(space: int | dict[str, int]) -> None:
        def disk_usage(directory: Path) -> SimpleNamespace:
            size = space[str(directory)] if isinstance(space, dict) else space
            return SimpleNamespace(free=size, total=1 << 50)

        monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    return set_free


@pytest.fixture
def memory(monkeypatch):
    """Return a function that sets the available memory and the memory that this process uses."""

    def set_memory(available: int | None, used: int = 0) -> None:
        monkeypatch.setattr(preflight, "available_memory", lambda: available)
        monkeypatch.setattr(preflight, "used_memory", lambda: used)

    return set_memory


def test_a_model_that_fits_is_accepted(memory):
    memory(GB)
    preflight.check_memory(50_000, Config())


def test_an_error_reports_needed_and_available_memory(memory):
    memory(2 * GB)
    expected = (
        r"^training up to 50,000 words at dim 100,000 needs 60\.13 GB of memory, "
        r"but 2\.00 GB are available; lower `dim` or `vocab_size`, which may be more than the "
        r"corpus has$"
    )
    with pytest.raises(ResourceError, match=expected):
        preflight.check_memory(50_000, Config(dim=100_000, threads=2))


def test_memory_is_checked_for_the_actual_vocabulary_after_reading(memory):
    memory(GB, used=GB)
    counts = np.arange(10_000, 0, -1)
    expected = (
        r"^training 10,000 words at dim 10,000 needs 2\.20 GB of memory, "
        r"but 2\.00 GB are available; lower `dim` or `vocab_size`$"
    )
    with pytest.raises(ResourceError, match=expected):
        preflight.check_memory(10_000, Config(dim=10_000), counts=counts)


@pytest.mark.parametrize("used", [0, 10**8, 10**10])
def test_the_limit_is_exact(used, memory):
    config = Config(dim=100)
    memory(None, used)
    needed = preflight.memory_needed(1000, config)
    assert needed > used
    memory(needed - used, used)
    preflight.check_memory(1000, config)
    memory(needed - used - 1, used)
    with pytest.raises(ResourceError):
        preflight.check_memory(1000, config)


def test_unknown_memory_is_accepted(memory):
    memory(None)
    preflight.check_memory(10**6, Config(dim=1_000_000))


def test_the_estimate_includes_two_matrices_and_a_copy(memory):
    memory(GB)
    small, large = (
        preflight.memory_needed(10_000, Config(dim=dim, threads=1)) for dim in (97, 128)
    )
    rows = 2 * (144 - 112) * 10_002 + (128 - 97) * 10_000  # strides are odd numbers of cache lines
    assert large - small == 4 * rows


@pytest.mark.parametrize("counts", [None, np.array([9, 5, 1, 0, 0])])
@pytest.mark.parametrize("exponent", [-10, -1, 0, 0.75, 10])
@pytest.mark.parametrize("sample", [0, 1e-4, 1])
def test_the_estimate_of_shards_is_limited_by_the_vocabulary(counts, exponent, sample, memory):
    memory(GB)
    config = Config(dim=50_000, sample=sample, noise_exponent=exponent, threads=1)
    hogwild, one_shard, many_shards = (
        preflight.memory_needed(5, dataclasses.replace(config, **options), counts=counts)
        for options in ({}, {"deterministic": True, "shards": 1}, {"deterministic": True})
    )
    pages = 2 * (2 << 20)
    span = 4 * 64 * (1 << 14)  # the words of one, if the text may be long
    assert 0 < one_shard - hogwild <= 2 * 4 * 50_016 * 5 + pages + span
    assert one_shard - hogwild < many_shards - hogwild <= 4 * (one_shard - hogwild)


# Train in a child process. It prints the estimates before and after reading the corpus, and its
# peak memory use, which it samples every few milliseconds.
MEASURE_MEMORY = """
import json, sys, threading, time
import w2v
from w2v.pipeline import preflight
from w2v.system import memory

estimates, used, ended = [], [], threading.Event()
memory_needed = preflight.memory_needed

def record_estimate(*arguments, **options):
    estimates.append(memory_needed(*arguments, **options))
    return estimates[-1]

def sample():
    while not ended.wait(0.003):
        used.append(memory.used_memory())

preflight.memory_needed = record_estimate
threading.Thread(target=sample, daemon=True).start()
options = json.loads(sys.argv[3])
w2v.train(sys.argv[1], output=sys.argv[2], epochs=1, min_count=1, **options)
ended.set()
print(json.dumps([*estimates, max(used)]))
"""


@pytest.mark.slow
@compiled_only
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"dim": 1500}, marks=pytest.mark.exhaustive),
        {"dim": 1500, "train_unk": True, "vocab_size": 9000},
        {"dim": 700, "threads": 8},
        pytest.param({"dim": 700, "deterministic": True}, marks=pytest.mark.exhaustive),
        {"dim": 100, "deterministic": True, "shards": 32},
        {},
    ],
    ids=str,
)
def test_the_estimate_is_within_20_percent_of_the_peak(options, all_words, tmp_path):
    given = {} if "vocab_size" in options else {"vocab": str(all_words)}
    arguments = [str(KJV), str(tmp_path / "m.w2v"), json.dumps(options | given)]
    command = [sys.executable, "-c", MEASURE_MEMORY, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    before, after, peak = json.loads(result.stdout)
    assert 0.8 * peak < after < 1.2 * peak
    assert 0.8 * peak < before < 1.2 * peak


@pytest.fixture(scope="module")
def all_words(tmp_path_factory):
    """A file of all words of the sample corpus, so that their number is known before reading.

    Compiles all kernels as well, because the compiler uses memory.
    """
    warmup.compile_kernels(ignore, warmup.training(np.uint16, Config(deterministic=True)))
    vocabulary, _ = read_vocabulary(KJV, min_count=1)
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("".join(f"{word}\n" for word in vocabulary.words))
    return path


CHECKPOINTS = {"checkpoints": True}
WITHOUT_CHECKPOINTS = ", or disable checkpoints with `checkpoint_every=0`"
DIM_60 = Config(dim=60)  # per word: 500 bytes in a model, 520 in a checkpoint


def test_a_training_that_fits_the_disk_is_accepted(free, tmp_path):
    free(MB)
    arguments = {"words": 1, "directories": Directories(None, tmp_path), "checkpoints": True}
    preflight.check_disk(Config(), text_bytes=400_000, **arguments)
    preflight.check_disk(Config(), text_bytes=None, **arguments)


@pytest.mark.parametrize(
    ("text_bytes", "checkpoints", "needed", "sufficient"),
    [
        (10 * MB, True, "55.7 MB", 55_670_000),
        (10 * MB, False, "31.7 MB", 31_670_000),
        (100 * MB, False, "0.13 GB", 132_140_000),  # while the corpus is read
    ],
)
def test_the_files_on_one_disk_are_summed(
    text_bytes, checkpoints, needed, sufficient, free, tmp_path
):
    arguments = {"words": 50_000, "directories": Directories(tmp_path / "m.w2v", tmp_path)}
    arguments |= {"text_bytes": text_bytes, "checkpoints": checkpoints}
    free(sufficient)
    preflight.check_disk(DIM_60, **arguments)
    free(sufficient - 20_000)
    with pytest.raises(DiskFullError, match=f": {needed} are needed, but .* in {tmp_path};"):
        preflight.check_disk(DIM_60, **arguments)


@pytest.mark.parametrize(
    ("checkpoints", "files", "remedy"),
    [
        (True, "the model, the checkpoint and the encoded text", WITHOUT_CHECKPOINTS),
        (False, "the model and the encoded text", ""),
    ],
)
def test_an_error_reports_needed_and_free_disk_space(checkpoints, files, remedy, free, tmp_path):
    arguments = {"words": 50_000, "directories": Directories(tmp_path / "m.w2v", tmp_path)}
    free(30_000)
    with pytest.raises(DiskFullError) as raised:
        preflight.check_disk(DIM_60, **arguments, text_bytes=10**9, checkpoints=checkpoints)
    assert str(raised.value) == (
        f"cannot store {files}: not enough disk space: 1.32 GB are needed, but 30,000 bytes are "
        f"free in {tmp_path}; free some space, or choose another directory with `output` or "
        f"`work_dir`{remedy}"
    )


def test_replaced_files_require_no_space(free, tmp_path):
    arguments = {"words": 50_000, "directories": Directories(tmp_path / "m.w2v", tmp_path)}
    arguments |= {"text_bytes": None} | CHECKPOINTS
    free(30 * MB)
    with pytest.raises(DiskFullError):
        preflight.check_disk(DIM_60, **arguments)
    preflight.check_disk(DIM_60, **arguments, replaced=24 * MB)


def test_ids_of_large_vocabularies_are_wider(free, tmp_path):
    free(150 * MB)
    arguments = {"directories": Directories(None, tmp_path), "text_bytes": 100 * MB}
    preflight.check_disk(Config(), words=65_534, checkpoints=False, **arguments)
    with pytest.raises(DiskFullError, match=r": 0\.18 GB are needed"):
        preflight.check_disk(Config(), words=65_535, checkpoints=False, **arguments)


def test_a_relative_output_is_in_the_current_directory(free, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    free(1)
    arguments = {
        "words": 1,
        "directories": Directories(Path("m.w2v"), tmp_path),
        "text_bytes": None,
    }
    with pytest.raises(ResourceError, match=f"free in {tmp_path};"):
        preflight.check_disk(Config(), **arguments, **CHECKPOINTS)


def test_files_on_two_disks_are_checked_separately(free, tmp_path):
    other = "/dev/shm"
    if not Path(other).is_dir() or Path(other).stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm on another file system")
    arguments = {"words": 50_000, "directories": Directories(tmp_path / "m", Path(other))}
    arguments |= {"text_bytes": MB} | CHECKPOINTS
    free({str(tmp_path): 10 * MB, other: 1})
    expected = f"the model: not enough disk space: 25.1 MB .* in {tmp_path}; .* with `output`$"
    with pytest.raises(ResourceError, match=expected):
        preflight.check_disk(DIM_60, **arguments)
    free({str(tmp_path): 26 * MB, other: 50 * MB})
    expected = f"the checkpoint and the encoded text: .*: 50.6 MB .* in {other}; .* `work_dir`, "
    with pytest.raises(ResourceError, match=expected):
        preflight.check_disk(DIM_60, **arguments)
    free({str(tmp_path): 26 * MB, other: 51 * MB})
    preflight.check_disk(DIM_60, **arguments)


def test_a_removed_directory_is_reported(tmp_path):
    arguments = {"words": 1, "directories": Directories(tmp_path / "gone" / "m", tmp_path)}
    with pytest.raises(
        OutputError, match=r"^cannot write to .*/gone and .*: No such file or directory; "
    ):
        preflight.check_disk(Config(), text_bytes=None, **arguments, **CHECKPOINTS)


def test_the_estimate_includes_the_compiler_unless_kernels_are_cached(memory, monkeypatch):
    memory(GB)
    monkeypatch.setattr(preflight, "is_cached", lambda _: True)
    cached = preflight.memory_needed(1000, Config())
    monkeypatch.setattr(preflight, "is_cached", lambda _: False)
    assert preflight.memory_needed(1000, Config()) == cached + 130 * MB
    assert preflight.memory_needed(3, Config(), counts=np.array([3, 2, 1])) < cached


def test_the_estimate_grows_with_the_distinct_words_of_the_text(memory):
    memory(GB)
    config = Config(threads=1)
    sizes = [10**8, 4 * 10**8]
    small, large = (preflight.memory_needed(1000, config, text_bytes=size) for size in sizes)
    assert large - small == 30 * MB


def test_every_option_of_a_cluster_leaves_an_estimate():
    config = Config(ray="auto", workers=2, shards=8, rounds=500, allow_mixed=True)
    assert (
        0
        < preflight.memory_needed(1000, config)
        <= preflight.memory_needed(1000, Config(deterministic=True, shards=8))
    )
