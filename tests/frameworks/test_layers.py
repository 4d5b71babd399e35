"""The examples in docs/embedding-layers.md, unchanged: each layer returns the rows of w2v."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest


def importorskip(name: str):
    """Import a framework, or skip the test with the name of the framework."""
    return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)


def test_encode(examples, model):
    found = examples.run("encode")
    assert found["ids"].shape == (2, 8)
    assert found["ids"].dtype == np.int32
    assert found["matrix"].shape == (len(model) + 2, model.dim)
    assert found["ids"][0].tolist() == [
        *(model.words.index(word) + 2 for word in ["in", "the", "beginning", "god", "created"]),
        *[0] * 3,
    ]


def test_keras(examples, model, batch, tmp_path):
    keras = importorskip("keras")
    found = examples.run("encode", "keras")
    assert tuple(found["vectors"].shape) == (2, 8, model.dim)
    for layer in (found["layer"], model.keras_layer()):
        assert not layer.trainable
        network = keras.Sequential([keras.Input((None,), dtype="int32"), layer])
        network.save(tmp_path / "network.keras")
        again = keras.models.load_model(tmp_path / "network.keras")
        for used in (network, again):
            batch.check(keras.ops.convert_to_numpy(used(batch.ids)))
            mask = used.layers[-1].compute_mask(batch.ids)
            assert np.asarray(keras.ops.convert_to_numpy(mask)).tolist() == batch.mask.tolist()
        (tmp_path / "network.keras").unlink()


def test_a_trainable_keras_layer(model, batch):
    keras = importorskip("keras")
    layer = model.keras_layer(trainable=True, rows="pad", name="words")
    assert layer.trainable
    assert (layer.name, layer.mask_zero, layer.input_dim) == ("words", True, len(model) + 1)
    assert model.keras_layer(rows="none").mask_zero is False
    ids = model.encode([model.words[:10]], rows="pad")
    found = keras.ops.convert_to_numpy(layer(ids))
    assert np.asarray(found)[0].tolist() == model.matrix[:10].tolist()


def test_torch(examples, model, batch):
    torch = importorskip("torch")
    found = examples.run("encode", "torch")
    assert tuple(found["vectors"].shape) == (2, 8, model.dim)
    for layer in (found["layer"], model.torch_layer()):
        assert not layer.weight.requires_grad
        again = torch.nn.Embedding(*layer.weight.shape, padding_idx=layer.padding_idx)
        again.load_state_dict(layer.state_dict())
        for used in (layer, again):
            batch.check(used(torch.from_numpy(batch.ids)).detach().numpy())
    bag, ids = found["bag"], torch.from_numpy(batch.ids)
    sums = np.where(batch.mask[:, :, None], batch.rows, 0).sum(axis=1, dtype=np.float64)
    means = sums / batch.mask.sum(axis=1)[:, None]
    np.testing.assert_allclose(bag(ids).numpy(), means, atol=1e-6)


def test_the_padding_row_of_a_torch_layer_is_not_trained(model):
    torch = importorskip("torch")
    layer = model.torch_layer(trainable=True)
    layer(torch.tensor([[0, 5]])).sum().backward()
    assert layer.weight.grad[0].abs().sum() == 0
    assert layer.weight.grad[5].abs().sum() > 0


def test_tensorflow(examples, batch, tmp_path):
    tf = importorskip("tensorflow")
    found = examples.run("encode", "tensorflow")
    matrix = found["matrix"]
    batch.check(tf.nn.embedding_lookup(matrix, batch.ids).numpy())

    class Lookup(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = tf.Variable(matrix, trainable=False)

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
        def rows(self, ids):
            return tf.nn.embedding_lookup(self.matrix, ids)

    tf.saved_model.save(Lookup(), str(tmp_path / "saved"))
    again = tf.saved_model.load(str(tmp_path / "saved"))
    batch.check(again.rows(batch.ids).numpy())


def test_flax(examples, model, batch):
    importorskip("jax")
    nnx = importorskip("flax.nnx")
    import jax.numpy as jnp

    found = examples.run("encode", "flax")
    assert found["vectors"].shape == (2, 8, model.dim)
    layer = found["layer"]
    batch.check(layer(jnp.asarray(batch.ids)))
    graph, state = nnx.split(layer)
    batch.check(nnx.merge(graph, state)(jnp.asarray(batch.ids)))


def test_keras_lookups(examples, model):
    """In a separate process: the layers need TensorFlow, and another backend may be loaded here."""
    importorskip("tensorflow")
    importorskip("keras")
    code = examples.code("encode") + examples.code("keras") + examples.code("keras-lookup")
    code += """
