"""Memory and disk space are checked before a run begins; errors state both figures."""

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

from support import JIT, KJV
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
    """Set the free space of every disk, or of each folder."""

    def pretend(space: int | dict[str, int]) -> None:
        def disk_usage(folder: Path) -> SimpleNamespace:
            size = space[str(folder)] if isinstance(space, dict) else space
            return SimpleNamespace(free=size, total=1 << 50)

        monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    return pretend


@pytest.fixture
def memory(monkeypatch):
    """Set the memory that there is and that this process holds."""

    def pretend(available: int | None, held: int = 0) -> None:
        monkeypatch.setattr(preflight, "available_memory", lambda: available)
        monkeypatch.setattr(preflight, "used_memory", lambda: held)

    return pretend


def test_a_model_that_fits_is_accepted(memory):
    memory(GB)
    preflight.check_memory(50_000, Config())


def test_too_little_memory_is_reported_with_both_figures(memory):
    memory(2 * GB)
    expected = (
        r"^training up to 50,000 words at dim 100,000 needs 60\.12 GB of memory, "
        r"but 2\.00 GB are available; lower `dim` or `vocab_size`, which may be more than the "
        r"corpus has$"
    )
    with pytest.raises(ResourceError, match=expected):
        preflight.check_memory(50_000, Config(dim=100_000, threads=2))


def test_the_vocabulary_is_known_after_reading(memory):
    memory(GB, held=GB)
    counts = np.arange(10_000, 0, -1)
    expected = (
        r"^training 10,000 words at dim 10,000 needs 2\.20 GB of memory, "
        r"but 2\.00 GB are available; lower `dim` or `vocab_size`$"
    )
    with pytest.raises(ResourceError, match=expected):
        preflight.check_memory(10_000, Config(dim=10_000), counts=counts)


@pytest.mark.parametrize("held", [0, 10**8, 10**10])
def test_the_limit_is_exact(held, memory):
    config = Config(dim=100)
    memory(None, held)
    needed = preflight.memory_needed(1000, config)
    assert needed > held
    memory(needed - held, held)
    preflight.check_memory(1000, config)
    memory(needed - held - 1, held)
    with pytest.raises(ResourceError):
        preflight.check_memory(1000, config)


def test_unknown_memory_is_accepted(memory):
    memory(None)
    preflight.check_memory(10**6, Config(dim=1_000_000))


def test_memory_for_two_matrices_and_a_copy_is_counted(memory):
    memory(GB)
    small, large = (
        preflight.memory_needed(10_000, Config(dim=dim, threads=1)) for dim in (97, 128)
    )
    rows = 2 * (144 - 112) * 10_002 + (128 - 97) * 10_000  # an odd number of cache lines apart
    assert large - small == 4 * rows


@pytest.mark.parametrize("counts", [None, np.array([9, 5, 1, 0, 0])])
@pytest.mark.parametrize("exponent", [-10, -1, 0, 0.75, 10])
@pytest.mark.parametrize("sample", [0, 1e-4, 1])
def test_what_shards_copy_is_counted_and_is_no_more_than_there_is(counts, exponent, sample, memory):
    memory(GB)
    config = Config(dim=50_000, sample=sample, noise_exponent=exponent, threads=1)
    plain, less, more = (
        preflight.memory_needed(5, dataclasses.replace(config, **options), counts=counts)
        for options in ({}, {"deterministic": True, "shards": 1}, {"deterministic": True})
    )
    pages = 2 * (2 << 20)
    assert pages < less - plain <= 2 * 4 * 50_016 * 5 + pages + 20
    assert less - plain < more - plain <= 4 * (less - plain)


# What a training really takes. The child says what was expected, before the text was read and
# after, and what it held at most: it looks every few milliseconds.
WATCHED = """
import json, sys, threading, time
import w2v
from w2v.pipeline import preflight
from w2v.system import memory

expected, held, ended = [], [], threading.Event()
needed = preflight.memory_needed

def noted(*arguments, **options):
    expected.append(needed(*arguments, **options))
    return expected[-1]

def watch():
    while not ended.wait(0.003):
        held.append(memory.used_memory())

preflight.memory_needed = noted
threading.Thread(target=watch, daemon=True).start()
options = json.loads(sys.argv[3])
w2v.train(sys.argv[1], output=sys.argv[2], epochs=1, min_count=1, **options)
ended.set()
print(json.dumps([*expected, max(held)]))
"""


@pytest.mark.skipif(not JIT, reason="takes too long without the compiler")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    "options",
    [
        {"dim": 1500},
        {"dim": 1500, "train_unk": True, "vocab_size": 9000},
        {"dim": 700, "threads": 8},
        {"dim": 700, "deterministic": True},
        {"dim": 100, "deterministic": True, "shards": 32},
        {},
    ],
    ids=str,
)
def test_the_memory_that_is_needed_is_known_to_a_fifth(options, all_words, tmp_path):
    given = {} if "vocab_size" in options else {"vocab": str(all_words)}
    arguments = [str(KJV), str(tmp_path / "m.w2v"), json.dumps(options | given)]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    before, after, peak = json.loads(done.stdout)
    assert 0.8 * peak < after < 1.2 * peak
    assert 0.8 * peak < before < 1.2 * peak


