"""The hf directory in tokenizers, model2vec and sentence-transformers."""

from __future__ import annotations

import functools
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import reference
from support import KJV
from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.formats.frameworks import hf_tokenizer
from w2v.formats.layout import Layout
from w2v.formats.registry import FORMATS
from w2v.text.definition import WordDefinition

tokenizers = pytest.importorskip("tokenizers")
DEFINITIONS = [(name, low) for name in ("unicode", "whitespace") for low in (True, False)]
# All characters, and some of the code points that are none; surrogates are not text.
CODE_POINTS = [
    code
    for code in [*range(0xD800), *range(0xE000, 0x110000)]
    if unicodedata.category(chr(code)) not in {"Cn", "Co"} or code % 64 == 0
]
BATCH_SIZE = 1 << 12


@functools.cache
def load_tokenizer(name: str, lowercase: bool) -> tokenizers.Tokenizer:
    definition = WordDefinition(name, lowercase)
    data = hf_tokenizer.encode(["a"], Layout("pad+unk", "zeros"), definition)
    return tokenizers.Tokenizer.from_str(data.decode())


def hf_words(text: str, name: str, lowercase: bool) -> list[str]:
    tokenizer = load_tokenizer(name, lowercase)
    if tokenizer.normalizer is not None:
        text = tokenizer.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]


def w2v_words(text: str, name: str, lowercase: bool) -> list[str]:
    lines = reference.tokenize(text.encode(), name, lowercase=lowercase)
    return [word for line in lines for word in line]


# Words


@pytest.mark.parametrize(("name", "lowercase"), DEFINITIONS)
def test_every_character_is_tokenized_as_in_training(name, lowercase):
    """Each character is tested alone, between letters, and beside apostrophes."""
    different = []
    for start in range(0, len(CODE_POINTS), BATCH_SIZE):
        characters = list(map(chr, CODE_POINTS[start : start + BATCH_SIZE]))
        probes = [f"{c} a{c}b {c}'{c} a\u2019{c}" for c in characters]
        text = "\n".join(probes)
        if hf_words(text, name, lowercase) != w2v_words(text, name, lowercase):
            different += [
                character
                for character, probe in zip(characters, probes, strict=True)
                if hf_words(probe, name, lowercase) != w2v_words(probe, name, lowercase)
            ]
    if (name, lowercase) != ("whitespace", True):
        assert different == []
    # The documented exception: letters whose lowercase form Python does not know yet.
    lower = tokenizers.normalizers.Lowercase().normalize_str
    assert all(c.lower() == c != lower(c) for c in different)


INTERESTING = (
    "aZé0_'’\u200c\u200dİςΣßǅⅧⒶ日あアー々\u0301\u0345ꟋᲉ"
    "\n\r\t\0 \x1f\x85\xa0\u2028\ufeff-.[]\U0001f600"
    "iIJ\u0307\u0328\u030c\u00ad\u200b\u200e\ufe0f\u20e3ʼʻ·\u0387״א՞\u3099カ\uf900Å\u212bक्क़াকেی가\u1100\u1161"
)


TEXT = st.text(st.sampled_from("aB日'’ \u0301-")) | st.text(
    st.sampled_from(INTERESTING) | st.characters(exclude_categories=["Cs"])
)


@settings(max_examples=500)
@given(
    text=TEXT,
    definition=st.sampled_from([d for d in DEFINITIONS if d != ("whitespace", True)]),
)
def test_any_text_is_tokenized_as_in_training(text, definition):
    # The library reorders marks by its own version of Unicode, which may be older than Python's.
    normal = tokenizers.normalizers.NFC().normalize_str(text)
    assume(normal == unicodedata.normalize("NFC", text))
    assert hf_words(text, *definition) == w2v_words(text, *definition)


