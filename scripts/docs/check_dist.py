"""Check what the source distribution and the wheel contain: `make dist`."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
_IN_SDIST = {
    ".ci/run",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "corpus/kjv.txt",
    "docs/index.md",
    "hatch_build.py",
    "pyproject.toml",
    "tests/conftest.py",
}
_METADATA = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")


def version() -> str:
    """Return the version of the sources."""
    text = (ROOT / "w2v" / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "(.+)"', text)
    assert found is not None
    return found[1]


def package_files() -> set[str]:
    """Return the files of the package, relative to the root."""
    paths = (ROOT / "w2v").rglob("*")
    return {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    }


def problems(directory: Path) -> Iterator[str]:
    """Yield everything that is wrong with the two files of a release."""
    name = f"w2v-{version()}"
    wheel, sdist = directory / f"{name}-py3-none-any.whl", directory / f"{name}.tar.gz"
    if sorted(directory.iterdir()) != sorted([wheel, sdist]):
        yield f"expected {wheel.name} and {sdist.name}, got {[p.name for p in directory.iterdir()]}"
        return
    with zipfile.ZipFile(wheel) as archive:
        expected = package_files() | {f"{name}.dist-info/{file}" for file in _METADATA}
        yield from differences(wheel.name, expected, set(archive.namelist()))
        yield from wrong_metadata(archive.read(f"{name}.dist-info/METADATA").decode())
    with tarfile.open(sdist) as files:
        members = {member.removeprefix(f"{name}/") for member in files.getnames()}
    missing = (_IN_SDIST | package_files()) - members
    yield from (f"{sdist.name} lacks {file}" for file in sorted(missing))
    unwanted = {file for file in members if re.search(r"(^|/)(__pycache__|\.venv|build)/", file)}
    yield from (f"{sdist.name} has {file}" for file in sorted(unwanted))


def differences(where: str, expected: set[str], found: set[str]) -> Iterator[str]:
    """Yield the files that a distribution lacks, and those that it should not have."""
    yield from (f"{where} lacks {file}" for file in sorted(expected - found))
    yield from (f"{where} has {file}" for file in sorted(found - expected))


def wrong_metadata(text: str) -> Iterator[str]:
    """Yield what is wrong with the metadata of a wheel."""
    metadata = message_from_string(text)
    if metadata["Version"] != version():
        yield f"the metadata has version {metadata['Version']}, w2v has {version()}"
    labels = {url.partition(",")[0] for url in metadata.get_all("Project-URL", [])}
    if labels != {"Source", "Documentation", "Changelog", "Issues"}:
        yield f"the metadata has the URLs {sorted(labels)}"
    readme = metadata.get_payload()
    assert isinstance(readme, str)
    for link in relative_links(readme):
        yield f"the README on the package index has the relative link {link}"


def relative_links(readme: str) -> list[str]:
    """Return the links of a Markdown text that work only next to other files."""
    return re.findall(r"\]\((?!https?://|#)([^)]*)\)", readme)


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(directory: Path) -> None:
    """Check the distributions in DIRECTORY."""
    found = list(problems(directory))
    for problem in found:
        click.echo(problem, err=True)
    if found:
        raise click.ClickException(f"the distributions have {len(found)} problems")
    click.echo(f"w2v {version()}: the wheel and the source distribution are complete")


if __name__ == "__main__":
    main()
