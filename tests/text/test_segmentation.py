"""Text that a segmenter splits into words, against a segmentation line by line in plain Python."""

from __future__ import annotations

import importlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
import segmenter_functions
import w2v
from commands import START
from segmenter_functions import PID_FILE, lazily, rest, twos
from support import ROOT
from w2v.config import Config
from w2v.corpus.build import build_corpus, count_words
from w2v.errors import ConfigError, InputError, MissingExtraError, ResourceError
from w2v.events import Notice
from w2v.system.functions import function_name
from w2v.text import built_in_segmenters, segmentation, segmenters
from w2v.text.definition import WordDefinition
from w2v.text.segmenters import BUILT_IN
from w2v.text.sources import FileSource, IterableSource
from w2v.text.tokenizer import Tokenizer

MODULE = "segmenter_functions"

TEXTS = {
    "zh": "我们喜欢数学，也喜欢物理。\n他在北京大学学习Python语言。\r\n\nAn English line, or two?",
    "ja": "私は東京の大学で数学を勉強しています。\nカタカナの言葉、ﾊﾝｶｸ。\n",
    "th": "ฉันรักภาษาไทย และประเทศไทย\nเขาเรียนคณิตศาสตร์\n",
    "ko": "학교에서 수학을 공부합니다.\n한국어 형태소\n",
}
WORDS = {
    "jieba": ("zh", ["我们", "喜欢", "数学", "也", "喜欢", "物理"]),
    "rjieba": ("zh", ["我们", "喜欢", "数学", "也", "喜欢", "物理"]),
    "sudachi": ("ja", ["私", "は", "東京", "の", "大学", "で", "数学", "を", "勉強"]),
    "fugashi": ("ja", ["私", "は", "東京", "の", "大学", "で", "数学", "を", "勉強"]),
    "pythainlp": ("th", ["ฉัน", "รัก", "ภาษาไทย", "และ", "ประเทศ", "ไทย"]),
    "kiwi": ("ko", ["학교", "에서", "수학", "을", "공부"]),
}


SLOW = dict.fromkeys(("jieba", "pythainlp", "kiwi"), pytest.mark.slow)
"""Those that take long to load."""


def require(name: str) -> None:
    for module in BUILT_IN[name].modules:
        pytest.importorskip(module)


def tokenizer(segmenter, name="unicode", *, lowercase=True) -> Tokenizer:
    definition = WordDefinition(name, lowercase, segmenter=function_name(segmenter))
    return Tokenizer(definition, len)


def expected(text: bytes, segment, name="unicode", *, lowercase=True) -> list[str]:
    lines = reference.read(text, name, lowercase=lowercase, segment=segment).lines
    return [word for line in lines for word in line]


# Built-in segmenters


@pytest.mark.parametrize("name", [pytest.param(n, marks=SLOW.get(n, ())) for n in BUILT_IN])
def test_a_built_in_segmenter_finds_words(name):
    require(name)
    language, words = WORDS[name]
    text = TEXTS[language]
    found = tokenizer(name).words(text)
    assert found[: len(words)] == words

    def segment(line):
        return [line] if line.isascii() else getattr(built_in_segmenters, name)(line)

    assert found == expected(text.encode(), segment)
    assert found == tokenizer(name).words(text.encode())


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_segmenter_is_safe_for_threads_and_long_lines(name):
    require(name)
    tokens = tokenizer(name)
    line = TEXTS[WORDS[name][0]].split("\n")[0]
    once = tokens.words(line + "\n")
    results = []

    def work():
        results.append([tokenizer(name).words(line) for _ in range(20)])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[once] * 20] * 3
    many = 40_000 // len(line)
    long = f"{line} " * many
    assert len(tokens.words(long)) == pytest.approx(many * len(once), rel=0.01)


def test_long_lines_are_split_after_sentences():
    text = "あ" * 30_000 + "。" + "い" * 11_990 + "。" + "う" * 10
    parts = list(built_in_segmenters._parts(text))
    assert "".join(parts) == text
    assert [len(part) for part in parts] == [12_000, 12_000, 6_001, 11_991, 10]


