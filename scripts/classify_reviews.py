"""Is a pretrained Embedding layer worth it? A text classifier with one, beside others.

    python -m scripts.classify_reviews train.tsv test.tsv --json reviews.json --plot reviews.svg

A line of either file is a label, a tab and a text. Vectors are trained on the texts of train.tsv,
without their labels, and of --unlabelled files; nothing but the accuracy is taken from test.tsv.
Then a small network learns from few labelled texts and from many: its Embedding layer has these
vectors or random numbers, and stays as it is or is trained along. Two linear classifiers do the
same work, so that it is seen what the network is good for. The seed decides which texts are drawn,
what the layers begin with, and the vectors. One drawn text in five is not trained on: there the
loss tells the network when to stop, and the accuracy the linear ones how much to regularise.
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
from scripts.bench.measuring import in_a_folder, json_option, machine, write_json
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
LEAST_BATCH = 16  # texts a step
MOST_STEPS = 150  # an epoch
PATIENCE = 5
RANDOM_RANGE = 0.05  # of random vectors, as Keras has it
SMALLEST = 1e-7  # standard deviation that is divided by
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)  # C of scikit-learn: the less, the more regularised
MIN_TEXTS = 5  # a word or pair of words that fewer texts have is not counted

OPTIONS = ("sizes", "seeds", "dim", "length", "epochs")

Labels = NDArray[np.int64]
Predict = Callable[[Any], Labels]


@dataclass(frozen=True)
class Plan:
    """What is to be tried on which texts."""

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
        """All that may be seen without labels: none of the test's."""
        return [*self.train.texts, *self.unlabelled]


@dataclass(frozen=True)
class Inputs:
    """The texts of both files as a classifier takes them: anything with a row a text."""

    train: Any
    test: Any


@dataclass(frozen=True)
class Lesson:
    """What a classifier may see.

    Attributes:
        inputs: of all labelled texts of the training file, (N, any).
        labels: (N,) theirs.
        trained, validated: (n,) which of them are trained on, and which are held out.
        classes: how many labels there are.
        seed: of what is random in a classifier.
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
        """Inputs and labels to choose by."""
        return self.inputs[self.validated], self.labels[self.validated]


@click.command()
@click.argument("train", type=click.Path(exists=True, dir_okay=False))
@click.argument("test", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--unlabelled",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Train the vectors on this too, a text a line, may be given several times.",
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="How many.")
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(1),
    default=(500, 2_000, 25_000),
    show_default=True,
    help="Labelled texts to learn from, may be given several times.",
)
@click.option("--dim", type=click.IntRange(1), default=128, show_default=True)
@click.option(
    "--length",
    type=click.IntRange(1),
    default=400,
    show_default=True,
    help="Words of a text that the network sees.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Passes over the labelled texts at most.",
)
@json_option
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(dir_okay=False),
    callback=in_a_folder,
    help="Draw the accuracies there, .svg or .png.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    callback=in_a_folder,
    help="Write the table there too.",
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
    """Learn from TRAIN, labelled texts, with and without pretrained vectors, and judge by TEST."""
    check_installed("keras", "sklearn", *["matplotlib"] * (plot_path is not None))
    try:
        figures = measure(read(train, test, unlabelled, options), (train, test), json_path)
        told = report(figures)
        click.echo(told)
        if output is not None:
            table = f"{told}\n".encode()
            with new_file(output, needed=len(table), overwrite=True) as file:
                file.write(table)
    except w2v.W2VError as error:
        raise click.ClickException(str(error)) from error
    if plot_path is not None:
        from scripts.bench.plot import draw_reviews, save, use_style

        use_style()
        save(draw_reviews(figures), Path(plot_path))


def check_installed(*packages: str) -> None:
    """Refuse before the work what cannot be done, and let Keras work with torch by default.

    Raises:
        click.ClickException: a package is missing.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "torch")
    for package in (*packages, backend):
        if importlib.util.find_spec(package) is None:
            hint = "install it with: pip install --group classify"
            if package == backend != "torch":
                hint = "install it, or let Keras work with torch: KERAS_BACKEND=torch"
            raise click.ClickException(f"{package} is not installed; {hint}")


def read(train: str, test: str, unlabelled: tuple[str, ...], options: Mapping[str, Any]) -> Plan:
    """Read all texts.

    Raises:
        click.ClickException: they are not as expected, or too few for what is asked for.
    """
    texts = read_labelled(train)
    check_sizes(texts, options["sizes"])
    test_texts = read_labelled(test, texts.names)
    more = [line for path in unlabelled for _, line in lines_of(path)]
    return Plan(texts, test_texts, more, **options)


