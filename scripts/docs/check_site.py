"""Check the built documentation: local links and images, hosts, and docstrings of public names.

`zensical build --strict` rejects dead links between pages. This script also finds missing images,
links in generated parts, resources that a page would load from another host, and names in the API
reference without a docstring.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"}
_LOADED = {"iframe", "img", "link", "script", "source"}


class Page(HTMLParser):
    """The links, anchors and documented names of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.undocumented: list[str] = []
        self._open: list[tuple[str, set[str]]] = []
        self._names: list[tuple[int, str]] = []
        self._text: dict[int, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag refers to, and begin the documentation of a name."""
        values = {name: value or "" for name, value in attrs}
        for name in ("href", "src"):
            if name not in values:
                continue
            self.links.append(values[name])
            if tag in _LOADED and values.get("rel") != "canonical":
                self.loaded.append(values[name])
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        classes = set(values.get("class", "").split())
        if "doc-heading" in classes:
            self._heading = values.get("id", "")
        if tag not in _VOID:
            self._open.append((tag, classes))
            if tag == "div" and "doc-contents" in classes:
                self._names.append((len(self._open), self._heading))
                self._text[len(self._open)] = ""

    def handle_endtag(self, tag: str) -> None:
        """End an element; a name whose documentation has no text is undocumented."""
        while self._open:
            depth = len(self._open)
            opened, _ = self._open.pop()
            if self._names and self._names[-1][0] == depth:
                _, name = self._names.pop()
                if not self._text.pop(depth).strip():
                    self.undocumented.append(name)
            if opened == tag:
                break

    def handle_data(self, data: str) -> None:
        """Add text to the innermost documentation, unless it is a signature or a heading."""
        skipped = {"doc-signature", "doc-heading", "doc-children", "doc-section-title"}
        if self._names:
            depth = self._names[-1][0]
            inside = self._open[depth:]
            if not any(classes & skipped for _, classes in inside):
                self._text[depth] += data

    _heading = ""


def problems(site: Path) -> Iterator[str]:
    """Yield everything that is wrong with a site."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        for link in page.links:
            if dead(link, path, site, pages):
                yield f"{name}: dead link {link}"
        for link in page.loaded:
            if urlsplit(link).netloc:
                yield f"{name}: loads {link}, which is on another host"
        for documented in page.undocumented:
            yield f"{name}: {documented} has no docstring"


def dead(link: str, path: Path, site: Path, pages: dict[Path, Page]) -> bool:
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
        return path.name != "404.html"  # whose links are relative to the root of a server
    page = pages.get(target)
    return bool(parts.fragment) and page is not None and parts.fragment not in page.anchors


@click.command()
@click.argument("site", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(site: Path) -> None:
    """Check the pages in SITE."""
    found = list(problems(site.resolve()))
    for problem in found:
        click.echo(problem, err=True)
    if found:
        raise click.ClickException(f"the documentation has {len(found)} problems")
    click.echo(f"{len(list(site.rglob('*.html')))} pages checked")


if __name__ == "__main__":
    main()