def test_lines_of_ascii_stay_as_the_tokenizer_has_them():
    require("jieba")
    text = "Don't stop: 3.14 a_b\n"
    assert tokenizer("jieba").words(text) == ["don't", "stop", "3", "14", "a_b"]
    assert tokenizer("jieba").words(f"{text}我们 don't") == [
        *("don't", "stop", "3", "14", "a_b", "我们", "don", "t"),
    ]


@pytest.mark.slow
def test_jieba_keeps_words_of_this_program_to_itself(capfd):
    require("jieba")
    jieba = importlib.import_module("jieba")
    assert tokenizer("jieba").words("甲乙丙丁戊") == tokenizer("jieba").words("甲乙丙丁戊")
    before = built_in_segmenters.jieba("甲乙丙丁戊己")
    jieba.add_word("甲乙丙丁戊己")
    assert built_in_segmenters.jieba("甲乙丙丁戊己") == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_missing_package_is_named_with_its_extra(name, monkeypatch):
    missing = BUILT_IN[name].modules[-1]
    found = importlib.util.find_spec
    monkeypatch.setattr(
        segmenters.importlib.util, "find_spec", lambda module: None if module == missing else found
    )
    with pytest.raises(MissingExtraError, match=rf"^the segmenter '{name}' needs .*w2v\[{name}\]"):
        w2v.read_corpus(["a b"], segmenter=name)


def test_the_built_in_segmenters_are_entry_points_with_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][segmenters.GROUP] == {
        name: f"w2v.text.built_in_segmenters:{name}" for name in BUILT_IN
    }
    assert project["optional-dependencies"].keys() >= BUILT_IN.keys()
    for name, entry in BUILT_IN.items():
        packages = [text.partition(">")[0] for text in project["optional-dependencies"][name]]
        assert [package.replace("-", "_") for package in packages] == list(entry.modules)


# The tokenizer after a segmenter


@pytest.mark.slow
@given(
    text=st.text(
        st.sampled_from(
            "中文学校あいがﾞアパー〇々かﾊ\u3099ab'·1_ \t\r\n，。é\u0301İΣ\u2f00\uf900\ud800\0\x1f"
        )
        | st.characters(),
        max_size=40,
    ),
    function=st.sampled_from([twos, lazily, rest]),
    name=st.sampled_from(["unicode", "whitespace"]),
    lowercase=st.booleans(),
)
@example(text="\ud800\ud800中文", function=twos, name="unicode", lowercase=True)
@example(text="か\u3099く", function=twos, name="unicode", lowercase=True)
@example(text="〇1中·文'", function=twos, name="unicode", lowercase=True)
def test_segments_are_split_as_if_each_stood_alone(text, function, name, lowercase):
    data = text.encode("utf-8", "surrogatepass")
    words = expected(data, function, name, lowercase=lowercase)
    tokens = tokenizer(function, name, lowercase=lowercase)
    assert tokens.words(text) == words
    assert tokens.words(data) == words
    assert len(tokens.numbers(text)) == len(words)


def test_the_characters_of_a_segment_are_one_word():
    text = "中文，学校！日本語ABC Ｉ'm"
    tokens = tokenizer(lambda line: line.split("，"))
    assert tokens.words(text) == ["中文", "学校", "日本語abc", "ｉ'm"]
    spaced = tokenizer(lambda line: line.split("，"), "whitespace", lowercase=False)
    assert spaced.words(text) == ["中文", "学校！日本語ABC", "Ｉ'm"]


def test_lookups_take_the_form_of_segmented_words():
    definition = WordDefinition("unicode", True, segmenter="jieba")
    assert definition.form("Ａ\uf900か\u3099") == "ａ豈が"
    assert definition.why_impossible("中国") is None
    assert not definition.is_impossible("中国")
    assert definition != WordDefinition("unicode", True)
    assert definition != WordDefinition("unicode", True, segmenter="rjieba")
    old = WordDefinition("unicode", True, segmenter="jieba", segmenter_version="0.1")
    assert definition == old
    assert str(definition) == "unicode, lowercased, segmented by jieba"
    assert str(old) == "unicode, lowercased, segmented by jieba 0.1"
    assert WordDefinition.from_meta(old.as_dict()) == definition
    assert WordDefinition.from_meta(old.as_dict()).segmenter_version == "0.1"