def test_the_first_edition_of_the_rules_is_kept():
    definition = WordDefinition("unicode", True, edition=1)
    data = hf_tokenizer.encode(["a"], Layout("pad+unk", "zeros"), definition)
    tokenizer = tokenizers.Tokenizer.from_str(data.decode())
    text = tokenizer.normalizer.normalize_str("Cafe\u0301 İx a\u00adb ___ a\ufe0fb don\u2019t 日本")
    words = [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    kept = ["cafe\u0301", "i\u0307x", "a", "b", "___", "a\ufe0fb", "don't", "日", "本"]
    assert words == kept


@pytest.mark.parametrize(("name", "lowercase"), DEFINITIONS)
def test_a_real_text_is_tokenized_as_in_training(name, lowercase):
    with KJV.open(encoding="utf-8", newline="") as file:
        text = file.read(1_000_000)
    assert hf_words(text, name, lowercase) == w2v_words(text, name, lowercase)


# Rows

WORDS = [f"w{i}" for i in range(200)] + ["king's", "日", "pad", "unk"]
RNG = np.random.default_rng(3)
MATRIX = RNG.standard_normal((len(WORDS), 7), np.float32)
META = {"tokenizer": WordDefinition("unicode", True).as_dict()}
UNKNOWN = np.arange(1, 8, dtype=np.float32)
EMBEDDINGS = Embeddings(WORDS, MATRIX, meta=META, unknown=UNKNOWN)
TEXTS = ["w3 King’s W7, 日日 nothing w199", "", "[PAD] [UNK] <unk>", "w1", "never seen"]


@pytest.fixture(scope="module", params=["zeros", "trained"])
def directory(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "hf"
    FORMATS["hf"].write(EMBEDDINGS, path, unk=request.param)
    return path


@pytest.fixture(scope="module")
def static_model(directory):
    return pytest.importorskip("model2vec").StaticModel.from_pretrained(directory)


def sentence_transformer(directory: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from its imports
        package = pytest.importorskip("sentence_transformers")
        return package.SentenceTransformer(str(directory), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def transformer(directory):
    return sentence_transformer(directory)


def bits(vectors: np.ndarray) -> list:
    return np.ascontiguousarray(vectors, np.float32).view(np.uint32).tolist()


def test_ids_and_padding_equal_w2v(directory):
    tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    ids = [encoding.ids for encoding in tokenizer.encode_batch(TEXTS)]
    assert ids == load(directory).encode(TEXTS).tolist()


def test_words_in_brackets_are_not_special_tokens(tmp_path):
    meta = {"tokenizer": {"name": "whitespace", "lowercase": False}}
    words = ["<unk>", "[pad]"]
    FORMATS["hf"].write(Embeddings(words, np.eye(2), meta=meta), tmp_path / "x")
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / "x" / "tokenizer.json"))
    assert tokenizer.encode("[UNK] [PAD] <unk> [PAD ] [pad]").ids == [1, 1, 2, 1, 1, 3]


def test_words_too_long_for_training_are_unknown(directory):
    tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    assert tokenizer.encode("w1 " + "w" * 1001).ids == [3, 1]


def test_model2vec_returns_the_row_of_each_word(static_model):
    assert bits(static_model.encode(WORDS)) == bits(MATRIX)
    assert static_model.encode("W12").tobytes() == MATRIX[12].tobytes()


def test_model2vec_ignores_unknown_words(static_model):
    expected = [
        MATRIX[[3, 200, 7, 201, 201, 199]].mean(axis=0),
        np.zeros(7),
        MATRIX[[202, 203, 203]].mean(axis=0),
        MATRIX[1],
        np.zeros(7),
    ]
    np.testing.assert_allclose(static_model.encode(TEXTS), expected, rtol=1e-5, atol=1e-6)


def test_model2vec_does_not_truncate_long_texts(static_model):
    text = " ".join(WORDS * 10)
    expected = MATRIX.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(static_model.encode(text), expected, rtol=1e-4, atol=1e-6)


def test_model2vec_saves_the_same_vectors(static_model, tmp_path):
    static_model.save_pretrained(tmp_path / "again")
    again = type(static_model).from_pretrained(tmp_path / "again")
    assert again.encode(TEXTS).tobytes() == static_model.encode(TEXTS).tobytes()


def test_sentence_transformers_returns_the_row_of_each_word(transformer):
    assert bits(transformer.encode(WORDS)) == bits(MATRIX)


def test_sentence_transformers_includes_the_row_of_unknown_words(directory, transformer):
    matrix = load(directory).matrix_for()
    ids = load(directory).encode
    means = [matrix[ids(text)].mean(axis=0) if text else np.zeros(7) for text in TEXTS]
    np.testing.assert_allclose(transformer.encode(TEXTS), means, rtol=1e-5, atol=1e-6)


def test_sentence_transformers_saves_the_same_vectors(transformer, tmp_path):
    transformer.save_pretrained(str(tmp_path / "again"), create_model_card=False)
    again = sentence_transformer(tmp_path / "again")
    assert again.encode(TEXTS).tobytes() == transformer.encode(TEXTS).tobytes()


def test_padding_is_zero_in_sentence_transformers(transformer):
    weight = transformer[0].embedding.weight.detach().numpy()
    assert bits(weight[2:]) == bits(MATRIX)
    assert weight[0].tolist() == [0] * 7
