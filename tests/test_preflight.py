"""A job that cannot fit is refused before it begins, with both figures."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from w2v import preflight
from w2v.config import Config
from w2v.errors import NoRoomError, OutputError, ResourceError

GB = 10**9
MB = 10**6


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


CHECKPOINTS = {"checkpoints": True}
WITHOUT_CHECKPOINTS = ", or go without checkpoints by --checkpoint-every 0"
DIM_60 = Config(dim=60)  # 50,000 rows of 500 bytes in a model, 480 in a state, 40 noted of each


def test_a_job_that_fits_the_disk_passes(free, tmp_path):
    free(MB)
    arguments = {"words": 1, "output": None, "work_dir": tmp_path, "checkpoints": True}
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
    arguments = {"words": 50_000, "output": tmp_path / "m.w2v", "work_dir": tmp_path}
    arguments |= {"text_bytes": text_bytes, "checkpoints": checkpoints}
    free(enough)
    preflight.check_disk(DIM_60, **arguments)
    free(enough - 20_000)
    with pytest.raises(NoRoomError, match=f"in {tmp_path}: up to {needed} are needed, but "):
        preflight.check_disk(DIM_60, **arguments)


@pytest.mark.parametrize(
    ("checkpoints", "files", "remedy"),
    [
        (True, "the model, the checkpoint and the encoded text", WITHOUT_CHECKPOINTS),
        (False, "the model and the encoded text", ""),
    ],
)
def test_too_little_room_is_told_with_both_figures(checkpoints, files, remedy, free, tmp_path):
    arguments = {"words": 50_000, "output": tmp_path / "m.w2v", "work_dir": tmp_path}
    free(30_000)
    with pytest.raises(NoRoomError) as caught:
        preflight.check_disk(DIM_60, **arguments, text_bytes=10**9, checkpoints=checkpoints)
    assert str(caught.value) == (
        f"there is no room for {files} in {tmp_path}: up to 1.32 GB are needed, but 30,000 bytes "
        f"are free; make room, or choose another place with --output or --work-dir{remedy}"
    )


def test_what_is_kept_already_needs_no_room(free, tmp_path):
    arguments = {"words": 50_000, "output": tmp_path / "m.w2v", "work_dir": tmp_path}
    arguments |= {"text_bytes": None} | CHECKPOINTS
    free(30 * MB)
    with pytest.raises(NoRoomError):
        preflight.check_disk(DIM_60, **arguments)
    preflight.check_disk(DIM_60, **arguments, there=24 * MB)


def test_ids_of_many_words_are_wide(free, tmp_path):
    free(150 * MB)
    arguments = {"output": None, "work_dir": tmp_path, "text_bytes": 100 * MB}
    preflight.check_disk(Config(), words=65_534, checkpoints=False, **arguments)
    with pytest.raises(NoRoomError, match=r"up to 0\.18 GB are needed"):
        preflight.check_disk(Config(), words=65_535, checkpoints=False, **arguments)


def test_a_relative_output_lies_in_the_current_folder(free, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    free(1)
    arguments = {"words": 1, "output": "m.w2v", "work_dir": tmp_path, "text_bytes": None}
    with pytest.raises(ResourceError, match=f"in {tmp_path}: up to"):
        preflight.check_disk(Config(), **arguments, **CHECKPOINTS)


def test_model_and_text_on_two_disks_are_held_against_each(free, tmp_path):
    other = "/dev/shm"
    if not Path(other).is_dir() or Path(other).stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    arguments = {"words": 50_000, "output": tmp_path / "m", "work_dir": other}
    arguments |= {"text_bytes": MB} | CHECKPOINTS
    free({str(tmp_path): 10 * MB, other: 1})
    expected = f"for the model in {tmp_path}: up to 25.1 MB .*; make room.* with --output$"
    with pytest.raises(ResourceError, match=expected):
        preflight.check_disk(DIM_60, **arguments)
    free({str(tmp_path): 26 * MB, other: 50 * MB})
    expected = f"the checkpoint and the encoded text in {other}: up to 50.6 MB .* with --work-dir, "
    with pytest.raises(ResourceError, match=expected):
        preflight.check_disk(DIM_60, **arguments)
    free({str(tmp_path): 26 * MB, other: 51 * MB})
    preflight.check_disk(DIM_60, **arguments)


def test_a_folder_that_has_gone_is_named(tmp_path):
    arguments = {"words": 1, "output": tmp_path / "gone" / "m", "work_dir": tmp_path}
    with pytest.raises(OutputError, match=r"^cannot write to .*/gone: No such file or directory; "):
        preflight.check_disk(Config(), text_bytes=None, **arguments, **CHECKPOINTS)
