"""Malformed input for every reader: it is read, or rejected with one line, in little memory.

The readers and their valid files are those of scripts/fuzz.py.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pickle
import resource
import signal
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import w2v
from scripts import fuzz
from scripts.fuzz import TARGETS, Case
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError, InputError, VocabularyError
from w2v.formats import native as model
from w2v.formats.registry import FORMATS

MAX_MEMORY = 2 << 20
"""The limit in bytes for vectors of some hundred bytes; most of it is buffers."""
MAX_TEXT_MEMORY = 48 << 20
"""The limit in bytes for text, which includes the tables of the tokenizer."""
EXPECTED_ERRORS = (FormatError, InputError)
IS_TEXT = {name for name in TARGETS if name.startswith("text")}
NOT_READ = {"README.md", "config.json", "modules.json", "projector_config.pbtxt"}
FORMAT_TARGETS = [name for name in TARGETS if name not in IS_TEXT | {"vocabulary", "questions"}]


@pytest.fixture(params=TARGETS)
def case(request, tmp_path):
    """A reader and a valid input, after a first read."""
    return case_of(request.param, tmp_path)


def case_of(name: str, directory: Path) -> Case:
    package = fuzz.missing_package(name)
    if package is not None:
        pytest.skip(f"{package} is not installed")
    found = Case(TARGETS[name], directory / "case")
    found.target.read(found.path)
    return found


def read_error(case: Case, number: int, data: bytes) -> str | None:
    """Read an input with one file replaced, and return the error message, if any."""
    allowed = (
        (*EXPECTED_ERRORS, VocabularyError) if case.target.name in IS_TEXT else EXPECTED_ERRORS
    )
    entry = FORMATS.get(case.target.name.partition(".")[0])
    is_compressible = case.target.name in IS_TEXT or (entry is not None and entry.has_rows)
    most = MAX_TEXT_MEMORY if is_compressible else MAX_MEMORY
    with case.changed(bytes([number]) + data) as path:
        tracemalloc.start()
        try:
            case.target.read(path)
            message = None
        except allowed as error:
            message = str(error)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peak < most
    assert message is None or ("\n" not in message and len(message) < 2_000)
    return message


def sample_positions(size: int, parts: int) -> list[int]:
    """Return some positions in a file, including the first and the last ones."""
    positions = {*range(min(4, size)), *range(max(0, size - 4), size)}
    return sorted(positions | set(range(0, size, max(1, size // parts))))


def test_a_truncated_file_is_read_or_rejected(case):
    for number, whole in enumerate(case.seeds):
        for end in sample_positions(len(whole) - 1, 20):
            message = read_error(case, number, whole[1 : end + 1])
            compressed = case.target.name.endswith((".gz", ".bz2", ".xz", ".lzma", ".zst"))
            assert message is not None or not compressed or end < 10  # too short to detect


def test_a_file_with_a_flipped_bit_is_read_or_rejected(case):
    for number, whole in enumerate(case.seeds):
        for position in sample_positions(len(whole) - 1, 24):
            flipped = bytearray(whole[1:])
            flipped[position] ^= 1 << position % 8
            read_error(case, number, bytes(flipped))


MALFORMED = {
    "no data": b"",
    "an empty line": b"\n",
    "spaces": b" " * 5_000,
    "zeros": bytes(5_000),
    "bytes": bytes(range(256)) * 30,
    "a long line": b"a" * 100_000,
    "a long word twice": (b"a" * 50_000 + b"\n") * 2,
    "a long word in all rows": (b"a" * 50_000 + b"\n") * 5,
    "a long word twice, with numbers": b"2 1\n" + (b"a" * 50_000 + b" 1\n") * 2,
    "a long number": b"1 1\na " + b"x" * 100_000 + b"\n",
    "a long score": b"a b " + b"1" * 100_000 + b"\na b " + b"x" * 100_000 + b"\n",
    "a long version": b'{"format_version": "' + b"x" * 100_000 + b'"}',
    "a long layout": b'{"rows": "' + b"x" * 100_000 + b'"}',
    "many lines": b"\n" * 100_000,
    "many brackets": b"[" * 100_000,
    "an empty object": b"{}\n",
    "a string": b'"x"\n',
    "a false header": b"%d %d\na 1\n" % (2**60, 2**60),
    "a header of zeros": b"0 0\n",
    "a negative header": b"-1 -1\n",
    "a header only": b"5 2\n",
    "too long a row": b"1 2\na 1 2 3\n",
    "no number": b"1 2\na x y\n",
    "not a number": b"1 2\na nan nan\n",
    "an empty word": b"1 2\n 1 2\n",
    "UTF-16": "the fox\n".encode("utf-16"),
    "Latin-1": "1 1\ncafé 1\n".encode("latin-1"),
    "half a character": "日".encode()[:2],
    "surrogates": b"\xed\xa0\x80 1 2\n",
    "a pickle": pickle.dumps({"a": [1.0]}),
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "gzip of no data": b"\x1f\x8b\x08\x00" + bytes(6) + b"\x03\x00" + bytes(8),
    "a gzip header": b"\x1f\x8b\x08\x00",
    "an xz header": b"\xfd7zXZ\x00\x00\x04",
    "a zstd header": b"\x28\xb5\x2f\xfd",
    "a bzip2 header": b"BZh91AY&SY",
    "an npy header": b"\x93NUMPY\x01\x00\xff\xff{",
    "an HDF5 header": b"\x89HDF\r\n\x1a\n" + b"\xff" * 100,
    "a safetensors header": struct.pack("<Q", 2**63) + b"{}",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_data_in_any_file_is_read_or_rejected(data, case):
    for number in range(len(case.files)):
        read_error(case, number, data)


def test_files_of_other_formats_are_read_or_rejected(case, tmp_path):
    own = {seed[1:] for seed in case.seeds}
    for name in TARGETS:
        if fuzz.missing_package(name) is None:
            for seed in Case(TARGETS[name], tmp_path / name).seeds:
                for number in range(len(case.files)):
                    if seed[1:] not in own:
                        read_error(case, number, seed[1:])


# Forbidden contents


def replace_in_files(case: Case, old: list[bytes], new: list[bytes]) -> None:
    """Replace byte strings in all files; at least one must occur."""
    found = False
    for file in case.files:
        members = members_of(file)
        for name, data in members.items():
            for before, after in zip(old, new, strict=True):
                found |= before in data
                members[name] = members[name].replace(before, after)
        if file.suffix == ".keras":
            write_zip(file, members)
        else:
            file.write_bytes(members[file.name])
    assert found


def members_of(file: Path) -> dict[str, bytes]:
    """Return the decompressed content of a file, or the members of a zip file."""
    data = file.read_bytes()
    if file.suffix == ".keras":
        with zipfile.ZipFile(file) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {file.name: gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data}


def write_zip(file: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("name", FORMAT_TARGETS)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_every_format_rejects_numbers_that_are_not_finite(name, number, tmp_path):
    case = case_of(name, tmp_path)
    replace_in_files(
        case,
        [np.float32(0.1).tobytes(), b"0.100000001"],
        [np.float32(number).tobytes(), number.encode()],
    )
    with pytest.raises(FormatError, match=r"NaN or infinity|line 2: expected 2 numbers"):
        case.target.read(case.path)


@pytest.mark.parametrize("name", FORMAT_TARGETS)
def test_every_format_rejects_repeated_words(name, tmp_path):
    case = case_of(name, tmp_path)
    first, second = "日本", "Zoë's"
    old = [first.encode(), json.dumps(first).encode()]
    replace_in_files(case, old, [second.encode(), json.dumps(second).encode()])
    with pytest.raises(
        FormatError, match=r"words must be distinct|repeated word|is also word 1|each number once"
    ):
        case.target.read(case.path)


class Trap:
    """Creates a directory when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def object_array(path: Path) -> bytes:
    """Return an .npy file that springs the trap when its objects are loaded."""
    file = io.BytesIO()
    np.save(file, np.array([[Trap(path), 1.0]] * 5, dtype=object), allow_pickle=True)
    return file.getvalue()


