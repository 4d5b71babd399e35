"""Compare text classifiers with and without a pretrained Embedding layer.

    python -m scripts.classify_reviews train.tsv test.tsv --json reviews.json --plot reviews.svg

Each line of both files holds a label, a tab and a text. The vectors are trained on the texts of
train.tsv, without their labels, and on the --unlabelled files. test.tsv is used only for the final
accuracy. A small network is trained on different numbers of labelled texts. Its Embedding layer
starts from these vectors or from random numbers, and is frozen or fine-tuned. Two linear
classifiers serve as baselines. The seed determines the sample of texts, the initial weights and the
vectors. One sampled text in five is held out for validation: its loss stops the network early, and
its accuracy selects the regularization of the linear classifiers.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

import w2v
from scripts.bench.measuring import json_option, machine, require_parent_directory, write_json
from scripts.bench.reviews import (
    AVERAGED,
    NETWORKS,
    TF_IDF,
    VALIDATED_BY,
    Labelled,
    Result,
    check_sizes,
    draw,
    held_out,
    lines_of,
    read_labelled,
    report,
)
from w2v.system.atomic import new_file

if TYPE_CHECKING:
    import keras

ROWS = "pad+unk"
VECTOR_EPOCHS = 10
HIDDEN = 32
DROPOUT = 0.5
LEARNING_RATE = 1e-3
MIN_BATCH = 16  # texts per step
MAX_STEPS = 150  # per epoch
PATIENCE = 5
RANDOM_RANGE = 0.05  # of random vectors, the default of Keras
MIN_DEVIATION = 1e-7  # lower bound of a standard deviation in a denominator
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)  # C of scikit-learn: smaller values regularize more
MIN_TEXTS = 5  # minimum document frequency of a word or bigram

OPTIONS = ("sizes", "seeds", "dim", "length", "epochs")

Labels = NDArray[np.int64]
Predict = Callable[[Any], Labels]


@dataclass(frozen=True)
class Plan:
    """The texts and options of a comparison."""

    train: Labelled
    test: Labelled
    unlabelled: list[str]
    sizes: tuple[int, ...]
    seeds: int
    dim: int
    length: int
    epochs: int

    @property
    def texts(self) -> list[str]:
        """All texts that may be used without labels, none of the test file."""
        return [*self.train.texts, *self.unlabelled]


@dataclass(frozen=True)
class Inputs:
    """The features of the texts of both files, one row per text."""

    train: Any
    test: Any


@dataclass(frozen=True)
class TrainingSet:
    """The data that a classifier is trained on.

    Attributes:
        inputs: (N, any), the features of all labelled texts of the training file.
        labels: (N,), their labels.
        trained, validated: (n,), the rows to train on, and the held-out rows.
        classes: the number of labels.
        seed: the seed of the classifier.
    """

    inputs: Any
    labels: Labels
    trained: Labels
    validated: Labels
    classes: int
    seed: int

    @property
    def training(self) -> tuple[Any, Labels]:
        """Inputs and labels to train on."""
        return self.inputs[self.trained], self.labels[self.trained]

    @property
    def validation(self) -> tuple[Any, Labels]:
        """Inputs and labels for validation."""
        return self.inputs[self.validated], self.labels[self.validated]


@click.command()
@click.argument("train", type=click.Path(exists=True, dir_okay=False))
@click.argument("test", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--unlabelled",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="More text to train the vectors on, one text per line. May be repeated.",
)
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Number of seeds."
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(1),
    default=(500, 2_000, 25_000),
    show_default=True,
    help="Number of labelled texts to train on. May be repeated.",
)
@click.option("--dim", type=click.IntRange(1), default=128, show_default=True)
@click.option(
    "--length",
    type=click.IntRange(1),
    default=400,
    show_default=True,
    help="Number of words per text in the input of the network.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Maximum number of epochs.",
)
@json_option
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(dir_okay=False),
    callback=require_parent_directory,
    help="Plot the accuracies to this file, .svg or .png.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    callback=require_parent_directory,
    help="Also write the table to this file.",
)
def main(
    train: str,
    test: str,
    unlabelled: tuple[str, ...],
    json_path: str | None,
    plot_path: str | None,
    output: str | None,
    **options: Any,
) -> None:
    """Train classifiers on TRAIN with and without pretrained vectors, and evaluate them on TEST."""
    check_installed("keras", "sklearn", *["matplotlib"] * (plot_path is not None))
    try:
        figures = measure(read(train, test, unlabelled, options), (train, test), json_path)
        text = report(figures)
        click.echo(text)
        if output is not None:
            table = f"{text}\n".encode()
            with new_file(output, needed=len(table), overwrite=True) as file:
                file.write(table)
    except w2v.W2VError as error:
        raise click.ClickException(str(error)) from error
    if plot_path is not None:
        from scripts.bench.plot import draw_reviews, save, use_style

        use_style()
        save(draw_reviews(figures), Path(plot_path))


def check_installed(*packages: str) -> None:
    """Check that packages are installed, and select torch as the default backend of Keras.

    Raises:
        click.ClickException: a package is missing.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "torch")
    for package in (*packages, backend):
        if importlib.util.find_spec(package) is None:
            hint = "install it with: pip install --group classify"
            if package == backend != "torch":
                hint = "install it, or use torch: KERAS_BACKEND=torch"
            raise click.ClickException(f"{package} is not installed; {hint}")


