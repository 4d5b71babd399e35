"""The examples in README.md and docs/ run unchanged.

tests/frameworks runs the examples for other frameworks.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

import w2v
from snippets import ALL, DOCS, ROOT, Snippet, commands
from support import JIT
from w2v.cli.main import main

IN_FRAMEWORKS = DOCS / "embedding-layers.md"
TRACKERS = {"mlflow", "wandb"}
"""The examples for services, which `StandIn` takes the place of."""
PYTHON = [
    s for s in ALL if s.language == "python" and s.path != IN_FRAMEWORKS and s.name not in TRACKERS
]
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


class StandIn:
    """What the examples use of the packages wandb and mlflow; it records the numbers."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}
        self.options: dict[str, object] = {}
        self.config = self.options
        self.running = False

    def init(self, *, project: str, config: dict[str, object]) -> StandIn:
        self.running = True
        self.log_params(config)
        return self

    def log(self, data: dict[str, float], *, step: int) -> None:
        assert data["words_per_second"] > 0
        self.log_metric("loss", data["loss"], step=step)

    def finish(self) -> None:
        self.running = False

    @contextlib.contextmanager
    def start_run(self) -> Iterator[StandIn]:
        self.running = True
        yield self
        self.running = False

    def log_params(self, params: dict[str, object]) -> None:
        self.options.update(params)

    def log_metric(self, key: str, value: float, *, step: int) -> None:
        assert (key, self.running) == ("loss", True)
        self.losses[step] = value


@needs_compiler
@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_services_receive_the_numbers_of_each_epoch(name, example_directory, monkeypatch):
    service = StandIn()
    monkeypatch.setitem(sys.modules, name, service)
    trained, train = [], w2v.train
    monkeypatch.setattr(w2v, "train", lambda *a, **b: trained.append(train(*a, **b)) or trained[0])
    (snippet,) = [snippet for snippet in ALL if snippet.name == name]
    snippet.run({})
    (model,) = trained
    epochs = model.meta["epochs"]
    assert service.losses == {epoch["epoch"]: epoch["loss"] for epoch in epochs}
    assert service.options == {"dim": model.dim, "epochs": len(epochs)}
    assert not service.running


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
