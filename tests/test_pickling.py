"""Every public object can be pickled and copied, so that it can travel to other processes."""

from __future__ import annotations

import concurrent.futures
import copy
import gc
import importlib
import inspect
import logging
import multiprocessing
import os
import pickle
import pkgutil
import signal
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import pytest

import w2v
from sample_events import ALL, CLUSTER_TIMES, WORKERS
from support import LINES, TINY
from w2v import config, errors, events
from w2v.embeddings.given_words import matrix_of_words
from w2v.evaluation import report
from w2v.evaluation.compare import compare
from w2v.evaluation.datasets import BUNDLED
from w2v.evaluation.evaluate import evaluate
from w2v.formats.layout import Layout
from w2v.formats.packed_words import PackedWords
from w2v.formats.reading import ReadOptions
from w2v.formats.registry import FORMATS
from w2v.formats.table import VectorTable
from w2v.pipeline.encode_file import encode_file
from w2v.pipeline.read import find_phrases, read_corpus
from w2v.pipeline.record import TrainingRecord, known_origins
from w2v.text.segmenters import Segmenter

META = {"tokenizer": {"name": "unicode", "lowercase": True}}
TEXT = "The dog sleeps; the fox jumps."

PUBLIC = ("config", "embeddings", "errors", "evaluation", "events", "formats", "options", "text")
RESULTS = ("corpus", "pipeline")
"""Packages whose classes are public, or are parts of public results."""

HELD = {
    "BadRows": "belongs to a file that is being read",
    "BlockBytes": "belongs to a block that is being read",
    "Checkpoint": "holds a lock on a directory",
    "ByteSource": "reads files",
    "CountedText": "belongs to a corpus that is being read",
    "CountingReader": "reads an open file",
    "DistinctWords": "refers to the work space of threads",
    "EncodedPortion": "maps files that have no name any more",
    "ExpansionGuard": "reads an open file",
    "FileSource": "reads files",
    "IterableSource": "reads an iterator",
    "LineBuffer": "belongs to a file that is being read",
    "LineReader": "reads an open file",
    "LocalPortions": "maps files that have no name any more",
    "PairCounter": "the work space of threads",
    "PhraseText": "reads open files",
    "PieceStream": "reads an open file",
    "PartSource": "reads files",
    "PortionCounter": "holds the words of threads",
    "PortionedText": "a base class",
    "Preflight": "belongs to a run",
    "Records": "belongs to a file that is being read",
    "RowBuffer": "grows while a file is read",
    "CorpusSurvey": "holds the words of threads",
    "RepeatedLines": "grows while a text is read",
    "Subwords": "maps a file",
    "WordRows": "grows while a file is read",
    "RemoteText": "its ids lie on the workers of a cluster",
    "Scanner": "the work space of a thread",
    "Scanners": "the work space of threads",
    "Surveyor": "the work space of a thread",
    "StreamSource": "reads an open file",
    "Spool": "writes an open file",
    "TextStream": "reads an open file",
    "TrainingRun": "holds a checkpoint",
    "Transcoder": "reads an open file",
    "Validity": "belongs to a file that is being read",
    "WarmStart": "holds a checkpoint",
    "WordTable": "the work space of a thread",
}
"""Classes that exist during a call only, and never reach a caller."""


def classes(packages: tuple[str, ...]) -> Iterator[type]:
    """Yield the public classes that some packages define, except protocols and typed dicts."""
    for module in pkgutil.walk_packages(w2v.__path__, "w2v."):
        if module.name.split(".")[1] in packages:
            for name, value in vars(importlib.import_module(module.name)).items():
                kind = inspect.isclass(value) and not name.startswith("_")
                if kind and value.__module__ == module.name and not is_type_only(value):
                    yield value


def is_type_only(kind: type) -> bool:
    return getattr(kind, "_is_protocol", False) or hasattr(kind, "__total__")


