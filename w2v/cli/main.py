"""The command line: each command parses its arguments, calls the library and shows the result.

Commands import heavy modules when they run, so that the help appears at once.
"""

from __future__ import annotations

import cloup

from w2v._version import __version__
from w2v.cli.compare import compare
from w2v.cli.completion import completion
from w2v.cli.convert import convert, encode, export, formats, merge
from w2v.cli.info import info
from w2v.cli.inspect import inspect
from w2v.cli.map import draw_map
from w2v.cli.plot import plot
from w2v.cli.post import post
from w2v.cli.process import Program
from w2v.cli.query import evaluate
from w2v.cli.shell import shell
from w2v.cli.similar import analogy, odd, similar
from w2v.cli.text import pairs, phrases, vocab
from w2v.cli.train import train


@cloup.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@cloup.version_option(__version__, prog_name="w2v")
def main() -> None:
    """Train word vectors on text, query them, and export them for an Embedding layer."""


main.section("Training", train)
main.section("Querying a model", similar, analogy, odd, shell, encode, info)
main.section("Evaluating and viewing a model", evaluate, compare, draw_map, plot)
main.section("Converting", export, convert, merge, post, formats)
main.section("Inspecting a corpus", inspect, vocab, phrases, pairs)
main.section("Setting up", completion)
