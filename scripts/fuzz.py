"""Fuzz every reader: damaged input must not crash it, hang it, or return invalid data.

    python -m scripts.fuzz --seconds 60

Every reader is a target: each format, a model directory, a vocabulary, evaluation files, and text,
plain and in each compression. The script mutates valid files of a target, one file of a directory
at a time, and reads them. It reports a finding if

- the reader raises an error that is not a `W2VError` of one short line, or a warning
- the result is invalid: numbers that are not finite, rows that do not match words, repeated words
- the reader exceeds a limit of memory or time, or the process dies
- the reader leaves a file behind

Findings are written to files, with the command that reproduces each; the exit code is then 1.
With atheris (pip install --group fuzz) coverage guides the mutations; without it they are random.
Each target runs in a separate process.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import dataclasses
import functools
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import resource
import shlex
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import click

# Do not import w2v here: atheris instruments modules when they are imported.

MAX_SECONDS = 5.0  # per input
MAX_MEMORY = 256 << 20  # bytes per input; text may decompress to 64 MiB
MAX_INPUT = 1 << 14
MAX_MESSAGE = 2_000  # characters of an error message
_ADDRESSES = 2 << 30  # bytes of address space that a reader may reserve
_GRACE = 60.0  # seconds for a process to start and to stop
_SAVED_EVERY = 1_000
_RESET_EVERY = 100


def package_directory() -> Path:
    """Return the directory of w2v, which is not imported for this."""
    spec = find_spec("w2v")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def compiled_modules() -> list[str]:
    """Return the names of the modules with compiled functions, which run no Python bytecode."""
    package = package_directory()
    texts = {path: path.read_text("utf-8") for path in package.rglob("*.py")}
    compiled = [path for path, text in texts.items() if "numba" in text or "compute.jit" in text]
    return sorted(
        ".".join(path.relative_to(package.parent).with_suffix("").parts) for path in compiled
    )


WORDS = ["the", "Zoë's", "日本", "<unk>", "0.5"]
NUMBERS = [[1.0, -0.0], [0.1, 1e-45], [-3.4028235e38, 1 / 3], [7e-10, 2.0], [0.0, 0.0]]
LINES = "The quick brown fox\njumps over the lazy dög's 日本 bed\n\n" * 3
VOCABULARY = "the\nquick\nfox\r\n日本\n"
ANALOGIES = ": capitals\nthe Zoë's 日本 0.5\n# note\n: gram1\nthe 0.5 日本 <unk>\n"
QUESTIONS = "the 0.5 Zoë's 日本\nZoë's the <unk> 日本\n"
TABLE = "a;b;pos;rating;sd\nthe-n;Zoë's-n;N;7,5;1\n日本-n;0.5-n;N;1e0;2\n"
PAIRS = "word1\tword2\tscore\nthe\tZoë's\t7.5\n日本\t0.5\t1e0\n"
EVALUATION = [ANALOGIES, PAIRS, QUESTIONS, TABLE]


class InvalidResultError(Exception):
    """A reader returned invalid data."""


@dataclass(frozen=True)
class Target:
    """A reader to fuzz.

    Attributes:
        name: the name on the command line.
        write: writes the valid input of a number, a file or a directory, to a path.
        read: reads an input and checks the result.
        kinds: the number of valid inputs.
        ending: the ending of the file name of an input.

    """

    name: str
    write: Callable[[Path, int], None]
    read: Callable[[Path], None]
    kinds: int = 1
    ending: str = ""


@dataclass(frozen=True)
class Finding:
    """A defect that an input shows."""

    what: str
    where: str
    data: bytes = field(repr=False)


@dataclass
class Report:
    """The result of fuzzing a target."""

    executions: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)


# The targets


def _embeddings() -> Any:
    import numpy as np

    from w2v.embeddings.embeddings import Embeddings

    meta = {"tokenizer": {"name": "whitespace", "lowercase": False}, "note": "é"}
    matrix = np.array(NUMBERS, np.float32)
    return Embeddings(WORDS, matrix, [5, 4, 3, 2, 1], meta, unknown=np.float32([1, 2]))


def check_embeddings(back: Any) -> None:
    """Check that embeddings are valid.

    Raises:
        InvalidResultError: they are not.

    """
    import numpy as np

    checks = {
        "words are strings": all(isinstance(word, str) and word for word in back.words),
        "words are distinct": len(set(back.words)) == len(back.words) > 0,
        "one row per word": back.matrix.shape == (len(back.words), back.dim),
        "float32": back.matrix.dtype == np.float32,
        "numbers are finite": bool(np.isfinite(back.matrix).all()),
        "counts": back.counts is None
        or (back.counts.shape == (len(back.words),) and back.counts.min() >= 0),
        "unknown words": back.unknown is None
        or (back.unknown.shape == (back.dim,) and bool(np.isfinite(back.unknown).all())),
        "meta": isinstance(back.meta, dict),
    }
    broken = [check for check, holds in checks.items() if not holds]
    if broken:
        raise InvalidResultError(", ".join(broken))


def _format_target(
    name: str, ending: str = "", write: Callable[[Path, int], None] | None = None
) -> Target:
    def write_as_format(path: Path, _kind: int) -> None:
        from w2v.formats.registry import FORMATS

        FORMATS[name].write(_embeddings(), path)

    def read(path: Path) -> None:
        from w2v.formats.registry import FORMATS

        check_embeddings(FORMATS[name].read(path))

    return Target(name + ending, write or write_as_format, read, ending=ending)


def _write_model(path: Path, _kind: int) -> None:
    import numpy as np

    from w2v.formats import native

    embeddings = _embeddings()
    contexts = np.concatenate([embeddings.matrix, embeddings.unknown[None]])
    native.write(embeddings, path, contexts=contexts)


def _read_model(path: Path) -> None:
    import w2v
    from w2v.formats.native import read_contexts

    back = w2v.load(path)
    check_embeddings(back)
    read_contexts(path, back)


def _write_keras(path: Path, _kind: int) -> None:
    """Write the parts that the reader of the format keras uses, without Keras."""
    import h5py

    from w2v.formats import directory
    from w2v.formats.words import encode_vocabulary

    embeddings = _embeddings()
    layout = embeddings.layout()
    matrix = embeddings.matrix_for()
    path.mkdir()
    (path / "vocab.txt").write_bytes(encode_vocabulary(embeddings.words))
    (path / "meta.json").write_bytes(directory.encode_meta(embeddings.meta, layout))
    directory.write_counts(path, embeddings)
    layer = {"input_dim": matrix.shape[0], "output_dim": matrix.shape[1], "name": "embedding"}
    config = {"config": {"layers": [{"class_name": "Embedding", "config": layer}]}}
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/embedding/vars/0"] = matrix
    with zipfile.ZipFile(path / "embedding.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())


def _write_text(texts: Sequence[str], pack: Callable[[bytes], bytes]) -> Callable[..., None]:
    def write(path: Path, kind: int) -> None:
        path.write_bytes(pack(texts[kind].encode()))

    return write


def _read_vocabulary(path: Path) -> None:
    from w2v.corpus.vocabulary import read_word_list

    words = read_word_list(path)
    if not words or len(set(words)) != len(words) or not all(words):
        raise InvalidResultError(f"the words {words!r:.200}")


def _read_questions(path: Path) -> None:
    from w2v.evaluation.evaluate import evaluate

    result = evaluate(_embeddings(), path)
    if not 0 <= result.covered <= result.total or result.total < 1:
        raise InvalidResultError(f"{result.covered} of {result.total} covered")


def _read_text(path: Path, **options: Any) -> None:
    from w2v.config import Config
    from w2v.corpus.build import count_words
    from w2v.text.sources import SourceOptions, open_corpus

    config = Config(min_count=1, threads=1, **options)
    vocabulary, report = count_words(open_corpus(path, SourceOptions.of(config)), config)
    counted = int(vocabulary.counts.sum())
    if not (0 < counted == report.kept_tokens <= report.tokens) or not all(vocabulary.words):
        raise InvalidResultError(f"{counted} words counted, {report.tokens} read")


def _zstd(data: bytes) -> bytes:
    from zstandard import ZstdCompressor

    return ZstdCompressor(write_checksum=True).compress(data)


_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "text": bytes,
    "text.gz": lambda data: gzip.compress(data, mtime=0),
    "text.bz2": bz2.compress,
    "text.xz": lzma.compress,
    "text.lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "text.zst": _zstd,
}
_RECORDS = [{"id": i, "text": line} for i, line in enumerate(LINES.splitlines())]


def _csv(_: bytes) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, ["id", "text"], quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    writer.writerows(_RECORDS)
    return file.getvalue().encode()


def _parquet(_: bytes) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(_RECORDS), file)
    return file.getvalue()


_STRUCTURED: dict[str, tuple[Callable[[bytes], bytes], dict[str, str]]] = {
    "text.csv": (_csv, {"column": "text"}),
    "text.jsonl": (
        lambda _: "".join(json.dumps(record) + "\n" for record in _RECORDS).encode(),
        {"json_field": "text"},
    ),
    "text.json": (lambda _: json.dumps(_RECORDS).encode(), {"json_field": "text"}),
    "text.parquet": (_parquet, {"column": "text"}),
}
_FORMATS = ("npy", "word2vec-text", "word2vec-bin", "glove", "safetensors", "projector", "hf")

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *(_format_target(name) for name in _FORMATS),
        _format_target("keras", write=_write_keras),
        _format_target("word2vec-text", ".vec.gz"),
        _format_target("glove", ".glove.gz"),
        _format_target("spacy", ".txt.gz"),
        Target("model", _write_model, _read_model),
        Target("vocabulary", _write_text([VOCABULARY], bytes), _read_vocabulary),
        Target("questions", _write_text(EVALUATION, bytes), _read_questions, 4),
        *(Target(name, _write_text([LINES], pack), _read_text) for name, pack in _PACKED.items()),
        *(
            Target(name, _write_text([LINES], pack), functools.partial(_read_text, **options))
            for name, (pack, options) in _STRUCTURED.items()
        ),
    )
}


# Inputs: the number of a file in a directory, and its content.


class Case:
    """A valid input in a directory, in which one file at a time is replaced."""

    def __init__(self, target: Target, folder: Path, kind: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.target = target
        self.folder = folder
        self.path = folder / f"input{target.ending}"
        target.write(self.path, kind)
        self.files = sorted(self.path.iterdir()) if self.path.is_dir() else [self.path]
        self._whole = [file.read_bytes() for file in self.files]

    @property
    def seeds(self) -> list[bytes]:
        """Return the data that leaves the input unchanged, for each of its files."""
        return [bytes([number]) + whole for number, whole in enumerate(self._whole)]

    @contextlib.contextmanager
    def changed(self, data: bytes) -> Iterator[Path]:
        """Replace the content of one file, as ``data`` specifies."""
        number = data[0] % len(self.files) if data else 0
        self.files[number].write_bytes(data[1:])
        yield self.path
        self.files[number].write_bytes(self._whole[number])

    def names(self) -> list[str]:
        """Return the names of all files."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


