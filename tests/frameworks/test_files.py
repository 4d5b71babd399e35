"""Other programs read the same words and bits from the files that w2v writes.

These programs are large, so the tests run separately: `make test-frameworks`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.formats.registry import FORMATS

WORDS = ["the", "Zoë's", "日本", "0.5", "Don't", *(f"w{i}" for i in range(100))]
EMBEDDINGS = Embeddings(WORDS, np.random.default_rng(3).standard_normal((105, 7)))

SPACY = """
import sys, json, numpy, spacy
vocab = spacy.load(sys.argv[1]).vocab
words = json.loads(sys.argv[2])
numpy.save(sys.argv[3], numpy.stack([vocab[word].vector for word in words]))
"""


def python(*arguments: object) -> None:
    subprocess.run([sys.executable, *map(str, arguments)], check=True, timeout=300)


@pytest.mark.parametrize("name", ["words.txt.gz", "words.txt"])
def test_spacy_reads_the_vectors(name, tmp_path):
    pytest.importorskip("spacy", reason="spaCy is not installed")
    FORMATS["spacy"].write(EMBEDDINGS, tmp_path / name)
    python("-m", "spacy", "init", "vectors", "en", tmp_path / name, tmp_path / "model")
    python("-c", SPACY, tmp_path / "model", json.dumps(WORDS), tmp_path / "back.npy")
    assert np.load(tmp_path / "back.npy").tobytes() == EMBEDDINGS.matrix.tobytes()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # gensim leaves a file open
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.vec", {}),
        ("x.vec.gz", {}),
        ("x.txt.gz", {}),
        ("x.bin", {"binary": True}),
        ("x.glove", {"no_header": True}),
        ("x.glove.gz", {"no_header": True}),
    ],
)
def test_gensim_reads_and_writes_the_same_vectors(name, options, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from gensim
        models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    format_name = (
        "glove" if "glove" in name else "word2vec-bin" if "bin" in name else "word2vec-text"
    )
    FORMATS[format_name].write(EMBEDDINGS, tmp_path / name)
    theirs = models.KeyedVectors.load_word2vec_format(tmp_path / name, **options)
    assert theirs.index_to_key == WORDS
    assert theirs.vectors.tobytes() == EMBEDDINGS.matrix.tobytes()
    options = {"write_header": not options.pop("no_header", False), **options}
    theirs.save_word2vec_format(str(tmp_path / f"their_{name}"), **options)
    back = load(tmp_path / f"their_{name}")
    assert back.words == WORDS
    assert back.matrix.tobytes() == EMBEDDINGS.matrix.tobytes()


def test_torch_reads_the_rows_of_a_safetensors_file(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    library = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    FORMATS["safetensors"].write(EMBEDDINGS, tmp_path / "x.safetensors")
    matrix = library.load_file(tmp_path / "x.safetensors")["embeddings"]
    layer = torch.nn.Embedding.from_pretrained(matrix, padding_idx=0)
    ids = torch.from_numpy(EMBEDDINGS.encode([["日本", "nowhere"]], length=3))
    expected = [EMBEDDINGS["日本"].tolist(), [0.0] * 7, [0.0] * 7]
    assert layer(ids)[0].tolist() == expected
