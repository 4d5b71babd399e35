"""The public functions that train a model or resume a training."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Unpack, cast

from w2v.config import Config, TrainOptions, check_options
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, InputError, W2VError
from w2v.events import Observer, ignore
from w2v.formats import native
from w2v.formats.directory import read_meta
from w2v.options import check_path
from w2v.pipeline.arguments import (
    CHECKPOINT_SECONDS,
    Directories,
    GivenVocabulary,
    PathLike,
    Patterns,
    check_arguments,
    check_initial_model,
    read_given_vocabulary,
    source_options,
)
from w2v.pipeline.checkpoint import Checkpoint, is_begun
from w2v.pipeline.run import TrainingRun
from w2v.pipeline.spec import START_OVER, TrainingJob
from w2v.pipeline.warm_start import job_for_more_epochs, load_initial_model
from w2v.progress import reporting
from w2v.system.atomic import recover
from w2v.system.files import Fingerprint
from w2v.system.functions import is_lost
from w2v.text import segmenters
from w2v.text.files import STDIN, local_path
from w2v.text.sources import FileSource, SourceOptions, TextSource, open_corpus
from w2v.views.tensorboard import open_log


def train(
    corpus: Any,
    *,
    vocab: GivenVocabulary | None = None,
    include: Patterns = (),
    strict: bool = False,
    init: str | os.PathLike[str] | None = None,
    init_format: str | None = None,
    freeze_old: bool = False,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    work_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    observer: Observer = ignore,
    progress: bool | None = None,
    tensorboard: str | os.PathLike[str] | None = None,
    **options: Unpack[TrainOptions],
) -> Embeddings:
    """Train word vectors.

    Args:
        corpus: a path (of a file or directory, or ``-`` for stdin) or an address such as
            ``s3://bucket/*.txt``; an iterable of these; an open binary file; or an iterable of
            strings or of lists of tokens. An iterable is iterated once. Path objects are paths.
            Strings are lines of text, unless the first one is an existing path, or all look like
            paths.
        vocab: the vocabulary to use, as a file with one word per line or as a list of words. Row i
            is the i-th word, whether it occurs in the corpus or not.
        include: patterns such as ``"*.txt"``; only files of directories whose names match one are
            read. A pattern with a slash is matched with the path below the directory.
        strict: whether to reject a directory with a file that is not text. By default such a file
            is skipped with a `w2v.events.Notice`, which is logged if there is no observer.
        init: the model to start from, or vectors in any readable format. All its words keep their
            rows; other words of the corpus follow, up to ``vocab_size`` in total. It determines
            ``dim`` and, if it records them, ``tokenizer``, ``lowercase`` and ``segmenter``.
        init_format: the format of ``init``, as ``w2v formats`` lists them, if it is not detected.
        freeze_old: whether the vectors of ``init`` do not change.
        output: the directory to save the model in, such as ``kjv.w2v``. If the name has the
            extension of a format, such as ``kjv.txt`` or ``kjv.bin``, the vectors are written to
            that file, and the model to the directory ``kjv.w2v`` beside it.
        overwrite: whether to replace an existing model or file of vectors, and to discard an
            unfinished training.
        work_dir: the directory for the encoded corpus during training. The default is beside
            ``output``, or the system's directory for temporary files.
        checkpoint_every: seconds between two checkpoints of a training with an ``output``, for
            `resume`; 0 disables them.
        observer: a function that is called with every `w2v.events.Event`. The logger ``w2v`` of
            the standard library receives them too.
        progress: whether to show progress bars. None shows them in a terminal or a notebook, unless
            there is an ``observer``.
        tensorboard: the directory of a log for TensorBoard, which is created: scalars while
            training runs, and the vectors of the first 10,000 words for the projector at the end.
            The step is the number of words trained on. With ``overwrite``, the log of another
            training is replaced.
        options: the hyper-parameters, see `w2v.Config`.

    Returns:
        The embeddings; ``matrix`` is (V, dim) float32.

    Raises:
        W2VError: the arguments, the corpus or the output are unusable, or resources are missing.
            The subclass tells which.

    """
    given = cast("TrainOptions", check_options(options))
    config = Config.of(options)
    check_arguments(
        observer,
        progress,
        paths={"output": output, "work_dir": work_dir, "tensorboard": tensorboard},
        switches={"freeze_old": freeze_old, "overwrite": overwrite},
        checkpoint_every=checkpoint_every,
    )
    overwrite, freeze_old = bool(overwrite), bool(freeze_old)  # JSON cannot hold NumPy's bools
    check_initial_model(vocab, init, init_format, freeze_old=freeze_old)
    started = time.perf_counter()
    directories = Directories.of(output, work_dir)
    if directories.output is not None:
        recover(directories.output)
    directories.check(overwrite=overwrite)
    words, origin = read_given_vocabulary(vocab), None
    if init is not None:
        config, words, origin = load_initial_model(
            init, given, format=init_format, freeze_old=freeze_old
        )
    if config.segmenter is not None:
        segmenters.load(config.segmenter)  # or report that it cannot be, before any work
    source = open_corpus(corpus, source_options(config, include, strict))
    directories.require_no_input(_files_read(source, init, vocab))
    job = TrainingJob(
        _rereadable(source),
        words,
        config,
        overwrite,
        extend=init is not None,
        freeze_old=freeze_old,
        origin=origin,
        file=directories.file_name,
    )
    with (
        reporting(observer, progress) as report,
        open_log(tensorboard, report, overwrite=overwrite) as log,
    ):
        run = TrainingRun(
            job, source, directories, log, checkpoint_every=checkpoint_every, started=started
        )
        run.check()
        return log.finish(run.execute())


def resume(
    output: str | os.PathLike[str],
    *,
    work_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    overwrite: bool = False,
    observer: Observer = ignore,
    progress: bool | None = None,
    tensorboard: str | os.PathLike[str] | None = None,
    **options: Unpack[TrainOptions],
) -> Embeddings:
    """Resume an interrupted training, or train a finished model for more epochs.

    A training with one thread, or a deterministic one, gives the same bits as without the
    interruption. With more threads, every part of the corpus is still trained on exactly once per
    epoch.

    A finished model is trained on the same corpus until it has had ``epochs`` in total, with the
    learning-rate schedule of that total. The old model is replaced when the new one is complete.

    Args:
        output: the output of the training: the model, or the file of vectors beside it.
        work_dir: the ``work_dir`` of the training.
        checkpoint_every: see `train`.
        overwrite: whether to replace a model or file of vectors that has appeared at ``output`` in
            the meantime.
        observer: see `train`.
        progress: see `train`.
        tensorboard: see `train`; the log in this directory is continued.
        options: ``threads``, ``max_expansion``, ``ray``, ``workers`` and ``allow_mixed``, and
            ``epochs`` for a finished model. Other hyper-parameters are accepted if they have not
            changed.

    Raises:
        W2VError: there is nothing to resume, an option or the corpus has changed, or for the same
            reasons as in `train`.

    """
    given = cast("TrainOptions", check_options(options))
    check_arguments(
        observer,
        progress,
        paths={"work_dir": work_dir, "tensorboard": tensorboard},
        switches={"overwrite": overwrite},
        checkpoint_every=checkpoint_every,
    )
    check_path("output", output)
    started = time.perf_counter()
    directories = _directories_of_run(output, work_dir)
    target, directory = directories.output, directories.checkpoint
    assert target is not None  # as there is an output
    assert directory is not None
    source: TextSource | None
    with (
        reporting(observer, progress) as report,
        open_log(tensorboard, report, resumed=True) as log,
    ):
        begun = is_begun(directory)
        checkpoint = Checkpoint(directory, checkpoint_every or None) if begun else None
        try:
            if checkpoint is None:
                Checkpoint.sweep(directory)
                job, source = _prepare_more_epochs(target, directory, given)
                directories = directories.with_file(job.file)
                if directories.file is not None and not overwrite:
                    directories.file.require_vectors_of(native.read(target))
            else:
                job = checkpoint.load_job()
                job.require_same_options(given)
                recover(target)
                directories = directories.with_file(job.file)
                job = dataclasses.replace(job, overwrite=job.overwrite or bool(overwrite))
                if _is_finished(target, job):
                    embeddings = Embeddings.from_table(native.read(target))
                    if directories.file is not None:
                        report(directories.file.write(embeddings, overwrite=job.overwrite))
                    checkpoint.remove()
                    return log.finish(embeddings)
                job = job.with_free_options(given)
                source = _prepare_rest(checkpoint, job, target)
            directories.check(overwrite=job.overwrite)
            run = TrainingRun(
                job,
                source,
                directories,
                log,
                checkpoint_every=checkpoint_every,
                checkpoint=checkpoint,
                started=started,
            )
            run.check()
        except BaseException:
            if checkpoint is not None:
                checkpoint.close()
            raise
        return log.finish(run.execute())


def can_be_resumed(output: PathLike, work_dir: PathLike | None) -> bool:
    """Return whether an output has a checkpoint, as far as permissions tell."""
    try:
        checkpoint = _directories_of_run(output, work_dir).checkpoint
    except W2VError:  # invalid arguments, which have been reported already
        return False
    return checkpoint is not None and is_begun(checkpoint)


def _directories_of_run(output: PathLike, work_dir: PathLike | None) -> Directories:
    """Return the directories of an earlier training.

    Models of any name can be resumed, also those that were named like a file.
    """
    as_model = Directories.of_model(output, work_dir)
    assert as_model.checkpoint is not None
    if is_begun(as_model.checkpoint) or os.path.isdir(output):  # noqa: PTH112 - never raises
        return as_model
    return Directories.of(output, work_dir)


def _files_read(
    source: TextSource, init: PathLike | None, vocab: GivenVocabulary | None
) -> Iterator[PathLike]:
    """Yield the files and directories that a training reads."""
    if isinstance(source, FileSource):
        yield from map(local_path, source.paths)
    if init is not None:
        yield init
    if isinstance(vocab, (str, os.PathLike)):
        yield vocab


def _prepare_more_epochs(
    target: Path, directory: Path, options: TrainOptions
) -> tuple[TrainingJob, TextSource]:
    """Return the job of training a finished model further, and its corpus."""
    recover(target)
    if not (target / "meta.json").exists():
        message = (
            f"there is no unfinished training of {target}: {directory} does not exist; check "
            "`work_dir`"
        )
        raise InputError(message)
    job = job_for_more_epochs(target, options)
    source = _reopen_corpus(job)
    job.require_unchanged_corpus()  # since the first check, before the source recorded the files
    return job, source


def _prepare_rest(checkpoint: Checkpoint, job: TrainingJob, target: Path) -> TextSource | None:
    """Return the corpus of a resumed job; None if the checkpoint holds it encoded."""
    if not checkpoint.has_corpus and job.files is None:
        message = (
            f"the training of {target} was interrupted while it read its corpus, which cannot be "
            f"read again; {START_OVER}"
        )
        raise InputError(message)
    # Opening records the files, so that later changes are detected; earlier ones are, below.
    source = None if checkpoint.has_corpus else _reopen_corpus(job)
    job.require_unchanged_corpus()
    if job.origin is not None and not checkpoint.has_state:
        job.origin.require_unchanged()
    return source


def _reopen_corpus(job: TrainingJob) -> TextSource:
    """Return the corpus, to be read again.

    Raises:
        ConfigError: the segmenter was a function that has to be passed again.
        InputError: a file cannot be read.

    """
    segmenter = job.config.segmenter
    if segmenter is not None and is_lost(segmenter):
        message = (
            f"was {segmenter!r}, a function of the process that began the training, which cannot "
            "be found by its name; pass it again, or put it into a module and start over with "
            "`segmenter='module:function'`"
        )
        raise ConfigError(message, option="segmenter")
    return FileSource([file.path for file in job.files or []], SourceOptions.of(job.config))


def _is_finished(target: Path, job: TrainingJob) -> bool:
    """Return whether the model at ``target`` is the result of the job."""
    try:
        meta, _ = read_meta(target)
    except (FormatError, InputError):
        return False
    recorded = meta.get("job")
    return isinstance(recorded, dict) and recorded.get("key") == job.key


def _rereadable(source: TextSource) -> list[Fingerprint] | None:
    """Return the files of a corpus, or None if it cannot be read again."""
    if not isinstance(source, FileSource) or STDIN in source.paths:
        return None
    known = [file for file in source.fingerprints if file is not None]
    return known if len(known) == source.files else None
