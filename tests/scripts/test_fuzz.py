"""The fuzzer finds planted defects, describes how to reproduce them, and has no false findings."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from scripts import fuzz
from scripts.fuzz import TARGETS, Case, Finding, Fuzzer, InvalidResultError, Meter, Target
from support import JIT, ROOT
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError
from w2v.formats.registry import FORMATS

SCRIPT = Path(fuzz.__file__)

compiled_only = pytest.mark.skipif(not JIT, reason="without the compiler, overflows cause warnings")


def planted(read, seed=b"the quick brown fox") -> Target:
    """Return a target whose reader has a defect."""
    return Target("planted", lambda path, _kind: path.write_bytes(seed), read)


def report_of(target: Target, directory: Path, seconds: float = 1.0) -> fuzz.Report:
    fuzzer = Fuzzer(target, seconds, directory)
    fuzz.fuzz_at_random(fuzzer, seed=1)
    return fuzzer.report


def crash(path):
    if b"\xff" in path.read_bytes():
        raise ZeroDivisionError("planted")


def exit_process(path):
    if b"\xff" in path.read_bytes():
        raise SystemExit("planted")


def warn(path):
    if b"\xff" in path.read_bytes():
        warnings.warn("planted", stacklevel=1)


def write_elsewhere(path):
    if b"\xff" in path.read_bytes():
        path.with_name("planted").touch()


def raise_long_message(path):
    if b"\xff" in path.read_bytes():
        raise FormatError("planted" * 1_000)


def raise_two_lines(path):
    if b"\xff" in path.read_bytes():
        raise FormatError("planted\nplanted")


def delay(path):
    if b"\xff" in path.read_bytes():
        time.sleep(0.05)


def allocate_memory(path):
    if b"\xff" in path.read_bytes():
        assert len(bytearray(300 << 20)) == len(b"x" * (300 << 20))


@pytest.mark.parametrize(
    ("read", "what", "where"),
    [
        (crash, "ZeroDivisionError: planted", "ZeroDivisionError test_fuzz.py:"),
        (exit_process, "SystemExit: planted", "SystemExit test_fuzz.py:"),
        (warn, "UserWarning: planted", "UserWarning test_fuzz.py:"),
        (write_elsewhere, "there are other files: ", "files"),
        (raise_long_message, "not one short line: 'plantedplanted", "FormatError test_fuzz.py:"),
        (raise_two_lines, r"not one short line: 'planted\nplanted'", "FormatError test_fuzz.py:"),
        (delay, "it took 0.", "time"),
        pytest.param(
            allocate_memory,
            "it took ",
            "memory",
            marks=pytest.mark.skipif(
                not Path("/proc/self/clear_refs").exists(), reason="needs /proc/self/clear_refs"
            ),
        ),
    ],
)
def test_a_planted_defect_is_found_once(read, what, where, tmp_path, monkeypatch):
    if where == "time":
        monkeypatch.setattr(fuzz, "MAX_SECONDS", 0.04)
    report = report_of(planted(read), tmp_path, 0.7)
    (finding,) = [finding for finding in report.findings if finding.where.startswith(where)]
    assert finding.what.startswith(what)
    assert b"\xff" in finding.data
    assert report.executions > 10
    case = Case(planted(read), tmp_path / "again")
    assert fuzz.check_input(case, finding.data, Meter()) is not None
    assert fuzz.check_input(case, case.seeds[0], Meter()) is None


def test_expected_errors_are_not_findings(tmp_path):
    def read(path):
        if path.read_bytes() != b"the quick brown fox":
            raise FormatError("rejected")

    report = report_of(planted(read), tmp_path, 0.3)
    assert report.findings == []
    assert report.executions > 10


def test_an_invalid_result_is_found():
    good = Embeddings(["a", "b"], [[1.0], [2.0]], [2, 1])
    fuzz.check_embeddings(good)
    for name, value in (
        ("words", ["a", "a"]),
        ("words", ["a", ""]),
        ("words", ["a"]),
        ("matrix", good.matrix * float("nan")),
        ("matrix", good.matrix.astype("f8")),
        ("counts", good.counts - 2),
        ("counts", good.counts[:1]),
        ("unknown", good.matrix),
    ):
        broken = Embeddings(["a", "b"], [[1.0], [2.0]], [2, 1])
        setattr(broken, name, value)
        with pytest.raises(InvalidResultError):
            fuzz.check_embeddings(broken)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=compiled_only) if name.startswith("text") else name
        for name in TARGETS
    ],
)
def test_every_target_handles_valid_and_malformed_input(name, tmp_path):
    if fuzz.missing_package(name) is not None:
        pytest.skip(f"{fuzz.missing_package(name)} is not installed")
    report = report_of(TARGETS[name], tmp_path, 0.2)
    assert report.findings == []
    assert report.executions > 0


def test_every_format_is_a_target():
    assert {name.partition(".")[0] for name in TARGETS} >= set(FORMATS)


def test_every_file_of_an_input_is_changed_and_restored(tmp_path):
    case = Case(TARGETS["model"], tmp_path / "case")
    whole = [file.read_bytes() for file in case.files]
    names = [file.name for file in case.files]
    assert {"contexts.npy", "embeddings.npy", "meta.json", "vocab.txt"} <= set(names)
    for number, file in enumerate(case.files):
        with case.changed(bytes([number + len(names)]) + b"x") as path:
            assert file.read_bytes() == b"x"
            assert file.parent == path
    with case.changed(b""):
        assert case.files[0].read_bytes() == b""
    assert [file.read_bytes() for file in case.files] == whole


def test_mutations_vary_and_depend_on_the_seed_only():
    data = bytes(range(50))

    def mutations() -> list[bytes]:
        rng = random.Random(3)
        return [fuzz.mutate(data, rng) for _ in range(300)]

    made = mutations()
    assert made == mutations()
    assert len(set(made)) > 200
    assert any(len(x) < 50 and data.startswith(x) for x in made)
    assert any(len(x) > 5_000 for x in made)
    assert sum(
        len(x) == 50 and sum(a != b for a, b in zip(x, data, strict=True)) == 1 for x in made
    )
    assert {fuzz.mutate(b"", random.Random(i)) for i in range(50)} >= {b""}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


ENGINES = pytest.mark.parametrize(
    "engine",
    [
        "random",
        pytest.param(
            "atheris",
            marks=pytest.mark.skipif(not find_spec("atheris"), reason="atheris is not installed"),
        ),
    ],
)


@ENGINES
def test_each_target_is_fuzzed_in_a_separate_process(engine, tmp_path):
    done = run("--target", "glove", "--target", "questions", "--seconds", "1",
               "--engine", engine, "--output", str(tmp_path / "found"))  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["glove", "questions"]
    for line in lines:
        assert line.endswith(f" s by {engine}, 0 findings")
        assert int(line.split()[1].replace(",", "")) > 10
    assert not (tmp_path / "found").exists()


SCRIPT_WITH_DEFECT = """
import sys
sys.path.insert(0, {root!r})
from scripts import fuzz
read = fuzz.TARGETS["vocabulary"].read
def broken(path):
    data = path.read_bytes()
    {defect}
    read(path)
