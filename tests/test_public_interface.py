"""The public interface: names, options with their defaults, formats, and the files of a model.

Everything listed here may be extended. A change or a removal breaks the code of users.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import click
import pytest

import w2v
from w2v import config, errors, events
from w2v.cli import main as cli
from w2v.formats import registry as formats

NAMES = {
    "Config",
    "Embeddings",
    "W2VError",
    "__version__",
    "compare",
    "evaluate",
    "find_phrases",
    "inspect",
    "load",
    "map_page",
    "merge",
    "postprocess",
    "read_corpus",
    "resume",
    "skipgram_pair_blocks",
    "skipgram_pairs",
    "train",
}

PARAMETERS = {
    "train": {
        "corpus": None,
        "vocab": None,
        "include": (),
        "strict": False,
        "init": None,
        "freeze_old": False,
        "output": None,
        "overwrite": False,
        "work_dir": None,
        "checkpoint_every": 60.0,
        "observer": events.ignore,
        "progress": None,
        "tensorboard": None,
        "options": None,
    },
    "resume": {
        "output": None,
        "work_dir": None,
        "checkpoint_every": 60.0,
        "overwrite": False,
        "observer": events.ignore,
        "progress": None,
        "tensorboard": None,
        "options": None,
    },
    "read_corpus": {
        "corpus": None,
        "vocab": None,
        "include": (),
        "strict": False,
        "work_dir": None,
        "observer": events.ignore,
        "progress": None,
        "options": None,
    },
    "inspect": {
        "corpus": None,
        "include": (),
        "strict": False,
        "observer": events.ignore,
        "progress": None,
        "options": None,
    },
    "load": {"path": None},
    "evaluate": {
        "model": None,
        "files": None,
        "top": 30_000,
        "method": "add",
        "lower": True,
        "observer": events.ignore,
    },
    "compare": {
        "first": None,
        "second": None,
        "files": None,
        "words": 10_000,
        "moved": 20,
        "top": 30_000,
        "method": "add",
        "lower": True,
        "names": ("first", "second"),
        "observer": events.ignore,
    },
    "postprocess": {"model": None, "center": True, "remove": 0, "contexts": 0.0},
    "skipgram_pairs": {"ids": None, "window": 2},
    "skipgram_pair_blocks": {"ids": None, "window": 2, "block_size": 65536},
}

EMBEDDINGS = {
    "analogy",
    "dim",
    "encode",
    "encoder",
    "from_layer",
    "from_rows",
    "id_of",
    "keras_layer",
    "layout",
    "matrix_for",
    "most_similar",
    "plot",
    "neighbours",
    "odd_one_out",
    "save",
    "tokenize",
    "torch_layer",
    "unit",
}
EMBEDDINGS_ATTRIBUTES = {"words", "matrix", "counts", "meta", "unknown", "unk", "rows"}

ERRORS = {
    "W2VError": 1,
    "ConfigError": 2,
    "InputError": 1,
    "VocabularyError": 1,
    "FormatError": 1,
    "OutputError": 1,
    "BusyError": 1,
    "ResourceError": 1,
    "NoRoomError": 1,
    "DivergenceError": 1,
    "UnknownWordError": 1,
    "MissingExtraError": 1,
}
STANDARD_BASES = {
    "ConfigError": ValueError,
    "FormatError": ValueError,
    "UnknownWordError": KeyError,
    "MissingExtraError": ImportError,
}

EVENTS = {
    "ClusterWorkers": ("workers", {"workers"}),
    "BeginsWith": ("origin", {"path", "epochs", "contexts", "frozen"}),
    "Compiling": ("compiling", {"cache_dir"}),
    "CorpusRead": (
        "corpus",
        {
            *("files", "text_bytes", "lines", "tokens", "types", "vocabulary", "kept_tokens"),
            *("coverage", "dropped_rare", "dropped_beyond_size", "dropped_unlisted"),
            *("dropped_too_long", "invalid_bytes", "unseen_words", "seconds", "old_words"),
            "left_out_words",
        },
    ),
    "Encoding": ("encoding", {"done_texts", "total_texts", "words", "seconds"}),
    "EpochDone": (
        "epoch",
        {
            *("epoch", "epochs", "loss", "validation_loss", "centers", "pairs", "words", "lr"),
            "seconds",
        },
    ),
    "Exported": ("exported", {"path", "format", "words", "dim"}),
    "GoesOn": ("resumed", {"epoch", "epochs", "share"}),
    "LayingOut": ("layout", {"done_steps", "total_steps", "words", "seconds"}),
    "Notice": ("notice", {"message", "warning"}),
    "Reading": ("reading", {"done_bytes", "total_bytes", "text_bytes", "tokens", "seconds"}),
    "Saved": ("saved", {"path", "words", "dim", "words_per_second", "seconds", "timings"}),
    "Training": (
        "training",
        {
            *("epoch", "epochs", "done_words", "total_words", "words_per_second", "loss", "lr"),
            *("seconds", "seconds_left"),
        },
    ),
}

TEXT_OPTIONS = {
    "tokenizer": "auto",
    "lowercase": None,
    "segmenter": None,
    "encoding": None,
    "column": None,
    "sep": None,
    "json_field": None,
    "vocab_size": 50_000,
    "min_count": 5,
    "max_expansion": 250,
}
CONFIG = {
    **TEXT_OPTIONS,
    "dim": 128,
    "window": 2,
    "negatives": 5,
    "epochs": "auto",
    "lr": 0.05,
    "lr_min": None,
    "sample": "auto",
    "noise_exponent": 0.75,
    "shrink_windows": False,
    "negative_sharing": None,
    "shared_negatives": None,
    "train_unk": False,
    "validation": 0.0,
    "seed": 1,
    "deterministic": False,
    "shards": None,
    "rounds": "auto",
    "ray": None,
    "workers": None,
    "allow_mixed": False,
    "threads": None,
}

TEXT_FLAGS = {
    "--tokenizer": "auto",
    "--lowercase --no-lowercase": None,
    "--segmenter": None,
    "--encoding": None,
    "--column": None,
    "--sep": None,
    "--json-field": None,
    "--include": None,
    "--strict": None,
    "--vocab-size": 50_000,
    "--min-count": 5,
    "--max-expansion": 250,
    "--threads": None,
    "--vocab": None,
    "-q --quiet": None,
    "--phrases": 0,
    "--phrase-score": "npmi",
    "--phrase-threshold": None,
    "--phrase-min-count": 5,
    "--connectors": "a,an,and,at,by,for,from,in,of,on,or,the,to,with,without",
}
# Without --help. Flags that are off, and options without a value, have None.
COMMANDS: dict[str, dict[str, Any]] = {
    "train": {
        **TEXT_FLAGS,
        "-o --output": None,
        "--dim": 128,
        "--window": 2,
        "--negatives": 5,
        "--epochs": "auto",
        "--lr": 0.05,
        "--lr-min": None,
        "--sample": "auto",
        "--noise-exponent": 0.75,
        "--shrink-windows": None,
        "--negative-sharing": None,
        "--shared-negatives": None,
        "--train-unk": None,
        "--validation": 0.0,
        "--seed": 1,
        "--deterministic": None,
        "--shards": None,
        "--rounds": "auto",
        "--ray": None,
        "--workers": None,
        "--allow-mixed": None,
        "--init": None,
        "--freeze-old": None,
        "--work-dir": None,
        "--overwrite": None,
        "--checkpoint-every": "60s",
        "--resume": None,
        "-v --verbose": None,
        "--log-json": None,
        "--tensorboard": None,
    },
    "inspect": {
        **{
            flag: default
            for flag, default in TEXT_FLAGS.items()
            if flag not in {"--vocab", "--connectors"} and not flag.startswith("--phrase")
        },
        "--window": 2,
        "--json": None,
    },
    "vocab": TEXT_FLAGS,
    "phrases": {flag: default for flag, default in TEXT_FLAGS.items() if flag != "--vocab"},
    "pairs": {**TEXT_FLAGS, "--ids": None, "--window": 2, "--work-dir": None},
    "similar": {"-n --number": 10, "--from": None, "--positive": None, "--negative": None},
    "odd": {"--from": None},
    "shell": {"-n --number": 10, "--from": None},
    "analogy": {"-n --number": 10, "--from": None},
    "eval": {
        "--top": 30_000,
        "--method": "add",
        "--lower --no-lower": True,
        "--json": None,
        "--from": None,
    },
    "export": {
        "--from": None,
        "--words": None,
        "--missing": "zeros",
        "--lowercase-words": None,
        "--limit": None,
        "--on-bad-row": "fail",
        "--on-bad-word": "fail",
        "-f --format": None,
        "-o --output": None,
        "--rows": None,
        "--unk": None,
        "--overwrite": None,
    },
    "convert": {
        "--from": None,
        "--limit": None,
        "--on-bad-row": "fail",
        "--on-bad-word": "fail",
        "-f --format": None,
        "--rows": None,
        "--unk": None,
        "--tokenizer": None,
        "--lowercase --no-lowercase": None,
        "--overwrite": None,
    },
    "formats": {},
    "encode": {
        "-o --output": None,
        "--from": None,
        "--length": None,
        "--padding": "post",
        "--dtype": "int32",
        "--rows": None,
        "--encoding": None,
        "--column": None,
        "--sep": None,
        "--json-field": None,
        "--max-expansion": 250,
        "--overwrite": None,
    },
    "merge": {"-o --output": None, "--how": "average", "--overwrite": None},
    "compare": {
        "--words": 10_000,
        "--moved": 20,
        "--top": 30_000,
        "--method": "add",
        "--lower --no-lower": True,
        "--json": None,
        "--from": None,
    },
    "post": {
        "-o --output": None,
        "--center --no-center": True,
        "--remove": 0,
        "--contexts": 0.0,
        "--from": None,
        "--overwrite": None,
    },
    "info": {"--json": None, "--from": None},
    "plot": {"-o --output": None, "--eval": None, "--overwrite": None},
    "completion": {"--install": None},
}

# Extensions, default rows, and the files that identify a directory.
FORMATS: dict[str, tuple[tuple[str, ...], str | None, tuple[str, ...]]] = {
    "npy": ((), "pad+unk", ("meta.json", "embeddings.npy")),
    "word2vec-text": ((".txt", ".vec", ".txt.gz", ".vec.gz"), None, ()),
    "word2vec-bin": ((".bin",), None, ()),
    "glove": ((".glove", ".glove.gz", ".txt", ".txt.gz"), None, ()),
    "spacy": ((".txt.gz",), None, ()),
    "safetensors": ((".safetensors",), "pad+unk", ()),
    "projector": ((), None, ("tensors.tsv", "metadata.tsv")),
    "hf": ((), "pad+unk", ("model.safetensors", "tokenizer.json", "meta.json")),
    "keras": ((), "pad+unk", ("embedding.keras", "vocab.txt", "meta.json")),
}

META = {
    "w2v_version": None,
    "format_version": None,
    "config": set(CONFIG),
    "tokenizer": {"name", "lowercase", "max_word_bytes", "unicode", "edition"},
    "corpus": {"stage", *EVENTS["CorpusRead"][1]},
    "training": {"words", "lines", "held_out_words", "held_out_lines"},
    "epochs": None,
    "timings": {"compiling", "reading", "training", "writing", "stages"},
    "words_per_second": None,
    "made_with": {"python", "numpy", "numba"},
    "job": {"config", "extend", "file", "files", "freeze_old", "key", "overwrite", "vocab"},
}
STAGES = {"input", "tokenizing", "hashing", "spooling", "phrases", "ranking", "renaming"}


def test_the_package_exports_its_public_names():
    assert set(w2v.__all__) >= NAMES


@pytest.mark.parametrize("name", PARAMETERS)
def test_functions_take_their_parameters(name):
    parameters = inspect.signature(getattr(w2v, name)).parameters.values()
    found = {p.name: None if p.default is p.empty else p.default for p in parameters}
    assert found.items() >= PARAMETERS[name].items()


def test_embeddings_have_their_methods_and_attributes():
    assert set(dir(w2v.Embeddings)) >= EMBEDDINGS
    embeddings = w2v.Embeddings(["a"], [[1.0]])
    assert set(dir(embeddings)) >= EMBEDDINGS_ATTRIBUTES


@pytest.mark.parametrize("name", ERRORS)
def test_errors_have_their_exit_codes_and_bases(name):
    error = getattr(errors, name)
    assert issubclass(error, errors.W2VError)
    assert error.exit_code == ERRORS[name]
    assert issubclass(error, STANDARD_BASES.get(name, Exception))


@pytest.mark.parametrize("name", EVENTS)
def test_events_have_their_stages_and_fields(name):
    stage, fields = EVENTS[name]
    event = getattr(events, name)
    assert event.stage == stage
    assert {field.name for field in dataclasses.fields(event)} >= fields


def test_the_config_has_its_defaults():
    found = {field.name: field.default for field in dataclasses.fields(config.Config)}
    assert found.items() >= CONFIG.items()


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_have_their_options(name):
    found = {}
    for parameter in cli.main.commands[name].params:
        if isinstance(parameter, click.Option):
            default = parameter.default
            plain = isinstance(default, (str, int, float)) and default is not False
            flags = " ".join([*parameter.opts, *parameter.secondary_opts])
            found[flags] = default if plain else None
    assert found.items() >= COMMANDS[name].items()


@pytest.mark.parametrize("name", FORMATS)
def test_formats_have_their_extensions_and_rows(name):
    entry = formats.FORMATS[name]
    assert (entry.extensions, entry.default_layout, entry.signature_files) == FORMATS[name]


def test_a_model_has_its_files_and_metadata(tmp_path):
    lines = ["the quick brown fox jumps over the lazy dog", "the rare dog sleeps"] * 3
    w2v.train(lines, output=tmp_path / "m", min_count=4, sample=0, dim=4, epochs=1, train_unk=True)
    files = {path.name for path in (tmp_path / "m").iterdir()}
    assert files == {
        "embeddings.npy",
        "contexts.npy",
        "unknown.npy",
        "vocab.txt",
        "counts.npy",
        "meta.json",
    }
    meta = json.loads((tmp_path / "m" / "meta.json").read_text(encoding="utf-8"))
    assert set(meta) >= set(META)
    for name, keys in META.items():
        assert keys is None or set(meta[name]) >= keys
    assert set(meta["timings"]["stages"]) == STAGES
    assert set(meta["epochs"][0]) >= EVENTS["EpochDone"][1]


INSPECTION = {
    "": {
        *("refusal", "exit_code", "files", "lines", "characters", "words", "examples", "training"),
        *("findings", "seconds"),
    },
    "files": {
        *("files", "stored_bytes", "text_bytes", "empty", "kinds", "skipped", "invalid_bytes"),
        "first_invalid",
    },
    "lines": {
        *("lines", "blank", "with_words", "with_one_word", "median_words", "longest_words"),
        *("longest_place", "longest_text", "repeats", "repeated_bytes", "not_compared"),
        *("most_repeated", "not_normal", "first_not_normal"),
    },
    "characters": {"characters", "letters", "scripts", "odd"},
    "words": {
        *("tokenizer", "reason", "words", "distinct", "most_frequent", "once", "too_long", "long"),
        *("long_example", "min_count", "vocab_size", "vocabulary", "covered", "rare"),
        *("rare_occurrences", "beyond_size", "beyond_size_occurrences"),
    },
    "training": {
        *("words", "epochs", "sample", "kept_words", "pairs", "median_uses", "memory_bytes"),
    },
}


def test_an_inspection_has_its_facts():
    found = w2v.inspect(["a b c"] * 9).as_dict()
    for name, keys in INSPECTION.items():
        assert set(found[name] if name else found) >= keys
    assert set(found["examples"][0]) >= {"text", "words"}
    assert set(found["findings"][0]) >= {"message", "warning", "command"}
    assert set(found["lines"]["most_repeated"][0]) >= {"text", "count"}
