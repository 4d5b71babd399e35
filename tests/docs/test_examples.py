"""The examples in README.md and docs/ run unchanged.

tests/frameworks runs the examples for other frameworks.
"""

from __future__ import annotations

import shlex

import click
import pytest
from click.testing import CliRunner

import w2v
from snippets import ALL, DOCS, ROOT, Snippet, commands
from support import JIT
from w2v.cli.main import main

IN_FRAMEWORKS = DOCS / "embedding-layers.md"
PYTHON = [s for s in ALL if s.language == "python" and s.path != IN_FRAMEWORKS]
SESSIONS = [s for s in ALL if s.language == "console"]
TOURS = [s for s in SESSIONS if s.path in {ROOT / "README.md", DOCS / "index.md"}]

needs_compiler = pytest.mark.skipif(not JIT, reason="trains too much for kernels in plain Python")


def test_there_are_examples():
    assert len(PYTHON) >= 5
    assert len(SESSIONS) >= 5
    assert len(TOURS) >= 2


@needs_compiler
@pytest.mark.parametrize("snippet", PYTHON, ids=str)
def test_python_examples_run(snippet: Snippet, example_directory):
    if "w2v.load(" in snippet.code and "w2v.train(" not in snippet.code:
        w2v.train("corpus/kjv.txt", dim=8, epochs=1, output="kjv.w2v")
    snippet.run({})


@needs_compiler
@pytest.mark.parametrize("snippet", TOURS, ids=str)
def test_tours_run(snippet: Snippet, example_directory):
    for command in commands(snippet):
        if "keras" not in command:
            done = CliRunner().invoke(main, shlex.split(command)[1:])
            assert done.exit_code == 0, f"{command}: {done.output}"


@pytest.mark.parametrize("snippet", SESSIONS, ids=str)
def test_commands_have_the_options_that_examples_use(snippet: Snippet):
    for line in commands(snippet):
        program, name, *arguments = shlex.split(line)
        assert program == "w2v"
        with click.Context(main) as context:
            main.commands[name].make_context(name, arguments, parent=context)


@pytest.mark.parametrize(
    ("words", "pairs"),
    [("the quick brown fox jumps", ["the quick", "the brown", "quick the", "quick brown"])],
)
def test_the_pairs_in_the_guide_are_right(words, pairs):
    found = list(w2v.skipgram_pairs(words.split(), window=2))[: len(pairs)]
    assert found == [tuple(pair.split()) for pair in pairs]
    text = (DOCS / "guide.md").read_text(encoding="utf-8")
    assert f"# {str(found)[:-1]}" in text
