"""The public benchmark: training speed and quality of w2v and its peers on a text.

    python -m scripts.bench.benchmark corpus.txt --eval questions-words.txt --json figures.json
    python -m scripts.bench.benchmark --generate 100 --setting default --setting gensim

Every trainer runs in a separate process, with the same settings, on the same words. A round runs
every trainer once, so that a temporary slowdown of the machine affects all of them. Speed is the
number of in-vocabulary words before subsampling, times epochs, divided by the seconds of training.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from scripts.bench import generated_text
from scripts.bench.figures import DETERMINISTIC, OURS, Run, WholeRun, report
from scripts.bench.measuring import json_option, machine, number, repeats_option, train, write_json
from scripts.bench.peak import peak_gflops, useful_operations
from scripts.bench.trainers import (
    FASTTEXT,
    GENSIM,
    SETTINGS,
    Peer,
    Setting,
    Text,
    load_vectors,
    prepare,
    run_plain_gensim,
    score_vectors,
)
from w2v.system.cpu import available_cores


class _Binary(click.ParamType[Peer]):
    """NAME=PATH, a program with the command line of word2vec.c."""

    name = "NAME=PATH"

    def convert(self, value: Any, param: Any, ctx: Any) -> Peer:
        """Find the program."""
        del param, ctx
        name, separator, path = str(value).partition("=")
        if not (name and separator and shutil.which(path)):
            self.fail(f"expected NAME=PATH with a program that can be run, got {value!r}")
        return Peer(name, (path,))


@dataclass(frozen=True)
class Plan:
    """The runs to make on a text."""

    text: Text
    threads: tuple[int, ...]
    peer_threads: tuple[int, ...]
    peers: tuple[Peer, ...]
    repeats: int
    whole: bool
    deterministic: bool
    evaluation_files: tuple[str, ...]
    folder: Path


@click.command()
@click.argument("corpus", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--generate", type=float, metavar="MB", help="Generate a text of this size instead.")
@click.option(
    "--setting",
    "names",
    multiple=True,
    type=click.Choice(list(SETTINGS)),
    help="A named set of hyper-parameters. May be repeated.  [default: default]",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    multiple=True,
    help="May be repeated.  [default: 1 and all cores]",
)
@click.option(
    "--peer-threads",
    type=click.IntRange(1),
    multiple=True,
    help="Threads of the peers. May be repeated.  [default: the largest of --threads]",
)
@repeats_option
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice(["gensim", "fastText", "none"]),
    help="May be repeated.  [default: all that are installed]",
)
@click.option(
    "--binary",
    "binaries",
    multiple=True,
    type=_Binary(),
    help="A program with the command line of word2vec.c. May be repeated.",
)
@click.option(
    "--whole/--no-whole",
    default=True,
    show_default=True,
    help="Also time whole runs from raw text to a saved model, with the most threads.",
)
@click.option("--deterministic", is_flag=True, help="Also time w2v with --deterministic.")
@click.option(
    "--eval",
    "evaluation_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Evaluate the vectors on this file. May be repeated.",
)
@json_option
@click.option(
    "--dim", type=click.IntRange(1), help="This and the following options override the settings."
)
@click.option("--window", type=click.IntRange(1))
@click.option("--shrink-windows/--full-windows", default=None)
@click.option("--negatives", type=click.IntRange(1))
@click.option("--sample", type=float)
@click.option("--epochs", type=click.IntRange(1))
@click.option("--lr", type=float)
@click.option("--min-count", type=click.IntRange(1))
@click.option("--vocab-size", type=click.IntRange(1))
def main(
    corpus: str | None,
    generate: float | None,
    names: tuple[str, ...],
    threads: tuple[int, ...],
    peer_threads: tuple[int, ...],
    repeats: int,
    peers: tuple[str, ...],
    binaries: tuple[Peer, ...],
    whole: bool,
    deterministic: bool,
    evaluation_files: tuple[str, ...],
    json_path: str | None,
    **replaced: Any,
) -> None:
    """Train on CORPUS with w2v and every peer that is installed, and compare."""
    if (corpus is None) == (generate is None):
        raise click.UsageError("pass either CORPUS or --generate MB")
    threads = threads or tuple(sorted({1, available_cores()}))
    settings = [with_options(SETTINGS[name], replaced) for name in names or ("default",)]
    present = (*present_peers(peers), *binaries)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = Path(corpus) if corpus is not None else folder / "generated.txt"
        if generate is not None:
            generated_text.write_text(raw, generate)
        figures: dict[str, Any] = {"machine": machine(), "runs": [], "whole": []}
        figures |= {"corpus": {"name": raw.name, "bytes": raw.stat().st_size}, "settings": {}}
        for setting in settings:
            text = prepare(raw, folder / "words.txt", setting)
            plan = Plan(
                text,
                threads,
                peer_threads or (max(threads),),
                present,
                repeats,
                whole,
                deterministic,
                evaluation_files,
                folder,
            )
            figures["settings"][setting.name] = {
                **setting.options(),
                "words": text.words,
                "vocabulary": len(text.vocabulary),
            }
            runs, wholes = run_rounds(plan, setting)
            figures["runs"] += map(asdict, runs)
            figures["whole"] += map(asdict, wholes)
            if json_path is not None:  # after each setting, so that a kill loses little
                write_json(json_path, figures)
    click.echo(report(figures))


def with_options(setting: Setting, replaced: Mapping[str, Any]) -> Setting:
    """Return a setting with the given options replaced."""
    given = {name: value for name, value in replaced.items() if value is not None}
    return dataclasses.replace(setting, **given)


def present_peers(wanted: tuple[str, ...]) -> list[Peer]:
    """Return the requested peers, by default all, without those that are not installed."""
    asked = [peer for peer in (GENSIM, FASTTEXT) if not wanted or peer.name in wanted]
    for peer in asked:
        if not peer.installed:
            hint = "install it with: pip install --group bench"
            click.echo(f"skipping {peer.name}: it is not installed; {hint}", err=True)
    return [peer for peer in asked if peer.installed]


def run_rounds(plan: Plan, setting: Setting) -> tuple[list[Run], list[WholeRun]]:
    """Run every trainer of a plan, round after round."""
    model = plan.folder / "model.w2v"
    options = setting.options()
    once = {**options, "epochs": 1, "deterministic": plan.deterministic}
    train([plan.text.raw], model, once)  # compiles all kernels
    runs: list[Run] = []
    wholes: list[WholeRun] = []
    for turn in range(1, plan.repeats + 1):
        for threads in plan.threads:
            for deterministic in (False, True)[: 1 + plan.deterministic]:
                runs.append(run_ours(plan, setting, threads, turn, deterministic=deterministic))
                report_run(runs[-1])
        for threads in plan.peer_threads:
            for peer in plan.peers:
                runs.append(run_peer(peer, plan, setting, threads, turn))
                report_run(runs[-1])
        if plan.whole:
            wholes += run_whole(plan, setting, turn)
    return runs, wholes


def report_run(run: Run) -> None:
    """Report the speed of a run on stderr."""
    speed = f"{number(run.words_per_second / 1e6)} million words/s"
    who = f"{run.trainer} with {run.threads} thread" + "s" * (run.threads > 1)
    click.echo(f"{run.setting}, round {run.round}: {who}: {speed}", err=True)


def run_ours(plan: Plan, setting: Setting, threads: int, turn: int, *, deterministic: bool) -> Run:
    """Train with w2v, and measure the arithmetic peak before and after."""
    model = plan.folder / "model.w2v"
    before = peak_gflops(threads)
    options = {**setting.options(), "threads": threads, "seed": turn}
    options |= {"deterministic": deterministic}
    training = train([plan.text.raw], model, options)
    peak = (before + peak_gflops(threads)) / 2
    return Run(
        setting.name,
        threads,
        DETERMINISTIC if deterministic else OURS,
        turn,
        training.words_per_second,
        training.usage.memory_mb,
        *evaluated(model, plan),
        reading_mb_per_second=training.text_mb / training.reading_seconds,
        useful_gflops=useful_operations(training.meta) / training.seconds / 1e9,
        peak_gflops=peak,
    )


def run_peer(peer: Peer, plan: Plan, setting: Setting, threads: int, turn: int) -> Run:
    """Train with a peer."""
    model = plan.folder / "model.bin"
    model.unlink(missing_ok=True)
    done = peer.run(plan.text, setting, threads, turn, model)
    return Run(
        setting.name,
        threads,
        peer.name,
        turn,
        plan.text.words * done.epochs / done.seconds,
        done.usage.memory_mb,
        *evaluated(model, plan),
    )


def evaluated(model: Path, plan: Plan) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the number of in-vocabulary words of a model, and its score on each file."""
    embeddings = load_vectors(model, plan.text.vocabulary)
    return len(embeddings), {
        Path(path).name: score_vectors(embeddings, path) for path in plan.evaluation_files
    }


def run_whole(plan: Plan, setting: Setting, turn: int) -> list[WholeRun]:
    """Time whole runs with the most threads: `w2v train`, and gensim as its users write it."""
    threads = max(plan.threads)
    options = {**setting.options(), "threads": threads}
    usages = {OURS: train([plan.text.raw], plan.folder / "model.w2v", options).usage}
    if GENSIM in plan.peers:
        model = plan.folder / "plain.model"
        usages[GENSIM.name] = run_plain_gensim(plan.text, setting, threads, model)
    return [
        WholeRun(setting.name, threads, trainer, turn, usage.seconds, usage.memory_mb)
        for trainer, usage in usages.items()
    ]


if __name__ == "__main__":
    main()
