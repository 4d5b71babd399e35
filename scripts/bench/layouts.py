"""Compare layouts of words: quality and time of w2v, openTSNE and umap-learn in turn.

    python -m scripts.bench.layouts kjv.w2v --words 5000

The quality is the share of a word's ten nearest words, by the cosine, that are among its ten
nearest on the map, as the mean over all words. Packages that are not installed are left out.
"""

from __future__ import annotations

import importlib.util
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import w2v
from scripts.bench.measuring import markdown
from w2v.formats.norms import norms_of, unit_rows
from w2v.system.cpu import available_cores
from w2v.views import tsne
from w2v.views.map import LINKS, use_kernels
from w2v.views.neighbours import Neighbours, nearest_words
from w2v.views.projection import principal_components, project

Layout = Callable[[], NDArray[np.floating]]


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--words", default=5000, show_default=True)
@click.option("--only", multiple=True, help="Measure these layouts only; repeatable.")
def main(model: Path, words: int, only: tuple[str, ...]) -> None:
    """Print the quality and the time of layouts of the most frequent words of MODEL."""
    warnings.simplefilter("ignore")  # from the other packages
    use_kernels()
    vectors, near = prepared(w2v.load(model), words)
    click.echo(f"{len(vectors):,} words x {vectors.shape[1]}, {available_cores()} cores")
    rows = []
    for name, layout in layouts(vectors, near).items():
        if only and name not in only:
            continue
        started, used = time.perf_counter(), cpu_seconds()
        positions = layout()
        seconds, used = time.perf_counter() - started, cpu_seconds() - used
        kept = kept_neighbours(np.asarray(positions), near)
        rows.append([name, f"{kept:.3f}", f"{used:.1f}", f"{seconds:.1f}"])
        click.echo(" ".join(rows[-1]), err=True)
    click.echo(markdown(["layout", "neighbours kept", "CPU seconds", "seconds"], rows))


def prepared(model: w2v.Embeddings, words: int) -> tuple[NDArray[np.float32], Neighbours]:
    """Return the vectors of the first words, of length 1, and their nearest words."""
    matrix = model.matrix[:words]
    norms = norms_of(matrix)
    near = nearest_words(matrix, norms, len(matrix), tsne.NEIGHBOURS)
    return unit_rows(matrix, norms, np.float32), near


def layouts(vectors: NDArray[np.float32], near: Neighbours) -> dict[str, Layout]:
    """Return the layouts that can be measured, by name."""
    threads = available_cores()
    found: dict[str, Layout] = {
        "PCA": lambda: principal_components(vectors),
        "t-SNE of w2v": lambda: tsne.tsne(near, principal_components(vectors), threads=threads),
    }
    if importlib.util.find_spec("openTSNE"):
        import openTSNE

        found["openTSNE"] = lambda: openTSNE.TSNE(
            perplexity=tsne.PERPLEXITY, metric="cosine", n_jobs=threads, random_state=1
        ).fit(vectors)
    if importlib.util.find_spec("umap"):
        found["umap-learn"] = lambda: project(vectors, near, "umap", threads)
    return found


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def kept_neighbours(positions: NDArray[np.floating], near: Neighbours) -> float:
    """Return the share of nearest words that are also the nearest in the plane."""
    from scipy.spatial import cKDTree

    found = cKDTree(positions).query(positions, LINKS + 1)[1]
    kept = 0
    for row, (places, ids) in enumerate(zip(found.tolist(), near.ids[:, :LINKS], strict=True)):
        nearest = [place for place in places if place != row][:LINKS]
        kept += len(set(nearest) & set(ids.tolist()))
    return kept / near.ids[:, :LINKS].size


if __name__ == "__main__":
    main()
