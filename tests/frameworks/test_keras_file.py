"""The keras directory in Keras, and the rejection of damaged and wrong files.

KERAS_BACKEND selects the backend. The numbers must be the same with each.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import ConfigError, FormatError, InputError, OutputError
from w2v.formats.registry import FORMATS

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")
# From Keras with the torch backend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WORDS = [f"w{i}" for i in range(200)] + ["king's", "日", "<unk>", "[UNK]"]
RNG = np.random.default_rng(3)
MATRIX = RNG.standard_normal((len(WORDS), 7), np.float32)
META = {"tokenizer": {"name": "unicode", "lowercase": True}, "note": "é"}
UNKNOWN = np.arange(1, 8, dtype=np.float32)
EMBEDDINGS = Embeddings(WORDS, MATRIX, range(204, 0, -1), META, unknown=UNKNOWN)
TEXTS = ["w3 King’s W7, 日日 nothing w199", "w1"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "x"
    FORMATS["keras"].write(EMBEDDINGS, path)
    return path


def bits(vectors: object) -> list:
    array = keras.ops.convert_to_numpy(vectors)
    return np.ascontiguousarray(array, np.float32).view(np.uint32).tolist()


# Keras


def test_lookup_equals_w2v(directory):
    model = keras.saving.load_model(directory / "embedding.keras")
    ids = load(directory).encode([*WORDS[:100], "nothing"])
    assert ids.shape == (101, 1)
    output = model.predict(ids, verbose=0)
    assert bits(output[:100, 0]) == bits(MATRIX[:100])
    assert bits(output[100, 0]) == bits(UNKNOWN)


def test_padding_is_zero_and_masked(directory):
    model = keras.saving.load_model(directory / "embedding.keras")
    ids = load(directory).encode(TEXTS, length=9)
    output = model(ids)
    assert bits(output) == bits(load(directory).matrix_for()[ids])
    assert not keras.ops.convert_to_numpy(output)[ids == 0].any()
    mask = keras.ops.convert_to_numpy(model.layers[0].compute_mask(ids))
    assert mask.tolist() == (ids != 0).tolist()


@pytest.mark.parametrize(("rows", "first", "masked"), [("none", 0, False), ("pad", 1, True)])
def test_other_layouts(rows, first, masked, tmp_path):
    FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x", rows=rows)
    model = keras.saving.load_model(tmp_path / "x" / "embedding.keras")
    assert model.layers[0].mask_zero is masked
    assert bits(model(np.arange(first, 204 + first)[None])[0]) == bits(MATRIX)
    back = load(tmp_path / "x")
    assert (back.rows, back.unknown, bits(back.matrix)) == (rows, None, bits(MATRIX))


def test_w2v_reads_a_file_that_keras_saved(directory, tmp_path):
    FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x")
    path = tmp_path / "x" / "embedding.keras"
    model = keras.saving.load_model(path)
    model.save(path)
    assert bits(keras.saving.load_model(path).get_weights()[0]) == bits(model.get_weights()[0])
    assert bits(load(tmp_path / "x").matrix) == bits(MATRIX)


def test_a_dtype_policy_does_not_round_the_rows(tmp_path):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x")
    finally:
        keras.config.set_dtype_policy(policy)
    assert bits(load(tmp_path / "x").matrix) == bits(MATRIX)


LOOKUP = """
import sys, keras, w2v
directory = sys.argv[1]
embeddings = w2v.load(directory)
lookup = keras.layers.StringLookup(vocabulary=f"{directory}/vocab.txt", mask_token="")
words = [*embeddings.words, "nothing", ""]
expected = [*range(2, len(embeddings) + 2), 1, 0]
assert lookup(words).numpy().tolist() == expected
assert lookup.vocabulary_size() == len(embeddings) + 2
vectorize = keras.layers.TextVectorization(
    vocabulary=f"{directory}/vocab.txt", standardize=None, output_sequence_length=9
)
texts = ["w3 King’s W7, 日日 nothing w199", "w1"]
ids = vectorize([" ".join(embeddings.tokenize(text)) for text in texts])
assert ids.numpy().tolist() == embeddings.encode(texts, length=9).tolist()
for rows, mask, first in (("pad", "", 1), ("none", None, 0)):
    other = f"{directory}.{rows}"
    w2v.formats.registry.FORMATS["keras"].write(embeddings, other, rows=rows)
    lookup = keras.layers.StringLookup(
        vocabulary=f"{other}/vocab.txt", mask_token=mask, num_oov_indices=0
    )
    assert lookup(embeddings.words).numpy().tolist() == [*range(first, len(embeddings) + first)]