fuzz.TARGETS["vocabulary"] = fuzz.dataclasses.replace(fuzz.TARGETS["vocabulary"], read=broken)
fuzz.__file__ = __file__
if __name__ == "__main__":
    fuzz.main()
"""
IF_CHANGED = f"if len(data) != {len(fuzz.VOCABULARY.encode())}: "
DEFECTS = {
    "an error": ("raise KeyError('planted')", "KeyError: 'planted'"),
    "a crash": ("import os; os.abort()", "the process ended with "),
    "a hang": ("import time; time.sleep(99)", "the process did not end"),
    "too much memory": ("bytearray(1 << 40)", "MemoryError"),
}


@ENGINES
@pytest.mark.exhaustive
@pytest.mark.parametrize(("defect", "what"), DEFECTS.values(), ids=DEFECTS)
def test_a_planted_defect_is_saved_and_can_be_reproduced(defect, what, engine, tmp_path):
    script = tmp_path / "broken.py"
    code = SCRIPT_WITH_DEFECT.format(root=str(ROOT), defect=IF_CHANGED + defect)
    if "sleep" in defect:
        code = code.replace("fuzz.main()", "fuzz._GRACE = 3; fuzz.main()")
    script.write_text(code)
    command = [sys.executable, str(script), "--target", "vocabulary"]
    options = ["--seconds", "1", "--engine", engine, "--output", str(tmp_path / "found")]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 1
    assert what in done.stdout
    assert done.stderr == "Error: 1 findings\n"
    (saved,) = (tmp_path / "found").iterdir()
    assert (
        f"reproduce it: python -m scripts.fuzz --target vocabulary --again {saved}" in done.stdout
    )
    if what.startswith("KeyError"):
        again = subprocess.run(
            [*command, "--again", str(saved)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert again.returncode == 1
        assert again.stderr.startswith("Error: KeyError: 'planted' (KeyError broken.py:")


def test_a_valid_input_has_no_defect_when_run_again(tmp_path):
    (tmp_path / "x").write_bytes(b"\0a\nb\n")
    arguments = ["--target", "vocabulary", "--again", str(tmp_path / "x")]
    done = CliRunner().invoke(fuzz.main, arguments)
    assert (done.exit_code, done.output) == (0, f"{tmp_path / 'x'}: no defect found\n")
    done = CliRunner().invoke(fuzz.main, ["--again", str(tmp_path / "x")])
    assert done.exit_code == 2
    assert "--again requires exactly one --target" in done.output


def test_a_missing_engine_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "atheris", None)
    done = CliRunner().invoke(fuzz.main, ["--engine", "atheris", "--seconds", "1"])
    assert done.exit_code == 1
    assert done.output == (
        "Error: the engine atheris needs an optional package: pip install --group fuzz\n"
    )


def test_a_target_with_a_missing_package_is_skipped(monkeypatch):
    monkeypatch.setattr(fuzz, "find_spec", lambda name: None)
    arguments = ["--target", "safetensors", "--engine", "random"]
    done = CliRunner().invoke(fuzz.main, arguments)
    expected = "safetensors: skipped, safetensors is not installed\n"
    assert (done.exit_code, done.output) == (0, expected)


def test_findings_have_distinct_names(tmp_path):
    for data in (b"a", b"b", b"a"):
        fuzz.save_finding(Finding("x", "y", data), "glove", tmp_path / "new" / "directory")
    assert sorted(path.read_bytes() for path in (tmp_path / "new" / "directory").iterdir()) == [
        b"a",
        b"b",
    ]