# The oracle


def check_input(case: Case, data: bytes, meter: Meter) -> Finding | None:
    """Read an input, and return the defect that it shows, if any."""
    from w2v.errors import W2VError

    before = case.names()
    started = time.perf_counter()
    finding = None
    with case.changed(data) as path, warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            case.target.read(path)
        except W2VError as error:
            if len(str(error)) > MAX_MESSAGE or "\n" in str(error):
                finding = Finding(f"not one short line: {str(error)[:300]!r}", _place(error), data)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - some libraries panic
            finding = Finding(f"{type(error).__name__}: {error}"[:300], _place(error), data)
    seconds = time.perf_counter() - started
    grown = meter.grown()
    if finding is None and seconds > MAX_SECONDS:
        finding = Finding(f"it took {seconds:.1f} s", "time", data)
    if finding is None and grown > MAX_MEMORY:
        finding = Finding(f"it took {grown:,} bytes", "memory", data)
    if finding is None and case.names() != before:
        finding = Finding(f"there are other files: {case.names()}", "files", data)
    return finding


def _place(error: BaseException) -> str:
    """Return the origin of an error: the last frame in w2v."""
    frames, package = traceback.extract_tb(error.__traceback__), package_directory()
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(package)] or frames
    return f"{type(error).__name__} {Path(ours[-1].filename).name}:{ours[-1].lineno}"


