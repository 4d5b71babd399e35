"""A whole job in one call: check, read, train, keep. The command line and the API both call it."""

from __future__ import annotations

import dataclasses
import os
import platform
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v import __version__
from w2v.config import Config, check_options
from w2v.corpus.build import Corpus, build_corpus, count_words
from w2v.corpus.vocabulary import Vocabulary, check_word_list, read_word_list
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, InputError, OutputError, short_repr
from w2v.events import CorpusRead, Observer, Saved, ignore
from w2v.formats import directory, native
from w2v.options import SECONDS, SWITCH, check_path, is_ordered_iterable
from w2v.pipeline import preflight, warmup
from w2v.pipeline.checkpoint import (
    Checkpoint,
    TrainingJob,
    bytes_in,
    checkpoint_dir,
    is_begun,
    with_free_options,
)
from w2v.pipeline.warm_start import (
    WarmStart,
    announcement,
    counts_of,
    load_initial_model,
    more_epochs,
)
from w2v.system.atomic import check_directory, recover
from w2v.system.files import Fingerprint
from w2v.text.sources import STDIN, FileSource, TextSource, open_corpus
from w2v.training.trainer import Result, train_model

GivenVocabulary = str | os.PathLike[str] | Iterable[str]

CHECKPOINT_SECONDS = 60.0


def train(
    corpus: Any,
    *,
    vocab: GivenVocabulary | None = None,
    init: str | os.PathLike[str] | None = None,
    freeze_old: bool = False,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    work_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    observer: Observer = ignore,
    **options: Any,
) -> Embeddings:
    """Train word vectors.

    Args:
        corpus: a path (file, folder, or ``-`` for stdin), a list of paths, or an iterable of
            strings or of lists of tokens, which is walked once. A list of strings whose first one
            names an existing path is a list of paths.
        vocab: a ready vocabulary, as a file with one word a line or as a list of words; row i is
            then the i-th word, whether it occurs or not.
        init: a model to begin with, or vectors in any format that can be read. All its words keep
            their rows; other words of the corpus come behind them, as far as ``vocab_size`` allows.
            It decides ``dim`` and, if it tells, ``tokenizer`` and ``lowercase``.
        freeze_old: whether the vectors of ``init`` stay as they are, bit for bit.
        output: a folder to save the model in.
        overwrite: whether a model that stands there may be replaced, and a training that was not
            finished be dropped.
        work_dir: where the encoded corpus is kept while training; by default beside ``output``,
            or where the system keeps temporary files.
        checkpoint_every: seconds after which a training that has an ``output`` is kept beside it
            again and again, for `resume`; 0 for never.
        observer: is called with an `w2v.events.Event` now and then.
        options: the hyper-parameters, see `w2v.Config`.

    Returns:
        The embeddings; ``matrix`` is (V, dim) float32.

    Raises:
        W2VError: one of its kinds, for anything that is wrong with the arguments, the text, the
            output or the machine.

    """
    config = Config.of(options)
    _check_arguments(
        observer,
        paths={"output": output, "work_dir": work_dir},
        switches={"freeze_old": freeze_old, "overwrite": overwrite},
        checkpoint_every=checkpoint_every,
    )
    _refuse_contradictions(vocab, init, freeze_old=freeze_old)
    started = time.perf_counter()
    if output is not None:
        check_directory(Path(output), overwrite=overwrite)
    words, origin = given_words(vocab), None
    if init is not None:
        config, words, origin = load_initial_model(init, options, freeze_old=freeze_old)
    source = open_corpus(corpus, config.max_expansion)
    extend = init is not None
    job = TrainingJob(_files(source), words, config, overwrite, extend, freeze_old, origin)
    folder = _work_folder(work_dir, output)
    _check_room(job, source, output, folder, checkpoints=checkpoint_every > 0)
    if output is None:
        return _train(source, job, folder, None, None, observer)[0]
    checkpoint = Checkpoint.create(
        checkpoint_dir(Path(output), folder), job, checkpoint_every or None
    )
    return _finish(checkpoint, job, source, Path(output), started, observer)


def _refuse_contradictions(
    vocab: GivenVocabulary | None, init: str | os.PathLike[str] | None, *, freeze_old: bool
) -> None:
    if init is not None and vocab is not None:
        message = "both define the vocabulary; pass only one of them"
        raise ConfigError(message, option=("init", "vocab"))
    if freeze_old and init is None:
        message = "requires `init`, the model whose vectors it freezes"
        raise ConfigError(message, option="freeze_old")