def test_unpickling_springs_the_trap(tmp_path):
    with contextlib.suppress(FileExistsError):
        np.load(io.BytesIO(object_array(tmp_path / "sprung")), allow_pickle=True)
    assert (tmp_path / "sprung").exists()


def test_no_pickle_is_ever_loaded(case, tmp_path):
    trap = tmp_path / "sprung"
    pickled = pickle.dumps(Trap(trap))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:  # like np.savez and torch.save
        archive.writestr("data.pkl", pickled)
        archive.writestr("config.json", pickled)
    for number in range(len(case.files)):
        for data in (object_array(trap), pickled, zipped.getvalue()):
            read_error(case, number, data)
    assert not trap.exists()


@pytest.mark.parametrize("file", ["embeddings.npy", "counts.npy", "unknown.npy"])
def test_an_array_of_objects_is_rejected(file, tmp_path):
    case = case_of("model", tmp_path)
    (case.path / file).write_bytes(object_array(tmp_path / "sprung"))
    with pytest.raises(FormatError, match=rf"{file}: expected an array .*, got shape .* of object"):
        w2v.load(case.path)
    assert not (tmp_path / "sprung").exists()


# Names that look like paths


PATHS = ["../../x", "/etc/passwd", "..", "C:\\x", "~", "$HOME", "file:///etc/passwd", "a/b"]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "keras"])
def test_words_that_look_like_paths_are_words(name, tmp_path):
    if fuzz.missing_package(name) is not None:
        pytest.skip(f"{fuzz.missing_package(name)} is not installed")
    meta = {"tokenizer": {"name": "whitespace", "lowercase": False}}
    directory = tmp_path / "a" / "b"
    directory.mkdir(parents=True)
    given = Embeddings(PATHS, np.eye(8, dtype=np.float32), meta=meta)
    FORMATS[name].write(given, directory / "c")
    assert FORMATS[name].read(directory / "c").words == PATHS
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in directory.iterdir()] == ["c"]