"""


def test_string_lookup_and_text_vectorization_equal_w2v(tmp_path):
    """In a separate process, because both need tensorflow."""
    pytest.importorskip("tensorflow")
    FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x")
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", LOOKUP, str(tmp_path / "x")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_keras_without_a_backend(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "keras"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ConfigError, match=r"keras has no backend: .*KERAS_BACKEND to an inst"):
        FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x")


# Reading


def test_a_round_trip_restores_everything(directory):
    back = load(directory)
    assert (back.words, bits(back.matrix)) == (WORDS, bits(MATRIX))
    assert back.unknown is not None
    assert (back.rows, back.unk, back.unknown.tolist()) == ("pad+unk", "trained", [*range(1, 8)])
    assert back.counts is not None
    assert back.counts.tolist() == [*range(204, 0, -1)]
    assert {name: back.meta[name] for name in META} == META
    assert sorted(path.name for path in directory.iterdir()) == [
        "counts.npy",
        "embedding.keras",
        "meta.json",
        "vocab.txt",
    ]


WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORD, min_size=1, max_size=4, unique=True), numbers=st.data())
def test_a_round_trip_restores_words_and_bits(tmp_path, words, numbers):
    row = st.lists(FLOATS, min_size=2, max_size=2)
    table = numbers.draw(st.lists(row, min_size=len(words), max_size=len(words)))
    embeddings = Embeddings(words, np.array(table, np.float32))
    FORMATS["keras"].write(embeddings, tmp_path / "x", overwrite=True)
    back = load(tmp_path / "x")
    assert (back.words, bits(back.matrix)) == (words, bits(embeddings.matrix))


def test_reading_does_not_need_keras(directory):
    statement = "import sys, w2v; w2v.load(sys.argv[1]); print('keras' in sys.modules)"
    command = [sys.executable, "-c", statement, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_existing_directories_are_replaced_only_with_overwrite(tmp_path):
    FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x")
    with pytest.raises(OutputError, match="exists already"):
        FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x")
    FORMATS["keras"].write(EMBEDDINGS, tmp_path / "x", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


# Damaged and wrong files


@pytest.fixture
def small(tmp_path) -> Path:
    """The .keras file of a directory with two words."""
    FORMATS["keras"].write(Embeddings(["a", "b"], np.eye(2, 3)), tmp_path / "x")
    return tmp_path / "x" / "embedding.keras"


def rewrite(path: Path, compression: int = zipfile.ZIP_STORED, **files: bytes) -> None:
    """Replace the zip archive by one with other content."""
    with zipfile.ZipFile(path) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in (old | {"config.json": files.get("config", old["config.json"])}).items():
            archive.writestr(name, files.get("weights", data) if name.endswith(".h5") else data)


def config(path: Path, **changes: object) -> bytes:
    with zipfile.ZipFile(path) as archive:
        content = json.loads(archive.read("config.json"))
    content["config"]["layers"][1]["config"].update(changes)
    return json.dumps(content).encode()


def weights(fill) -> bytes:
    """Return an HDF5 file with the content that a function creates."""
    file = io.BytesIO()
    with h5py.File(file, "w") as content:
        fill(content)
    return file.getvalue()


DATASET = "layers/embedding/vars/0"
CONTIGUOUS = r"contiguous weights of shape \(4, 3\) of float32"
GOOD = np.eye(4, 3, k=-2, dtype=np.float32)
INFINITE = np.where(GOOD > 0, np.float32("inf"), 0).astype(np.float32)


def test_a_rewritten_archive_is_read(small):
    rewrite(
        small, config=config(small), weights=weights(lambda f: f.create_dataset(DATASET, data=GOOD))
    )
    assert load(small.parent).matrix.tolist() == np.eye(2, 3).tolist()


def test_truncated_files_are_rejected(small):
    data = small.read_bytes()
    for end in range(0, len(data), 37):
        small.write_bytes(data[:end])
        with pytest.raises(FormatError, match=r"embedding\.keras: expected"):
            load(small.parent)


def test_flipped_bits_never_crash(small):
    data = small.read_bytes()
    rejected = 0
    for position in [*range(0, len(data), 23), *range(len(data) - 400, len(data))]:
        changed = bytearray(data)
        changed[position] ^= 1 << (position * 5 % 8)
        small.write_bytes(changed)
        try:
            load(small.parent)
        except (FormatError, InputError):
            rejected += 1
    assert rejected > 400


def test_damaged_weights_with_a_correct_checksum_never_crash(small):
    with zipfile.ZipFile(small) as archive:
        data = archive.read("model.weights.h5")
    rejected = 0
    for position in [position for position, byte in enumerate(data) if byte]:
        changed = bytearray(data)
        changed[position] ^= 255 >> (position % 8)
        rewrite(small, weights=bytes(changed))
        try:
            load(small.parent)
        except FormatError:
            rejected += 1
    assert rejected > 50


def test_compressed_weights_are_rejected(small):
    rewrite(small, zipfile.ZIP_DEFLATED, weights=bytes(500_000))
    with pytest.raises(FormatError, match=r"config\.json to be uncompressed, with 0 byt"):
        load(small.parent)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"output_dim": 2**40}, r"model\.weights\.h5 to be uncompressed, with 17592186"),
        ({"output_dim": 0}, "of 4 rows of 0 numbers"),
        ({"output_dim": True}, "of 4 rows of True numbers"),
        ({"output_dim": 3.0}, r"of 4 rows of 3\.0 numbers"),
        ({"input_dim": 5}, "expected a layer 'embedding' of 4 rows, .*got 'embedding' of 5 rows"),
        ({"name": "../x"}, r"got '\.\./x' of 4 rows"),
    ],
)
def test_wrong_configurations_are_rejected(changes, finding, small):
    rewrite(small, config=config(small, **changes))
    with pytest.raises(FormatError, match=finding):
        load(small.parent)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"config": {"layers": []}}', b"[" * 10**5])
def test_invalid_configurations_are_rejected(data, small):
    rewrite(small, config=data)
    with pytest.raises(FormatError, match="expected the configuration of a model of one Embedding"):
        load(small.parent)


@pytest.mark.parametrize(
    ("fill", "finding"),
    [
        (lambda f: f.create_dataset(DATASET, data=GOOD.T), CONTIGUOUS),
        (lambda f: f.create_dataset(DATASET, data=GOOD.astype("f8")), CONTIGUOUS),
        (lambda f: f.create_dataset(DATASET, data=GOOD, compression="gzip"), CONTIGUOUS),
        (lambda f: f.create_dataset(DATASET, data=GOOD, chunks=(1, 3)), CONTIGUOUS),
        (
            lambda f: f.create_dataset(DATASET, (4, 3), "f4", external=[("/etc/passwd", 0, 48)]),
            CONTIGUOUS,
        ),
        (lambda f: f.create_group(DATASET), CONTIGUOUS),
        (
            lambda f: f.create_virtual_dataset(DATASET, h5py.VirtualLayout((4, 3), "f4")),
            CONTIGUOUS,
        ),
        (
            lambda f: f.update({"layers": h5py.ExternalLink("/etc/passwd", "/x")}),
            "expected 'layers' in the file itself, got nothing or a link",
        ),
        (lambda f: f.create_group("layers"), "expected 'embedding' in the file itself, got noth"),
        (lambda f: f.create_dataset("layers", data=GOOD), "expected a group with 'emb"),
        (lambda f: f.create_dataset(DATASET, data=GOOD + 1), "row 0 must be zero"),
        (lambda f: f.create_dataset(DATASET, data=INFINITE), "contains NaN or infinity"),
    ],
)
def test_wrong_weights_are_rejected(fill, finding, small):
    rewrite(small, weights=weights(fill))
    with pytest.raises(FormatError, match=finding):
        load(small.parent)


def test_weights_that_are_not_hdf5_are_rejected(small):
    rewrite(small, weights=bytes(1000))
    with pytest.raises(FormatError, match=r"embedding\.keras: expected weights in HDF5"):
        load(small.parent)


def test_too_few_words_are_rejected(small):
    (small.parent / "vocab.txt").write_text("a\n")
    with pytest.raises(FormatError, match="expected a layer 'embedding' of 3 rows, as in vocab"):
        load(small.parent)


def test_the_error_names_an_unreadable_file(small):
    small.unlink()
    small.mkdir()
    with pytest.raises(InputError, match=r"cannot read .*embedding\.keras: Is a directory"):
        load(small.parent)
