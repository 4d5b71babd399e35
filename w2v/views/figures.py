"""What all plots share: matplotlib, loaded when it is needed; their style; and their files."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, MissingExtraError
from w2v.system import atomic

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from matplotlib.figure import Figure

EXTENSIONS = (".png", ".svg")
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
"""Colors that color-blind people can tell apart (Okabe and Ito 2008, without yellow)."""
MARKERS = "osD^v"
GREY = "#8A8A8A"

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "legend.frameon": False,
    "svg.hashsalt": "w2v",  # the same plot has the same bytes
    "svg.fonttype": "path",  # and looks the same everywhere
}
_DOTS_PER_INCH = 160


def require_matplotlib(feature: str) -> None:
    """Check that matplotlib is installed.

    Raises:
        MissingExtraError: it is not.

    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(feature, "plot") from error


def style() -> AbstractContextManager[None]:
    """Return a context in which plots have our style, whatever the user's settings are."""
    from matplotlib import style as styles

    context: AbstractContextManager[None] = styles.context(["default", STYLE])
    return context


def check_output(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Check, before any work, that a plot can be written.

    Raises:
        ConfigError: the extension is that of no picture.
        OutputError: the file cannot be written, or exists and ``overwrite`` is False.

    """
    if Path(path).suffix.lower() not in EXTENSIONS:
        message = f"must be a file name that ends in {' or '.join(EXTENSIONS)}, got {path}"
        raise ConfigError(message, option="output")
    atomic.check_file(Path(path), overwrite=overwrite)


def save(figure: Figure, path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Write a plot as PNG or SVG, by its extension. The same figure gives the same bytes.

    Raises:
        OutputError: it cannot be written.

    """
    kind = Path(path).suffix.lower().removeprefix(".")
    facts = {"Date": None} if kind == "svg" else {}
    picture = io.BytesIO()
    with style():
        figure.savefig(picture, format=kind, dpi=_DOTS_PER_INCH, metadata=facts)
    data = picture.getbuffer()
    with atomic.new_file(Path(path), needed=len(data), overwrite=overwrite) as file:
        file.write(data)


def names_of(paths: Sequence[str]) -> list[str]:
    """Return short names of models: those of the files, or the paths where these are the same."""
    short = [Path(path).stem or path for path in paths]
    used = Counter(short)
    return [name if used[name] == 1 else path for name, path in zip(short, paths, strict=True)]


def legible(name: str) -> str:
    """Return a name that a legend shows: matplotlib 3.8 and 3.9 leave out those with "_" first."""
    return f" {name}" if name.startswith("_") else name
