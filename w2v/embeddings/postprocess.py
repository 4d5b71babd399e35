"""Vectors changed after training: context vectors added, the mean and first components removed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import ConfigError
from w2v.formats import native
from w2v.formats.table import VectorTable
from w2v.options import CENTER, CONTEXTS, REMOVE, check_path
from w2v.system.atomic import iter_row_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray


def postprocess(
    model: VectorTable | str | Path,
    *,
    center: bool = True,
    remove: int = 0,
    contexts: float = 0.0,
) -> Embeddings:
    """Return embeddings with vectors that are changed, in this order.

    The documentation has measurements of what each step does ("Evaluation").

    Args:
        model: embeddings, or the directory of a model, which ``contexts`` needs.
        center: whether to subtract the mean of all vectors.
        remove: how many components to remove: the directions in which the vectors, less their mean
            if ``center``, vary most (Mu and Viswanath 2018, "All-but-the-top").
        contexts: add the context vectors times this weight first. Models that `w2v.train` wrote
            have them.

    Returns:
        Embeddings of the same words. ``meta["postprocessed"]`` lists the steps. The vector of
        unknown words, if there is one, is changed as the others.

    Raises:
        ConfigError: an argument is out of range, nothing is to be done, as many components are to
            be removed as there are, or there are no context vectors.
        InputError: the model cannot be read.
        FormatError: it is damaged.

    """
    center = CENTER.check("center", center)
    remove = REMOVE.check("remove", remove)
    contexts = float(CONTEXTS.check("contexts", contexts))
    if not (center or remove or contexts):
        message = "nothing is to be done; set `center`, `remove` or `contexts`"
        raise ConfigError(message)
    table, added = _read(model, with_contexts=contexts > 0)
    if remove >= table.dim:
        message = f"must be less than the vector size, {table.dim}, got {remove}"
        raise ConfigError(message, option="remove")
    matrix = np.array(table.matrix, np.float32)
    unknown = table.unknown
    if added is not None:
        matrix += np.float32(contexts) * added[: len(matrix)]
        if unknown is not None:  # then its context vector is the last row
            unknown = unknown + np.float32(contexts) * added[-1]
    mean = matrix.mean(axis=0, dtype=np.float64) if center else np.zeros(table.dim)
    components = _components(matrix, mean, remove)
    for rows in iter_row_chunks(matrix):
        rows[:] = _without(rows, mean, components)
    if unknown is not None and unknown.any():  # zeros stand for no vector
        unknown = _without(unknown, mean, components)
    result = Embeddings(table.words, matrix, table.counts, _meta(table, center, remove, contexts))
    result.unknown = unknown
    result.unk, result.rows = table.unk, table.rows
    return result


def _read(
    model: VectorTable | str | Path, *, with_contexts: bool
) -> tuple[VectorTable, NDArray[np.float32] | None]:
    """Return the model and, if asked for, its context vectors."""
    if isinstance(model, VectorTable):
        if with_contexts:
            message = "needs the directory of the model, in place of embeddings in memory"
            raise ConfigError(message, option="contexts")
        return model, None
    check_path("model", model)
    table = load(model)
    if not with_contexts:
        return table, None
    if not native.has_contexts(model):
        message = (
            f"needs context vectors, which {model} does not have; models that training "
            "saved have them, files and exports do not"
        )
        raise ConfigError(message, option="contexts")
    return table, native.read_contexts(model, table)


def _components(
    matrix: NDArray[np.float32], mean: NDArray[np.float64], number: int
) -> NDArray[np.float64]:
    """Return the first principal directions as orthonormal columns, (D, number)."""
    dim = matrix.shape[1]
    covariance = np.zeros((dim, dim))
    for rows in iter_row_chunks(matrix):
        centered = rows - mean
        covariance += centered.T @ centered
    directions: NDArray[np.float64] = np.linalg.eigh(covariance)[1][:, dim - number :]
    return directions


def _without(
    vectors: NDArray[np.float32], mean: NDArray[np.float64], components: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Subtract the mean and the components from vectors (..., D)."""
    centered = vectors - mean
    result: NDArray[np.float32] = (centered - centered @ components @ components.T).astype(
        np.float32
    )
    return result


def _meta(table: VectorTable, center: bool, remove: int, contexts: float) -> dict[str, Any]:
    """Return the metadata with these steps, and without the job, which can no longer go on."""
    meta = {name: value for name, value in table.meta.items() if name != "job"}
    meta = copy.deepcopy(meta)
    steps = meta.get("postprocessed")
    before = steps if isinstance(steps, list) else []
    step = {"center": center, "remove": remove, "contexts": contexts}
    meta["postprocessed"] = [*before, step]
    return meta