def read(train: str, test: str, unlabelled: tuple[str, ...], options: Mapping[str, Any]) -> Plan:
    """Read all texts.

    Raises:
        click.ClickException: a line is invalid, or there are too few texts for a size.
    """
    texts = read_labelled(train)
    check_sizes(texts, options["sizes"])
    test_texts = read_labelled(test, texts.names)
    more = [line for path in unlabelled for _, line in lines_of(path)]
    return Plan(texts, test_texts, more, **options)


def measure(plan: Plan, files: tuple[str, str], json_path: str | None) -> dict[str, Any]:
    """Train and evaluate all classifiers, and write the figures after each of them."""
    packages = ("numpy", "numba", "keras", os.environ["KERAS_BACKEND"], "scikit-learn")
    figures: dict[str, Any] = {
        "machine": machine(packages),
        "data": {
            "train": Path(files[0]).name,
            "train_texts": len(plan.train.texts),
            "test": Path(files[1]).name,
            "test_texts": len(plan.test.texts),
            "labels": plan.train.names,
            "unlabelled_texts": len(plan.texts),
        },
        "options": {name: getattr(plan, name) for name in OPTIONS},
        "network": description(plan),
        "vectors": [],
        "results": [],
    }
    click.echo("counting words and bigrams", err=True)
    tf_idf = tf_idf_features(plan)
    for seed in range(1, plan.seeds + 1):
        vectors = train_vectors(plan, seed)
        figures["vectors"].append(facts_of(vectors))
        for result in results_of(plan, vectors, tf_idf, seed):
            figures["results"].append(asdict(result))
            report_result(result)
            if json_path is not None:  # after each result, so that a kill loses little
                write_json(json_path, figures)
    return figures


def description(plan: Plan) -> str:
    """Describe the network and its training."""
    return (
        f"the first {plan.length} words of a text, Embedding ({plan.dim}), mean over the words,"
        f" standardized if the vectors are frozen, Dense ({HIDDEN}, relu), dropout ({DROPOUT}),"
        f" Dense (softmax); Adam, learning rate {LEARNING_RATE:g}, batches of {MIN_BATCH} texts or"
        f" {MAX_STEPS} steps per epoch, early stopping on the loss of one labelled text in"
        f" {VALIDATED_BY} with a patience of {PATIENCE} epochs, at most {plan.epochs} epochs, best"
        f" weights restored"
    )


def train_vectors(plan: Plan, seed: int) -> w2v.Embeddings:
    """Train vectors on the texts without labels, none of the test file."""
    click.echo(f"seed {seed}: training vectors", err=True)
    return w2v.train(iter(plan.texts), dim=plan.dim, epochs=VECTOR_EPOCHS, seed=seed)


def facts_of(vectors: w2v.Embeddings) -> dict[str, Any]:
    """Return the facts to record about a training of vectors."""
    config = vectors.meta["config"]
    return {"words": len(vectors), "seconds": vectors.meta["timings"]["training"], "config": config}


def results_of(plan: Plan, vectors: w2v.Embeddings, tf_idf: Inputs, seed: int) -> Iterator[Result]:
    """Train every classifier on every number of labelled texts."""
    ids, averages = encoded(plan, vectors)
    for size in plan.sizes:
        trained, validated = held_out(draw(plan.train.labels, size, seed))
        for variant in (*NETWORKS, AVERAGED, TF_IDF):
            inputs = {AVERAGED: averages, TF_IDF: tf_idf}.get(variant, ids)
            data = TrainingSet(
                inputs.train, plan.train.labels, trained, validated, len(plan.train.names), seed
            )
            started = time.perf_counter()
            if variant in NETWORKS:
                layer = layer_of(vectors, *NETWORKS[variant], seed)
                predict, epochs = fit_network(layer, data, plan.epochs)
            else:
                predict, epochs = fit_linear(data), None
            seconds = time.perf_counter() - started
            accuracy = accuracy_of(predict, inputs.test, plan.test.labels)
            validation = accuracy_of(predict, *data.validation)
            yield Result(variant, size, seed, accuracy, validation, epochs, seconds)


def accuracy_of(predict: Predict, inputs: Any, labels: Labels) -> float:
    """Return the share of texts that a classifier labels correctly."""
    return float(np.mean(predict(inputs) == labels))


def report_result(result: Result) -> None:
    """Report the accuracy of a classifier on stderr."""
    where = f"seed {result.seed}, {result.size:,} texts: {result.variant}"
    epochs = "" if result.epochs is None else f", {result.epochs} epochs"
    found = f"{100 * result.accuracy:.1f} % correct ({100 * result.validation:.1f} in validation)"
    click.echo(f"{where}: {found}, {result.seconds:.1f} s{epochs}", err=True)


