"""The language of messages: Python's in Python, and flags on the command line."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from pathlib import Path

import click
import pytest

import w2v
from w2v import config
from w2v.cli.main import main as program
from w2v.cli.options import with_flags
from w2v.embeddings.embeddings import Embeddings
from w2v.evaluation.evaluate import evaluate
from w2v.formats.registry import Format
from w2v.pipeline.encode_file import encode_file
from w2v.pipeline.read import read_vocabulary
from w2v.text.definition import TOKENIZER_HINT

PACKAGE = Path(w2v.__file__).parent
LIBRARY = [
    path for path in sorted(PACKAGE.rglob("*.py")) if "cli" not in path.relative_to(PACKAGE).parts
]

FLAG = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
COMMAND = re.compile(rf"\bw2v ({'|'.join(program.commands)})\b")
OPTION = re.compile(r"`([a-z_]+)(?:=[^`]*)?`")
OTHER_PROGRAMS = {
    *("gzip -d", "jq -c .", "xz -dc", "zstd -dc --long=31", "ulimit -f", "paste -sd", "tr -d"),
    *("uconv -x", "python3 -c"),
}
# Texts that are arguments of another program, not messages: of Python and of MeCab.
ARGUMENTS = {"-c", '-d "0"'}


@functools.cache
def texts(path: Path) -> list[tuple[int, str]]:
    """Return the strings of a module, without docstrings; values in f-strings become ``0``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    skipped = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    skipped |= {id(v) for node in nodes if isinstance(node, ast.JoinedStr) for v in node.values}
    found = []
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            values = (v.value if isinstance(v, ast.Constant) else "0" for v in node.values)
            found.append((node.lineno, "".join(values)))
        elif isinstance(getattr(node, "value", None), str) and id(node) not in skipped:
            found.append((node.lineno, node.value))
    return found


def without_other_programs(text: str) -> str:
    for command in OTHER_PROGRAMS:
        text = text.replace(command, "")
    return text


def spelled_as_on_the_command_line(text: str) -> list[str]:
    if text in ARGUMENTS:
        return []
    plain = without_other_programs(text)
    return [m[0] for pattern in (FLAG, COMMAND) for m in pattern.finditer(plain)]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_library_names_no_flags_or_commands(path):
    found = [(line, text) for line, text in texts(path) if spelled_as_on_the_command_line(text)]
    assert found == []


@pytest.mark.parametrize(
    "text", ["use --dim", "choose one with -f", "run w2v convert", "(--min-count 5)", "w2v train -"]
)
def test_flags_and_commands_are_found(text):
    assert spelled_as_on_the_command_line(text)


@pytest.mark.parametrize("text", ["xz -dc a.xz", "a well-known file", "1-2", "w2v 0.1"])
def test_other_hyphens_are_no_flags(text):
    assert not spelled_as_on_the_command_line(text)


@functools.cache
def parameters() -> set[str]:
    """The names that a Python user can pass: parameters of public functions, and options."""
    functions = [
        getattr(w2v, name) for name in w2v.__all__ if name not in {"__version__", "W2VError"}
    ]
    functions += [encode_file, evaluate, read_vocabulary, Format.write]
    functions += [method for _, method in inspect.getmembers(Embeddings, inspect.isfunction)]
    names = {name for function in functions for name in inspect.signature(function).parameters}
    return names | set(config.options()) | set(w2v.__all__)


def options_in_messages(path: Path) -> set[str]:
    return {match[1] for _, text in texts(path) for match in OPTION.finditer(text)}


ONLY_IN_PYTHON = {"trainable"}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_options_in_messages_exist_in_python_and_on_the_command_line(path):
    names = options_in_messages(path)
    assert names <= parameters()
    context = click.Context(program)
    for name in names:
        flag = name if name in ONLY_IN_PYTHON else "--" + name.replace("_", "-")
        assert with_flags(f"`{name}`", context) == flag


def test_options_in_messages_are_found():
    found = set().union(*map(options_in_messages, LIBRARY))
    assert {"overwrite", "work_dir", "min_count", "rows", "checkpoint_every", "lr"} <= found


def test_the_command_line_has_its_own_way_to_set_the_tokenizer():
    message = with_flags(f"no; {TOKENIZER_HINT}", click.Context(program))
    assert message == "no; run w2v convert with --tokenizer unicode (or 'whitespace')"
