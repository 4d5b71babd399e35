"""`w2v export`, `convert`, `formats` and `encode`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import w2v
from commands import TINY, error, ok, run


@pytest.mark.parametrize(("name", "extension"), [("word2vec-text", "txt"), ("word2vec-bin", "bin")])
def test_export_writes_readable_files(name, extension, model):
    path = f"out.{extension}"
    assert ok("export", model, "-f", name, "-o", path) == ""
    assert w2v.load(path).words == w2v.load(model).words
    assert w2v.load(path).matrix.tobytes() == w2v.load(model).matrix.tobytes()
    assert ok("similar", path, "king", "-n", "1") == "king\tman\t0.7071\n"


def test_export_replaces_a_file_only_with_overwrite(model):
    Path("out.txt").write_text("old")
    arguments = ["export", model, "-f", "word2vec-text", "-o", "out.txt"]
    assert "exists already" in error(*arguments)
    assert Path("out.txt").read_text() == "old"
    ok(*arguments, "--overwrite")
    assert Path("out.txt").read_text().startswith("5 3\nking 1 1 0\n")


def test_export_rejects_unknown_formats(model):
    message = error("export", model, "-f", "magic", "-o", "x", code=2)
    assert message.startswith("Invalid value for '-f' / '--format': 'magic' is not one of")


def test_export_writes_the_extra_rows_of_a_layout(model):
    assert ok("export", model, "-f", "npy", "-o", "out") == ""
    matrix = np.load("out/embeddings.npy", allow_pickle=False)
    assert matrix[:3].tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 0]]
    recorded = json.loads(Path("out/meta.json").read_text())["rows"]
    assert recorded == {
        "layout": "pad+unk",
        "padding": 0,
        "unknown": 1,
        "first_word": 2,
        "unknown_vector": "zeros",
    }
    assert "rows         pad+unk (0 padding, 1 unknown words, words from 2)" in ok("info", "out")
    assert Path("out/vocab.txt").read_text() == "king\nqueen\nman\nwoman\napple\n"
    for rows, length in (("none", 5), ("pad", 6)):
        ok("export", model, "-f", "npy", "-o", "out", "--rows", rows, "--overwrite")
        assert len(np.load("out/embeddings.npy")) == length
    ok("export", model, "-f", "npy", "-o", "out", "--unk", "mean-rare", "--overwrite")
    assert np.load("out/embeddings.npy")[1].tolist() == [-1, 0, 0]


def test_unsupported_rows_are_rejected_before_reading():
    message = error("export", "nowhere", "-f", "word2vec-bin", "-o", "x", "--rows", "pad", code=2)
    assert message == (
        "--rows cannot apply to word2vec-bin, which has rows for words only: omit --rows pad"
    )
    message = error("export", "nowhere", "-f", "word2vec-bin", "-o", "x", "--unk", "zeros", code=2)
    assert message.endswith(": omit --unk zeros")


def test_help_describes_the_default_rows():
    for command, argument in (("export", "MODEL"), ("convert", "IN"), ("encode", "MODEL")):
        text = " ".join(ok(command, "--help").split())
        assert f"[default: as {argument} was exported, else pad+unk" in text


def test_encode_and_convert_use_the_same_rows(model):
    ok("export", model, "-f", "npy", "-o", "in", "--rows", "pad")
    ok("convert", "in", "out", "-f", "npy")
    ok("encode", "in", "-", "-o", "ids.npy", stdin="king\n")
    matrix = np.load("out/embeddings.npy")
    assert matrix[np.load("ids.npy")].tolist() == [[w2v.load(model)["king"].tolist()]]


def test_contradictory_rows_and_unk_are_rejected(model):
    arguments = ["export", model, "-f", "npy", "-o", "x"]
    message = error(*arguments, "--rows", "pad", "--unk", "zeros", code=2)
    assert message == (
        "--unk requires a row for unknown words: got --unk zeros and --rows pad; omit --unk, "
        "or use --rows pad+unk"
    )
    message = error(*arguments, "--unk", "trained", code=2)
    assert message == (
        "--unk must not be 'trained', because these embeddings have no trained vector for unknown "
        "words; train with --train-unk, or use --unk zeros or --unk mean-rare"
    )
    assert not Path("x").exists()


def test_the_extension_selects_the_format(model):
    ok("export", model, "-o", "vectors.bin")
    ok("convert", "vectors.bin", "vectors.txt")
    assert Path("vectors.txt").read_text().startswith("5 3\nking 1 1 0\n")
    ok("convert", "vectors.txt", "again", "-f", "npy", "--rows", "none")
    assert np.load("again/embeddings.npy").tolist() == w2v.load(model).matrix.tolist()
    ok("convert", "vectors.txt", "vectors.bin", "--from", "word2vec-text", "--overwrite")
    message = error("convert", model, "vectors.what", code=2)
    assert message.startswith("no format has the extension of vectors.what; choose one with -f: ")
    assert "word2vec-text" in message


def recorded(path: str) -> object:
    return w2v.load(path).meta["tokenizer"]


def test_convert_records_a_tokenizer():
    Path("v.txt").write_text("2 1\nThe 1\nthe 2\n")
    message = error("encode", "v.txt", "-", "-o", "ids.npy", stdin="The\n", code=2)
    assert "run w2v convert with --tokenizer unicode" in message
    for options, expected in (
        (["unicode"], {"name": "unicode", "lowercase": True}),
        (["unicode", "--no-lowercase"], {"name": "unicode", "lowercase": False}),
        (["whitespace"], {"name": "whitespace", "lowercase": False}),
        (["whitespace", "--lowercase"], {"name": "whitespace", "lowercase": True}),
    ):
        ok("convert", "v.txt", "out", "-f", "npy", "--overwrite", "--tokenizer", *options)
        assert recorded("out") == expected | {"edition": 2}
    message = error("convert", "v.txt", "v.bin", "--no-lowercase", code=2)
    assert message == "--lowercase requires --tokenizer"


def test_convert_records_a_tokenizer_for_a_model_of_token_lists():
    meta = {"tokenizer": {"name": "tokens", "lowercase": False}}
    w2v.Embeddings(["a"], np.ones((1, 2), np.float32), meta=meta).save("m")
    ok("convert", "m", "out", "-f", "npy", "--tokenizer", "whitespace")
    assert recorded("out") == {"name": "whitespace", "lowercase": False, "edition": 2}
    assert "tokenizer    whitespace, case-sensitive" in ok("info", "out")


def test_convert_rejects_another_tokenizer_than_the_recorded_one(model):
    message = error("convert", model, "out", "-f", "npy", "--tokenizer", "whitespace", code=2)
    assert message == (
        f"--tokenizer contradicts {model}, which records another one (unicode, lowercased); omit it"
    )
    ok("convert", model, "out", "-f", "npy", "--tokenizer", "unicode")
    assert recorded("out")["name"] == "unicode"
    assert "edition" not in recorded("out")  # as in the model, so the first edition


def test_convert_counts_words_that_are_not_utf8():
    Path("v.txt").write_bytes(b"2 1\ncaf\xe9 1\nb 2\n")
    result = run("convert", "v.txt", "v.bin")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        "v.txt: 2 words x 1, read as word2vec-text",
        "note: 1 words of v.txt are not UTF-8; U+FFFD replaces the bytes",
    ]
    assert w2v.load("v.bin").words == ["caf\ufffd", "b"]


def test_formats_lists_all_formats():
    listed = [line.split()[0] for line in ok("formats").splitlines()]
    assert listed == list(w2v.formats.registry.READABLE)


def test_encode_writes_ids(model):
    Path("texts").write_text("The king\n\nqueen, Man woman\n")
    result = run("encode", model, "texts", "-o", "ids.npy", "--length", 2)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "saved ids.npy: 3 texts x 2 ids, 1 of them cut, 20.00 % of 5 words unknown; "
        "rows pad+unk (0 padding, 1 unknown words, words from 2)\n"
    )
    assert np.load("ids.npy").tolist() == [[1, 2], [0, 0], [3, 4]]


def test_encode_reads_stdin(model):
    ok("encode", model, "-", "-o", "ids.npy", "--rows", "pad", stdin="king queen\nman\n")
    assert np.load("ids.npy").tolist() == [[1, 2], [3, 0]]


def test_encode_errors_name_the_line(model):
    message = error("encode", model, "-", "-o", "x.npy", "--rows", "pad", stdin="king\n\nzion\n")
    assert message.startswith(
        "stdin, line 3: 'zion' is not among the 5 words, and the layout 'pad'"
    )
    assert not Path("x.npy").exists()
    message = error("encode", model, "-", "-o", "x.npy", stdin="")
    assert message == "stdin has no line: expected one text per line"


@pytest.mark.parametrize("name", ["ids.txt", "ids.bin", "ids.csv", "ids.npz", "ids.npy.gz"])
def test_encode_writes_no_other_file_than_npy(name, model):
    message = error("encode", model, "text.txt", "-o", name, code=2)
    assert message == f"--output must be the name of an .npy file, got {name}"
    assert not Path(name).exists()


@pytest.mark.parametrize("name", ["ids", "ids.npy", "ids.v2"])
def test_encode_writes_other_names_as_they_are(name, model):
    ok("encode", model, "text.txt", "-o", name)
    assert np.load(name).dtype == np.dtype("<i4")


def test_encode_suggests_its_own_options_if_the_disk_is_too_small(model):
    message = error("encode", model, "text.txt", "-o", "x.npy", "--length", 10**15)
    assert message.endswith("choose another directory with --output, or a smaller --length")


def test_encode_replaces_a_file_only_with_overwrite(model):
    Path("ids.npy").write_text("old")
    assert "ids.npy exists already" in error("encode", model, "text.txt", "-o", "ids.npy")
    assert Path("ids.npy").read_text() == "old"
    ok("encode", model, "text.txt", "-o", "ids.npy", "--overwrite")
    assert np.load("ids.npy").dtype == np.dtype("<i4")


def test_export_writes_the_trained_unknown_vector():
    ok("train", "text.txt", "-o", "m", "--train-unk", *TINY, "--min-count", 11)
    ok("export", "m", "-f", "npy", "-o", "rows")
    assert np.load("rows/embeddings.npy")[1].tolist() == np.load("m/unknown.npy")[0].tolist()