def encoded(plan: Plan, vectors: w2v.Embeddings) -> tuple[Inputs, Inputs]:
    """Return texts as ids of one length, and as means of the vectors of their known words."""
    texts = [
        [vectors.encode(text, rows=ROWS) for text in file.texts] for file in (plan.train, plan.test)
    ]
    ids = Inputs(*(pad(vectors, file, plan.length) for file in texts))
    matrix, first = vectors.matrix_for(ROWS), vectors.layout(ROWS).first_word
    train, test = (np.stack([mean(matrix, text[text >= first]) for text in file]) for file in texts)
    center, scale = train.mean(axis=0), np.maximum(train.std(axis=0), MIN_DEVIATION)
    return ids, Inputs((train - center) / scale, (test - center) / scale)


def pad(vectors: w2v.Embeddings, texts: list[NDArray[np.int32]], length: int) -> NDArray[np.int32]:
    """Truncate or pad texts to one length. An empty text gets one unknown word.

    The mean of zero words would be NaN.
    """
    layout = vectors.layout(ROWS)
    ids = vectors.encode(texts, length=length, rows=ROWS)
    ids[ids[:, 0] == layout.padding, 0] = layout.unknown
    return ids


def mean(matrix: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the mean of some rows, or zeros without any."""
    found: NDArray[np.float32] = matrix[rows].sum(axis=0) / max(len(rows), 1)
    return found


def tf_idf_features(plan: Plan) -> Inputs:
    """Return TF-IDF weights of the words and bigrams of whole texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(
        ngram_range=(1, 2), min_df=MIN_TEXTS, sublinear_tf=True, dtype=np.float32
    ).fit(plan.texts)
    return Inputs(weights.transform(plan.train.texts), weights.transform(plan.test.texts))


def layer_of(vectors: w2v.Embeddings, pretrained: bool, trainable: bool, seed: int) -> keras.Layer:
    """Return an Embedding layer with these vectors, or with random ones for the same words."""
    if not pretrained:
        random = np.random.Generator(np.random.PCG64(seed))
        matrix = random.uniform(-RANDOM_RANGE, RANDOM_RANGE, vectors.matrix.shape)
        vectors = w2v.Embeddings(vectors.words, matrix, meta=vectors.meta)
    return vectors.keras_layer(rows=ROWS, trainable=trainable)


def fit_network(layer: keras.Layer, data: TrainingSet, epochs: int) -> tuple[Predict, int]:
    """Train a network with early stopping. Return its predictions and the number of epochs.

    Means of frozen vectors do not change, so they are computed once and standardized, as for
    logistic regression.
    """
    import keras

    keras.utils.set_random_seed(data.seed)
    means = keras.Sequential(
        [
            keras.Input(data.inputs.shape[1:], dtype="int32"),
            layer,
            keras.layers.GlobalAveragePooling1D(),  # ignores padding, which is masked
        ]
    )
    (trained, labels), (validated, validated_labels) = data.training, data.validation
    if layer.trainable:
        whole = keras.Sequential([means, *head_of(data.classes)])
        taken = fit(whole, data.training, data.validation, epochs)
    else:
        known = predicted(means, trained)
        scaled = keras.layers.Normalization(mean=known.mean(axis=0), variance=known.var(axis=0))
        head = keras.Sequential([keras.Input(known.shape[1:]), scaled, *head_of(data.classes)])
        validation = predicted(means, validated), validated_labels
        taken = fit(head, (known, labels), validation, epochs)
        whole = keras.Sequential([means, head])
    return lambda inputs: predicted(whole, inputs).argmax(axis=1), taken


def head_of(classes: int) -> list[keras.Layer]:
    """Return the layers after the mean of the vectors: a hidden layer and the output."""
    from keras import layers

    return [
        layers.Dense(HIDDEN, activation="relu"),
        layers.Dropout(DROPOUT),
        layers.Dense(classes, activation="softmax"),
    ]


def predicted(network: keras.Model, inputs: Any) -> NDArray[np.float32]:
    """Return the output of a network."""
    return np.asarray(network.predict(inputs, batch_size=256, verbose=0))


def fit(
    network: keras.Model, training: tuple[Any, Labels], validation: tuple[Any, Labels], epochs: int
) -> int:
    """Train with early stopping on the validation loss. Return the number of epochs."""
    import keras

    network.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE), loss="sparse_categorical_crossentropy"
    )
    stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
    history = network.fit(
        *training,
        validation_data=validation,
        batch_size=batch_of(len(training[1])),
        epochs=epochs,
        callbacks=[stop],
        verbose=0,
    )
    return len(history.epoch)


def batch_of(texts: int) -> int:
    """Return the batch size: MAX_STEPS steps per epoch, but at least MIN_BATCH texts."""
    return max(MIN_BATCH, texts // MAX_STEPS)


def fit_linear(data: TrainingSet) -> Predict:
    """Train logistic regression with the regularization that validates best."""
    from sklearn.linear_model import LogisticRegression

    tried = [
        LogisticRegression(C=strength, max_iter=1_000).fit(*data.training) for strength in STRENGTHS
    ]
    best = max(tried, key=lambda model: model.score(*data.validation))
    return best.predict


if __name__ == "__main__":
    main()
