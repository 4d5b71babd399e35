"""A segmenter through whole runs: training, resuming, encoding, look-ups and exports."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

import w2v
from commands import error, ok, run
from segmenter_functions import KILL, twos
from support import Killed, content, raise_on
from w2v.errors import ConfigError, MissingExtraError
from w2v.events import EpochDone, Notice
from w2v.formats.registry import FORMATS
from w2v.pipeline.checkpoint import Checkpoint
from w2v.pipeline.encode_file import encode_file
from w2v.system import functions
from w2v.text import segmenters
from w2v.text.segmenters import BUILT_IN

LINES = ["我们喜欢数学也喜欢物理", "他们在北京大学学习数学", "大学的学生也喜欢音乐"] * 8
NAME = "segmenter_functions:twos"
OPTIONS = {"min_count": 1, "sample": 0, "dim": 8, "epochs": 2, "threads": 1}
MODULE = "def f(line):\n    return [line[:2], line[2:]]\n"
MATRICES = ["embeddings.npy", "contexts.npy", "vocab.txt", "counts.npy"]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 100)


def test_the_segmenter_is_recorded_and_used_again(text, tmp_path):
    model = w2v.train(text, output=tmp_path / "m", segmenter=twos, **OPTIONS)
    assert model.meta["config"]["segmenter"] == model.meta["tokenizer"]["segmenter"] == NAME
    assert "喜欢" in model
    assert model.tokenize(LINES[0]) == twos(LINES[0])
    loaded = w2v.load(tmp_path / "m")
    for other in (loaded, pickle.loads(pickle.dumps(model)), pickle.loads(pickle.dumps(loaded))):
        assert other.encode(LINES).tolist() == model.encode(LINES).tolist()
    assert model.encode([twos(line) for line in LINES]).tolist() == model.encode(LINES).tolist()
    with pytest.raises(w2v.W2VError, match=r"'喜欢数' is not among .*; did you mean '喜欢'"):
        model.id_of("喜欢数")
    assert f"unicode, lowercased, segmented by {NAME}" in " ".join(
        ok("info", tmp_path / "m").split()
    )


@pytest.mark.parametrize("segmenter", [NAME, lambda line: twos(line)], ids=["processes", "here"])
def test_any_number_of_threads_gives_the_same_bits(segmenter, text, tmp_path, small_blocks):
    results = []
    for threads in (1, 2, 3):
        options = OPTIONS | {"threads": threads, "deterministic": True, "validation": 0.2}
        w2v.train(text, output=tmp_path / str(threads), segmenter=segmenter, **options)
        results.append(content(tmp_path / str(threads), MATRICES))
    assert results[0] == results[1] == results[2]


def test_a_segmenter_gives_what_segmented_text_gives(text, tmp_path):
    spaced = [" ".join(twos(line)) for line in LINES]
    w2v.train(text, output=tmp_path / "a", segmenter=NAME, **OPTIONS)
    w2v.train(spaced, output=tmp_path / "b", tokenizer="whitespace", **OPTIONS)
    assert content(tmp_path / "a", MATRICES) == content(tmp_path / "b", MATRICES)


def test_a_resumed_training_gives_the_same_bits(text, tmp_path, small_blocks, monkeypatch):
    monkeypatch.setattr(Checkpoint, "should_save", lambda self: True)
    w2v.train(text, output=tmp_path / "whole", segmenter=NAME, **OPTIONS)
    observer = raise_on(Killed, EpochDone, 1)
    with pytest.raises(Killed):
        w2v.train(text, output=tmp_path / "m", segmenter=NAME, observer=observer, **OPTIONS)
    with pytest.raises(ConfigError, match="segmenter cannot change when training resumes"):
        w2v.resume(tmp_path / "m", segmenter="jieba")
    w2v.resume(tmp_path / "m", segmenter=twos)
    assert content(tmp_path / "m", MATRICES) == content(tmp_path / "whole", MATRICES)


@pytest.mark.slow
def test_a_training_killed_while_it_reads_can_be_resumed(text, tmp_path):
    kills = "segmenter_functions:kills_parent"
    command = [
        sys.executable,
        "-m",
        "w2v",
        "train",
        text,
        "-o",
        tmp_path / "m",
        "--segmenter",
        kills,
    ]
    command += [
        "--min-count",
        "1",
        "--sample",
        "0",
        "--dim",
        "8",
        "--epochs",
        "2",
        "--threads",
        "1",
    ]
    killed = subprocess.run(command, env=_environment() | {KILL: "1"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "m").exists()
    w2v.resume(tmp_path / "m")
    w2v.train(text, output=tmp_path / "whole", segmenter=kills, **OPTIONS)
    assert content(tmp_path / "m", MATRICES) == content(tmp_path / "whole", MATRICES)


def test_more_epochs_and_other_corpora_use_the_recorded_segmenter(text, tmp_path):
    model = w2v.train(text, output=tmp_path / "m", segmenter=NAME, **OPTIONS)
    other = w2v.train(["喜欢绘画"] * 3, init=tmp_path / "m", **OPTIONS)
    assert other.words[: len(model)] == model.words
    assert other.words[len(model) :] == ["绘画"]
    assert other.meta["tokenizer"] == model.meta["tokenizer"]
    for same in (twos, NAME):
        w2v.train(["喜欢绘画"] * 3, init=tmp_path / "m", segmenter=same, **OPTIONS)
    expected = "^segmenter contradicts the initial model: .* has `segmenter='segm.*omit it"
    with pytest.raises(ConfigError, match=expected):
        w2v.train(["a b"], init=tmp_path / "m", segmenter="jieba", **OPTIONS)
    tokens = w2v.train([["喜欢", "音乐"]] * 3, init=tmp_path / "m", **OPTIONS)
    assert tokens.meta["tokenizer"]["name"] == "tokens"
    assert "segmenter" not in tokens.meta["tokenizer"]
    more = w2v.resume(tmp_path / "m", epochs=3)
    assert more.meta["tokenizer"] == model.meta["tokenizer"]
    w2v.train(LINES, output=tmp_path / "none", **OPTIONS)
    with pytest.raises(ConfigError, match=r"contradicts the initial .* has `segmenter=None`"):
        w2v.train(LINES, init=tmp_path / "none", segmenter=NAME, **OPTIONS)


def test_models_from_before_there_were_segmenters_have_none(text, tmp_path):
    w2v.train(text, output=tmp_path / "m", **OPTIONS)
    meta = json.loads((tmp_path / "m" / "meta.json").read_text())
    assert "segmenter" not in meta["tokenizer"]
    for record in (meta["config"], meta["job"]["config"]):
        del record["segmenter"]
    (tmp_path / "m" / "meta.json").write_text(json.dumps(meta))
    assert w2v.load(tmp_path / "m").tokenize("数学") == ["数", "学"]
    assert "segmenter" not in w2v.resume(tmp_path / "m", epochs=3).meta["tokenizer"]


@pytest.mark.slow
def test_a_lambda_is_lost_in_another_process(tmp_path):
    model = w2v.train(LINES, output=tmp_path / "m", segmenter=lambda x: twos(x), **OPTIONS)
    assert model.tokenize("喜欢数学") == ["喜欢", "数学"]  # in this process
    code = (
        "import sys, w2v; model = w2v.load(sys.argv[1]); model.encode([['喜欢']])\n"
        "try: model.encode('喜欢')\n"
        "except w2v.W2VError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code, tmp_path / "m"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.startswith("ConfigError the segmenter '")
    assert "cannot be found by its name; pass lists of words, or put the function" in done.stdout


def test_a_training_with_a_lambda_resumes_if_it_is_passed_again(text, tmp_path, monkeypatch):
    def segment(line):
        return twos(line)

    w2v.train(text, output=tmp_path / "m", segmenter=segment, **OPTIONS)
    monkeypatch.setattr(functions, "_PASSED", {})  # as in another process
    with pytest.raises(ConfigError, match=r"^segmenter was '.*<locals>.segment', .* pass it again"):
        w2v.resume(tmp_path / "m", epochs=3)
    resumed = w2v.resume(tmp_path / "m", epochs=3, segmenter=segment)
    assert resumed.tokenize("喜欢数学") == ["喜欢", "数学"]


@pytest.mark.slow
def test_functions_of_the_main_module(tmp_path):
    """A script without the guard that multiprocessing needs: no process imports it again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import w2v\n"
        "def pairs(line):\n    return [line[:2], line[2:]]\n"
        "open('starts', 'a').write('x')\n"
        f"model = w2v.train({LINES[:3]!r}, output='m', segmenter=pairs, overwrite=True, "
        "min_count=1, dim=4, epochs=1, sample=0, threads=2)\n"
        "assert w2v.load('m').tokenize('甲乙丙丁') == ['甲乙', '丙丁']\n"
        "assert model.meta['tokenizer']['segmenter'] == '__main__:pairs'\n"
        f"w2v.train({LINES[:3]!r}, segmenter='segmenter_functions:twos', min_count=1, dim=4, "
        "epochs=1, sample=0, threads=2)\n"
    )
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True, env=_environment())
    assert (tmp_path / "starts").read_text() == "x"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_encoding_a_file_agrees_with_encoding_its_lines(text, tmp_path, small_blocks):
    model = w2v.train(text, output=tmp_path / "m", segmenter=NAME, **OPTIONS)
    lines = [*LINES, "", "The fox", "学校"]
    (tmp_path / "texts").write_text("\n".join(lines), encoding="utf-8")
    encode_file(model, tmp_path / "texts", tmp_path / "ids.npy", length=12)
    expected = model.encode(lines, length=12)
    assert np.array_equal(np.load(tmp_path / "ids.npy"), expected)
    here = w2v.train(LINES, segmenter=lambda line: twos(line), **OPTIONS)
    encode_file(here, tmp_path / "texts", tmp_path / "here.npy", length=12)
    assert np.array_equal(np.load(tmp_path / "here.npy"), here.encode(lines, length=12))