def example_errors() -> Iterator[errors.W2VError]:
    for kind in classes(("errors",)):
        if kind is errors.MissingExtraError:
            yield kind("a Keras layer", "keras")
        elif kind is errors.ConfigError:
            yield kind("must be positive", option=("lr", "lr_min"))
        elif issubclass(kind, errors.W2VError):
            yield kind("the message")


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> dict[type, list[Any]]:
    """Examples of each class, in the state that they are in after use."""
    path = tmp_path_factory.mktemp("objects")
    (path / "text.txt").write_text("\n".join(LINES))
    model = w2v.train(
        path / "text.txt", output=path / "m", train_unk=True, **TINY | {"min_count": 20}
    )
    used = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), [7, 3], dict(META))
    used.encode([TEXT, ["dog"]])
    used.tokenize(TEXT)
    used.most_similar("dog")
    loaded = [w2v.load(path / "m")]
    for name, entry in FORMATS.items():
        if name not in {"keras", "hf", "safetensors"}:  # which need optional packages
            entry.write(used, path / name)
            loaded.append(w2v.Embeddings.from_table(entry.read(path / name)))
    mapped = np.lib.format.open_memmap(path / "mapped.npy", "w+", np.float32, (2, 3))
    mapped[:] = 1
    record = TrainingRecord.from_meta(model.meta)
    continued = w2v.train(path / "text.txt", init=path / "m", **{**TINY, "dim": 8})
    (path / "odd.txt").write_bytes("a b\u200b\na b\n".encode() * 9)
    (path / "odd.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (path / "odd").mkdir()
    for name in ("odd.txt", "odd.png"):
        (path / name).rename(path / "odd" / name)
    inspected = w2v.inspect(path / "odd", min_count=1)
    (path / "questions").write_text(": capital\nthe dog the dog\n")
    (path / "pairs").write_text("the\tdog\t1.5\nthe\tthe\t2\n")
    found_phrases = find_phrases(["new york is new york"] * 9)
    phrases = {"name": "unicode", "lowercase": True, "phrases": [["new york"]]}
    phrases_model = w2v.Embeddings(["new_york"], np.ones((1, 2)), None, {"tokenizer": phrases})
    corpus = read_corpus(path / "text.txt", min_count=1, validation=0.5)
    scores = report.evaluate(used, path / "pairs")
    compared = compare(used, used, path / "pairs")
    found: list[Any] = [
        *(BUNDLED[0], scores, scores.scores[0], compared, compared.sets[0], *compared.moved),
        *ALL,
        *example_errors(),
        *(model, used, *loaded, w2v.Embeddings(["a", "b"], mapped)),
        *(used.encoder, used.encoder.tokenizer, used.layout(), VectorTable(["a"], [[1.0]])),
        PackedWords(b"a\nb\n"),
        *(corpus, corpus.text, corpus.held_out, corpus.vocabulary, corpus.definition),
        Segmenter("package:function", str.split, skips_ascii=False),
        *(
            corpus.times,
            found_phrases[0][0],
            phrases_model.encoder.joiner,
            config.Config(dim=3),
            ReadOptions(limit=3),
            matrix_of_words(used, ["dog"], "zeros", lowercase=False, seed=1)[1],
            *config.options().values(),
            *FORMATS.values(),
        ),
        *(inspected, inspected.files, *inspected.files.kinds, *inspected.files.skipped),
        *(inspected.lines, *inspected.lines.most_repeated, inspected.words, *inspected.findings),
        *(inspected.characters, *inspected.characters.odd, *inspected.examples),
        inspected.training,
        *(evaluate(used, path / "questions"), evaluate(used, path / "pairs")),
        *evaluate(used, path / "questions").sections,
        used.map(),
        encode_file(used, path / "text.txt", path / "ids.npy"),
        *(record, record.training, record.timings, record.made_with),
        *known_origins(TrainingRecord.from_meta(continued.meta)),
        *(CLUSTER_TIMES, *WORKERS.workers),
        events.LoggingObserver(logging.getLogger("a.service")),
    ]
    corpus.close()
    examples: dict[type, list[Any]] = {}
    for value in found:
        examples.setdefault(type(value), []).append(value)
    return examples


@pytest.mark.parametrize("kind", list(classes(PUBLIC + RESULTS)), ids=lambda kind: kind.__name__)
def test_every_class_has_an_example_or_a_reason(kind, objects):
    base = kind in {events.Event, errors.W2VError} and kind.__subclasses__()
    known = kind in objects or kind.__name__ in HELD or base or issubclass(kind, tuple)
    assert known or kind.__name__ in INTERNAL, f"add an example of {kind} to `objects`"


INTERNAL = {
    *(
        "Address",
        "Directories",
        "EncodingJob",
        "FileTotals",
        "Findings",
        "InitialModel",
        "Selection",
        "Skipped",
    ),
    *("Lexicon", "ReadingJob", "TextOnWorkers", "TextPosition", "VocabularyChoice"),
    *("SourceOptions", "StructureError", "TrainingJob", "VectorsFile"),
}
"""Plain records inside a run."""


def same(one: Any, other: Any) -> bool:
    """Return whether two objects have the same content, down to the last attribute."""
    if isinstance(one, np.ndarray):  # mapped or not
        return one.dtype == other.dtype and np.array_equal(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, BaseException):
        return (
            str(one) == str(other) and same(one.args, other.args) and same(vars(one), vars(other))
        )
    if inspect.ismethod(one):
        return one.__func__ is other.__func__
    if isinstance(one, (logging.Logger, type)) or not hasattr(one, "__dict__"):
        return bool(one == other)
    return same(state(one), state(other))


def state(value: Any) -> dict[str, Any]:
    """Return the attributes that a copy must have."""
    if isinstance(value, w2v.Embeddings):
        computed = {"unit", "_encoder", "_norms", "_rows_by_normal_form"}
        return {name: part for name, part in vars(value).items() if name not in computed}
    left_out = {"directory", "_lock", "_scanner", "_numbers", "_tokenizer", "tables", "_segmenter"}
    return {name: part for name, part in vars(value).items() if name not in left_out}


def through_pickle(protocol: int) -> Callable[[Any], Any]:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


def through_workers(value: Any) -> Any:
    """Travel as an object does to a worker of `multiprocessing`, or of a DataLoader."""
    return pickle.loads(ForkingPickler.dumps(value))


WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "workers": through_workers,
    **{f"protocol {n}": through_pickle(n) for n in range(2, pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_object_travels(way, objects):
    for examples in objects.values():
        for value in examples:
            assert same(WAYS[way](value), value), value


def test_a_difference_would_be_found():
    one = w2v.Embeddings(["a"], [[1.0]])
    for other in (
        w2v.Embeddings(["b"], [[1.0]]),
        w2v.Embeddings(["a"], [[2.0]]),
        w2v.Embeddings(["a"], [[1.0]], [1]),
        VectorTable(["a"], [[1.0]]),
    ):
        assert not same(one, other)
    assert not same(errors.ConfigError("a", option="b"), errors.ConfigError("a"))
    assert not same(Layout("pad"), Layout("none"))


@pytest.mark.parametrize("way", WAYS)
def test_embeddings_answer_as_before(way, objects):
    for model in objects[w2v.Embeddings]:
        found = WAYS[way](model)
        word = model.words[0]
        assert found.most_similar(word) == model.most_similar(word)
        assert found.encode([[word]]).tolist() == model.encode([[word]]).tolist()
        if "tokenizer" in model.meta:
            assert found.encode(TEXT).tolist() == model.encode(TEXT).tolist()
            assert found.encoder.tokenizer.words(TEXT) == model.tokenize(TEXT)


def test_a_copy_has_an_encoder_of_its_own():
    model = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), meta=dict(META))
    model.encode("the dog")
    for found in (copy.copy(model), copy.deepcopy(model)):
        assert found.encoder is not model.encoder
        assert found.encoder._find.__self__ is found


def test_a_deep_copy_shares_nothing():
    model = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), meta=copy.deepcopy(META))
    found = copy.deepcopy(model)
    found.matrix[0] = 5
    found.meta["tokenizer"]["lowercase"] = False
    assert model.matrix[0].tolist() == [1, 0]
    assert model.meta == META