class Meter:
    """The growth of the peak memory of the process. Resetting the peak is slow, so it is rare."""

    def __init__(self) -> None:
        self._looks = 0
        self._begin_anew()

    def grown(self) -> int:
        """Return an upper bound of the growth in bytes since the last input."""
        grown = _peak_memory() - self._base
        self._looks += 1
        if grown > MAX_MEMORY or self._looks % _RESET_EVERY == 0:
            self._begin_anew()
        return grown

    def _begin_anew(self) -> None:
        with contextlib.suppress(OSError):  # not available on all systems
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._base = _peak_memory()


def _peak_memory() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


class Fuzzer:
    """Runs inputs of a target until its time is over.

    Args:
        target: the reader.
        seconds: for all of it.
        folder: of its own.

    Attributes:
        cases: a valid input of each kind; the first is the one that is changed.
        seeds: valid inputs of all kinds.
        report: how it goes.

    """

    def __init__(self, target: Target, seconds: float, folder: Path) -> None:
        self.cases = [Case(target, folder / f"case{kind}", kind) for kind in range(target.kinds)]
        self.report = Report()
        self.seeds = [seed for case in self.cases for seed in case.seeds]
        self._folder = folder
        for case in self.cases:  # imports and compiles what it needs
            for seed in case.seeds:
                with case.changed(seed) as path:
                    target.read(path)
        self._meter = Meter()
        self._known: set[str] = set()
        self._started = time.monotonic()
        self._seconds = seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() - self._started > self._seconds

    def run(self, data: bytes) -> None:
        """Run an input, and record a finding that is new."""
        (self._folder / "current").write_bytes(data)
        finding = check_input(self.cases[0], data, self._meter)
        self.report.executions += 1
        self.report.seconds = time.monotonic() - self._started
        if finding is not None and finding.where not in self._known:
            self._known.add(finding.where)
            self.report.findings.append(finding)
            self.save()
        elif not self.report.executions % _SAVED_EVERY:
            self.save()

    def save(self) -> None:
        """Save the report so far."""
        entry = dataclasses.asdict(self.report)
        for finding in entry["findings"]:
            finding["data"] = finding["data"].hex()
        new = self._folder / "report.new"
        new.write_text(json.dumps(entry), encoding="utf-8")
        new.replace(self._folder / "report.json")


