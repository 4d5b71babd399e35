"""The README says what the program does: its table of options and its first Python lines."""

from __future__ import annotations

import re

import click
import pytest

from support import ROOT
from w2v.cli.main import main
from w2v.formats.registry import FORMATS

README = (ROOT / "README.md").read_text(encoding="utf-8")


def options_table() -> str:
    """The table of the options of `w2v train`, as the README must have it."""
    options = [p for p in main.commands["train"].params if isinstance(p, click.Option)]
    return "\n".join(
        ["| option | default | meaning |", "|---|---|---|", *map(options_row, options)]
    )


def options_row(option: click.Option) -> str:
    name = " / ".join([option.opts[-1], *option.secondary_opts])
    if not option.is_flag:
        name += " " + option.make_metavar(click.Context(main.commands["train"]))
    text, default = re.fullmatch(r"(.*?)(?:  \[default: (.*)\])?", option.help).groups()
    if default is None:
        default = str(option.default) if option.show_default else ""
    cells = [f"`{name}`", default, text]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def test_the_table_of_options_is_clicks() -> None:
    found = re.search(r"<!-- options -->\n(.*?)\n<!-- /options -->", README, re.DOTALL)
    assert found is not None
    assert found[1] == options_table()


def formats_table() -> str:
    """The table of formats, as the README must have it."""
    rows = [
        f"| `{entry.name}` | {' '.join(f'`{end}`' for end in entry.extensions) or 'a folder'} "
        f"| {entry.rows or 'words only'} | {entry.description.removeprefix('a folder ')} |"
        for entry in FORMATS.values()
    ]
    return "\n".join(["| format | files | rows, by default | what |", "|---|---|---|---|", *rows])


def test_the_table_of_formats_is_that_of_the_registry() -> None:
    found = re.search(r"<!-- formats -->\n(.*?)\n<!-- /formats -->", README, re.DOTALL)
    assert found is not None
    assert found[1] == formats_table()


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_that_is_named_exists() -> None:
    named = set(re.findall(r"`?\$? ?w2v ([a-z]+)", README))
    assert set(main.commands) <= named


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_two_commands_exist(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