_opened: list[str] | None = None


def _record_audit_event(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event in {"open", "os.listdir", "os.scandir", "subprocess.Popen"}:
        _opened.append(str(arguments[0]))


@pytest.fixture(scope="module")
def opened_files():
    """Return a context manager that records the paths that Python opens."""
    sys.addaudithook(_record_audit_event)  # hooks cannot be removed
    return _record_opened_files


@contextlib.contextmanager
def _record_opened_files() -> Iterator[list[str]]:
    global _opened
    _opened = []
    try:
        yield _opened
    finally:
        _opened = None


HOSTILE = {
    "vocab": "/etc/passwd",
    "path": "../../x",
    "corpus": {"files": ["/etc/passwd"], "path": "/etc/passwd"},
    "config": {"vocab": "/etc/passwd", "work_dir": "/"},
    "origins": [{"path": "/etc/passwd"}],
    "job": {"files": [["/etc/passwd", 1, 1]], "vocab": None, "key": "/etc/passwd"},
    "auto_map": {"AutoModel": "evil.py"},
}


@pytest.mark.parametrize("name", ["model", "npy", "hf", "keras"])
def test_paths_in_meta_are_never_opened(name, tmp_path, opened_files):
    case = case_of(name, tmp_path)
    meta = json.loads((case.path / "meta.json").read_text("utf-8")) | HOSTILE
    (case.path / "meta.json").write_text(json.dumps(meta))
    for file in ("config.json", "modules.json", "tokenizer_config.json", "evil.py"):
        (case.path / file).write_text(json.dumps(HOSTILE))
    case.target.read(case.path)
    with opened_files() as opened:
        case.target.read(case.path)
    outside = [path for path in opened if not path.startswith(str(tmp_path))]
    assert outside == []
    assert opened


# Streams instead of files


@pytest.fixture
def time_limit():
    """Limit the time and the memory of a test, so that waiting and endless reads fail."""

    def fail(*_):
        raise AssertionError("the reader waits, or reads without end")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    status = Path("/proc/self/status")
    if status.exists() and hard == resource.RLIM_INFINITY:
        size = int(status.read_text("ascii").partition("VmSize:")[2].split()[0]) << 10
        resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 30), hard))
    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", FORMAT_TARGETS)
