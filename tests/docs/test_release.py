"""The metadata of a release: version, links, supported Python versions."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import tomllib

import pytest

import w2v
from scripts.docs import check_dist
from support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REPOSITORY = PROJECT["tool"]["w2v"]["repository"]


@pytest.fixture(scope="module")
def build_hook():
    """The module hatch_build.py, with a stub for hatchling, which only builds require."""
    source = (ROOT / "hatch_build.py").read_text(encoding="utf-8")
    interface = "from hatchling.metadata.plugin.interface import MetadataHookInterface"
    assert interface in source
    hook = type(importlib)("hatch_build")
    exec(source.replace(interface, "MetadataHookInterface = object"), hook.__dict__)
    return hook


def test_the_version_matches_the_metadata():
    assert importlib.metadata.version("w2v") == w2v.__version__, "install the package again"
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "w2v/_version.py"
    assert check_dist.version() == w2v.__version__


def test_the_changelog_has_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(w2v.__version__)}\b", changelog, re.MULTILINE)


def test_classifiers_match_the_tested_python_versions():
    classified = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    tested = re.search(r"^PYTHONS=\"(.*)\"", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert tested is not None
    assert classified == tested[1].split()
    assert PROJECT["project"]["requires-python"] == f">={classified[0]}"


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("[a](docs/b.md)", "[a](https://x.org/y/blob/HEAD/docs/b.md)"),
        ("[a](docs/b.md#c)", "[a](https://x.org/y/blob/HEAD/docs/b.md#c)"),
        ("![a](docs/b.svg)", "![a](https://x.org/y/raw/HEAD/docs/b.svg)"),
        ("[a](https://z.org) [b](#c)", "[a](https://z.org) [b](#c)"),
    ],
)
def test_links_of_the_readme_become_absolute(build_hook, markdown, expected):
    assert build_hook.with_absolute_links(markdown, "https://x.org/y") == expected


def test_every_link_in_the_readme_becomes_absolute(build_hook):
    readme = build_hook.with_absolute_links((ROOT / "README.md").read_text("utf-8"), REPOSITORY)
    assert list(check_dist.relative_links(readme)) == []
    assert readme.count(f"]({REPOSITORY}/") > 10


def test_the_address_of_the_repository_is_defined_once():
    names = ["README.md", "CONTRIBUTING.md", "CITATION.cff", "SECURITY.md", "zensical.toml",
             "hatch_build.py", "CHANGELOG.md", "pyproject.toml"]  # fmt: skip
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in names]
    assert sum(text.count(REPOSITORY) for text in texts) == 1


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ("Version: 9\n", "the metadata has version 9"),
        (f"Version: {w2v.__version__}\n\n[a](b.md)", "relative link b.md"),
        (f"Version: {w2v.__version__}\nProject-URL: Source, x\n", r"has the URLs \['Source'\]"),
    ],
)
def test_wrong_metadata_is_reported(metadata, problem):
    assert re.search(problem, "\n".join(check_dist.wrong_metadata(metadata)))
