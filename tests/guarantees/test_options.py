"""Invalid options: the command line and Python reject the same values and contradictions."""

from __future__ import annotations

import ast
import contextlib
import json
import math
import os
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import assume, example, given
from hypothesis import strategies as st

import w2v
from commands import flag_of
from support import LINES, NO_NUMBERS, TINY, names
from w2v.cli import main as cli
from w2v.cli import options as cli_options
from w2v.cli import process as cli_process
from w2v.config import CORPUS, DEFAULTS, Config, check_options, options
from w2v.corpus import pairs
from w2v.errors import ConfigError, InputError, short_repr
from w2v.evaluation import evaluate as evaluation
from w2v.evaluation.evaluate import evaluate
from w2v.formats.registry import FORMATS
from w2v.options import LENGTH, NUMBER, TOP, Option
from w2v.pipeline import encode_file as batch
from w2v.pipeline import inspect as inspect_module
from w2v.pipeline import read as read_module
from w2v.pipeline import spec
from w2v.pipeline import train as job
from w2v.pipeline.encode_file import encode_file
from w2v.training.plan import max_span_positions

OPTIONS = options()
CORPUS_OPTIONS = [name for name, option in OPTIONS.items() if option.group == CORPUS]
_ASCII_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?")


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch) -> Iterator[Path]:
    """Run in an empty directory."""
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)


class Called(Exception):  # noqa: N818 - not an error
    """Raised by stubs: a valid command line ends here, before any work."""


def run(*arguments: str) -> tuple[int | None, str]:
    """Run a command line; return its exit code, or None if a stub was called, and stderr."""
    result = CliRunner().invoke(cli.main, list(arguments))
    if isinstance(result.exception, Called):
        return None, result.stderr
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    assert result.stdout == ""
    return result.exit_code, result.stderr


def rejected(*arguments: str) -> str:
    """Run an invalid command line; check the usage on stderr and return the message below it."""
    code, stderr = run(*arguments)
    assert code == 2, stderr
    usage, hint, empty, message = stderr.splitlines()
    assert usage.startswith(f"Usage: main {arguments[0]} [OPTIONS]")
    assert re.fullmatch(rf"Try 'main {arguments[0]} (-h|--help)' for help\.", hint)
    assert empty == ""
    assert message.startswith("Error: ")
    return message.removeprefix("Error: ")


# Strategies for values of options


def valid(option: Option) -> st.SearchStrategy[Any]:
    """Return values that an option accepts, including its bounds."""
    if option.choices:
        return st.sampled_from(option.choices)
    if option.canonical is not None:
        if option.accepts("module:function"):
            return st.sampled_from(["jieba", "of-a-package", "module:function"])
        names = ["latin-1", "gb18030", "utf8", "UTF-16", "text", "2", "a,b", ";", "tab", "\t"]
        return st.sampled_from([name for name in names if option.accepts(name)])
    if option.kind is bool:
        return st.booleans()
    bounds = [bound for bound in (option.low, option.high) if option.accepts(bound)]
    within = st.integers(option.low, option.high)
    if option.kind is float:
        top = 1e308 if option.high is None else option.high
        within = st.floats(option.low, top, exclude_min=option.low_open) | st.integers(
            math.ceil(option.low) + option.low_open, math.floor(min(top, 1e9))
        ).filter(option.accepts)
    return within | st.sampled_from(bounds) if bounds else within


def invalid(option: Option) -> st.SearchStrategy[Any]:
    """Return values that an option rejects: out of range, of another type, or not numbers."""
    words = st.sampled_from(NO_NUMBERS) | st.text(max_size=6).filter(is_no_number)
    if option.choices:
        return words.filter(lambda word: word not in option.choices)
    if option.canonical is not None:
        return (words | st.just("")).filter(lambda word: not option.accepts(word))
    whole = st.integers() | st.integers(-(10**40), 10**40)
    numbers = whole | st.floats()
    return words | numbers.filter(lambda number: not option.accepts(number))


def is_no_number(text: str) -> bool:
    return _ASCII_NUMBER.fullmatch(text) is None


def arguments_for(name: str, value: Any) -> list[str]:
    """Return the command-line arguments that set an option."""
    if value is True:
        return [flag_of(name)]
    if value is False:
        return [f"--no-{flag_of(name)[2:]}"] if DEFAULTS[name] is None else []
    return [flag_of(name), value if isinstance(value, str) else repr(value)]


