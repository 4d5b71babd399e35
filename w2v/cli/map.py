"""`w2v map`: a page with the words of a model in the plane."""

from __future__ import annotations

from pathlib import Path

import cloup

from w2v.cli import options
from w2v.cli.loading import from_format, read_model
from w2v.cli.process import Command, echo_err
from w2v.errors import ConfigError
from w2v.options import LAYOUT, MAP_WORDS, THREADS

_PAGES = (".html", ".htm")


@cloup.command("map", cls=Command, short_help="Draw the words as a map to explore in a browser.")
@options.model
@options.required_output("The .html file to write.")
@options.defined("--words", option=MAP_WORDS, default=5000)
@options.defined("--layout", option=LAYOUT, default="tsne")
@cloup.option("--title", metavar="TEXT", help="Title of the page.  [default: the name of MODEL]")
@options.defined("--threads", option=THREADS)
@from_format
@options.overwrite
def draw_map(
    model: str,
    output: str,
    words: int,
    layout: str,
    title: str | None,
    threads: int | None,
    from_format: str | None,
    overwrite: bool,
) -> None:
    """Draw the most frequent words of MODEL as a map: one page that needs no network.

    Words with near vectors are near each other, in named clusters. Zoom by the wheel, search with
    /, and click a word for its nearest words.
    """
    from w2v.cli.progress import observing
    from w2v.system import atomic
    from w2v.views.map import map_page

    if not output.lower().endswith(_PAGES):
        message = f"must be the name of an .html file, got {output}"
        raise ConfigError(message, option="output")
    atomic.check_file(output, overwrite=overwrite)
    embeddings = read_model(model, from_format)
    if title is None:
        title = Path(model).resolve().stem
    with observing(quiet=False) as observer:
        page = map_page(embeddings, words, layout, title=title, threads=threads, observer=observer)
    page.save(output, overwrite=overwrite)
    size = len(page.html.encode()) / 1e6
    echo_err(f"saved {output}: {page.describe()}, {size:.2f} MB; open it in a browser")