# Processes

LINES = [
    *("我们喜欢数学，也喜欢物理。", "", "他们在北京大学学习。"),
    *("The quick brown fox", " \t ", "é中"),
]


def mixed_text(count=60) -> bytes:
    draw = np.random.default_rng(5)
    lines = [LINES[i].encode() for i in draw.integers(0, len(LINES), count)]
    lines[7] = b"\xff\xfe\xe4\xb8" + LINES[0].encode()
    lines[20] += b"\xed\xa0\x80\r"
    return b"\n".join(lines) + "最后".encode()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("block_bytes", [120, 1 << 20])
@pytest.mark.parametrize("function", [twos, lambda line: twos(line)], ids=["processes", "here"])
def test_reading_agrees_with_the_reference(threads, block_bytes, function, tmp_path, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", block_bytes)
    data = mixed_text()
    (tmp_path / "f").write_bytes(data)
    config = Config(min_count=1, threads=threads, segmenter=function, encoding="utf-8")
    vocabulary, report = count_words(FileSource([tmp_path / "f"]), config)
    read = reference.read(data, segment=twos)
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == (
        reference.vocabulary(read.lines, min_count=1)
    )
    assert report.lines == sum(map(bool, read.lines))
    assert report.invalid_bytes == read.invalid_bytes == 7
    assert report.text_bytes == len(data) + 1  # and the last line end


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_encoded_corpus_is_what_encode_gives(threads, tmp_path, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 200)
    lines = mixed_text().decode("utf-8", "replace").split("\n")
    config = Config(min_count=2, threads=threads, segmenter="segmenter_functions:twos")
    with build_corpus(IterableSource(lines), config, work_dir=str(tmp_path)) as corpus:
        words = corpus.vocabulary.words
        words = corpus.vocabulary.words
        text = corpus.text
        lines_of_ids = np.split(text.ids, np.flatnonzero(text.ids == text.end_of_line) + 1)
        ids = [line[:-1].tolist() for line in lines_of_ids if len(line)]
        meta = {"tokenizer": corpus.definition.as_dict()}
    model = w2v.Embeddings(words, np.eye(len(words)), meta=meta)
    first = model.layout().first_word
    encoded = [model.encode(line).tolist() for line in lines]
    known = [[i - first for i in line if i >= first] for line in encoded]
    assert [line for line in known if line] == ids
    assert len(ids) > 20


def test_long_lines_are_segmented_in_parts(monkeypatch, tmp_path):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 300)
    (tmp_path / "f").write_text("学" * 5_000 + "\n校校", encoding="utf-8")
    config = Config(min_count=1, threads=2, segmenter=f"{MODULE}:twos")
    vocabulary, report = count_words(FileSource([tmp_path / "f"]), config)
    assert (vocabulary.words[0], vocabulary.counts[0]) == ("学学", 2_500)
    assert (report.lines, report.dropped_too_long) == (2, 0)


def test_line_ends_that_a_segmenter_adds_are_no_ends_of_lines():
    for segmenter in (rest, lambda line: rest(line)):
        vocabulary, report = count_words(
            IterableSource(["中文"] * 5), Config(min_count=1, threads=1, segmenter=segmenter)
        )
        assert report.lines == 5
        assert vocabulary.words == ["a", "b", "c", "d", "文"]


def test_a_process_may_print_and_read():
    with w2v.read_corpus(["中文学校"], segmenter=f"{MODULE}:prints", min_count=1) as corpus:
        assert corpus.vocabulary.words == ["中文", "学校"]