# The engines


def fuzz_at_random(fuzzer: Fuzzer, seed: int) -> None:
    """Mutate valid inputs at random until the time is over."""
    rng = random.Random(seed)
    while not fuzzer.is_over:
        data = rng.choice(fuzzer.seeds)
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = data[:1] + mutate(data[1:], rng)[: MAX_INPUT - 1]
        fuzzer.run(data)
    fuzzer.save()


ODD = [b"", b"\n", b"\r\n", b" ", b"\t", b"\0", b"\xff", b"nan", b"inf", b"-1", b"0", b"1e999",
       b"1e-999", b"1180591620717411303424", b"9" * 5000, b"\xef\xbb\xbf", b"\xed\xa0\x80", b"[",
       b"{", b'"', b"null", b"true", b"../../x", b"\x80\x04N.", b"\xff\xff\xff\xff\xff\xff\xff\x7f",
       b"\0" * 600, b"a " * 600, b"[" * 3000]  # fmt: skip


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Truncate, flip, delete, repeat, move, or insert unusual bytes."""
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    kind = rng.randrange(8)
    if kind == 0:
        return data[:end]
    if kind == 1:
        return data[:start] + data[end:]
    if kind == 2:
        return data[:end] + data[start:]
    if kind == 3:
        return data[:start] + rng.choice(ODD) + data[start:]
    if kind == 4:
        return data[:start] + rng.choice(ODD) + data[min(len(data), start + rng.randrange(12)) :]
    if kind == 5:
        return data[:start] + rng.randbytes(rng.randrange(1, 9)) + data[end:]
    flipped = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        flipped[rng.randrange(len(data))] = rng.randrange(256) if kind == 6 else flipped[0] ^ 1
    return bytes(flipped)


def fuzz_by_coverage(target: Target, seconds: float, folder: Path, seed: int) -> NoReturn:
    """Let atheris mutate valid inputs until the time is over, and end the process."""
    atheris = _atheris()
    with atheris.instrument_imports(include=["w2v"], exclude=compiled_modules()):
        from w2v.formats.registry import FORMATS

        for entry in FORMATS.values():
            _ = entry._module
    fuzzer = Fuzzer(target, seconds, folder)
    _limit_addresses()
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, data in enumerate(fuzzer.seeds):
        (seeds / str(number)).write_bytes(data)

    def run_one(data: bytes) -> None:
        if fuzzer.is_over:
            fuzzer.save()
            os._exit(0)  # the engine does not return
        fuzzer.run(data)

    options = [f"-seed={seed}", f"-max_len={MAX_INPUT}", "-rss_limit_mb=0", "-verbosity=0"]
    options.append(f"-artifact_prefix={folder}/")
    atheris.Setup([target.name, *options, str(seeds)], run_one)
    atheris.Fuzz()
    raise AssertionError("the engine returned")


def _atheris() -> Any:
    try:
        import atheris
    except ImportError as error:
        message = "the engine atheris needs an optional package: pip install --group fuzz"
        raise click.ClickException(message) from error
    return atheris


def _limit_addresses() -> None:
    """Limit the address space, so that huge allocations fail even if they are never used."""
    status = Path("/proc/self/status")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if status.exists() and hard == resource.RLIM_INFINITY:
        size = int(status.read_text("ascii").partition("VmSize:")[2].split()[0]) * 1024
        resource.setrlimit(resource.RLIMIT_AS, (size + _ADDRESSES, hard))


# Processes


def fuzz_apart(target: str, seconds: float, seed: int, engine: str) -> Report:
    """Fuzz a target in a separate process, which may die."""
    with tempfile.TemporaryDirectory(prefix="w2v-fuzz-") as name:
        folder = Path(name)
        command = [sys.executable, __file__, "--target", target, "--seconds", str(seconds),
                   "--seed", str(seed), "--engine", engine, "--within", name]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds + _GRACE, check=False
            )
            ended = f"the process ended with {done.returncode}: {done.stderr[-600:].strip()}"
            died = done.returncode != 0
        except subprocess.TimeoutExpired:
            ended, died = "the process did not end", True
        report = _saved(folder)
        if died:
            current = folder / "current"
            if not current.exists():  # it did not start
                raise click.ClickException(f"{target}: {ended}")
            report.findings.append(Finding(ended, "process", current.read_bytes()))
        return report


def _saved(folder: Path) -> Report:
    path = folder / "report.json"
    if not path.exists():
        return Report()
    entry = json.loads(path.read_text(encoding="utf-8"))
    found = [Finding(f["what"], f["where"], bytes.fromhex(f["data"])) for f in entry["findings"]]
    return Report(entry["executions"], entry["seconds"], found)


def save_finding(finding: Finding, target: str, output: Path) -> str:
    """Write the input of a finding to a file, and return how to reproduce it."""
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{target}-{hashlib.sha256(finding.data).hexdigest()[:12]}"
    path.write_bytes(finding.data)
    again = shlex.join(["python", "-m", "scripts.fuzz", "--target", target, "--again", str(path)])
    return f"{target}: {finding.what} ({finding.where})\n  reproduce it: {again}"


def missing_package(name: str) -> str | None:
    """Return the package that a target needs if it is not installed."""
    needed = {
        "safetensors": ["safetensors"],
        "hf": ["safetensors"],
        "keras": ["h5py"],
        "text.zst": ["zstandard"],
        "text.parquet": ["pyarrow"],
    }
    return next((p for p in needed.get(name, []) if find_spec(p) is None), None)


@click.command()
@click.option(
    "--target",
    "names",
    multiple=True,
    type=click.Choice(list(TARGETS)),
    help="Reader to fuzz. May be repeated.  [default: all]",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0), default=60, show_default=True, help="Seconds per target."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the mutations."
)
@click.option(
    "--engine",
    type=click.Choice(["atheris", "random"]),
    default="atheris" if find_spec("atheris") else "random",
    help="Source of the mutations.  [default: atheris if it is installed]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("build/fuzz"),
    show_default=True,
    help="Directory for findings.",
)
@click.option(
    "--again",
    type=click.Path(exists=True, path_type=Path),
    help="Run the input of a finding again.",
)
@click.option("--within", type=click.Path(path_type=Path), hidden=True)
def main(
    names: tuple[str, ...],
    seconds: float,
    seed: int,
    engine: str,
    output: Path,
    again: Path | None,
    within: Path | None,
) -> None:
    """Feed damaged input to every reader, and report defects."""
    if within is not None:
        _fuzz_within(TARGETS[names[0]], seconds, seed, engine, within)
        return
    if again is not None:
        if len(names) != 1:
            raise click.UsageError("--again requires exactly one --target.")
        _see_again(TARGETS[names[0]], again)
        return
    if engine == "atheris":
        _atheris()
    total = 0
    for name in names or TARGETS:
        package = missing_package(name)
        if package is not None:
            click.echo(f"{name}: skipped, {package} is not installed")
            continue
        report = fuzz_apart(name, seconds, seed, engine)
        click.echo(
            f"{name}: {report.executions:,} inputs in {report.seconds:.0f} s by {engine}, "
            f"{len(report.findings)} findings"
        )
        for finding in report.findings:
            click.echo(save_finding(finding, name, output))
        total += len(report.findings)
    if total:
        raise click.ClickException(f"{total} findings")


def _fuzz_within(target: Target, seconds: float, seed: int, engine: str, folder: Path) -> None:
    if engine == "atheris":
        fuzz_by_coverage(target, seconds, folder, seed)
    fuzzer = Fuzzer(target, seconds, folder)
    _limit_addresses()
    fuzz_at_random(fuzzer, seed)


def _see_again(target: Target, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="w2v-fuzz-") as name:
        finding = check_input(Case(target, Path(name, "again")), path.read_bytes(), Meter())
    if finding is None:
        click.echo(f"{path}: no defect found")
        return
    raise click.ClickException(f"{finding.what} ({finding.where})")


if __name__ == "__main__":
    main()