@pytest.mark.parametrize("stream", ["a pipe", "/dev/zero"])
def test_streams_are_rejected_as_vectors(name, stream, tmp_path, time_limit):
    case = case_of(name, tmp_path)
    for file in case.files:
        if file.name in {
            "README.md",
            "config.json",
            "modules.json",
            "projector_config.pbtxt",
        }:  # not read
            continue
        file.rename(tmp_path / "original")
        if stream == "a pipe":
            os.mkfifo(file)
        else:
            file.symlink_to(stream)
        expected = f"cannot read {file}: it is a pipe, a device or a socket; copy its contents"
        with pytest.raises(InputError, match=expected):
            case.target.read(case.path)
        file.unlink()
        (tmp_path / "original").rename(file)


@pytest.mark.parametrize("name", ["vocabulary", "questions"])
def test_an_endless_device_is_rejected_as_a_list(name, tmp_path, time_limit):
    with pytest.raises(InputError, match="/dev/zero is binary data: expected UTF-8 text"):
        TARGETS[name].read(Path("/dev/zero"))


# False headers and tables


def forge_zip_sizes(path: Path, dim: int) -> None:
    """Declare weights of another number of dimensions in the directory of a .keras file."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
    layer = config["config"]["layers"][0]["config"]
    layer["output_dim"] = dim
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
        entry = archive.getinfo("model.weights.h5")
        entry.file_size = entry.compress_size = 4 * dim * layer["input_dim"]


def test_a_zip_with_wrong_sizes_is_rejected(tmp_path):
    case = case_of("keras", tmp_path)
    forge_zip_sizes(case.path / "embedding.keras", 1 << 20)
    whole = case.path / "embedding.keras"
    with pytest.raises(FormatError, match=r"expected model\.weights\.h5 .* of an archive of \d+"):
        case.target.read(case.path)
    assert read_error(case, case.files.index(whole), whole.read_bytes()) is not None


def test_external_weights_are_not_read(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    case = case_of("keras", tmp_path)
    rows = w2v.load(case.path).matrix_for()
    (tmp_path / "elsewhere").write_bytes(rows.tobytes())
    with h5py.File(tmp_path / "elsewhere.h5", "w") as file:
        file["x"] = rows
    for kind in ("external link", "soft link", "external storage"):
        weights = io.BytesIO()
        with h5py.File(weights, "w") as file:
            group = file.create_group("layers/embedding/vars")
            if kind == "external link":
                group["0"] = h5py.ExternalLink(str(tmp_path / "elsewhere.h5"), "x")
            elif kind == "soft link":
                file["x"] = rows
                group["0"] = h5py.SoftLink("/x")
            else:
                place = [(str(tmp_path / "elsewhere"), 0, rows.nbytes)]
                group.create_dataset("0", rows.shape, rows.dtype, external=place)
        with zipfile.ZipFile(case.path / "embedding.keras") as archive:
            config = archive.read("config.json")
        with zipfile.ZipFile(tmp_path / "new", "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", weights.getvalue())
        (tmp_path / "new").rename(case.path / "embedding.keras")
        with pytest.raises(FormatError, match=r"in the file itself|contiguous weights"):
            case.target.read(case.path)


def safetensors_file(header: object, body: bytes = bytes(56)) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2**60, 2], "data_offsets": [0, 56]},
        {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 56]},
        {"dtype": "F32", "shape": [7, 2], "data_offsets": [0, 2**60]},
        {"dtype": "F32", "shape": [7, 2], "data_offsets": [56, 0]},
        {"dtype": "F32", "shape": [7, 2], "data_offsets": [8, 64]},
        {"dtype": "F32", "shape": [-7, -2], "data_offsets": [0, 56]},
        {"dtype": "F32", "shape": [0, 2], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [7, 0], "data_offsets": [0, 0]},
        {"dtype": "F64", "shape": [7, 1], "data_offsets": [0, 56]},
        {"dtype": "object", "shape": [7, 2], "data_offsets": [0, 56]},
        {"dtype": "F32", "shape": [14], "data_offsets": [0, 56]},
        {"dtype": "F32", "shape": "7x2", "data_offsets": [0, 56]},
        {"dtype": "F32", "shape": [7, 2]},
        [],
    ],
)
@pytest.mark.parametrize("name", ["safetensors", "hf"])
def test_a_tensor_with_a_wrong_header_is_rejected(entry, name, tmp_path):
    case = case_of(name, tmp_path)
    number = max(range(len(case.files)), key=lambda i: b'"data_offsets"' in case.seeds[i])
    whole = case.seeds[number][1:]
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    assert read_error(case, number, safetensors_file(header, whole[8 + size :])) is None
    message = read_error(
        case, number, safetensors_file(header | {"embeddings": entry}, whole[8 + size :])
    )
    assert message is not None
    assert str(case.files[number]) in message


@pytest.mark.parametrize(
    "vocab",
    [
        {"a": 2**60}, {"a": -1}, {"a": 0.0}, {"a": True}, {"a": None}, {"a": [0]}, {}, [], "a",
        {"a": 0, "b": 0}, {"a": 0, "b": 2}, {str(i): i for i in range(6)}, {"": 0, "a": 1},
        {str(i): i for i in range(8)}, None,
        {"[PAD]": 0, "[UNK]": 1, "a": 2, "b": 3, "c": 4, "": 5, "d": 6},
    ],
)  # fmt: skip
def test_a_tokenizer_with_wrong_ids_is_rejected(vocab, tmp_path):
    case = case_of("hf", tmp_path)
    path = case.path / "tokenizer.json"
    entry = json.loads(path.read_text("utf-8"))
    entry["model"]["vocab"] = vocab
    data = json.dumps(entry).encode()
    assert read_error(case, case.files.index(path), data) is not None


@pytest.mark.parametrize(
    "shape",
    [(2**60, 2), (2**63, 2**63), (10**30, 1), (0, 2), (-1, -2), (5,), (5, 2, 1), (1, 2), (7, 2)],
)
@pytest.mark.parametrize("file", ["embeddings.npy", "counts.npy", "unknown.npy", "contexts.npy"])
def test_an_array_with_a_wrong_header_is_rejected(shape, file, tmp_path):
    case = case_of("model", tmp_path)
    number = case.files.index(case.path / file)
    kind = "<i8" if file == "counts.npy" else "<f4"
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape!r}, }}"
    text = header.ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    message = read_error(case, number, data + case.seeds[number][129:])
    fits = (file, shape) in {("counts.npy", (5,)), ("unknown.npy", (1, 2))}
    assert (message is None) == fits


FILES_OF_ROWS = ["embeddings.npy", "counts.npy", "contexts.npy", "vocab.txt"]


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        (file, rows)
        for file in FILES_OF_ROWS
        for rows in (1, 4, 6, 7)
        if (file, rows) != ("contexts.npy", 6)  # the true number of rows
    ],
)
def test_files_of_different_lengths_are_rejected(rows, file, tmp_path):
    other = Embeddings([f"w{i}" for i in range(rows)], np.ones((rows, 2)), range(rows, 0, -1))
    model.write(other, tmp_path / "other", contexts=np.ones((rows, 2), np.float32))
    case = case_of("model", tmp_path)
    data = (tmp_path / "other" / file).read_bytes()
    message = read_error(case, case.files.index(case.path / file), data)
    assert message is not None
    assert "do not belong together" in message


@pytest.mark.parametrize("rows", [0, 2, 3])
def test_an_unknown_vector_of_another_shape_is_rejected(rows, tmp_path):
    case = case_of("model", tmp_path)
    file = case.path / "unknown.npy"
    out = io.BytesIO()
    np.save(out, np.ones((rows, 2), np.float32))
    assert read_error(case, case.files.index(file), out.getvalue()) is not None