def option_values(*choices: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return values for some of the options; up to two of the values are invalid."""

    @st.composite
    def draw_values(draw: Callable[..., Any]) -> dict[str, Any]:
        chosen = draw(st.lists(st.sampled_from(choices), unique=True))
        count = draw(st.integers(0, 2))
        switches = {name for name in chosen if OPTIONS[name].kind is bool}
        bad = [name for name in chosen if name not in switches][:count]
        return {name: draw((invalid if name in bad else valid)(OPTIONS[name])) for name in chosen}

    return draw_values()


# Hyperparameters


@given(values=option_values(*OPTIONS))
@example(values={"lr": 0.1, "lr_min": 0.2})
@example(values={"lr_min": 0.06})
@example(values={"shards": 4})
@example(values={"rounds": 4})
@example(values={"sep": "\\t"})
@example(values={"column": "a", "json_field": "b"})
@example(values={"lr": float("nan")})
@example(values={"seed": 10**30})
@example(values={"dim": 2.0})
@example(values={"min_count": 2**63})
def test_the_command_line_and_python_accept_the_same_values(values):
    calls = []
    arguments = [text for name, value in values.items() for text in arguments_for(name, value)]
    with stubbed(job, "train", calls):
        try:
            config = Config.of(values)
        except ConfigError as error:
            expect_usage_error(["train", "none.txt", *arguments], values, error)
            assert calls == []
            return
        assert run("train", "none.txt", *arguments)[0] is None
    ((_, received),) = calls
    passed = {name: received[name] for name in OPTIONS if name in received}
    assert Config.of(passed) == config
    assert set(passed) == {name for name in values if arguments_for(name, values[name])}


@contextlib.contextmanager
def stubbed(module: Any, name: str, calls: list[Any]) -> Iterator[None]:
    """Replace a function by a stub that records its arguments."""

    def record(*arguments: Any, **options: Any) -> None:
        calls.append((arguments, options))
        raise Called

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, record)
        yield


def expect_usage_error(arguments: list[str], values: dict[str, Any], error: ConfigError) -> None:
    """Check that the command line rejects the values as Python does, with names of flags."""
    message = rejected(*arguments)
    bad = [name for name, value in values.items() if not OPTIONS[name].accepts(value)]
    if bad:
        assert message in {value_error(flag_of(name), OPTIONS[name], values[name]) for name in bad}
        (named,) = error.options
        assert named in bad
        return
    lr, lr_min = (float(values.get(name, DEFAULTS["lr"])) for name in ("lr", "lr_min"))
    separator = shlex.join(["--sep", str(OPTIONS["sep"].recorded(values.get("sep")))])
    assert (error.options, message) in [
        (
            ("lr_min",),
            f"--lr-min must not exceed the learning rate: got --lr-min {lr_min} and --lr {lr}",
        ),
        (
            ("workers",),
            (
                f"--workers requires --ray, got --workers {values.get('workers')} without it; add "
                "it, or omit --workers"
            ),
        ),
        (
            ("allow_mixed",),
            "--allow-mixed requires --ray, got --allow-mixed without it; add it, or omit this",
        ),
        (
            ("shards",),
            (
                f"--shards requires --deterministic, got --shards {values.get('shards')} without "
                "it; add it, or omit --shards"
            ),
        ),
        (
            ("rounds",),
            (
                f"--rounds requires --deterministic, got --rounds {values.get('rounds')} without "
                "it; add it, or omit --rounds"
            ),
        ),
        (
            ("json_field",),
            (
                "--json-field cannot be combined with --column: one is for JSON lines, the other "
                "for tables"
            ),
        ),
        (
            ("sep",),
            (
                f"--sep requires --column, got {separator} without it; name the column with the "
                "text, or omit --sep"
            ),
        ),
    ]


def value_error(named: str, option: Option, value: Any) -> str:
    """Return the message of the command line about an invalid value."""
    text = value if isinstance(value, str) else repr(value)
    if option.choices:
        expected = "one of " + ", ".join(map(repr, option.choices))
        return f"Invalid value for '{named}': {text!r} is not {expected}."
    return f"Invalid value for '{named}': {short_repr(text)} is not {option.expected}."


@pytest.mark.parametrize("command", ["inspect", "vocab", "pairs"])
@given(data=st.data())
def test_commands_with_some_of_the_options_accept_the_same_values(command, data):
    chosen = [*CORPUS_OPTIONS, "threads"] + ["window"] * (command != "vocab")
    values = with_one_structure(data.draw(option_values(*chosen)))
    arguments = [text for name, value in values.items() for text in arguments_for(name, value)]
    calls: list[Any] = []
    with (
        stubbed(read_module, "read_vocabulary", calls),
        stubbed(inspect_module, "inspect", calls),
        stubbed_pairs(calls),
    ):
        try:
            config = Config.of(values)
        except ConfigError as error:
            expect_usage_error([command, "none.txt", *arguments], values, error)
            assert calls == []
            return
        assert run(command, "none.txt", *arguments)[0] is None
    received = {name: value for _, options in calls for name, value in options.items()}
    if command == "pairs":
        received["window"] = calls[-1][0][1]
    assert Config.of({name: received[name] for name in chosen}) == config


@contextlib.contextmanager
def stubbed_pairs(calls: list[Any]) -> Iterator[None]:
    """Replace the functions of `w2v pairs` by stubs that read no text and record the window."""

    def read(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments, options))
        nothing = SimpleNamespace(vocabulary=SimpleNamespace(words=[]), text=None)
        return contextlib.nullcontext(nothing)

    with stubbed(pairs, "skipgram_pairs", calls), pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_module, "read_corpus", read)
        yield


# Options of single commands

OWN = {
    "similar": (NUMBER, ["similar", "m", "word"], ["-n", "--number"]),
    "analogy": (NUMBER, ["analogy", "m", "a", "b", "c"], ["-n", "--number"]),
    "eval": (TOP, ["eval", "m", "file"], ["--top"]),
    "encode": (LENGTH, ["encode", "m", "file", "-o", "ids.npy"], ["--length"]),
}


@pytest.mark.parametrize("command", OWN)
@given(data=st.data())
def test_numbers_of_single_commands_are_passed_or_rejected(command, data):
    option, arguments, spellings = OWN[command]
    spelling = data.draw(st.sampled_from(spellings))
    bounded = Option(int, "", low=1, high=option.high or 10**30)
    value = data.draw(valid(bounded) | invalid(option))
    text = value if isinstance(value, str) else repr(value)
    calls: list[Any] = []
    with stubbed_commands(calls):
        if option.accepts(value):
            assert run(*arguments, spelling, text)[0] is None
            assert value in calls[-1]
        else:
            named = "' / '".join(spellings)
            assert rejected(*arguments, spelling, text) == value_error(named, option, text)
            assert calls == []


@contextlib.contextmanager
def stubbed_commands(calls: list[Any]) -> Iterator[None]:
    """Replace the functions of the commands by stubs that load no model and record arguments."""

    def record(*arguments: Any, **options: Any) -> None:
        calls.append([*arguments, *options.values()])
        raise Called

    def load(path: str, **_options: object) -> Any:
        calls.append([path])
        return SimpleNamespace(most_similar=record, analogy=record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("w2v.embeddings.load.load", load)
        patch.setattr(evaluation, "evaluate", record)
        patch.setattr(batch, "encode_file", record)
        yield


UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@given(
    number=st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,12})?", fullmatch=True),
    unit=st.sampled_from(sorted(UNITS)),
)
@example(number="0.0000001", unit="s")
@example(number="0", unit="h")
def test_a_time_is_passed_in_seconds(number, unit):
    calls: list[Any] = []
    with stubbed(job, "train", calls):
        assert run("train", "none.txt", "--checkpoint-every", number + unit)[0] is None
    assert calls[0][1]["checkpoint_every"] == float(number) * UNITS[unit]


@pytest.mark.parametrize(
    "text", [*NO_NUMBERS, "-0", "-1", "1e9h", "5d", "5 s", "٣s", "1.s", "5ms", "+5"], ids=short_repr
)
def test_invalid_times_are_rejected(text):
    calls: list[Any] = []
    with stubbed(job, "train", calls):
        message = rejected("train", "none.txt", "--checkpoint-every", text)
    beyond = (text.isdigit() and len(text) > 300) or text.endswith("9.5")
    reason = "too long" if beyond else "not a time such as 90, 90s, 10m or 2h"
    assert message == f"Invalid value for '--checkpoint-every': {short_repr(text)} is {reason}."
    assert calls == []


# The properties of Config


def with_one_structure(values: dict[str, Any]) -> dict[str, Any]:
    """Return values without those of columns that contradict others."""
    left_out = {"column"} if "json_field" in values else set()
    left_out |= set() if values.keys() - left_out >= {"column"} else {"sep"}
    return {name: value for name, value in values.items() if name not in left_out}


@st.composite
def configs(draw: Callable[..., Any]) -> Config:
    """Return configurations with any valid values."""
    chosen = draw(st.lists(st.sampled_from(list(OPTIONS)), unique=True))
    values = {name: draw(valid(OPTIONS[name])) for name in chosen}
    if "shards" in values or values.get("rounds", "auto") != "auto":
        values["deterministic"] = True
    if "workers" in values or values.get("allow_mixed"):
        values.setdefault("ray", "local")
        values["ray"] = values["ray"] or "local"
    values = with_one_structure(values)
    if values.get("lr_min", 0) > values.get("lr", DEFAULTS["lr"]):
        values["lr"] = values["lr_min"]
    return Config.of(values)


@given(config=configs())
def test_a_config_is_restored_from_plain_values_and_json(config):
    assert Config.of(config.as_dict()) == config
    back = Config.of(json.loads(json.dumps(config.as_dict())))
    assert back == config
    assert repr(back) == repr(config)


@given(config=configs())
@example(config=Config(window=1_000, negatives=1_000, dim=1_000_000))
@example(config=Config(window=1_000, negatives=1_000, shared_negatives=1))
@example(config=Config(negative_sharing=1_000_000, dim=1_000_000, deterministic=True))
@example(config=Config(lr=5e-324))
@example(config=Config(lr=0.5, lr_min=0.1, threads=3, deterministic=True, shards=2))
@example(config=Config(shared_negatives=7, negative_sharing=9))
def test_derived_values_are_within_the_bounds_of_options(config):
    derived = {
        "shared_negatives": config.noise_words,
        "negative_sharing": config.sharing,
        "lr_min": config.final_lr,
        "threads": config.thread_count,
        "shards": config.shard_count,
    }
    check_options(derived)
    assert config.final_lr <= config.lr
    assert type(config.noise_words) is type(config.sharing) is int
    assert 1 <= max_span_positions(config) <= 1 << 17
    own = config.as_dict()
    assert {name: own[name] for name in derived if own[name] is not None}.items() <= derived.items()


# Contradictions on the command line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--lr-min", "1"],
            "--lr-min must not exceed the learning rate: got --lr-min 1.0 and --lr 0.05",
        ),
        (
            ["--shards", "2"],
            (
                "--shards requires --deterministic, got --shards 2 without it; add it, or omit"
                " --shards"
            ),
        ),
        (
            ["--freeze-old"],
            "--freeze-old requires --init, the model whose vectors it freezes",
        ),
        (
            ["--init", "none", "--vocab", "none"],
            "--init and --vocab both define the vocabulary; pass only one of them",
        ),
        (
            ["--resume", "none"],
            "--resume continues a previous run and cannot be combined with CORPUS",
        ),
        (["--dim", "-5"], "Invalid value for '--dim': '-5' is not an integer from 1 to 1000000."),
        (["--tokenizer", "Unicode"], "Invalid value for '--tokenizer': 'Unicode' is not one of"),
    ],
)
def test_contradictions_are_rejected_before_reading_or_writing(arguments, expected):
    Path("log").write_text("precious")
    before = names()
    message = rejected("train", "none.txt", "--log-json", "log", *arguments)
    assert message.startswith(expected)
    assert rejected("train", "none.txt", "--log-json", "new", *arguments) == message
    assert names() == before
    assert Path("log").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--dim"], ".*--dim.* requires an argument"),
        (["--deterministic=yes"], ".*--deterministic.* does not take a value"),
        (["--lowercase=no"], ".*--lowercase.* does not take a value"),
        (["--no-deterministic"], "No such option.* '?--no-deterministic"),
        (["--determinstic"], "No such option.* '?--determinstic.* '?--deterministic"),
        (["--vocabsize", "5"], "No such option.* '?--vocabsize.* '?--vocab-size"),
        (["-x"], "No such option.* '?-x"),
    ],
)
def test_click_rejects_wrong_command_lines(arguments, expected):
    code, stderr = run("train", "none.txt", *arguments)
    assert code == 2
    assert re.search(f"^Error: {expected}", stderr.splitlines()[-1])
    assert names() == []


def test_the_last_value_of_a_repeated_option_counts():
    calls: list[Any] = []
    with stubbed(job, "train", calls):
        twice = ["--dim", "5", "--dim", "7", "--lowercase", "--no-lowercase"]
        assert run("train", "none.txt", *twice)[0] is None
    assert {name: calls[0][1][name] for name in ("dim", "lowercase")} == {
        "dim": 7,
        "lowercase": False,
    }
    assert rejected("train", "none.txt", "--dim", "7", "--dim", "x").startswith("Invalid value for")


def test_quiet_and_log_json_can_be_combined():
    calls: list[Any] = []
    with stubbed(job, "train", calls):
        assert run("train", "none.txt", "--quiet", "--log-json", "log")[0] is None
    assert len(calls) == 1


@pytest.fixture
def old() -> str:
    """A small model in the directory of its text."""
    Path("text.txt").write_text("\n".join(LINES) + "\n")
    w2v.train("text.txt", output="old.w2v", **TINY)
    return "old.w2v"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--resume", "old.w2v", "--epochs", "3", "--dim", "9"],
            (
                "--dim cannot change when training resumes: it started with --dim 8, got --dim 9;"
                " omit it, or start over with --overwrite"
            ),
        ),
        (
            ["--resume", "old.w2v", "--epochs", "3", "--deterministic"],
            (
                "--deterministic cannot change when training resumes: it started with no"
                " --deterministic, got --deterministic; "
            ),
        ),
        (
            ["--resume", "old.w2v", "--epochs", "3", "--no-lowercase"],
            (
                "--lowercase cannot change when training resumes: it started with the default of"
                " --lowercase, got --no-lowercase; "
            ),
        ),
        (
            ["text.txt", "--init", "old.w2v", "--dim", "9"],
            (
                "--dim contradicts the initial model: old.w2v has --dim 8, got --dim 9; omit it, or"
                " train without --init"
            ),
        ),
        (
            ["text.txt", "--init", "old.w2v", "--tokenizer", "whitespace"],
            (
                "--tokenizer contradicts the initial model: old.w2v has --tokenizer unicode, got"
                " --tokenizer whitespace; "
            ),
        ),
        (
            ["text.txt", "--init", "old.w2v", "--no-lowercase"],
            (
                "--lowercase contradicts the initial model: old.w2v has --lowercase, got"
                " --no-lowercase; "
            ),
        ),
    ],
)
def test_contradictions_to_a_model_are_rejected_with_both_values(arguments, expected, old):
    Path("log").write_text("precious")
    before = names()
    assert rejected("train", *arguments, "--log-json", "log").startswith(expected)
    assert rejected("train", *arguments, "--log-json", "new").startswith(expected)
    assert names() == before
    assert Path("log").read_text() == "precious"


def test_a_run_replaces_an_existing_log(old):
    Path("log").write_text("an earlier log\n")
    arguments = ["--min-count", "1", "--sample", "0", "--dim", "4", "-q", "--log-json", "log"]
    assert run("train", "text.txt", "-o", "m", *arguments)[0] == 0
    lines = Path("log").read_text().splitlines()
    assert {"corpus", "saved"} <= {json.loads(line)["stage"] for line in lines}


def same(name: str, value: Any, original: dict[str, Any]) -> bool:
    return bool(OPTIONS[name].recorded(value) == original[name])


@given(config=configs(), values=option_values(*OPTIONS))
@example(config=Config(), values={"threads": 3})
@example(config=Config(encoding="latin1"), values={"encoding": "ISO-8859-1"})
@example(config=Config(), values={"dim": 9})
def test_resuming_accepts_only_the_original_options(config, values):
    original = config.as_dict()
    mixed = {
        name: original[name] if i % 2 else value for i, (name, value) in enumerate(values.items())
    }
    others = [
        n for n, v in mixed.items() if n not in spec.FREE_OPTIONS and not same(n, v, original)
    ]
    training_job = spec.TrainingJob(None, None, config, overwrite=False)
    if not others:
        training_job.require_same_options(mixed)
        return
    with pytest.raises(ConfigError) as caught:
        training_job.require_same_options(mixed)
    first = others[0]
    assert caught.value.options == (first,)
    assert str(caught.value).startswith(
        f"{first} cannot change when training resumes: it started with "
        f"`{first}={original[first]!r}`, got `{first}={mixed[first]!r}`; "
    )


@pytest.mark.parametrize(
    "own", [{"lr": 0.06, "lr_min": 0.055}, {"deterministic": True, "shards": 2}], ids=str
)
def test_an_original_option_is_not_compared_with_defaults(own, old):
    """All other options have their values from the first run."""
    w2v.train("text.txt", output="m", **TINY, **own)
    last = dict([list(own.items())[-1]])
    assert len(w2v.resume("m", epochs=3, **last).meta["epochs"]) == 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["export", "none", "-o", "x.bin", "--rows", "pad"],
            "--rows cannot apply to word2vec-bin, which has rows for words only: omit --rows pad",
        ),
        (
            ["export", "none", "-o", "x.bin", "--rows", "pad", "--unk", "zeros"],
            (
                "--rows and --unk cannot apply to word2vec-bin, which has rows for words only: omit"
                " --rows pad and --unk zeros"
            ),
        ),
        (
            ["convert", "none", "x", "-f", "npy", "--rows", "none", "--unk", "zeros"],
            (
                "--unk requires a row for unknown words: got --unk zeros and --rows none; omit"
                " --unk, or use --rows pad+unk"
            ),
        ),
        (
            ["convert", "none", "x.bin", "--lowercase"],
            "--lowercase requires --tokenizer",
        ),
        (
            ["export", "none", "-o", "x", "--rows", "padded"],
            "Invalid value for '--rows': 'padded' is not one of 'none', 'pad', 'pad+unk'.",
        ),
        (
            ["export", "none", "-o", "x", "--unk", "mean"],
            "Invalid value for '--unk': 'mean' is not one of 'zeros', 'mean-rare', 'trained'.",
        ),
    ],
)
def test_impossible_rows_are_rejected_before_reading(arguments, expected):
    assert rejected(*arguments) == expected
    assert names() == []


def test_an_untrained_unknown_vector_is_rejected_before_writing(old):
    before = names()
    assert rejected("export", "old.w2v", "-f", "npy", "-o", "x", "--unk", "trained") == (
        "--unk must not be 'trained', because these embeddings have no trained vector for unknown "
        "words; train with --train-unk, or use --unk zeros or --unk mean-rare"
    )
    Path("texts").write_text("the fox\nthe\n")
    assert rejected("encode", "old.w2v", "texts", "-o", "x.npy", "--rows", "none") == (
        "--rows has no padding row in the layout 'none', so a text of 1 words cannot be padded to"
        " 2; use --rows pad or --rows pad+unk, here and for the matrix"
    )
    assert names() == sorted([*before, "texts"])


# All parameters of all commands


def parameters() -> list[tuple[str, click.Parameter]]:
    return [
        (name, parameter)
        for name, command in sorted(cli.main.commands.items())
        for parameter in command.params
    ]


def test_every_option_has_a_type():
    """Only arguments that are words or patterns are plain strings."""
    kinds = (
        cli_options.Number,
        cli_options.Name,
        cli_options.Path,
        cli_options.Duration,
        click.Choice,
    )
    unknown = [
        (command, parameter.name)
        for command, parameter in parameters()
        if not isinstance(parameter.type, kinds) and not getattr(parameter, "is_flag", False)
    ]
    assert [pair for pair in unknown if pair[1] != "include"] == [
        *(("analogy", "a"), ("analogy", "b"), ("analogy", "c"), ("map", "title")),
        *(("odd", "words"), ("similar", "words"), ("similar", "positive"), ("similar", "negative")),
    ]


@pytest.mark.parametrize(
    ("command", "parameter"),
    [pair for pair in parameters() if isinstance(pair[1].type, cli_options.Path)],
    ids=lambda value: getattr(value, "name", value),
)
def test_an_empty_path_is_rejected(command, parameter):
    """It would stand for the current directory."""
    arguments = [
        "" if other is parameter else "none"
        for other in cli.main.commands[command].params
        if isinstance(other, click.Argument)
    ]
    arguments += ["-o", "x"] * (command in {"encode", "export"} and parameter.name != "output")
    if isinstance(parameter, click.Option):
        arguments += [parameter.opts[-1], ""]
    message = rejected(command, *arguments)
    assert message.startswith("Invalid value for '")
    assert message.endswith("': the path is empty.")
    assert parameter.name.upper().replace("_", "-") in message.upper() or (
        parameter.metavar is not None and parameter.metavar in message
    )


@pytest.mark.parametrize("command", sorted(cli.main.commands))
def test_help_shows_bounds_only_in_words(command):
    text = CliRunner().invoke(cli.main, [command, "--help"]).stdout
    assert not re.search(r"<=|>=|x>|\d{6}", text)


@pytest.mark.parametrize("module", [cli_options, cli_process])
def test_no_class_subscripts_a_click_type(module):
    """Parameter types are not generic in older versions of Click."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = [base for node in classes for base in node.bases]
    assert len(bases) >= 3
    assert not any(isinstance(base, ast.Subscript) for base in bases)


# Arguments of Python functions that are not hyperparameters


class Thing:
    """An invalid argument with a constant repr, because test names must not vary."""

    def __repr__(self) -> str:
        return "Thing()"


class Bytes(os.PathLike[bytes]):
    def __fspath__(self) -> bytes:
        return b"x"

    def __repr__(self) -> str:
        return "Bytes()"


NONSENSE = [
    *(None, True, False, 0, -1, 2, 2.5, float("nan"), float("inf"), -float("inf")),
    *(10**30, -(10**5000), "", "x", "a\0b", "\ud800", b"x", [], [1], {"a": 1}, {1}, {"a"}),
    *(Thing(), np.array([1, 2]), np.array(3), np.int64(2), np.float32(1), np.True_, 1j),
    *(Bytes(), int),
]
NO_PATHS = [v for v in NONSENSE if not isinstance(v, str) or v != "x"]
NO_SWITCHES = [v for v in NONSENSE if not isinstance(v, bool | np.bool_)]
NO_PROGRESS = [v for v in NO_SWITCHES if v is not None]
NO_COUNTS = [v for v in NONSENSE if not (type(v) in {int, np.int64} and v > 0)]
NO_LENGTHS = [v for v in NO_COUNTS if type(v) is not np.int64] + [2**63]
NO_TOPS = [v for v in NO_COUNTS if type(v) is not int or v < 0]
NUMBERS = (int, float, np.number)
NO_SECONDS = [
    v
    for v in NONSENSE
    if isinstance(v, bool) or not isinstance(v, NUMBERS) or not 0 <= v < math.inf
]
NO_OBSERVERS = [v for v in NONSENSE if not callable(v)]
NO_SENTENCES = [v for v in NONSENSE if not isinstance(v, list | np.ndarray) or not np.ndim(v)]
NO_WORDS = [True, 2, 2.5, {"a": 1}, {"a"}, np.array(3), "", "\ud800"]
EMBEDDINGS = w2v.Embeddings(
    ["king", "queen"],
    np.eye(2, dtype=np.float32),
    meta={"tokenizer": {"name": "unicode", "lowercase": True}},
)


def train(**arguments: Any) -> w2v.Embeddings:
    return w2v.train(LINES, **TINY, **arguments)


def read(**arguments: Any) -> Any:
    return w2v.read_corpus(LINES, **TINY, **arguments)


def resume(**arguments: Any) -> w2v.Embeddings:
    return w2v.resume(**{"output": "none.w2v"} | arguments)


ARGUMENTS: list[tuple[str, Callable[..., Any], list[Any]]] = [
    *((name, train, NO_PATHS) for name in ("output", "work_dir")),
    *((name, train, NO_SWITCHES) for name in ("overwrite", "freeze_old")),
    ("checkpoint_every", train, NO_SECONDS),
    *(("progress", call, NO_PROGRESS) for call in (train, resume, read)),
    ("progress", lambda **kw: EMBEDDINGS.encode("x", **kw), NO_PROGRESS),
    ("progress", lambda **kw: encode_file(EMBEDDINGS, "none", "x", **kw), NO_PROGRESS),
    ("observer", train, NO_OBSERVERS),
    ("vocab", train, NO_WORDS),
    *((name, resume, NO_PATHS) for name in ("output", "work_dir")),
    ("checkpoint_every", resume, NO_SECONDS),
    ("observer", resume, NO_OBSERVERS),
    ("work_dir", read, NO_PATHS),
    ("observer", read, NO_OBSERVERS),
    ("vocab", read, NO_WORDS),
    ("path", w2v.load, NO_PATHS),
    ("path", EMBEDDINGS.save, NO_PATHS),
    ("overwrite", lambda **kw: EMBEDDINGS.save("x", **kw), NO_SWITCHES),
    ("overwrite", lambda **kw: FORMATS["npy"].write(EMBEDDINGS, "x", **kw), NO_SWITCHES),
    ("path", lambda **kw: FORMATS["glove"].write(EMBEDDINGS, **kw), NO_PATHS),
    ("path", FORMATS["glove"].read, NO_PATHS),
    ("path", lambda **kw: evaluate(EMBEDDINGS, **kw), NO_PATHS),
    ("top", lambda **kw: evaluate(EMBEDDINGS, "none", **kw), NO_COUNTS),
    ("path", lambda **kw: encode_file(EMBEDDINGS, output="x", **kw), NO_PATHS),
    ("output", lambda **kw: encode_file(EMBEDDINGS, "none", **kw), NO_PATHS),
    ("overwrite", lambda **kw: encode_file(EMBEDDINGS, "none", "x", **kw), NO_SWITCHES),
    ("length", lambda **kw: encode_file(EMBEDDINGS, "none", "x", **kw), NO_LENGTHS),
    ("length", lambda **kw: EMBEDDINGS.encode("king", **kw), NO_LENGTHS),
    ("topn", lambda **kw: EMBEDDINGS.most_similar("king", **kw), NO_TOPS),
    ("topn", lambda **kw: EMBEDDINGS.analogy("king", "king", "queen", **kw), NO_TOPS),
    *(
        (name, function, NONSENSE)
        for name in ("rows", "unk")
        for function in (
            EMBEDDINGS.matrix_for,
            EMBEDDINGS.layout,
            lambda **kw: FORMATS["npy"].write(EMBEDDINGS, "x", **kw),
            lambda **kw: FORMATS["glove"].write(EMBEDDINGS, "x", **kw),
        )
    ),
    ("rows", lambda **kw: EMBEDDINGS.encode("king", **kw), NONSENSE),
    ("window", lambda **kw: w2v.skipgram_pairs([1, 2], **kw), NO_COUNTS),
    ("window", lambda **kw: w2v.skipgram_pair_blocks([1, 2], **kw), NO_COUNTS),
    ("block_size", lambda **kw: w2v.skipgram_pair_blocks([1, 2], **kw), NO_COUNTS),
    ("ids", w2v.skipgram_pairs, NO_SENTENCES),
    ("ids", w2v.skipgram_pair_blocks, NO_SENTENCES),
]
# Arguments that may be None.
OPTIONAL = {"work_dir", "length", "rows", "unk", "vocab"}


@pytest.mark.parametrize(("name", "function", "values"), ARGUMENTS)
def test_invalid_arguments_are_rejected_by_name(name, function, values):
    for value in values:
        if value is None and (name in OPTIONAL or function is train):
            continue
        with pytest.raises(ConfigError) as caught:
            function(**{name: value})
        message = str(caught.value)
        assert message.startswith(f"{name} must be ")
        assert message.endswith(f", got {short_repr(value)}")
        assert "\n" not in message
        assert caught.value.options in {(name,), ()}
        assert names() == []


@pytest.mark.parametrize(
    "corpus", [v for v in NONSENSE if not isinstance(v, list) or v], ids=short_repr
)
def test_an_invalid_corpus_is_rejected(corpus):
    for function in (w2v.train, w2v.read_corpus):
        with pytest.raises(InputError, match=r"^(the corpus|item|cannot|got .*: expected)"):
            function(corpus, **TINY)
    assert names() == []


@pytest.mark.parametrize(
    "line", [{"text": "a b"}, {"a", "b"}, np.array(3), 10**5000, None], ids=short_repr
)
def test_an_invalid_line_is_rejected(line):
    """A mapping would yield its keys, and a set its words in any order."""
    for corpus in ([["a"], line], [line]):
        with pytest.raises(
            InputError, match=r"^item [01] of the corpus (is|contains) .*: expected a"
        ):
            w2v.train(corpus, **TINY)


@pytest.mark.parametrize("path", [5, None, Bytes(), b"x"])
def test_a_list_of_paths_contains_only_paths(path):
    Path("a.txt").write_text("a b\n")
    with pytest.raises(InputError, match=r"^got .*: expected a file, a directory or -$"):
        w2v.train([Path("a.txt"), path], **TINY)


@pytest.mark.parametrize("value", [None, 5, ["a"], Thing()])
def test_tokenize_rejects_other_types(value):
    with pytest.raises(ConfigError, match=r"^a text must be a single string, got "):
        EMBEDDINGS.tokenize(value)


@pytest.mark.parametrize(
    "query", [10**5000, np.array(["a", "b"]), {"a": 1}, [np.nan, 0]], ids=short_repr
)
def test_an_invalid_query_is_rejected(query):
    with pytest.raises(ConfigError, match=r"^a query must be a word or 2 finite numbers, got "):
        EMBEDDINGS.most_similar(query)


@given(
    length=st.integers(0, 12),
    window=st.integers(1, 15) | st.integers(1) | st.just(10**400),
    block_size=st.integers(1, 9) | st.just(10**400),
)
def test_a_window_wider_than_a_sentence_covers_it(length, window, block_size):
    sentence = list(range(length))
    expected = [(a, b) for a in sentence for b in sentence if a != b and abs(a - b) <= window]
    assert list(w2v.skipgram_pairs([sentence], window)) == expected
    blocks = list(w2v.skipgram_pair_blocks([sentence], window, block_size))
    assert [tuple(pair) for block in blocks for pair in block.tolist()] == expected
    assert all(len(block) == block_size for block in blocks[:-1])


@given(values=option_values(*OPTIONS))
@example(values={"tokenizer": np.array(["unicode", "unicode"])})
@example(values={"lr": math.inf, "dim": -(10**5000)})
def test_python_reports_the_first_invalid_option(values):
    bad = [name for name in OPTIONS if name in values and not OPTIONS[name].accepts(values[name])]
    assume(bad)
    for function in (
        lambda: Config.of(values),
        lambda: w2v.train("none", **values),
        lambda: w2v.resume("none", **values),
        lambda: w2v.read_corpus("none", **values),
        lambda: check_options(values),
    ):
        with pytest.raises(ConfigError) as caught:
            function()
        option, value = OPTIONS[bad[0]], values[bad[0]]
        assert str(caught.value) == f"{bad[0]} must be {option.expected}, got {short_repr(value)}"
        assert caught.value.options == (bad[0],)


# NumPy integers


def test_numpy_integers_are_integers(tmp_path):
    config = Config(dim=np.int64(5), seed=np.uint8(7))
    assert (config.dim, type(config.dim), config.seed, type(config.seed)) == (5, int, 7, int)
    assert json.dumps(config.as_dict())
    with pytest.raises(ConfigError, match="dim must be an integer from 1 to 1000000, got"):
        Config(dim=np.int64(0))
    assert EMBEDDINGS.most_similar("king", np.int64(1)) == EMBEDDINGS.most_similar("king", 1)
    assert (
        EMBEDDINGS.encode("king", length=np.int32(3)).tolist()
        == EMBEDDINGS.encode("king", length=3).tolist()
    )
