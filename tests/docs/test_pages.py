"""The pages of the documentation: links and paths exist, and the navigation is complete."""

from __future__ import annotations

import re
import tomllib

import pytest

from snippets import DOCS, PAGES
from support import ROOT
from w2v.cli.main import main

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# A path in backticks: a file with a suffix, or a path below a directory of the repository.
_PATH = re.compile(r"`((?:w2v|tests|scripts|docs|\.ci|\.github)/[\w./*-]*|[\w/]+/\w+\.py)`")


def links(text: str) -> list[str]:
    """The relative links of a page, without anchors."""
    inline = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    return inline + re.findall(r"^\[[\w -]+\]: ([^#:\s]+)$", text, re.MULTILINE)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_and_paths_exist(path):
    text = path.read_text(encoding="utf-8")
    assert [link for link in links(text) if not (path.parent / link).exists()] == []
    assert [name for name in _PATH.findall(text) if not exists(name)] == []


def exists(name: str) -> bool:
    """Return whether a path exists below the root, or below w2v/ as in the architecture page."""
    return any(any(root.glob(name)) for root in (ROOT, ROOT / "w2v"))


def test_every_page_is_in_the_navigation():
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    in_navigation = set(re.findall(r"'([\w/-]+\.md)'", str(site["project"]["nav"])))
    assert in_navigation == {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_the_readme_names_every_command():
    named = set(re.findall(r"w2v ([a-z]+)", README))
    assert set(main.commands) <= named


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_targets_exist(path):
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)", "\n".join(code_in(path))))
    assert {name for name in named if not re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)} == set()


def code_in(path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(r"```.*?```", text, re.DOTALL) + re.findall(r"`[^`\n]+`", text)


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_readme_has_the_two_commands(target):
    assert f"make {target} " in README
