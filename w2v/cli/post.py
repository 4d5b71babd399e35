"""`w2v post`: vectors changed after training."""

from __future__ import annotations

import cloup

from w2v.cli import options
from w2v.cli.loading import from_format as from_format_option
from w2v.cli.loading import read_model
from w2v.cli.process import Command, echo_err
from w2v.options import CENTER, CONTEXTS, REMOVE


@cloup.command(cls=Command, short_help="Change the vectors of a model after training.")
@options.model
@options.required_output("Model to write, or a file of vectors by its extension.")
@cloup.option("--center/--no-center", default=True, show_default=True, help=CENTER.help)
@options.defined("--remove", option=REMOVE, default=0)
@options.defined("--contexts", option=CONTEXTS, default=0.0)
@from_format_option
@options.overwrite
def post(
    model: str,
    output: str,
    center: bool,
    remove: int,
    contexts: float,
    from_format: str | None,
    overwrite: bool,
) -> None:
    """Write MODEL with changed vectors: less their mean, and as the options say.

    The page "Evaluation" of the documentation has measurements of what helps on which task.
    """
    from w2v.embeddings.postprocess import postprocess
    from w2v.formats import registry
    from w2v.system import atomic

    target = registry.output_format("output", output)
    if target is None:
        atomic.check_directory(output, overwrite=overwrite)
    else:
        target.check_output(output, overwrite=overwrite)
    source = model if contexts else read_model(model, from_format)
    changed = postprocess(source, center=center, remove=remove, contexts=contexts)
    changed.save(output, overwrite=overwrite)
    echo_err(f"saved {output}: {len(changed):,} words x {changed.dim}")
