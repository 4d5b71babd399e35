"""The notebooks as files; tests/notebooks runs them."""

from __future__ import annotations

import ast
import json

import pytest

from snippets import DOCS
from support import ROOT

NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
_LONGEST_CELL = 25  # lines


def problems(notebook):
    """Yield what should not be in a notebook in the repository."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            if cell["outputs"] or cell["execution_count"] is not None:
                yield f"{cell['id']} has outputs"
            ast.parse(source)
        if cell["metadata"]:
            yield f"{cell['id']} has metadata"
        if len(source.splitlines()) > _LONGEST_CELL:
            yield f"{cell['id']} is long"
    if set(notebook["metadata"]) != {"kernelspec", "language_info"}:
        yield "the notebook has metadata of the program that edited it"
    if notebook["cells"][0]["cell_type"] != "markdown":
        yield "there is no title"


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stripped(path):
    assert list(problems(json.loads(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_documentation_links_to_it(path):
    page = (DOCS / "notebooks.md").read_text(encoding="utf-8")
    assert f"](notebooks/{path.name})" in page


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda cell: cell.update(outputs=[{"output_type": "stream"}]), "has outputs"),
        (lambda cell: cell.update(execution_count=3), "has outputs"),
        (lambda cell: cell.update(metadata={"scrolled": True}), "has metadata"),
        (lambda cell: cell.update(source=["1\n"] * 26), "is long"),
    ],
)
def test_a_notebook_that_was_not_stripped_is_found(change, problem):
    notebook = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    (cell, *_) = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    change(cell)
    assert list(problems(notebook)) == [f"{cell['id']} {problem}"]


def test_the_tests_run_every_notebook():
    source = (ROOT / "tests" / "notebooks" / "test_notebooks.py").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS if f'read("{path.name}")' not in source] == []
