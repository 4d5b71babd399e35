"""The examples in docs/embedding-layers.md, unchanged: each layer returns the rows of w2v."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import w2v


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


def test_the_example_of_a_trained_layer(examples, model):
    importorskip("torch")
    found = examples.run("encode", "torch", "from-layer")
    assert found["trained"].matrix.tolist() == model.matrix.tolist()


def test_a_trained_torch_layer_comes_back(model, batch):
    torch = importorskip("torch")
    layer = model.torch_layer(trainable=True)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    layer(torch.from_numpy(batch.ids)).square().sum().backward()
    optimizer.step()
    found = type(model).from_layer(layer, model)
    assert found.words == model.words
    assert found.matrix_for().tolist() == layer.weight.detach().numpy().tolist()
    assert not np.array_equal(found.matrix, model.matrix)
    assert found.encode("In the beginning").tolist() == model.encode("In the beginning").tolist()
    for other in (layer.half(), layer.to(torch.bfloat16), torch.nn.EmbeddingBag(3, 2)):
        words = model if other is layer else ["a"]
        back = type(model).from_layer(other, words, "pad+unk")
        assert back.matrix.tolist() == other.weight.detach().float().numpy()[2:].tolist()


def test_a_trained_keras_layer_comes_back(model, batch, caplog):
    keras = importorskip("keras")
    layer = model.keras_layer(trainable=True, mask_zero=False)
    network = keras.Sequential(
        [keras.Input((None,), dtype="int32"), layer, keras.layers.GlobalAveragePooling1D()]
    )
    network.compile(keras.optimizers.SGD(5.0), "mse")
    network.fit(batch.ids, np.ones((3, model.dim), np.float32), verbose=0)
    matrix = np.asarray(keras.ops.convert_to_numpy(layer.embeddings))
    assert matrix[0].any(), "the padding row was trained"
    found = type(model).from_layer(layer, model)
    assert "training has moved the padding row" in caplog.text
    assert found.matrix_for()[1:].tolist() == matrix[1:].tolist()
    assert not found.matrix_for()[0].any()
    assert not np.array_equal(found.matrix, model.matrix)


def test_a_keras_layer_that_is_not_built_has_no_vectors():
    keras = importorskip("keras")
    with pytest.raises(w2v.errors.ConfigError, match="the layer has no vectors yet"):
        w2v.Embeddings.from_layer(keras.layers.Embedding(3, 2), ["a"])


def test_contradictions_are_rejected_before_the_framework_sees_them(model):
    importorskip("torch")
    importorskip("keras")
    with pytest.raises(w2v.errors.ConfigError, match="mask_zero would mask row 0"):
        model.keras_layer(rows="none", mask_zero=True)
    with pytest.raises(w2v.errors.ConfigError, match="padding_idx is a row that is never trained"):
        model.torch_layer(rows="none", padding_idx=0)


def test_a_vector_becomes_a_tensor_without_a_warning(model, recwarn):
    torch = importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.from_numpy(model["god"]).tolist() == model["god"].tolist()


class Texts:
    """A data set for workers, which encode the texts."""

    def __init__(self, model: w2v.Embeddings, texts: list[str]) -> None:
        self.model = model
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, number: int) -> np.ndarray:
        return self.model.encode(self.texts[number], length=8)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_data_loader_encode(method, model):
    torch = importorskip("torch")
    texts = ["In the beginning God created", "the heaven and the earth"] * 8
    expected = model.encode(texts, length=8)  # the model has been used before
    loader = torch.utils.data.DataLoader(
        Texts(model, texts), batch_size=4, num_workers=2, multiprocessing_context=method
    )
    assert torch.cat(list(loader)).tolist() == expected.tolist()