@pytest.mark.parametrize("here", [False, True], ids=["processes", "here"])
@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        ("fails", InputError, "failed with LookupError: no x, please; the line is '中x文'$"),
        ("fails_late", InputError, "failed with LookupError: late; the line is '学校'$"),
        ("returns_text", ConfigError, "got '学校' for the line '学校'; return text.split()"),
        ("returns_none", ConfigError, "got None for the line '学校'$"),
        ("returns_bytes", ConfigError, r"got a list with b'.*' for the line '学校'$"),
    ],
)
def test_an_error_names_the_segmenter_and_the_line(function, kind, message, here):
    named = getattr(segmenter_functions, function)
    passed = (lambda line: named(line)) if here else f"{MODULE}:{function}"
    name = "<lambda>" if here else f"{MODULE}:{function}"
    with pytest.raises(kind, match=f"^the segmenter '.*{name}.*' .*{message}"):
        w2v.read_corpus(["学校"] * 5 + ["中x文"], segmenter=passed, min_count=1, threads=2)


@pytest.mark.parametrize(
    ("function", "how"),
    [("dies", "was killed by signal 9"), ("exits", "ended with exit code 3")],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_process_that_ends_is_an_error(function, how, threads, monkeypatch, tmp_path):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 100)
    (tmp_path / "f").write_text("学校\n" * 400 + "x\n" + "学校\n" * 400, encoding="utf-8")
    with pytest.raises(ResourceError, match=f"'{MODULE}:{function}' {how} in the middle"):
        w2v.read_corpus(tmp_path / "f", segmenter=f"{MODULE}:{function}", threads=threads)


def test_no_process_is_left_after_an_error_or_the_end(monkeypatch, tmp_path):
    started = []
    start = segmentation._Processes._start
    monkeypatch.setattr(
        segmentation._Processes,
        "_start",
        lambda self: started.append(start(self)) or started[-1],
    )
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 100)
    (tmp_path / "f").write_text("学校\n" * 400, encoding="utf-8")
    w2v.read_corpus(tmp_path / "f", segmenter=f"{MODULE}:twos", threads=3).close()
    with pytest.raises(InputError):
        w2v.read_corpus(["x"], segmenter=f"{MODULE}:fails", threads=3)
    assert 2 <= len(started) <= 4
    assert all(process.returncode is not None for process in started)
    assert all(process.stdin.closed and process.stdout.closed for process in started)


def run_waiting(tmp_path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command whose segmenter never returns; return it, and the segmenter's process."""
    (tmp_path / "f").write_text("学校\n", encoding="utf-8")
    file = tmp_path / "pid"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, "-c", START, "vocab", "f", "--segmenter", f"{MODULE}:waits"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, PID_FILE: str(file)},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process, int(file.read_text())


def require_end(pid: int) -> None:
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "the process is still alive"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130), (signal.SIGTERM, 143)],
)
def test_processes_end_with_the_program(number, code, tmp_path):
    process, pid = run_waiting(tmp_path)
    process.send_signal(number)
    assert process.wait(20) == code
    require_end(pid)
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_signal_to_all_processes_of_a_job_is_left_to_the_program(tmp_path):
    process, pid = run_waiting(tmp_path)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    time.sleep(0.3)
    assert process.poll() is None
    assert Path(f"/proc/{pid}/cmdline").read_bytes()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[1].splitlines()[-1] == b"interrupted"
    require_end(pid)


def test_functions_of_this_process_run_on_the_calling_thread(tmp_path):
    (tmp_path / "f").write_text("学校\n" * 9, encoding="utf-8")
    threads = set()

    def segment(line):
        threads.add(threading.current_thread())
        return [line]

    w2v.read_corpus(tmp_path / "f", segmenter=segment, threads=2).close()
    assert threads == {threading.current_thread()}


def test_a_notice_tells_that_a_function_of_this_process_is_slow(monkeypatch):
    monkeypatch.setattr(segmentation, "_LARGE", 1_000)
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 300)
    events = []
    options = {"min_count": 1, "observer": events.append}
    lines = ["学校学校"] * 200
    w2v.read_corpus(lines, segmenter=f"{MODULE}:twos", **options).close()
    w2v.read_corpus(lines[:50], segmenter=lambda line: twos(line), **options).close()
    assert [event for event in events if isinstance(event, Notice)] == []
    w2v.read_corpus(lines, segmenter=lambda line: twos(line), **options).close()
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert "runs on one core" in notice.message
    assert "pass its name: `segmenter='module:function'`" in notice.message
    assert not notice.warning