def _check_arguments(
    observer: object,
    *,
    paths: dict[str, object],
    switches: dict[str, object] | None = None,
    checkpoint_every: object = CHECKPOINT_SECONDS,
) -> None:
    """Refuse arguments that are no hyper-parameters and have a wrong type or are out of range."""
    for name, path in paths.items():
        if path is not None:
            check_path(name, path)
    for name, switch in (switches or {}).items():
        SWITCH.check(name, switch)
    SECONDS.check("checkpoint_every", checkpoint_every)
    if not callable(observer):
        message = f"must be a function of one event, got {short_repr(observer)}"
        raise ConfigError(message, option="observer")


def _check_room(
    job: TrainingJob,
    source: TextSource,
    output: str | os.PathLike[str] | None,
    work_dir: str,
    *,
    checkpoints: bool,
) -> None:
    """Refuse a job for which there is not enough memory or disk."""
    most_words = _most_words(job, source)
    preflight.check_memory(most_words, job.config, text_bytes=source.total_bytes)
    preflight.check_disk(
        job.config,
        words=most_words,
        output=output,
        work_dir=work_dir,
        text_bytes=source.total_bytes,
        checkpoints=checkpoints,
        there=bytes_in(checkpoint_dir(Path(output), work_dir)) if output is not None else 0,
    )


def resume(
    output: str | os.PathLike[str],
    *,
    work_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    overwrite: bool = False,
    observer: Observer = ignore,
    **options: Any,
) -> Embeddings:
    """Go on with a training that was killed or interrupted, and save the model.

    With one thread the result is, bit for bit, that of a training that was not stopped; with more,
    nothing is trained twice and nothing left out.

    A finished model is trained on the same text until it has had ``epochs`` in all. The learning
    rate goes on as if so many had been asked for at first. It stays until the new one is whole.

    Args:
        output: where the model was to be saved.
        work_dir: as it was given to `train`.
        checkpoint_every: see `train`.
        overwrite: whether a model that has appeared there since may be replaced.
        observer: see `train`.
        options: ``threads`` and ``max_expansion``, ``epochs`` for a finished model, and
            hyper-parameters that must be what they were.

    Raises:
        W2VError: there is nothing to go on with, an option or the corpus has changed, or one of
            its kinds, as for `train`.

    """
    check_options(options)
    _check_arguments(
        observer,
        paths={"work_dir": work_dir},
        switches={"overwrite": overwrite},
        checkpoint_every=checkpoint_every,
    )
    check_path("output", output)
    started = time.perf_counter()
    target = Path(output)
    place = _work_folder(work_dir, output)
    folder = checkpoint_dir(target, place)
    if not is_begun(folder):
        Checkpoint.sweep(folder)
        recover(target)
        if not (target / "meta.json").exists():
            message = (
                f"there is no unfinished training of {output}: expected {folder}; "
                "was another --work-dir used?"
            )
            raise InputError(message)
        job = more_epochs(target, options)
        source = _source_again(job)
        job.refuse_changes()  # since more_epochs looked
        _check_room(job, source, target, place, checkpoints=checkpoint_every > 0)
        checkpoint = Checkpoint.create(folder, job, checkpoint_every or None)
        return _finish(checkpoint, job, source, target, started, observer)
    checkpoint = Checkpoint(folder, checkpoint_every or None)
    try:
        job = checkpoint.job
        job.refuse_others(options)
        recover(target)
        if _is_done(target, job):
            checkpoint.remove()
            return Embeddings.from_table(native.read(target))
        config = with_free_options(job.config, options)
        job = dataclasses.replace(job, config=config, overwrite=job.overwrite or overwrite)
        # Before it is looked at: from then on it may not change until it is read.
        text = None if checkpoint.has_corpus or job.files is None else _source_again(job)
        job.refuse_changes()
        if job.origin is not None and not checkpoint.has_state:
            job.origin.refuse_changes()
        if not checkpoint.has_corpus and job.files is None:
            message = (
                f"the training of {output} was stopped while it read its text, which can be "
                "read only once; start anew with --overwrite"
            )
            raise InputError(message)
    except BaseException:
        checkpoint.close()
        raise
    return _finish(checkpoint, job, text, target, started, observer, resumed=True)


def _source_again(job: TrainingJob) -> TextSource:
    """The text of a job, to be read once more."""
    return FileSource([file.path for file in job.files or []], job.config.max_expansion)