def test_a_model_that_lacks_its_package_names_the_extra(monkeypatch):
    model = w2v.train(LINES, segmenter=NAME, **OPTIONS)
    model.meta["tokenizer"]["segmenter"] = "jieba"
    monkeypatch.setattr(segmenters, "is_installed", lambda name: False)
    with pytest.raises(MissingExtraError, match=r"'jieba' needs .*: pip install 'w2v\[jieba\]'"):
        model.encode("喜欢")


def test_another_version_of_the_package_is_noted_once(caplog, monkeypatch):
    model = w2v.train(LINES, segmenter=NAME, **OPTIONS)
    monkeypatch.setattr(segmenters, "version", lambda name: "2.0")
    model.meta["tokenizer"]["segmenter_version"] = "2.0"
    caplog.clear()
    model.encode(LINES)
    assert caplog.messages == []
    model.meta["tokenizer"]["segmenter_version"] = "1.5"
    model.encode(LINES)
    model.tokenize(LINES[0])
    (message,) = caplog.messages
    assert "trained with version 1.5 of the segmenter 'segmenter_functions:twos', and 2" in message


def test_hf_refuses_a_segmenter_and_other_formats_keep_it(tmp_path):
    model = w2v.train(LINES, segmenter=NAME, **OPTIONS)
    pytest.importorskip("safetensors")
    with pytest.raises(ConfigError, match=f"hf cannot express the segmenter '{NAME}', .*such as"):
        FORMATS["hf"].write(model, tmp_path / "hf")
    assert not (tmp_path / "hf").exists()
    model.save(tmp_path / "v.safetensors")
    assert w2v.load(tmp_path / "v.safetensors").tokenize("喜欢数学") == ["喜欢", "数学"]
    model.save(tmp_path / "v.txt")