def measure(plan: Plan, files: tuple[str, str], json_path: str | None) -> dict[str, Any]:
    """Train and test everything, and write the figures again and again meanwhile."""
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
    click.echo("counting words and pairs of words", err=True)
    tf_idf = weighed(plan)
    for seed in range(1, plan.seeds + 1):
        vectors = train_vectors(plan, seed)
        figures["vectors"].append(facts_of(vectors))
        for result in results_of(plan, vectors, tf_idf, seed):
            figures["results"].append(asdict(result))
            tell(result)
            if json_path is not None:  # so that an end by force loses little
                write_json(json_path, figures)
    return figures


def description(plan: Plan) -> str:
    """The network and how it is trained, in words."""
    return (
        f"the first {plan.length} words of a text, Embedding ({plan.dim}), mean of the words that"
        f" there are, brought to mean 0 and variance 1 if the vectors are frozen, Dense ({HIDDEN},"
        f" relu), dropout ({DROPOUT}), Dense (softmax); Adam, learning rate {LEARNING_RATE:g},"
        f" {LEAST_BATCH} texts a step, or as many as make {MOST_STEPS} steps an epoch, until the"
        f" loss on one labelled text in {VALIDATED_BY} has not fallen for {PATIENCE} epochs,"
        f" {plan.epochs} at most; the best epoch's weights count"
    )


def train_vectors(plan: Plan, seed: int) -> w2v.Embeddings:
    """Train vectors on texts without their labels, none of the test's."""
    click.echo(f"seed {seed}: training vectors", err=True)
    return w2v.train(iter(plan.texts), dim=plan.dim, epochs=VECTOR_EPOCHS, seed=seed)


def facts_of(vectors: w2v.Embeddings) -> dict[str, Any]:
    """What is worth keeping of how vectors were trained."""
    config = vectors.meta["config"]
    return {"words": len(vectors), "seconds": vectors.meta["timings"]["training"], "config": config}


def results_of(plan: Plan, vectors: w2v.Embeddings, tf_idf: Inputs, seed: int) -> Iterator[Result]:
    """Train every classifier on every number of labelled texts."""
    ids, averages = encoded(plan, vectors)
    for size in plan.sizes:
        trained, validated = held_out(draw(plan.train.labels, size, seed))
        for variant in (*NETWORKS, AVERAGED, TF_IDF):
            inputs = {AVERAGED: averages, TF_IDF: tf_idf}.get(variant, ids)
            lesson = Lesson(
                inputs.train, plan.train.labels, trained, validated, len(plan.train.names), seed
            )
            started = time.perf_counter()
            if variant in NETWORKS:
                layer = layer_of(vectors, *NETWORKS[variant], seed)
                predict, epochs = fit_network(layer, lesson, plan.epochs)
            else:
                predict, epochs = fit_linear(lesson), None
            seconds = time.perf_counter() - started
            accuracy = right(predict, inputs.test, plan.test.labels)
            validation = right(predict, *lesson.validation)
            yield Result(variant, size, seed, accuracy, validation, epochs, seconds)


def right(predict: Predict, inputs: Any, labels: Labels) -> float:
    """The share of texts that a classifier is right about."""
    return float(np.mean(predict(inputs) == labels))


def tell(result: Result) -> None:
    """Say on stderr how a classifier did, for who waits."""
    where = f"seed {result.seed}, {result.size:,} texts: {result.variant}"
    epochs = "" if result.epochs is None else f", {result.epochs} epochs"
    found = f"{100 * result.accuracy:.1f} % right ({100 * result.validation:.1f} in validation)"
    click.echo(f"{where}: {found}, {result.seconds:.1f} s{epochs}", err=True)


def encoded(plan: Plan, vectors: w2v.Embeddings) -> tuple[Inputs, Inputs]:
    """Texts as ids of one length, and as means of the vectors of all their known words."""
    texts = [
        [vectors.encode(text, rows=ROWS) for text in file.texts] for file in (plan.train, plan.test)
    ]
    ids = Inputs(*(filled(vectors, file, plan.length) for file in texts))
    matrix, first = vectors.matrix_for(ROWS), vectors.layout(ROWS).first_word
    train, test = (np.stack([mean(matrix, text[text >= first]) for text in file]) for file in texts)
    center, scale = train.mean(axis=0), np.maximum(train.std(axis=0), SMALLEST)
    return ids, Inputs((train - center) / scale, (test - center) / scale)


