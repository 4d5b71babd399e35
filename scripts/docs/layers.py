"""The picture of the layers of the package, drawn from its directories and the import test."""

from __future__ import annotations

import runpy
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "w2v"

_FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Helvetica, Arial, sans-serif"
_MONOSPACE = "ui-monospace, 'Liberation Mono', Menlo, Consolas, monospace"
_WIDTH = 880
_MARGIN = 20
_GAP = 14  # between boxes side by side
_ARROW = 26  # between rows
_LINE = 16
_INNER = 12

_ARROWHEAD = """<defs>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto">
<path d="M0 0 L8 4 L0 8 z" fill="#5b616b"/>
</marker>
</defs>"""

# Rows from top to bottom. Each box: name, left and right edge in hundredths of the width, text.
_ROWS: list[list[tuple[str, int, int, str]]] = [
    [("cli", 0, 100, "parse arguments, show progress, print results")],
    [
        ("pipeline", 0, 64, "whole runs: check, read, train, checkpoint, save"),
        ("evaluation", 64, 100, "analogies, word similarity"),
    ],
    [
        ("training", 0, 50, "ids to matrices"),
        ("embeddings", 50, 100, "the result as an object"),
    ],
    [
        ("corpus", 0, 40, "words to ids on disk"),
        ("views", 78, 100, "plots, pages, logs"),
    ],
    [
        ("formats", 40, 100, "matrices to files and back"),
    ],
    [("text", 0, 100, "bytes to words")],
    [
        ("config", 0, 48, "hyperparameters"),
        ("progress", 48, 75, "bars and log records"),
    ],
    [
        ("system", 0, 36, "disk, memory, files"),
        ("options", 36, 60, "types and ranges"),
    ],
    [
        ("errors", 0, 60, "exceptions and exit codes"),
        ("events", 60, 75, "progress"),
        ("compute", 75, 100, "kernel compilation"),
    ],
]
_COLOURS = {
    "cli": "#dbe9f6",
    "pipeline": "#dbe9f6",
    "evaluation": "#e3f1e7",
    "embeddings": "#e3f1e7",
    "formats": "#e3f1e7",
    "training": "#fbe8d9",
    "corpus": "#fdf3d4",
    "text": "#fdf3d4",
}
LAYERS = [name for row in _ROWS for name, *_ in row][::-1]
"""All packages and modules that the picture shows, the lowest first."""


class Box:
    """A package in the picture."""

    def __init__(self, name: str, left: int, right: int, text: str, top: int) -> None:
        unit = (_WIDTH - 2 * _MARGIN) / 100
        self.name = name
        self.text = text
        self.left = _MARGIN + left * unit + (_GAP / 2 if left else 0)
        self.right = _MARGIN + right * unit - (_GAP / 2 if right < 100 else 0)
        self.top = top
        self.lines = wrapped(module_names(name), int((self.right - self.left - 2 * _INNER) / 6.7))
        self.height = 2 * _INNER + (1 + len(self.lines)) * _LINE
        if self._narrow:
            self.height += _LINE

    @property
    def _narrow(self) -> bool:
        """Whether the text needs a line of its own."""
        return self.right - self.left < 8.6 * len(self.name) + 7 * len(self.text) + 40

    @property
    def bottom(self) -> int:
        """The lower edge."""
        return self.top + self.height

    def svg(self) -> str:
        """Return the box as SVG."""
        x = self.left + _INNER
        y = self.top + _INNER + 12
        fill = _COLOURS.get(self.name, "#ececf0")
        parts = [
            rectangle(self.left, self.top, self.right - self.left, self.height, fill, "#8a8f98"),
            f'<text x="{x:g}" y="{y}" class="name">{escape(self.name)}</text>',
        ]
        if self._narrow:
            y += _LINE
            parts.append(f'<text x="{x:g}" y="{y}" class="text">{escape(self.text)}</text>')
        else:
            right = self.right - _INNER
            parts.append(
                f'<text x="{right:g}" y="{y}" class="text" text-anchor="end">'
                f"{escape(self.text)}</text>"
            )
        for line in self.lines:
            y += _LINE
            parts.append(f'<text x="{x:g}" y="{y}" class="modules">{escape(line)}</text>')
        return "\n".join(parts)


def rectangle(
    x: float, y: float, width: float, height: float, fill: str, stroke: str = "none"
) -> str:
    """Return a rectangle with round corners as SVG."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}"'
        f' stroke="{stroke}"/>'
    )


def module_names(package: str) -> list[str]:
    """Return the modules of a package, those of its subpackages as ``package/module``."""
    directory = PACKAGE / package
    if not directory.is_dir():
        return []
    paths = [path for path in directory.rglob("*.py") if path.stem != "__init__"]
    names = [path.relative_to(directory).with_suffix("").as_posix() for path in paths]
    return sorted(names, key=lambda name: (name.count("/"), name))


def wrapped(names: list[str], width: int) -> list[str]:
    """Return names in lines of at most ``width`` characters."""
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) + 2 <= width:
            lines[-1] += f"  {name}"
        else:
            lines.append(name)
    return lines


def boxes() -> dict[str, Box]:
    """Return the boxes of the picture by name, with their positions."""
    found: dict[str, Box] = {}
    top = _MARGIN
    for row in _ROWS:
        in_row = [Box(*box, top) for box in row]
        height = max(box.height for box in in_row)
        for box in in_row:
            box.height = height
        found |= {box.name: box for box in in_row}
        top += height + _ARROW
    return found


def arrows(placed: dict[str, Box]) -> list[str]:
    """Return an arrow for each package that another one may import."""
    allowed = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))["LAYERS"]
    return [
        arrow(placed[name], placed[below], placed)
        for name in placed
        for below in sorted(allowed[name])
        if below in placed
    ]


def arrow(upper: Box, lower: Box, placed: dict[str, Box]) -> str:
    """Return a vertical arrow from one box down to another."""
    left, right = max(upper.left, lower.left), min(upper.right, lower.right)
    x = (left + right) / 2
    crossed = [
        box.name
        for box in placed.values()
        if upper.bottom < box.bottom < lower.top and box.left < x < box.right
    ]
    if left >= right or crossed or upper.bottom > lower.top:
        message = f"no straight arrow from {upper.name} down to {lower.name}; change _ROWS"
        raise ValueError(message)
    return (
        f'<line x1="{x:g}" y1="{upper.bottom}" x2="{x:g}" y2="{lower.top - 2}" stroke="#5b616b"'
        ' stroke-width="1.4" marker-end="url(#head)"/>'
    )


def picture() -> str:
    """Return the picture as SVG."""
    placed = boxes()
    height = max(box.bottom for box in placed.values()) + _MARGIN
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        "<title>The packages of w2v in layers; arrows point to what a package may import</title>",
        "<style>",
        f"text {{ font-family: {_FONT}; fill: #20242b; }}",
        ".name { font-size: 15px; font-weight: 600; }",
        ".text { font-size: 13px; }",
        f".modules {{ font-family: {_MONOSPACE}; font-size: 11px; white-space: pre; }}",
        "</style>",
        _ARROWHEAD,
        rectangle(0, 0, _WIDTH, height, "#ffffff"),
        *arrows(placed),
        *(box.svg() for box in placed.values()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