# Commands


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in_this_directory.py").write_text(MODULE)
    (tmp_path / "zh.txt").write_text("喜欢数学\n" * 5, encoding="utf-8")


def test_commands_find_functions_in_the_current_directory(here, tmp_path, monkeypatch):
    before = list(sys.path)
    options = ["--segmenter", "in_this_directory:f"]
    assert ok("vocab", "zh.txt", *options) == "0\t喜欢\t5\n1\t数学\t5\n"
    assert ok("pairs", "zh.txt", *options).splitlines()[0] == "喜欢\t数学"
    ok("train", "zh.txt", *options, "--dim", "4", "--min-count", "1", "-q")
    assert sys.path == before
    # A model that names a file beside it does not make the program run the file.
    sys.modules.pop("in_this_directory")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    message = error("encode", "zh.w2v", "zh.txt", "-o", "ids.npy", code=2)
    assert "'in_this_directory:f' cannot be imported: ModuleNotFoundError" in message
    assert message.endswith("in a directory of PYTHONPATH")
    monkeypatch.syspath_prepend(tmp_path)
    ok("encode", "zh.w2v", "zh.txt", "-o", "ids.npy")
    assert np.load("ids.npy").tolist() == [[2, 3]] * 5


def test_a_wrong_segmenter_is_reported_before_the_corpus_is_opened():
    with pytest.raises(ConfigError, match="there is no segmenter 'jeiba'"):
        w2v.train("no_such_corpus.txt", segmenter="jeiba")


def test_commands_report_a_wrong_segmenter_before_any_work(here, tmp_path):
    assert error("train", "zh.txt", "--segmenter", "jeiba", code=2).endswith(
        "as in --segmenter package.module:function"
    )
    assert "'a b' is not a name such as jieba" in error(
        "train", "zh.txt", "--segmenter", "a b", code=2
    )
    failed = run("vocab", "-", "--segmenter", "segmenter_functions:fails", stdin="x\n")
    assert failed.exit_code == 1
    assert failed.stderr.splitlines()[-1] == (
        "Error: the segmenter 'segmenter_functions:fails' failed with LookupError: no x, please; "
        "the line is 'x'"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"in_this_directory.py", "zh.txt"}


# Notices

