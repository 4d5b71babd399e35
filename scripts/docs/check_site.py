"""Check the built documentation: local links and images, hosts, and docstrings of public names.

`zensical build --strict` rejects dead links between pages. This script also finds missing images,
links in generated parts, resources that a page would load from another host, and names in the API
reference without a docstring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

if TYPE_CHECKING:
    import griffe

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_LOADED = {"iframe", "img", "link", "script", "source"}


class Page(HTMLParser):
    """The links and anchors of a page, and the addresses that it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the addresses and the anchors in a tag."""
        values = {name: value or "" for name, value in attrs}
        addresses = [values[name] for name in ("href", "src") if name in values]
        self.links += addresses
        if tag in _LOADED and values.get("rel") != "canonical":
            self.loaded += addresses
        self.anchors |= {values[name] for name in ("id", "name") if name in values}


def problems(site: Path) -> Iterator[str]:
    """Yield everything that is wrong with the pages of a site."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        for link in page.links:
            if is_dead(link, path, site, pages):
                yield f"{name}: dead link {link}"
        for address in page.loaded:
            if urlsplit(address).netloc:
                yield f"{name}: loads {address} from another host"


def is_dead(link: str, path: Path, site: Path, pages: dict[Path, Page]) -> bool:
    """Return whether a link to this site leads nowhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not link:
        return False
    target = path
    if parts.path:
        base = site if parts.path.startswith("/") else path.parent
        target = (base / unquote(parts.path).lstrip("/")).resolve()
        target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return True
    return bool(parts.fragment) and target in pages and parts.fragment not in pages[target].anchors


def undocumented(package: Path, names: list[str]) -> Iterator[str]:
    """Yield the public classes, functions and modules without a docstring.

    Args:
        package: the directory of the package.
        names: what the API reference shows, such as ``w2v.train``; its members are included.

    """
    import griffe

    loaded = griffe.load(package.name, search_paths=[package.parent])
    for name in names:
        found = loaded[name.removeprefix(f"{package.name}.")]
        yield from _undocumented(found.final_target if found.is_alias else found, name)


def _undocumented(found: griffe.Object | griffe.Alias, name: str) -> Iterator[str]:
    if found.docstring is None:
        yield name
    for member, child in found.members.items():
        shown = not child.is_alias and (child.is_class or child.is_function)
        if shown and not member.startswith("_"):
            yield from _undocumented(child, f"{name}.{member}")


def documented_names() -> list[str]:
    """Return the names in the API reference: its ``:::`` directives."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))]
    return [name for page in pages for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]


@click.command()
@click.argument("site", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(site: Path) -> None:
    """Check the pages in SITE."""
    found = list(problems(site.resolve()))
    found += [f"{name} has no docstring" for name in undocumented(ROOT / "w2v", documented_names())]
    for problem in found:
        click.echo(problem, err=True)
    if found:
        raise click.ClickException(f"the documentation has {len(found)} problems")
    click.echo(f"{len(list(site.rglob('*.html')))} pages, no dead links, no missing docstrings")


if __name__ == "__main__":
    main()
