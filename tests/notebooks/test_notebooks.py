"""The notebooks of the documentation run from top to bottom: `make test-notebooks`."""

from __future__ import annotations

import os

import pytest

from support import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")  # of Jupyter about itself
nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

NOTEBOOKS = ROOT / "docs" / "notebooks"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "torch"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


def run(notebook, directory=NOTEBOOKS):
    resources = {"metadata": {"path": str(directory)}}
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources=resources
    ).execute()
    return notebook


def shown(notebook) -> str:
    """What the cells print and return, as text."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.get("name") != "stderr", output["text"]
            parts.append(output.get("text") or output["data"].get("text/plain", ""))
    return "\n".join(parts)


def percents(text: str) -> dict[str, float]:
    """The first number in percent of each line, by the words before it."""
    found = {}
    for line in text.splitlines():
        before, percent, _ = line.partition("%")
        name, _, number = before.rpartition(" ")
        if percent and number.replace(".", "").isdigit():
            found[name.strip()] = float(number)
    return found


def read(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def test_the_classifier_is_better_with_pretrained_vectors():
    for package in ("keras", os.environ["KERAS_BACKEND"]):
        pytest.importorskip(package, reason=f"{package} is not installed")
    found = percents(shown(run(read("text_classifier.ipynb"))))
    assert found["frozen"] > found["random"] + 3
    assert found["frozen"] > found["majority"] + 8
    assert found["tuned"] > found["majority"]


def test_recommendations_are_between_popular_and_best_possible():
    notebook = run(read("item_sessions.ipynb"))
    found = percents(shown(notebook))
    assert 2 * found["popular"] < found["nearest"] <= found["best possible"] + 1
    kinds = [set(o.get("data", ())) for cell in notebook.cells for o in cell.get("outputs", ())]
    assert sum("image/png" in kind for kind in kinds) == 1
    assert sum("text/html" in kind for kind in kinds) == 2  # the model and the map


def test_a_notebook_shows_progress_without_warnings(tmp_path):
    code = (
        "import w2v\nfrom w2v import progress\nprogress._DELAY_SECONDS = 0.0\n"
        f"model = w2v.train({str(ROOT / 'corpus' / 'kjv.txt')!r}, dim=16, epochs=2)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    text = str(run(notebook, tmp_path).cells[0].outputs)
    assert "training" in text
    assert "stderr" not in text
    assert "Warning" not in text