def filled(
    vectors: w2v.Embeddings, texts: list[NDArray[np.int32]], length: int
) -> NDArray[np.int32]:
    """Cut texts and fill them up to one length; one without a word has an unknown one.

    For the mean of no words is not a number.
    """
    layout = vectors.layout(ROWS)
    ids = vectors.encode(texts, length=length, rows=ROWS)
    ids[ids[:, 0] == layout.padding, 0] = layout.unknown
    return ids


def mean(matrix: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float32]:
    """The mean of some rows, zeros if there are none."""
    found: NDArray[np.float32] = matrix[rows].sum(axis=0) / max(len(rows), 1)
    return found


def weighed(plan: Plan) -> Inputs:
    """Words and pairs of words of whole texts, by their weights."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(
        ngram_range=(1, 2), min_df=MIN_TEXTS, sublinear_tf=True, dtype=np.float32
    ).fit(plan.texts)
    return Inputs(weights.transform(plan.train.texts), weights.transform(plan.test.texts))


def layer_of(vectors: w2v.Embeddings, pretrained: bool, trainable: bool, seed: int) -> keras.Layer:
    """An Embedding layer with vectors, or with random ones for the same words."""
    if not pretrained:
        random = np.random.Generator(np.random.PCG64(seed))
        matrix = random.uniform(-RANDOM_RANGE, RANDOM_RANGE, vectors.matrix.shape)
        vectors = w2v.Embeddings(vectors.words, matrix, meta=vectors.meta)
    return vectors.keras_layer(rows=ROWS, trainable=trainable)


def fit_network(layer: keras.Layer, lesson: Lesson, epochs: int) -> tuple[Predict, int]:
    """Train a network until its validation says stop; returns it, and how many epochs that took.

    The means of vectors that stay as they are do so too: they are found out once, not every epoch,
    and are brought to mean 0 and variance 1, as logistic regression gets them.
    """
    import keras

    keras.utils.set_random_seed(lesson.seed)
    means = keras.Sequential(
        [
            keras.Input(lesson.inputs.shape[1:], dtype="int32"),
            layer,
            keras.layers.GlobalAveragePooling1D(),  # padding, which is masked, does not count
        ]
    )
    (trained, labels), (validated, validated_labels) = lesson.training, lesson.validation
    if layer.trainable:
        whole = keras.Sequential([means, *head_of(lesson.classes)])
        taken = fit(whole, lesson.training, lesson.validation, epochs)
    else:
        known = predicted(means, trained)
        scaled = keras.layers.Normalization(mean=known.mean(axis=0), variance=known.var(axis=0))
        head = keras.Sequential([keras.Input(known.shape[1:]), scaled, *head_of(lesson.classes)])
        validation = predicted(means, validated), validated_labels
        taken = fit(head, (known, labels), validation, epochs)
        whole = keras.Sequential([means, head])
    return lambda inputs: predicted(whole, inputs).argmax(axis=1), taken


def head_of(classes: int) -> list[keras.Layer]:
    """What follows the mean of the vectors of a text: a layer to learn with, and one to decide."""
    from keras import layers

    return [
        layers.Dense(HIDDEN, activation="relu"),
        layers.Dropout(DROPOUT),
        layers.Dense(classes, activation="softmax"),
    ]


def predicted(network: keras.Model, inputs: Any) -> NDArray[np.float32]:
    """What a network makes of some inputs."""
    return np.asarray(network.predict(inputs, batch_size=256, verbose=0))


def fit(
    network: keras.Model, training: tuple[Any, Labels], validation: tuple[Any, Labels], epochs: int
) -> int:
    """Train until the loss in validation stops falling; returns how many epochs that took."""
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
    """Texts a step: so many that an epoch has MOST_STEPS steps, but at least LEAST_BATCH."""
    return max(LEAST_BATCH, texts // MOST_STEPS)


def fit_linear(lesson: Lesson) -> Predict:
    """Train logistic regression, as strongly regularised as its validation likes best."""
    from sklearn.linear_model import LogisticRegression

    tried = [
        LogisticRegression(C=strength, max_iter=1_000).fit(*lesson.training)
        for strength in STRENGTHS
    ]
    best = max(tried, key=lambda model: model.score(*lesson.validation))
    return best.predict


if __name__ == "__main__":
    main()
