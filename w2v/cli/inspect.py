"""`w2v inspect`: what a corpus consists of."""

from __future__ import annotations

import json
from typing import Any

import cloup

from w2v.cli import options
from w2v.cli.process import Command, fail, require_stdout, write_lines
from w2v.config import CORPUS


@cloup.command(cls=Command, short_help="Show what a corpus consists of, and what is odd about it.")
@options.corpus
@options.apply(
    *options.hyperparameters(CORPUS),
    options.include,
    options.strict,
    options.hyperparameter("window"),
    options.hyperparameter("threads"),
)
@cloup.option("--json", "as_json", is_flag=True, help="Print all facts as JSON.")
@options.quiet
def inspect(corpus: tuple[str, ...], as_json: bool, quiet: bool, **arguments: Any) -> None:
    """Show what CORPUS consists of, as training would read it, and what to do about it.

    CORPUS is files, directories, addresses, or - for stdin. A corpus that training would refuse is
    described as far as it can be read; the exit code is that of training then.
    """
    require_stdout()
    from w2v.cli.progress import in_flags, observing
    from w2v.pipeline.inspect import inspect as inspect_corpus

    paths = options.corpus_paths(corpus)
    with observing(quiet=quiet) as observer:
        found = inspect_corpus(paths, observer=observer, **arguments)
    text = (
        json.dumps(found.as_dict(), indent=2, ensure_ascii=False)
        if as_json
        else found.report(in_flags)
    )
    write_lines([f"{text}\n"])
    if found.refusal is not None:
        fail(in_flags(found.refusal), found.exit_code)
