"""The generated parts of the documentation match the code."""

from __future__ import annotations

import re

import click
import pytest

from scripts.docs import generate, layers
from support import ROOT


def test_generated_parts_are_current():
    paths = [path.relative_to(ROOT).as_posix() for path in generate.outdated()]
    assert paths == [], "run: make docs-update"


def test_an_outdated_part_is_found(monkeypatch):
    monkeypatch.setitem(generate.BLOCKS, "formats", lambda: "other\n")
    assert generate.outdated() == [ROOT / "docs" / "formats.md"]


def test_every_command_and_option_is_in_the_reference():
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for name, command in generate.program.commands.items():
        section = page.partition(f"\n## w2v {name}\n")[2].partition("\n## ")[0]
        options = [o for o in command.params if isinstance(o, click.Option) and not o.hidden]
        assert section
        names = [option.opts[-1] for option in options]
        assert [name for name in names if not re.search(rf"{name}[ `]", section)] == []


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("Size.", ["`--size INT`", "3", "Size."]),
        ("Size.  [default: all]", ["`--size INT`", "all", "Size."]),
        ("As --all.  [default: of --x]", ["`--size INT`", "of `--x`", "As `--all`."]),
    ],
)
def test_the_row_of_an_option(text, cells):
    option = click.Option(["--size"], help=text, default=3, show_default=True, metavar="INT")
    assert generate.option_row(option, click.Context(click.Command("x"))) == cells


def test_options_outside_of_code_become_code():
    text = "Use --init OLD or -f, not a-b, as in `w2v train --init OLD`."
    expected = "Use `--init` OLD or `-f`, not a-b, as in `w2v train --init OLD`."
    assert generate.flags_as_code(text) == expected


def test_cells_of_a_table_are_escaped():
    assert generate.table(["a"], [["b|c"]]) == "| a |\n| --- |\n| b\\|c |\n"


def test_grouped_options_have_titles():
    class Group(list):
        title = "Model"

    command = click.Command("x", params=[click.Option(["--a"]), click.Option(["--b"])])
    command.option_groups = [Group(command.params[:1])]
    found = {title: [o.name for o in group] for title, group in generate.option_groups(command)}
    assert found == {"Model": ["a"], "Other options": ["b"]}


def test_the_picture_shows_every_package():
    packages = {path.parent.name for path in layers.PACKAGE.glob("*/__init__.py")}
    assert packages <= set(layers.LAYERS)


def test_an_import_that_the_picture_cannot_show_is_an_error():
    boxes = layers.boxes()
    with pytest.raises(ValueError, match="no straight arrow from corpus down to embeddings"):
        layers.arrow(boxes["corpus"], boxes["embeddings"], boxes)