THAI = ["ฉันรักภาษาไทยและประเทศไทย", "เขาเรียนคณิตศาสตร์ที่มหาวิทยาลัย"]


def notices(lines, **options):
    events = []
    w2v.read_corpus(lines, min_count=1, observer=events.append, **options).close()
    return [event for event in events if isinstance(event, Notice)]


@pytest.mark.parametrize("installed", [set(), {"rjieba", "fugashi", "pythainlp"}])
def test_text_without_blanks_gets_a_recommendation(installed, monkeypatch):
    monkeypatch.setattr(segmenters, "is_installed", lambda name: name in installed)
    chosen = ["rjieba", "fugashi", "pythainlp"] if installed else ["jieba", "sudachi", "pythainlp"]
    texts = [LINES, ["私は東京の大学で数学を勉強しています。"], THAI]
    for name, lines in zip(chosen, texts, strict=True):
        (notice,) = notices(lines)
        expected = f"use `segmenter='{name}'`"
        assert notice.message.endswith(
            expected if installed else f"{expected} (pip install 'w2v[{name}]')"
        )
        assert notice.warning == (lines is THAI)


def test_no_recommendation_is_made_where_none_is_needed():
    assert notices(LINES, segmenter=NAME) == []
    assert notices(THAI, segmenter=NAME) == []
    assert notices(["ฉัน รัก ภาษา ไทย และ ประเทศ ไทย"]) == []
    assert notices(THAI, tokenizer="whitespace") == []
    assert notices(["An English text with one ประเทศไทยประเทศไทย"]) == []


def test_segmented_text_is_not_segmented_again_in_silence():
    spaced = [" ".join(twos(line)) for line in LINES]
    (notice,) = notices(spaced, segmenter=NAME)
    assert f"and `segmenter='{NAME}'` splits it once more" in notice.message
    assert notice.message.endswith("omit it, and use `tokenizer='whitespace'`")
    assert notice.warning


def test_impossible_words_come_with_a_segmenter_as_the_remedy(monkeypatch):
    monkeypatch.setattr(segmenters, "is_installed", lambda name: False)
    model = w2v.train(LINES, **OPTIONS)
    with pytest.raises(w2v.W2VError, match=r"train with `segmenter='jieba'` \(pip install 'w2v"):
        model.id_of("数学")
    with pytest.raises(w2v.W2VError, match="train with `segmenter='sudachi'` "):
        model.id_of("です")


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name in {"jieba", "rjieba"}])
def test_training_with_a_built_in_segmenter(name):
    for module in BUILT_IN[name].modules:
        pytest.importorskip(module)
    model = w2v.train(LINES, segmenter=name, **OPTIONS)
    assert {"数学", "喜欢", "大学", "学习"} <= set(model.words)
    assert model.meta["tokenizer"]["segmenter_version"]


# With other options


def test_a_field_of_records_is_segmented(tmp_path):
    records = [json.dumps({"id": "喜欢", "text": line}) for line in LINES]
    (tmp_path / "r.jsonl").write_text("\n".join(records), encoding="utf-8")
    (tmp_path / "lines").write_text("\n".join(LINES), encoding="utf-8")
    options = {**OPTIONS, "segmenter": NAME}
    model = w2v.train(tmp_path / "r.jsonl", json_field="text", output=tmp_path / "a", **options)
    w2v.train(tmp_path / "lines", output=tmp_path / "b", **options)
    assert content(tmp_path / "a", MATRICES) == content(tmp_path / "b", MATRICES)
    encode_file(model, tmp_path / "r.jsonl", tmp_path / "ids.npy", length=9, json_field="text")
    assert np.array_equal(np.load(tmp_path / "ids.npy"), model.encode(LINES, length=9))


def test_phrases_of_segmented_words_are_joined(tmp_path):
    options = {**OPTIONS, "phrase_min_count": 1, "phrase_threshold": 0.1, "phrases": 1}
    (tmp_path / "lines").write_text("\n".join(LINES), encoding="utf-8")
    model = w2v.train(tmp_path / "lines", segmenter=NAME, output=tmp_path / "a", **options)
    spaced = [" ".join(twos(line)) for line in LINES]
    other = w2v.train(spaced, tokenizer="whitespace", output=tmp_path / "b", **options)
    assert any("_" in word for word in model.words)
    assert content(tmp_path / "a", MATRICES) == content(tmp_path / "b", MATRICES)
    expected = other.encode(spaced, length=6)
    assert np.array_equal(w2v.load(tmp_path / "a").encode(LINES, length=6), expected)
    encode_file(model, tmp_path / "lines", tmp_path / "ids.npy", length=6)
    assert np.array_equal(np.load(tmp_path / "ids.npy"), expected)