# Names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jeiba", "^there is no segmenter 'jeiba': did you mean 'jieba'[?] The known ones are fug"),
        ("xyzzy", "^there is no segmenter 'xyzzy': expected one of fugashi, jieba, kiwi, .*;"),
        ("no_such_module:f", "cannot be imported: ModuleNotFoundError: No module named 'no_such_"),
        (f"{MODULE}:none", "cannot be imported: AttributeError: .* has no attribute 'none'; check"),
        (f"{MODULE}:NO_FUNCTION", "is 'text': expected a function that takes a line"),
        (f"{MODULE}:Path", "expected a function that takes a line and returns its words"),
        ("os:system", "is in the standard library, which has none; name a function of your own"),
        ("builtins:eval", "is in the standard library"),
        ("lost:<lambda>", "was a function of the process that trained the model, and cannot"),
    ],
)
def test_names_without_a_segmenter(name, message):
    with pytest.raises(ConfigError, match=message):
        w2v.train(["a b"], segmenter=name)
    meta = {"tokenizer": WordDefinition("unicode", True, segmenter=name).as_dict()}
    model = w2v.Embeddings(["a"], [[1.0]], meta=meta)
    with pytest.raises(ConfigError, match=message):
        model.encode("a b")
    assert model.encode([["a"]]).tolist() == [[2]]
    assert model.most_similar("a") == []


@pytest.mark.parametrize("segmenter", ["", "a b", 5, int, ["jieba"], b"jieba"])
def test_what_is_no_name_and_no_function_is_rejected(segmenter):
    with pytest.raises(ConfigError, match=r"^segmenter must be a name such as jieba, pack"):
        Config(segmenter=segmenter)
    meta = {"name": "unicode", "lowercase": True, "edition": 2, "segmenter": segmenter}
    if not callable(segmenter):
        with pytest.raises(ConfigError, match="record a segmenter that is no name of one"):
            WordDefinition.from_meta(meta)


def test_other_packages_add_segmenters(tmp_path, monkeypatch):
    (tmp_path / "their_module.py").write_text(
        "def thirds(line):\n    return [line[:3], line[3:]]\n"
    )
    record = tmp_path / "their_package-4.5.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 4.5\n")
    (record / "entry_points.txt").write_text("[w2v.segmenters]\nthirds = their_module:thirds\n")
    monkeypatch.syspath_prepend(tmp_path)
    with w2v.read_corpus(["中文学校", "abcdef"], segmenter="thirds", min_count=1) as corpus:
        assert corpus.vocabulary.words == ["abc", "def", "中文学", "校"]
        assert corpus.definition.segmenter_version == "4.5"
    with pytest.raises(ConfigError, match="there is no segmenter 'third': did you mean 'thirds'"):
        segmenters.load("third")


def test_functions_of_the_standard_library_may_be_passed_but_not_named():
    with w2v.read_corpus(["中文 'a b' 学校"], segmenter=shlex.split, min_count=1) as corpus:
        assert corpus.vocabulary.words == ["a", "b", "中文", "学校"]
        assert corpus.definition.segmenter == "shlex:split"
    with pytest.raises(ConfigError, match="standard library"):
        w2v.read_corpus(["中文"], segmenter="textwrap:wrap")


def test_lists_of_tokens_are_not_segmented():
    with pytest.raises(ConfigError, match=r"^segmenter applies to text, but the corpus is lists"):
        w2v.read_corpus([["a", "b"]], segmenter=f"{MODULE}:twos")


def test_versions_are_those_of_packages():
    require("rjieba")
    assert segmenters.version("rjieba") == segmenters.version("rjieba:cut") is not None
    assert segmenters.version(f"{MODULE}:twos") is None
    assert segmenters.version("nonsense") is None