def test_caches_do_not_travel():
    """They would double the size, and can be computed again."""
    model = w2v.Embeddings([f"w{i}" for i in range(100)], np.eye(100, dtype=np.float32))
    size = len(pickle.dumps(model))
    model.most_similar("w1")
    model.encode([["w1"]])
    assert len(pickle.dumps(model)) == size


def test_pickling_while_another_thread_encodes():
    model = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), meta=META)
    done = threading.Event()

    def encode() -> None:
        while not done.is_set():
            model.encode("the dog " * 100)

    thread = threading.Thread(target=encode)
    thread.start()
    try:
        for _ in range(50):
            assert pickle.loads(pickle.dumps(model)).words == model.words
    finally:
        done.set()
        thread.join()


def test_a_corpus_outlives_the_files_of_the_original():
    with read_corpus(LINES, min_count=1) as corpus:
        found = pickle.loads(pickle.dumps(corpus))
        copied = copy.copy(corpus)
        pairs = list(w2v.skipgram_pairs(corpus.text))
    for other in (found, copied):
        assert list(w2v.skipgram_pairs(other.text)) == pairs
        other.close()
    assert type(found.text.ids) is np.ndarray


def test_the_copy_of_a_corpus_does_not_remove_its_files(tmp_path):
    corpus = read_corpus(LINES, min_count=1, work_dir=tmp_path)
    copy.copy(corpus).close()
    assert len(list(tmp_path.iterdir())) == 1
    corpus.close()
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_its_notes_and_attributes():
    error = errors.MissingExtraError("a Keras layer", "keras")
    error.add_note("in worker 3")
    for way in WAYS.values():
        found = way(error)
        assert (found.extra, found.__notes__, str(found)) == ("keras", ["in worker 3"], str(error))


