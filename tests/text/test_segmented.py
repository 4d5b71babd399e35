"""The choice of a tokenizer by a look at the beginning of the text."""

from __future__ import annotations

import pytest

import reference
import w2v
from w2v.config import Config
from w2v.corpus.build import count_words
from w2v.errors import ConfigError
from w2v.events import Notice
from w2v.text import segmented
from w2v.text.segmented import Script, examine, open_text
from w2v.text.sources import FileSource, IterableSource

CHINESE = [
    "我们 喜欢 数学 ， 也 喜欢 物理 。",
    "他们 在 北京 大学 学习 数学 和 物理 。",
    "数学 是 研究 数量 、 结构 以及 空间 等 概念 的 一 门 学科 。",
]
JAPANESE = ["私 は 数学 を 勉強 する 。", "カタカナ の 言葉 は 長い コンピューター です 。"]
UNSEGMENTED = [line.replace(" ", "") for line in CHINESE]
ENGLISH = ["The quick brown fox jumps over the lazy dog.", "It is called 北京 or Beijing in China."]


@pytest.mark.parametrize(
    ("text", "is_han", "is_segmented"),
    [
        ("\n".join(CHINESE), True, True),
        ("\n".join(JAPANESE), True, True),
        ("\n".join(JAPANESE).replace(" ", "\u3000"), True, True),
        ("\n".join(CHINESE).replace(" ", "\t"), True, True),
        ("我们 喜欢 数学", True, True),
        ("我们 在 2024年 学习 Python 语言", True, True),  # some groups have neighbors
        ("\n".join(UNSEGMENTED), True, False),
        ("我们喜欢数学 他们学习物理 大家都很高兴", True, False),  # blanks between sentences
        ("我 们 喜 欢 数 学", True, False),  # the same words by either tokenizer
        ("北京\n上海\n广州", True, False),  # a list of words, one in a line
        ("我们喜欢数学", True, False),
        ("\n".join(ENGLISH), False, False),
        ("\n".join(ENGLISH + CHINESE[:1]), False, False),
        ("", False, False),
        ("대한민국의 수도는 서울", False, False),
        ("，。、「」" * 10, False, False),
    ],
)
def test_segmented_text_is_recognized(text, is_han, is_segmented):
    assert examine(text.encode()) == Script(is_han, is_segmented)


def test_bytes_that_are_not_utf8_do_not_matter():
    assert examine("\n".join(CHINESE).encode() + b"\xff\xe6\x97") == Script(True, True)


def opened(lines, **options):
    events = []
    text = open_text(IterableSource(lines), Config(**options), None, events.append)
    return text.definition, b"".join(text.blocks).decode(), events


def test_auto_keeps_the_words_of_segmented_text_and_says_so():
    definition, text, (notice,) = opened(CHINESE)
    assert (definition.name, definition.lowercase) == ("whitespace", False)
    assert text == "\n".join([*CHINESE, ""])
    assert isinstance(notice, Notice)
    assert not notice.warning
    assert "so `tokenizer='whitespace'` was chosen" in notice.message
    assert opened(CHINESE, lowercase=True)[0].lowercase


def test_auto_is_unicode_otherwise():
    definition, text, events = opened(ENGLISH)
    assert (definition.name, definition.lowercase, events) == ("unicode", True, [])
    assert text == "\n".join([*ENGLISH, ""])
    definition, _, (notice,) = opened(UNSEGMENTED)
    assert definition.name == "unicode"
    assert not notice.warning
    assert "because the text has no blanks between words" in notice.message


def test_a_given_tokenizer_is_used_with_a_warning_if_it_splits_words():
    definition, _, (notice,) = opened(CHINESE, tokenizer="unicode")
    assert definition.name == "unicode"
    assert notice.warning
    assert notice.message.endswith("to keep the words, use `tokenizer='whitespace'`")
    assert opened(UNSEGMENTED, tokenizer="unicode")[2] == []
    assert opened(CHINESE, tokenizer="whitespace")[2] == []
    assert opened([line.split() for line in CHINESE])[2] == []


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("block_bytes", [90, 100])
def test_the_choice_depends_on_the_first_blocks_only(threads, block_bytes, monkeypatch, tmp_path):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(segmented, "SAMPLE_BYTES", 200)
    text = "\n".join(CHINESE + UNSEGMENTED * 50 + ENGLISH * 50) + "\n"
    (tmp_path / "f").write_text(text, encoding="utf-8")
    config = Config(min_count=1, threads=threads)
    vocabulary, report = count_words(FileSource([tmp_path / "f"]), config)
    lines = reference.tokenize(text.encode(), "whitespace", lowercase=False)
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == (
        reference.vocabulary(lines, min_count=1)
    )
    assert report.lines == sum(map(bool, lines))


def test_the_chosen_tokenizer_is_recorded_and_used_again(tmp_path):
    options = {"min_count": 1, "dim": 4, "epochs": 1, "sample": 0, "threads": 1}
    path = tmp_path / "text"
    path.write_text("\n".join(CHINESE * 3), encoding="utf-8")
    model = w2v.train(path, output=tmp_path / "m", **options)
    assert model.meta["tokenizer"]["name"] == "whitespace"
    assert model.meta["config"]["tokenizer"] == "auto"
    assert model.tokenize("数学 研究") == ["数学", "研究"]
    assert model.most_similar("数学", topn=1)
    more = w2v.resume(tmp_path / "m", epochs=2)
    assert more.words == model.words
    assert more.meta["tokenizer"] == model.meta["tokenizer"]
    # Another text has no blanks, but the tokenizer of the initial model applies.
    other = w2v.train(["数学研究 数学"] * 3, init=tmp_path / "m", **options)
    assert other.meta["tokenizer"]["name"] == "whitespace"
    assert other.words == [*model.words, "数学研究"]
    with pytest.raises(ConfigError, match="contradicts the initial model"):
        w2v.train(["a b"], init=tmp_path / "m", tokenizer="unicode", **options)


def test_errors_about_words_of_several_characters_name_the_tokenizer():
    model = w2v.train(UNSEGMENTED * 3, min_count=1, dim=4, epochs=1, threads=1, sample=0)
    with pytest.raises(w2v.W2VError, match=r"train with `tokenizer='whitespace'`$"):
        model.most_similar("数学")
    with pytest.raises(w2v.W2VError, match=r"'字' is not among the [0-9]+ words of this model"):
        model.most_similar("字")
    for tokenizer in ("unicode", "auto"):
        with pytest.raises(w2v.W2VError, match=r"train with `tokenizer='whitespace'`$"):
            w2v.read_corpus(UNSEGMENTED, vocab=["数学", "物理"], tokenizer=tokenizer)


def test_given_words_that_cannot_occur_are_reported():
    events = []
    options = {"vocab": ["数学", "数", "カタ"], "tokenizer": "unicode", "observer": events.append}
    with w2v.read_corpus(UNSEGMENTED, **options):
        notices = [event.message for event in events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert notices[0].startswith("2 of the 3 given words, such as '数学', cannot occur: ")