def _is_done(target: Path, job: TrainingJob) -> bool:
    """Whether the model that stands there is the one that the job was to make."""
    try:
        meta, _ = directory.read_meta(target)
    except (FormatError, InputError):
        return False
    record = meta.get("job")
    return isinstance(record, dict) and record.get("key") == job.key


def _files(source: TextSource) -> list[Fingerprint] | None:
    """What can be read again, as it was when it was found."""
    if not isinstance(source, FileSource) or STDIN in source.paths:
        return None
    known = [file for file in source.fingerprints if file is not None]
    return known if len(known) == source.files else None


def _finish(
    checkpoint: Checkpoint,
    job: TrainingJob,
    source: TextSource | None,
    output: Path,
    started: float,
    observer: Observer,
    *,
    resumed: bool = False,
) -> Embeddings:
    """Do what is left of a job, and remove what it kept unless it is worth going on with.

    A job that was gone on with before, and is stopped again, can be gone on with once more.
    """
    try:
        recover(output)
        check_directory(output, overwrite=job.overwrite)
        embeddings, result = _train(
            source, job, str(checkpoint.folder), output, checkpoint, observer
        )
        embeddings.meta["job"] = job.record()
        recover(output)
        _save(embeddings, output, result.contexts, overwrite=job.overwrite)
    except BaseException as error:
        again = resumed and isinstance(error, (KeyboardInterrupt, SystemExit))
        if again or checkpoint.is_resumable_after(error):
            checkpoint.close()
        else:
            checkpoint.remove()
        raise
    checkpoint.remove()
    observer(
        Saved(
            path=os.fspath(output),
            words=len(embeddings),
            dim=job.config.dim,
            words_per_second=result.words_per_second,
            seconds=time.perf_counter() - started,
            timings=embeddings.meta["timings"],
        )
    )
    return embeddings


def _train(
    source: TextSource | None,
    job: TrainingJob,
    work_dir: str,
    output: Path | None,
    checkpoint: Checkpoint | None,
    observer: Observer,
) -> tuple[Embeddings, Result]:
    """Read, or take what was read, and train."""
    config, origin = job.config, job.origin
    if origin is not None:
        observer(announcement(job, origin))
    compiled = warmup.compile_kernels(work_dir, observer, deterministic=config.deterministic)
    with _read(source, job, work_dir, checkpoint, observer) as read:
        observer(read.report)
        counts = read.vocabulary.counts
        if read.unknown_count is not None:
            counts = np.append(counts, read.unknown_count)
        preflight.check_memory(len(read.vocabulary), config, counts=counts)
        compiled += warmup.compile_wide_ids(read.text, observer)
        if checkpoint is not None:
            checkpoint.prepare(len(counts), config.dim)
            preflight.check_disk(
                config,
                words=len(counts),
                output=output,
                work_dir=work_dir,
                text_bytes=None,
                checkpoints=checkpoint.keeps,
                there=checkpoint.bytes_on_disk,
            )
        result = train_model(
            read.text,
            read.held_out,
            counts,
            config,
            observer,
            checkpoint if origin is None else WarmStart(job, origin, read, checkpoint),
            frozen=len(job.vocab or []) if job.freeze_old else 0,
        )
        size = len(read.vocabulary)
        embeddings = Embeddings(
            read.vocabulary.words,
            result.matrix[:size],
            counts_of(job, read),
            _meta(job, read, result, compiled),
            unknown=None if read.unknown_count is None else result.matrix[size],
        )
    return embeddings, result


def _read(
    source: TextSource | None,
    job: TrainingJob,
    work_dir: str,
    checkpoint: Checkpoint | None,
    observer: Observer,
) -> Corpus:
    read = None if checkpoint is None else checkpoint.corpus()
    if read is not None:
        return read
    assert source is not None  # there is one unless the text was kept
    folder = None if checkpoint is None else checkpoint.encoded
    read = build_corpus(
        source,
        job.config,
        words=job.vocab,
        extend=job.extend,
        work_dir=work_dir,
        directory=folder,
        observer=observer,
    )
    if checkpoint is not None:
        checkpoint.save_corpus(read)
    return read


def read_corpus(
    corpus: Any,
    *,
    vocab: GivenVocabulary | None = None,
    work_dir: str | os.PathLike[str] | None = None,
    observer: Observer = ignore,
    **options: Any,
) -> Corpus:
    """Read and encode a text as `train` does, for those who train something else on it.

    Arguments and errors are those of `train`. Use the result in a ``with`` block: its ids lie in
    a temporary folder that goes when it is closed.
    """
    config = Config.of(options)
    _check_arguments(observer, paths={"work_dir": work_dir})
    words = given_words(vocab)
    source = open_corpus(corpus, config.max_expansion)
    folder = _work_folder(work_dir, None)
    warmup.compile_kernels(folder, observer)
    read = build_corpus(source, config, words=words, work_dir=folder, observer=observer)
    observer(read.report)
    return read