@pytest.fixture(scope="module")
def all_words(tmp_path_factory):
    """All words of the sample corpus, so that their number is known before it is read.

    And everything is compiled, for the compiler takes memory, too.
    """
    warmup.compile_kernels(ignore, warmup.training(np.uint16, Config(deterministic=True)))
    vocabulary, _ = read_vocabulary(KJV, min_count=1)
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("".join(f"{word}\n" for word in vocabulary.words))
    return path


CHECKPOINTS = {"checkpoints": True}
WITHOUT_CHECKPOINTS = ", or disable checkpoints with `checkpoint_every=0`"
DIM_60 = Config(dim=60)  # 50,000 rows of 500 bytes in a model, 480 in a state, 40 noted of each


def test_a_job_that_fits_the_disk_passes(free, tmp_path):
    free(MB)
    arguments = {"words": 1, "directories": Directories(None, tmp_path), "checkpoints": True}
    preflight.check_disk(Config(), text_bytes=400_000, **arguments)
    preflight.check_disk(Config(), text_bytes=None, **arguments)


@pytest.mark.parametrize(
    ("text_bytes", "checkpoints", "needed", "enough"),
    [
        (10 * MB, True, "55.7 MB", 55_670_000),
        (10 * MB, False, "31.7 MB", 31_670_000),
        (100 * MB, False, "0.13 GB", 132_140_000),  # while it is read
    ],
)
def test_all_that_lies_on_one_disk_at_a_time_is_added_up(
    text_bytes, checkpoints, needed, enough, free, tmp_path
):
    arguments = {"words": 50_000, "directories": Directories(tmp_path / "m.w2v", tmp_path)}
    arguments |= {"text_bytes": text_bytes, "checkpoints": checkpoints}
    free(enough)
    preflight.check_disk(DIM_60, **arguments)
    free(enough - 20_000)
    with pytest.raises(DiskFullError, match=f": {needed} are needed, but .* in {tmp_path};"):
        preflight.check_disk(DIM_60, **arguments)


@pytest.mark.parametrize(
    ("checkpoints", "files", "remedy"),
    [
        (True, "the model, the checkpoint and the encoded text", WITHOUT_CHECKPOINTS),
        (False, "the model and the encoded text", ""),
    ],
)
def test_too_little_disk_space_is_reported_with_both_figures(checkpoints, files, remedy, free, tmp_path):
    arguments = {"words": 50_000, "directories": Directories(tmp_path / "m.w2v", tmp_path)}
    free(30_000)
    with pytest.raises(DiskFullError) as caught:
        preflight.check_disk(DIM_60, **arguments, text_bytes=10**9, checkpoints=checkpoints)
    assert str(caught.value) == (
        f"cannot store {files}: not enough disk space: 1.32 GB are needed, but 30,000 bytes are "
        f"free in {tmp_path}; free some space, or choose another directory with `output` or "
        f"`work_dir`{remedy}"
    )


def test_replaced_files_need_no_space(free, tmp_path):
    arguments = {"words": 50_000, "directories": Directories(tmp_path / "m.w2v", tmp_path)}
    arguments |= {"text_bytes": None} | CHECKPOINTS
    free(30 * MB)
    with pytest.raises(DiskFullError):
        preflight.check_disk(DIM_60, **arguments)
    preflight.check_disk(DIM_60, **arguments, replaced=24 * MB)


def test_ids_of_many_words_are_wide(free, tmp_path):
    free(150 * MB)
    arguments = {"directories": Directories(None, tmp_path), "text_bytes": 100 * MB}
    preflight.check_disk(Config(), words=65_534, checkpoints=False, **arguments)
    with pytest.raises(DiskFullError, match=r": 0\.18 GB are needed"):
        preflight.check_disk(Config(), words=65_535, checkpoints=False, **arguments)


def test_a_relative_output_lies_in_the_current_folder(free, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    free(1)
    arguments = {
        "words": 1,
        "directories": Directories(Path("m.w2v"), tmp_path),
        "text_bytes": None,
    }
    with pytest.raises(ResourceError, match=f"free in {tmp_path};"):
        preflight.check_disk(Config(), **arguments, **CHECKPOINTS)


def test_model_and_text_on_two_disks_are_held_against_each(free, tmp_path):
    other = "/dev/shm"
    if not Path(other).is_dir() or Path(other).stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
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


def test_the_compiler_takes_memory_where_it_is_needed(memory, monkeypatch):
    memory(GB)
    monkeypatch.setattr(preflight, "is_cached", lambda _: True)
    ready = preflight.memory_needed(1000, Config())
    monkeypatch.setattr(preflight, "is_cached", lambda _: False)
    assert preflight.memory_needed(1000, Config()) == ready + 130 * MB
    assert preflight.memory_needed(3, Config(), counts=np.array([3, 2, 1])) < ready


def test_words_that_are_met_take_memory_as_a_text_grows(memory):
    memory(GB)
    config = Config(threads=1)
    sizes = [10**8, 4 * 10**8]
    small, large = (preflight.memory_needed(1000, config, text_bytes=size) for size in sizes)
    assert large - small == 30 * MB
