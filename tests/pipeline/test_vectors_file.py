"""Outputs that are named like a file: the file is written, and the model beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import w2v
from support import LINES, TINY, Killed, content, names, raise_on
from w2v.errors import (
    ConfigError,
    DiskFullError,
    FormatError,
    InputError,
    MissingExtraError,
    OutputError,
)
from w2v.events import EpochDone, Event, Exported, Saved
from w2v.formats import native, registry
from w2v.formats.registry import FORMATS, model_beside, output_format
from w2v.pipeline.checkpoint import Checkpoint
from w2v.pipeline.vectors_file import VectorsFile

EXTENSIONS = sorted({end for entry in FORMATS.values() for end in entry.extensions})
EXACT = {**TINY, "checkpoint_every": 0.001}


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("\n".join(LINES) + "\n")
    return tmp_path


def assert_same(file: str | Path, model: w2v.Embeddings) -> None:
    found = w2v.load(file)
    assert found.words == model.words
    assert np.array_equal(found.matrix, model.matrix)


# Names


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_extension_of_a_format_writes_that_format(extension):
    model = w2v.train("text.txt", output=f"v{extension}", **TINY)
    assert names() == sorted(["text.txt", f"v{extension}", "v.w2v"])
    assert_same(f"v{extension}", model)
    assert_same("v.w2v", model)
    assert registry.detect(Path(f"v{extension}")) == registry.by_extension(f"v{extension}")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("a.txt", "a.w2v"),
        ("a.b.vec.gz", "a.b.w2v"),
        ("A.TXT.GZ", "A.w2v"),
        ("a.w2v.bin", "a.w2v.w2v"),
        ("d/a.bin", "d/a.w2v"),
        ("../a.glove", "../a.w2v"),
        ("a.txt.txt", "a.txt.w2v"),
    ],
)
def test_the_model_has_the_name_of_the_file(name, model):
    assert output_format("output", name) is not None
    assert model_beside(Path(name)) == Path(model)


@pytest.mark.parametrize(
    "name",
    ["m", "m.w2v", "m.model", "v1.2", "m.text", "txt", "a.txt/", "a.npy/", "a.bin.old", ".."],
)
def test_other_names_are_model_directories(name):
    assert output_format("output", name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("v.npy", "v.hf", "v.keras", "v.csv", "V.JSON", "v.npy.gz", "v.zip", "d/v.pkl", "v.h5"),
        *("v.ftz", "v.feather", "v.arrow", "v.magnitude", "v.gguf", "v.bin.lz4", "v.tgz", "v.7z"),
    ],
)
def test_extensions_of_other_files_are_refused(name):
    expected = f"has an extension that cannot be written here: got {Path(name).name}; end it in"
    with pytest.raises(ConfigError, match=f"^output {expected} .w2v .*\\.txt .*\\.bin"):
        w2v.train("text.txt", output=name, **TINY)
    with pytest.raises(ConfigError, match=f"^path {expected}"):
        w2v.Embeddings(["a"], [[1.0]]).save(name)
    assert names() == ["text.txt"]


@pytest.mark.parametrize("name", ["npy", "hf", "keras", "projector"])
def test_the_remedy_for_the_name_of_a_format_is_to_export(name):
    with pytest.raises(ConfigError, match=f"; or export a model with `format='{name}'`$"):
        w2v.Embeddings(["a"], [[1.0]]).save(f"v.{name}")


@pytest.mark.parametrize("name", [".txt", ".bin", ".txt.gz", ".npy", "d/.vec"])
def test_an_extension_alone_is_no_name(name):
    with pytest.raises(ConfigError, match="output must have a name before the extension"):
        output_format("output", name)


# Nothing is overwritten


@pytest.mark.parametrize("existing", ["v.txt", "v.w2v"])
def test_an_existing_file_or_model_is_kept(existing):
    w2v.Embeddings(["old"], [[1.0]]).save(existing)
    before = content(existing) if existing == "v.w2v" else Path(existing).read_bytes()
    with pytest.raises(
        OutputError, match=f"{existing} exists already; .*`overwrite=True`"
    ) as caught:
        w2v.train("text.txt", output="v.txt", **TINY)
    assert str(caught.value).endswith("beside v.txt") == (existing == "v.w2v")
    assert names() == sorted(["text.txt", existing])
    assert before == (content(existing) if existing == "v.w2v" else Path(existing).read_bytes())


def test_overwriting_replaces_the_file_and_the_model():
    for name in ("v.txt", "v.w2v"):
        w2v.Embeddings(["old"], [[1.0]]).save(name)
    model = w2v.train("text.txt", output="v.txt", overwrite=True, **TINY)
    assert_same("v.txt", model)
    assert_same("v.w2v", model)
    assert names() == ["text.txt", "v.txt", "v.w2v"]


def test_a_directory_with_the_name_of_a_file_is_kept():
    Path("v.txt").mkdir()
    with pytest.raises(OutputError, match=r"v\.txt is not a regular file"):
        w2v.train("text.txt", output="v.txt", overwrite=True, **TINY)


@pytest.mark.parametrize("way", ["text.txt", "./text.txt", "link.txt", "TEXT"])
def test_the_corpus_is_never_overwritten(way):
    if way == "link.txt":
        Path(way).symlink_to("text.txt")
    elif way == "TEXT":
        way = str(Path.cwd() / "text.txt")
    before = Path("text.txt").read_bytes()
    with pytest.raises(ConfigError, match=r"output must not be .*text\.txt, which training reads"):
        w2v.train("text.txt", output=way, overwrite=True, **TINY)
    assert Path("text.txt").read_bytes() == before
    assert "text.w2v" not in names()


def test_the_corpus_in_a_directory_is_never_overwritten():
    Path("d").mkdir()
    Path("text.txt").rename("d/text.txt")
    with pytest.raises(ConfigError, match="output must not be"):
        w2v.train("d", output="d/text.txt", overwrite=True, **TINY)


@pytest.mark.parametrize("argument", ["init", "vocab"])
def test_other_inputs_are_never_overwritten(argument):
    w2v.train("text.txt", **TINY).save("old.txt")
    if argument == "vocab":
        Path("old.txt").write_text("the\ndog\nfox\n")
    before = Path("old.txt").read_bytes()
    with pytest.raises(ConfigError, match=r"output must not be old\.txt"):
        w2v.train("text.txt", output="old.txt", overwrite=True, **{argument: "old.txt"}, **TINY)
    assert Path("old.txt").read_bytes() == before


# Failures before training


def never(event: Event) -> None:
    assert not isinstance(event, EpochDone), "it trained"


def test_a_missing_package_is_reported_before_reading(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise MissingExtraError("the format safetensors", "safetensors")

    monkeypatch.setattr("w2v.formats.frameworks.safetensors.write", fail)
    with pytest.raises(MissingExtraError):
        w2v.train("text.txt", output="v.safetensors", observer=pytest.fail, **TINY)
    assert names() == ["text.txt"]


def test_a_word_that_the_format_cannot_hold_is_reported_before_training():
    lines = [["new york", "the", "dog"]] * 9
    with pytest.raises(FormatError, match="'new york' contains a blank"):
        w2v.train(lines, output="v.txt", observer=never, **TINY)
    assert names() == ["text.txt"]
    w2v.train(lines, output="v.safetensors", **TINY)
    assert "new york" in w2v.load("v.safetensors")


def test_the_size_of_the_file_counts_before_reading(monkeypatch):
    sizes = []
    monkeypatch.setattr(
        "w2v.pipeline.preflight.require_free_space", lambda _d, needed, *_: sizes.append(needed)
    )
    for output in ("v.w2v", "w.bin", "w.txt"):
        w2v.train("text.txt", output=output, overwrite=True, **TINY)
    plain, binary, text = sizes[::2]
    assert plain < binary < text


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_estimate_of_the_size_suffices(extension, tmp_path):
    words = [f"word{i}" for i in range(300)]
    matrix = np.random.default_rng(1).normal(0, 1e-3, (300, 50)).astype(np.float32)
    path = tmp_path / f"v{extension}"
    file = VectorsFile(path, registry.by_extension(path))
    file.write(w2v.Embeddings(words, matrix), overwrite=False)
    size = file.path.stat().st_size
    assert size <= file.estimate_size(300, 50) + 4_096 <= 1.5 * size + 8_192


# Reports and records


def test_the_file_is_reported_after_the_model():
    events: list[Event] = []
    w2v.train("text.txt", output="v.bin", observer=events.append, **TINY)
    saved, exported = events[-2:]
    assert isinstance(saved, Saved)
    assert saved.path == "v.w2v"
    assert exported == Exported("v.bin", "word2vec-bin", 9, 8)
    assert str(exported) == "saved v.bin: the vectors, format word2vec-bin"


def test_a_model_records_the_name_of_its_file():
    w2v.train("text.txt", output="v.bin", **TINY)
    w2v.train("text.txt", output="m", **TINY)
    assert w2v.load("v.w2v").meta["job"]["file"] == "v.bin"
    assert w2v.load("m").meta["job"]["file"] is None


# Interruptions


def interrupt(output: str, error: type[BaseException] = KeyboardInterrupt, **options) -> None:
    with pytest.raises(error):
        w2v.train("text.txt", output=output, observer=raise_on(error, EpochDone, 1), **EXACT)


@pytest.mark.parametrize("name", ["v.txt", "v.w2v"])
def test_a_resumed_training_writes_the_file(name):
    expected = w2v.train("text.txt", output="whole.w2v", **EXACT)
    interrupt("v.txt")
    assert names() == ["text.txt", "v.w2v.checkpoint", "whole.w2v"]
    model = w2v.resume(name)
    assert names() == ["text.txt", "v.txt", "v.w2v", "whole.w2v"]
    assert_same("v.txt", expected)
    assert_same("v.w2v", model)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", ["v.txt", "v.w2v"])
def test_a_kill_around_the_file_loses_nothing(moment, name, monkeypatch):
    """The model is complete; the file is missing, or complete but not recorded as such."""
    write = VectorsFile.write

    def killed(self: VectorsFile, *arguments: object, **options: object) -> None:
        if moment == "after":
            write(self, *arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(VectorsFile, "write", killed)
        patch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
        with pytest.raises(Killed):
            w2v.train("text.txt", output="v.txt", **EXACT)
    expected = ["text.txt", "v.w2v", "v.w2v.checkpoint"]
    assert names() == (sorted([*expected, "v.txt"]) if moment == "after" else expected)
    events: list[Event] = []
    model = w2v.resume(name, observer=events.append)
    assert names() == ["text.txt", "v.txt", "v.w2v"]
    assert_same("v.txt", model)
    assert [type(event) for event in events] == [Exported]


def test_another_file_that_appears_is_kept(monkeypatch):
    interrupt("v.txt")
    Path("v.txt").write_text("mine\n")
    with pytest.raises(OutputError, match=r"v\.txt exists already"):
        w2v.resume("v.txt")
    assert Path("v.txt").read_text() == "mine\n"
    model = w2v.resume("v.txt", overwrite=True)
    assert_same("v.txt", model)


def test_another_file_that_appears_after_the_model_is_kept(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise DiskFullError("full")

    with monkeypatch.context() as patch:
        patch.setattr(VectorsFile, "write", fail)
        with pytest.raises(DiskFullError):
            w2v.train("text.txt", output="v.txt", **EXACT)
    Path("v.txt").write_text("mine\n")
    with pytest.raises(OutputError, match=r"v\.txt exists already"):
        w2v.resume("v.w2v")
    assert Path("v.txt").read_text() == "mine\n"
    Path("v.txt").unlink()
    assert_same("v.txt", w2v.resume("v.w2v"))
    assert names() == ["text.txt", "v.txt", "v.w2v"]


# More epochs


@pytest.mark.parametrize("name", ["v.txt", "v.w2v"])
def test_more_epochs_replace_the_file(name):
    before = w2v.train("text.txt", output="v.txt", **TINY)
    model = w2v.resume(name, epochs=3)
    assert not np.array_equal(model.matrix, before.matrix)
    assert_same("v.txt", model)


def test_more_epochs_write_a_file_that_is_missing():
    w2v.train("text.txt", output="v.txt", **TINY)
    Path("v.txt").unlink()
    assert_same("v.txt", w2v.resume("v.w2v", epochs=3))


def test_more_epochs_keep_a_file_that_holds_something_else():
    w2v.train("text.txt", output="v.txt", **TINY)
    Path("v.txt").write_text("mine\n")
    before = content("v.w2v")
    with pytest.raises(OutputError, match=r"v\.txt does not hold the vectors.*`overwrite=True`"):
        w2v.resume("v.w2v", epochs=3)
    assert Path("v.txt").read_text() == "mine\n"
    assert content("v.w2v") == before
    assert_same("v.txt", w2v.resume("v.w2v", epochs=3, overwrite=True))


@pytest.mark.parametrize("finished", [False, True])
def test_a_file_that_is_no_output_is_not_resumed(finished):
    if finished:
        w2v.train("text.txt", output="v.w2v", **EXACT)
    else:
        interrupt("v.w2v")
    with pytest.raises(InputError, match=r"v\.bin is no output of the training of v\.w2v; resume"):
        w2v.resume("v.bin", **({"epochs": 3} if finished else {}))
    assert "v.bin" not in names()


def test_a_model_that_was_moved_writes_its_file_beside_it():
    w2v.train("text.txt", output="v.txt", **TINY)
    Path("d").mkdir()
    Path("v.w2v").rename("d/v.w2v")
    model = w2v.resume("d/v.w2v", epochs=3)
    assert_same("d/v.txt", model)


@pytest.mark.parametrize("name", ["../v.txt", "/tmp/v.txt", "w.txt", "v.csv", "v", "", "v.w2v"])
def test_a_model_cannot_name_a_file_elsewhere(name):
    w2v.train("text.txt", output="v.txt", **TINY)
    meta = json.loads(Path("v.w2v/meta.json").read_text())
    meta["job"]["file"] = name
    Path("v.w2v/meta.json").write_text(json.dumps(meta))
    before = names()
    with pytest.raises(FormatError, match=r"v\.w2v records .* as its file of vectors"):
        w2v.resume("v.w2v", epochs=3)
    assert names() == before


# Models that are named like a file, as earlier versions made them


def test_an_old_model_that_is_named_like_a_file_is_resumed(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("w2v.pipeline.arguments.output_format", lambda *_: None)
        w2v.train("text.txt", output="v.txt", **TINY)
        interrupt("u.txt")
    assert w2v.resume("v.txt", epochs=3).meta["config"]["epochs"] == 3
    assert len(w2v.resume("u.txt").meta["epochs"]) == 2
    assert names() == ["text.txt", "u.txt", "v.txt"]
    assert registry.detect(Path("v.txt")).name == "npy"


# Embeddings.save


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_embeddings_are_saved_in_the_format_of_the_name(extension):
    model = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32))
    model.save(f"v{extension}")
    assert Path(f"v{extension}").is_file()
    assert names() == ["text.txt", f"v{extension}"]
    assert_same(f"v{extension}", model)
    with pytest.raises(OutputError, match="exists already"):
        model.save(f"v{extension}")
    model.save(f"v{extension}", overwrite=True)


@pytest.mark.parametrize("name", ["m", "m.w2v", "v.txt/"])
def test_embeddings_are_saved_as_a_model_under_other_names(name):
    model = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), [2, 1])
    model.save(name)
    assert native.read(name).counts.tolist() == [2, 1]