def raise_error(number: int) -> None:
    kinds = list(example_errors())
    raise kinds[number]


def encode_and_compare(model: w2v.Embeddings) -> tuple[list[int], list[tuple[str, float]]]:
    return model.encode("the dog").tolist(), model.most_similar("dog")


@pytest.mark.slow
def test_spawned_workers_receive_models_and_return_errors():
    model = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), meta=META)
    expected = encode_and_compare(model)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(encode_and_compare, model).result(120) == expected
        for number, error in enumerate(example_errors()):
            with pytest.raises(type(error)) as caught:
                pool.submit(raise_error, number).result(120)
            assert str(caught.value) == str(error)
            assert vars(error).items() <= vars(caught.value).items()


def test_a_forked_worker_does_not_wait_for_a_thread_of_its_parent():
    """Workers of a DataLoader are forked, perhaps while another thread encodes."""
    model = w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), meta=META)
    expected = model.encode("the dog a").tolist()
    with model.encoder.tokenizer._lock:  # as another thread would hold it
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            child = os.fork()
        if not child:
            signal.alarm(20)  # ends a process that waits for ever
            os._exit(0 if model.encode("the dog a").tolist() == expected else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert model.encode("the dog a").tolist() == expected


def test_tokenizers_are_not_kept_alive():
    model = w2v.Embeddings(["the"], [[1.0]], meta=META)
    alive = weakref.ref(model.encoder.tokenizer)
    model.meta["tokenizer"] = {"name": "whitespace", "lowercase": True}
    model.encode("the")
    gc.collect()
    assert alive() is None