import numpy as np
found = keras.ops.convert_to_numpy(vectors)
rows = [model["the"], model["king"], model.unknown, np.zeros(model.dim, np.float32)]
assert found.tolist() == [[row.tolist() for row in rows]]
texts = ["In the beginning", "The king’s son"]
assert ids.numpy().tolist() == model.encode(texts, length=8).tolist()
words = [*model.words[:100], "zzzz", ""]
assert lookup(words).numpy().tolist() == [*range(2, 102), 1, 0]
"""
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def exported(directory, examples):
    """Files exported as in the examples, except those that need a package that is not installed."""
    for line in examples.code("export").splitlines():
        program, *arguments = line.split()
        module = arguments[1] if program == "python" else program
        if program == "w2v":
            needed = {"hf": "safetensors", "keras": "keras"}.get(arguments[3])
        else:
            needed = "spacy"
        if needed is None or importlib.util.find_spec(needed):
            arguments = arguments[2:] if program == "python" else arguments
            subprocess.run([sys.executable, "-m", module, *arguments], check=True)
    return directory


def words_and_rows(model):
    words = model.words[::53][:100]
    return words, [model[word].tolist() for word in words]


def test_gensim(examples, exported, model):
    importorskip("gensim")
    vectors = examples.run("gensim")["vectors"]
    words, rows = words_and_rows(model)
    assert vectors.index_to_key == model.words
    assert vectors[words].tolist() == rows
    assert "zzzz" not in vectors


def test_spacy(examples, exported, model, tmp_path):
    spacy = importorskip("spacy")
    found = examples.run("spacy")
    assert found["vector"].tolist() == model["jerusalem"].tolist()
    found["nlp"].to_disk(tmp_path / "again")
    words, rows = words_and_rows(model)
    for nlp in (found["nlp"], spacy.load(tmp_path / "again")):
        assert [nlp.vocab[word].vector.tolist() for word in words] == rows
        assert not nlp.vocab["zzzz"].has_vector


@pytest.mark.parametrize("name", ["model2vec", "sentence-transformers"])
def test_static_encoders(name, examples, exported, model, tmp_path):
    importorskip("safetensors")
    importorskip(name.replace("-", "_"))
    found = examples.run(name)
    assert found["vectors"].shape == (2, model.dim)
    words, rows = words_and_rows(model)
    assert found["encoder"].encode(words).tolist() == rows
    text = np.mean([model[word] for word in ["in", "the", "beginning"]], axis=0)
    np.testing.assert_allclose(found["vectors"][0], text, atol=1e-6)
    save = {"model2vec": "save_pretrained", "sentence-transformers": "save"}[name]
    getattr(found["encoder"], save)(str(tmp_path / "again"))
    load = type(found["encoder"])
    again = (
        load.from_pretrained(tmp_path / "again")
        if name == "model2vec"
        else load(str(tmp_path / "again"))
    )
    assert again.encode(words).tolist() == rows


def test_keras_file(examples, exported, batch):
    keras = importorskip("keras")
    layer = examples.run("keras-file")["layer"]
    batch.check(keras.ops.convert_to_numpy(layer(batch.ids)))
    mask = keras.ops.convert_to_numpy(layer.compute_mask(batch.ids))
    assert np.asarray(mask).tolist() == batch.mask.tolist()