def read_vocabulary(
    corpus: Any,
    *,
    vocab: GivenVocabulary | None = None,
    observer: Observer = ignore,
    **options: Any,
) -> tuple[Vocabulary, CorpusRead]:
    """Count and rank the words of a text; arguments and errors are those of `train`."""
    config = Config.of(options)
    _check_arguments(observer, paths={})
    words = given_words(vocab)
    source = open_corpus(corpus, config.max_expansion)
    warmup.compile_kernels(_work_folder(None, None), observer)
    vocabulary, report = count_words(source, config, words=words, observer=observer)
    observer(report)
    return vocabulary, report


def given_words(vocab: GivenVocabulary | None) -> list[str] | None:
    """Read and check a given vocabulary; None if there is none."""
    if vocab is None:
        return None
    if isinstance(vocab, (str, os.PathLike)):
        check_path("vocab", vocab)
        return read_word_list(vocab)
    if not is_ordered_iterable(vocab):
        message = (
            "must be the path of a file, or words in the order of their rows, got "
            f"{short_repr(vocab)}"
        )
        raise ConfigError(message, option="vocab")
    words = list(vocab)
    for word in words:
        if not isinstance(word, str):
            message = f"the vocabulary given has {word!r} in it: expected strings, or a file's path"
            raise InputError(message)
    return check_word_list(words, "given")


def _most_words(job: TrainingJob, source: TextSource) -> int:
    """How many words the vocabulary may have, by what is known before the text is read.

    A word takes two bytes of text each time it occurs, with what separates it. Packed text may
    have more, and the length of a stream is unknown; that is seen to when it was read.
    """
    ready = len(job.vocab or [])
    if job.vocab is not None and not job.extend:
        return ready
    if source.total_bytes is None:
        return max(ready, 1)
    in_text = source.total_bytes // (2 * job.config.min_count) + 1
    return max(ready, min(job.config.vocab_size, ready + in_text))


def _work_folder(
    work_dir: str | os.PathLike[str] | None, output: str | os.PathLike[str] | None
) -> str:
    if work_dir is not None:
        if not os.path.isdir(work_dir):  # noqa: PTH112 - Path.is_dir is refused sometimes
            message = (
                f"cannot keep the encoded text in {work_dir}: there is no such folder, or it may "
                "not be entered; create it first or choose another directory"
            )
            raise OutputError(message)
        return os.fspath(work_dir)
    if output is not None:
        return str(Path(output).absolute().parent)
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        message = f"cannot keep the encoded text: {error.strerror}; choose a directory with `work_dir`"
        raise OutputError(message) from error


def _save(
    embeddings: Embeddings, output: Path, contexts: NDArray[np.float32], *, overwrite: bool
) -> None:
    """Write the model, with the seconds that it took until all but ``meta.json`` was written."""
    started = time.perf_counter()
    with native.new_model(
        embeddings, output, contexts=contexts, overwrite=overwrite, recoverable=True
    ):
        embeddings.meta["timings"]["writing"] = time.perf_counter() - started


def _meta(job: TrainingJob, read: Corpus, result: Result, compiled: float) -> dict[str, Any]:
    config = job.config
    origins = [] if job.origin is None else job.origin.history
    return {
        "w2v_version": __version__,
        "config": config.as_dict()
        | {
            "threads": config.thread_count,
            "lr_min": config.final_lr,
            "negative_sharing": config.sharing,
            "shared_negatives": config.noise_words,
            "shards": config.shard_count if config.deterministic else None,
        },
        **({"origins": origins} if origins else {}),
        "tokenizer": read.definition.as_dict(),
        "corpus": read.report.as_dict(),
        "training": {
            "words": read.text.words,
            "lines": read.text.lines,
            "held_out_words": read.held_out.words,
            "held_out_lines": read.held_out.lines,
        },
        "epochs": [report.as_dict() for report in result.epochs],
        "timings": {
            "compiling": compiled,
            "reading": read.report.seconds,
            "training": result.seconds,
            "stages": dataclasses.asdict(read.times),
        },
        "words_per_second": result.words_per_second,
        "made_with": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": version("numba"),
        },
    }
