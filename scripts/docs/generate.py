"""Write the parts of the documentation that follow from the code: `make docs-update`.

A block between ``<!-- generated: NAME -->`` and ``<!-- /generated -->`` is replaced; the files in
`WHOLE_FILES` are replaced as a whole.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import cloup

from scripts.docs import layers
from w2v import config
from w2v.cli.main import main as program
from w2v.formats.registry import FORMATS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "w2v"
_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
_DEFAULT = re.compile(r"(?P<text>.*?)(?:\s+\[default: (?P<default>.*)\])?", re.DOTALL)


def formats_table() -> str:
    """Return a table of the file formats."""
    rows = [
        [
            f"`{entry.name}`",
            " ".join(f"`{extension}`" for extension in entry.extensions) or "a directory",
            entry.default_layout or "words only",
            entry.description,
        ]
        for entry in FORMATS.values()
    ]
    return table(["format", "files", "default layout", "description"], rows)


def hyperparameters_table() -> str:
    """Return a table of the fields of `w2v.Config`."""
    rows = []
    for name, option in config.options().items():
        text, default = text_and_default(option.help)
        default = default or f"`{config.DEFAULTS[name]!r}`"
        cells = [f"`{name}`", f"`{option.kind.__name__}`", default, text]
        rows.append([flags_as_code(cell) for cell in cells])
    return table(["name", "type", "default", "meaning"], rows)


def modules_table() -> str:
    """Return a table of all modules with the first sentence of their docstrings."""
    rows = []
    for package in reversed(layers.LAYERS):
        for path in module_files(package):
            name = path.relative_to(PACKAGE).as_posix()
            rows.append([f"`{name}`", summary(path)])
    return table(["module", "purpose"], rows)


def module_files(package: str) -> list[Path]:
    """Return the modules of a package, or the file of a module, without empty ones."""
    alone = PACKAGE / f"{package}.py"
    if alone.exists():
        return [alone]
    return [path for path in sorted((PACKAGE / package).rglob("*.py")) if path.stem != "__init__"]


def summary(path: Path) -> str:
    """Return the first paragraph of a module's docstring in one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *escaped]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def cli_reference() -> str:
    """Return the reference page of all commands."""
    commands = [command_section(name, program.commands[name]) for name in program.commands]
    note = "<!-- Written by scripts.docs.generate from the commands; run `make docs-update`. -->"
    intro = (
        "`w2v --help` lists the commands, `w2v COMMAND --help` the options of one.\n\n"
        + fenced("text", program.get_help(program_context(terminal_width=88, max_content_width=88)))
    )
    exits = (
        "[Exit codes](../guide.md#exit-codes) are 0 for success, 1 for a failed job and"
        " 2 for a wrong\ncommand line.\n"
    )
    return "\n".join(["# Command-line reference\n", note, "", intro, exits, *commands])


def command_section(name: str, command: click.Command) -> str:
    """Return the section of one command: usage, description, options."""
    context = command_context(name, command)
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [f"## w2v {name}\n", fenced("text", " ".join(usage.split())), description(command)]
    for title, options in option_groups(command):
        if title:
            parts.append(f"### {title} {{ #{name}-{slug(title)} }}\n")
        rows = [option_row(option, context) for option in options]
        parts.append(table(["option", "default", "meaning"], rows))
    return "\n".join(parts)


def program_context(**settings: Any) -> click.Context:
    """Return a context as for `w2v --help`."""
    return cloup.Context(program, info_name="w2v", **program.context_settings, **settings)


def command_context(name: str, command: click.Command) -> click.Context:
    """Return a context as for `w2v NAME --help`."""
    return cloup.Context(command, info_name=name, parent=program_context())


def description(command: click.Command) -> str:
    """Return the description of a command as Markdown paragraphs, with options as code."""
    return flags_as_code(inspect.cleandoc(command.help or "").replace("\b\n", "")) + "\n"


def flags_as_code(text: str) -> str:
    """Return a text with options such as ``--dim`` in backticks."""
    code_or_flag = r"(`[^`]*`)|(?<![\w-])(--?[a-z][\w-]*)"
    return re.sub(code_or_flag, lambda found: found[1] or f"`{found[2]}`", text)


def option_groups(command: click.Command) -> Iterator[tuple[str, list[click.Option]]]:
    """Yield the titles and visible options of the groups of the help text, if it has groups."""
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    grouped: set[str | None] = set()
    for group in getattr(command, "option_groups", ()):
        members = [option for option in options if option in list(group)]
        grouped |= {option.name for option in members}
        if members:
            yield str(group.title), members
    rest = [option for option in options if option.name not in grouped]
    if rest:
        yield ("Other options" if grouped else ""), rest


def option_row(option: click.Option, context: click.Context) -> list[str]:
    """Return a row of the table of options."""
    name = " / ".join([", ".join(option.opts), *option.secondary_opts])
    if not option.is_flag:
        name += " " + option.make_metavar(context)
    text, default = text_and_default(option.help or "")
    if default is None:
        default = str(option.default) if option.show_default else ""
    return [f"`{name}`", flags_as_code(default), flags_as_code(text)]


def text_and_default(text: str) -> tuple[str, str | None]:
    """Split a help text into its meaning and the default that it describes, if any."""
    found = _DEFAULT.fullmatch(text)
    assert found is not None
    return found["text"], found["default"]


def fenced(language: str, text: str) -> str:
    """Return a fenced block of code."""
    return f"```{language}\n{text}\n```\n"


def slug(title: str) -> str:
    """Return a title as an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


BLOCKS: dict[str, Callable[[], str]] = {
    "formats": formats_table,
    "hyperparameters": hyperparameters_table,
    "modules": modules_table,
}
WHOLE_FILES: dict[Path, Callable[[], str]] = {
    DOCS / "reference" / "cli.md": cli_reference,
    DOCS / "images" / "architecture.svg": layers.picture,
}


def generated() -> dict[Path, str]:
    """Return the files that have generated parts, and what each should contain."""
    files = {path: content() for path, content in WHOLE_FILES.items()}
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path not in files and _BLOCK.search(text):
            files[path] = _BLOCK.sub(lambda found: found[1] + BLOCKS[found[2]]() + found[3], text)
    return files


def outdated() -> list[Path]:
    """Return the files that are not as they should be."""
    return [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


@click.command()
@click.option("--check", is_flag=True, help="Write nothing, list outdated files.")
def main(check: bool) -> None:
    """Write the generated parts of the documentation, or check them."""
    files = generated()
    found = outdated()
    for path in found:
        click.echo(path.relative_to(ROOT))
        if not check:
            path.write_text(files[path], encoding="utf-8")
    if check and found:
        raise click.ClickException("the files above are outdated; run: make docs-update")


if __name__ == "__main__":
    main()
