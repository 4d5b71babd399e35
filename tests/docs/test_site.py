"""The checks of the built site report problems."""

from __future__ import annotations

import pytest

from scripts.docs import check_site
from support import ROOT


@pytest.fixture
def site(tmp_path):
    """A site of two pages without problems."""
    (tmp_path / "guide").mkdir()
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "guide" / "index.html").write_text('<h1 id="top">Guide</h1><a href="..">up</a>')
    (tmp_path / "index.html").write_text(
        '<link rel="canonical" href="https://x.org/"><img src="a.png"><a href="https://x.org">x</a>'
        '<a href="guide/#top">guide</a><a href="#here">here</a><p id="here">'
    )
    return tmp_path


def test_a_site_without_problems(site):
    assert list(check_site.problems(site)) == []


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="guide/none/">', "guide/index.html: dead link guide/none/"),
        ('<a href="../#none">', "guide/index.html: dead link ../#none"),
        ('<a href="#none">', "guide/index.html: dead link #none"),
        ('<img src="../none.png">', "guide/index.html: dead link ../none.png"),
        (
            '<script src="https://x.org/a.js"></script>',
            "loads https://x.org/a.js from another host",
        ),
        ('<link rel="stylesheet" href="//x.org/a.css">', "loads //x.org/a.css from another host"),
    ],
)
def test_problems_are_reported(site, html, problem):
    (site / "guide" / "index.html").write_text(f'<h1 id="top">{html}')
    (found,) = check_site.problems(site)
    assert problem in found


def test_names_without_a_docstring_are_reported(tmp_path):
    pytest.importorskip("griffe", reason="griffe is in the dependency group docs")
    (tmp_path / "example").mkdir()
    (tmp_path / "example" / "__init__.py").write_text(
        "from example.inner import Known, aliased\n__all__ = ['Known', 'aliased']\n"
    )
    (tmp_path / "example" / "inner.py").write_text(
        "def aliased(): ...\n"
        "class Known:\n    '''Known.'''\n    x: int\n    def method(self): ...\n"
        "    def _private(self): ...\n    def described(self):\n        '''Described.'''\n"
    )
    found = check_site.undocumented(tmp_path / "example", ["example.Known", "example.aliased"])
    assert list(found) == ["example.Known.method", "example.aliased"]


def test_the_reference_has_every_public_name():
    pytest.importorskip("griffe", reason="griffe is in the dependency group docs")
    names = check_site.documented_names()
    assert {"w2v.train", "w2v.Embeddings", "w2v.errors", "w2v.events"} <= set(names)
    assert list(check_site.undocumented(ROOT / "w2v", names)) == []
