"""A job that cannot fit is refused before it begins, with both figures."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from w2v import preflight
from w2v.config import Config
from w2v.errors import ResourceError

GB = 10**9


@pytest.fixture
def free(monkeypatch):
    """Set the free space of every disk, or of each folder."""

    def pretend(space: int | dict[str, int]) -> None:
        def disk_usage(folder: Path) -> SimpleNamespace:
            return SimpleNamespace(free=space[str(folder)] if isinstance(space, dict) else space)

        monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    return pretend


@pytest.fixture
def control_group(monkeypatch, tmp_path):
    """Pretend to be in a container with these files about its memory."""

    def pretend(**files: str) -> None:
        for name, content in files.items():
            (tmp_path / f"memory.{name}").write_text(content)
        monkeypatch.setattr(preflight, "_CONTROL_GROUP", tmp_path)

    return pretend


def test_what_fits_passes(monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: GB)
    preflight.check_memory(50_000, Config())


def test_what_needs_more_memory_than_there_is_is_refused_with_both_figures(monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 2 * GB)
    expected = (
        r"^training 50,000 words at dim 100,000 needs 60\.23 GB of memory, "
        r"but 2\.00 GB are available; lower --dim or --vocab-size$"
    )
    with pytest.raises(ResourceError, match=expected):
        preflight.check_memory(50_000, Config(dim=100_000))


def test_the_limit_is_exact(monkeypatch):
    config = Config(dim=100)
    needed = preflight.memory_needed(1000, config)
    monkeypatch.setattr(preflight, "available_memory", lambda: needed)
    preflight.check_memory(1000, config)
    monkeypatch.setattr(preflight, "available_memory", lambda: needed - 1)
    with pytest.raises(ResourceError):
        preflight.check_memory(1000, config)


def test_nothing_is_refused_where_nobody_knows_the_memory(monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: None)
    preflight.check_memory(10**9, Config(dim=1_000_000))


def test_memory_for_two_matrices_and_a_copy_is_counted():
    small, large = (preflight.memory_needed(10_000, Config(dim=dim)) for dim in (97, 128))
    rows = 2 * (144 - 112) + (128 - 97)  # rows lie an odd number of cache lines apart
    assert large - small == 4 * 10_000 * rows


def test_this_machine_has_some_memory():
    available = preflight.available_memory()
    assert available is None or 10**6 < available < 10**15


@pytest.mark.parametrize("system", [None, 3000])
def test_a_container_may_have_less_memory_than_the_machine(system, control_group, monkeypatch):
    monkeypatch.setattr(preflight, "_system_memory", lambda: system)
    control_group(max="1000\n", current="600\n", stat="anon 400\n")
    assert preflight.available_memory() == 400


def test_a_container_may_have_more_memory_than_is_free_on_the_machine(control_group, monkeypatch):
    monkeypatch.setattr(preflight, "_system_memory", lambda: 100)
    control_group(max="1000\n", current="600\n", stat="anon 400\n")
    assert preflight.available_memory() == 100


def test_cached_files_count_as_free(control_group, monkeypatch):
    monkeypatch.setattr(preflight, "_system_memory", lambda: None)
    control_group(max="1000\n", current="990\n", stat="inactive_file 300\nactive_file 50\nslab 7\n")
    assert preflight.available_memory() == 360


def test_a_container_over_its_limit_has_no_memory(control_group, monkeypatch):
    monkeypatch.setattr(preflight, "_system_memory", lambda: None)
    control_group(max="1000\n", current="1200\n", stat="anon 1200\n")
    assert preflight.available_memory() == 0


def test_a_container_without_limit_has_the_machine(control_group, monkeypatch):
    monkeypatch.setattr(preflight, "_system_memory", lambda: 3000)
    control_group(max="max\n", current="600\n", stat="anon 400\n")
    assert preflight.available_memory() == 3000


def test_no_container_is_no_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(preflight, "_CONTROL_GROUP", tmp_path / "none")
    monkeypatch.setattr(preflight, "_system_memory", lambda: None)
    assert preflight.available_memory() is None


def test_a_job_that_fits_the_disk_passes(free, tmp_path):
    free(1000)
    preflight.check_disk(Config(), words=1, output=None, work_dir=tmp_path, text_bytes=700)
    preflight.check_disk(Config(), words=1, output=None, work_dir=tmp_path, text_bytes=None)


def test_model_and_text_on_one_disk_are_added_up(free, tmp_path):
    free(60 * 10**6)
    arguments = {"output": tmp_path / "m.w2v", "work_dir": tmp_path}
    config = Config(dim=60)  # 50,000 rows of 500 bytes, for both vectors of a word
    preflight.check_disk(config, words=50_000, text_bytes=25 * 10**6, **arguments)
    expected = (
        r"^there is no room for the model and the encoded corpus in .*: up to 64\.0 MB are needed, "
        r"but 60\.0 MB are free; make room, or choose another place with --output or --work-dir$"
    )
    with pytest.raises(ResourceError, match=expected):
        preflight.check_disk(config, words=50_000, text_bytes=30 * 10**6, **arguments)


def test_a_relative_output_lies_in_the_current_folder(free, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    free(1)
    with pytest.raises(ResourceError, match=f"in {tmp_path}: up to"):
        preflight.check_disk(Config(), words=1, output="m.w2v", work_dir=tmp_path, text_bytes=None)


def test_model_and_text_on_two_disks_are_held_against_each(free, tmp_path):
    other = "/dev/shm"
    if not Path(other).is_dir() or Path(other).stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    config = Config(dim=60)
    arguments = {"output": tmp_path / "m", "work_dir": other, "text_bytes": 10**8}
    free({str(tmp_path): 10**7, other: 1})
    with pytest.raises(ResourceError, match=f"for the model in {tmp_path}: up to 25.0 MB"):
        preflight.check_disk(config, words=50_000, **arguments)
    free({str(tmp_path): 10**8, other: 10**8})
    with pytest.raises(ResourceError, match=f"for the encoded corpus in {other}: up to"):
        preflight.check_disk(config, words=50_000, **arguments)
