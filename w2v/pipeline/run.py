"""A training run, from the checks to the saved model."""

from __future__ import annotations

import os
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from w2v.corpus.build import Corpus, build_corpus
from w2v.corpus.distributed import read_on_workers
from w2v.embeddings.embeddings import Embeddings
from w2v.events import Exported, Notice, Observer, Saved
from w2v.formats import native
from w2v.pipeline import warmup
from w2v.pipeline.checkpoint import Checkpoint
from w2v.pipeline.preflight import Preflight, reads_on_workers
from w2v.pipeline.record import TrainingRecord
from w2v.pipeline.warm_start import WarmStart, total_counts, warm_start_event
from w2v.system.atomic import recover
from w2v.system.disk import temporary_directory
from w2v.text.sources import FileSource
from w2v.training.backends import start_workers
from w2v.training.trainer import Result, train_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from w2v.pipeline.arguments import Directories
    from w2v.pipeline.spec import TrainingJob
    from w2v.system.ray_workers import WorkerPool
    from w2v.text.phrases import Phrases
    from w2v.text.sources import TextSource


class TrainingRun:
    """One job in progress: `check`, then `execute`, which calls `read`, `train` and `save`.

    With an output directory the run has a checkpoint, which is removed at the end unless the job
    can be resumed from it.

    Args:
        job: what to train.
        source: the corpus, or None if the checkpoint holds it already.
        directories: where to write.
        observer: receives the events.
        checkpoint_every: seconds between two saved states; 0 to save none.
        checkpoint: of the job, if it is resumed; otherwise `execute` creates one.
        started: when the run began, by ``time.perf_counter``.

    """

    def __init__(
        self,
        job: TrainingJob,
        source: TextSource | None,
        directories: Directories,
        observer: Observer,
        *,
        checkpoint_every: float,
        checkpoint: Checkpoint | None = None,
        started: float,
    ) -> None:
        self.job = job
        self.source = source
        self.directories = directories
        self.observer = observer
        self.checkpoint = checkpoint
        self.preflight = Preflight(job, directories, checkpoints=checkpoint_every > 0)
        self._resumed = checkpoint is not None
        self._checkpoint_every = checkpoint_every or None
        self._started = started
        self._compiling = 0.0

    def check(self) -> None:
        """Check that memory and disk space suffice, before the corpus is read.

        Raises:
            ResourceError: they do not.

        """
        if self.source is not None:
            self.preflight.before_reading(self.source)

    def execute(self) -> Embeddings:
        """Do the job, or the rest of a resumed one."""
        output = self.directories.output
        if output is None:
            return self._read_and_train()[0]
        if self.checkpoint is None:
            directory = self.directories.checkpoint
            assert directory is not None  # as there is an output
            self.checkpoint = Checkpoint.create(directory, self.job, self._checkpoint_every)
        try:
            embeddings, result = self._read_and_train()
            self.save(embeddings, result.contexts, output)
            exported = self.write_file(embeddings)
        except BaseException as error:
            # A run that was resumed can be resumed again, although it may have saved nothing more.
            again = self._resumed and isinstance(error, (KeyboardInterrupt, SystemExit))
            if again or self.checkpoint.is_resumable_after(error):
                self.checkpoint.close()
            else:
                self.checkpoint.remove()
            raise
        self.checkpoint.remove()
        self.observer(
            Saved(
                path=os.fspath(output),
                words=len(embeddings),
                dim=self.job.config.dim,
                words_per_second=result.words_per_second,
                seconds=time.perf_counter() - self._started,
                timings=embeddings.meta["timings"],
            )
        )
        if exported is not None:
            self.observer(exported)
        return embeddings

    def _read_and_train(self) -> tuple[Embeddings, Result]:
        self._rehearse(["word"])
        if self.job.origin is not None:
            self.observer(warm_start_event(self.job, self.job.origin))
        reading = warmup.reading(self.job.config)
        self._compile(*reading, warmup.encode_text, self._training_on(np.uint16))
        if self.job.config.ray is not None:
            message = f"starting workers on the Ray cluster (`ray={self.job.config.ray!r}`)"
            self.observer(Notice(message, warning=False))
        pool = start_workers(self.job.config)
        with nullcontext() if pool is None else closing(pool), self.read(pool) as corpus:
            self.observer(corpus.report)
            result = self.train(corpus, pool)
            return self._make_embeddings(corpus, result), result

    def read(self, pool: WorkerPool | None = None) -> Corpus:
        """Read and encode the corpus, or load it from the checkpoint.

        If the workers of a cluster can read it, the encoded text lies on their disks. A run that is
        resumed reads it again.
        """
        corpus = None if self.checkpoint is None else self.checkpoint.load_corpus()
        if corpus is not None:
            return corpus
        assert self.source is not None  # only the checkpoint of a saved corpus goes without
        if pool is not None and reads_on_workers(self.job, self.source):
            corpus = self._read_on_workers(cast("FileSource", self.source), pool)
            if corpus is not None:
                return corpus
        elif pool is not None and isinstance(self.source, FileSource):
            self._note_reading_here()
        corpus = build_corpus(
            self.source,
            self.job.config,
            words=self.job.vocab,
            extend=self.job.extend,
            definition=None if self.job.origin is None else self.job.origin.definition,
            phrases=self._given_phrases,
            work_dir=str(self._work_dir),
            directory=None if self.checkpoint is None else self.checkpoint.make_encoded_dir(),
            observer=self.observer,
        )
        if self.checkpoint is not None:
            self.checkpoint.save_corpus(corpus)
        return corpus

    def _note_reading_here(self) -> None:
        """Note why the workers of the cluster do not read the files of the corpus."""
        config = self.job.config
        cause = "of a pipe"
        if config.segmenter is not None:
            cause = "of `segmenter`"
        elif config.phrases or self._given_phrases:
            cause = "phrases are joined"
        message = f"one machine reads the corpus for all workers, because {cause}"
        self.observer(Notice(message, warning=False))

    def _read_on_workers(self, source: FileSource, pool: WorkerPool) -> Corpus | None:
        """Read the corpus on the workers of a cluster; return None if this process has to do it."""
        config = self.job.config
        temporary = None
        if self.checkpoint is None:
            temporary = temporary_directory(self._work_dir)
            directory = Path(temporary.name)
        else:
            directory = self.checkpoint.make_encoded_dir()
        try:
            corpus = read_on_workers(
                source,
                config,
                pool,
                words=self.job.vocab,
                extend=self.job.extend,
                definition=None if self.job.origin is None else self.job.origin.definition,
                directory=directory,
                observer=self.observer,
            )
        except BaseException:
            if temporary is not None:
                temporary.cleanup()
            raise
        if corpus is not None:
            corpus.directory = temporary
        elif temporary is not None:
            temporary.cleanup()
        return corpus

    @property
    def _given_phrases(self) -> Phrases:
        return () if self.job.origin is None else self.job.origin.phrases

    def _compile(self, *stages: Callable[[], object]) -> None:
        self._compiling += warmup.compile_kernels(self.observer, *stages)

    def _training_on(self, dtype: type[np.unsignedinteger[Any]]) -> Callable[[], object]:
        return warmup.training(dtype, self.job.config)

    def train(self, corpus: Corpus, pool: WorkerPool | None = None) -> Result:
        """Train on a corpus, or continue from the state in the checkpoint."""
        job, checkpoint = self.job, self.checkpoint
        counts = corpus.all_counts
        config = job.resolved(counts, corpus.text.words)
        self.preflight.after_reading(
            len(corpus.vocabulary), counts, None if checkpoint is None else checkpoint.state_bytes
        )
        self._rehearse(corpus.vocabulary.words)
        if corpus.text.dtype is not np.uint16:
            self._compile(self._training_on(corpus.text.dtype))
        if checkpoint is not None:
            checkpoint.prepare(len(counts), job.config.dim)
        return train_model(
            corpus.text,
            corpus.held_out,
            counts,
            config,
            self.observer,
            checkpoint if job.origin is None else WarmStart(job, job.origin, corpus, checkpoint),
            frozen=job.frozen_rows,
            pool=pool,
        )

    def save(self, embeddings: Embeddings, contexts: NDArray[np.float32], output: Path) -> None:
        """Save the model. ``meta.json``, written last, records the seconds until then."""
        embeddings.meta["job"] = self.job.as_meta()
        # Another process may have been killed while it replaced the same model.
        recover(output)
        started = time.perf_counter()
        with native.new_model(
            embeddings,
            output,
            contexts=contexts,
            overwrite=self.job.overwrite,
            recoverable=True,
        ):
            embeddings.meta["timings"]["writing"] = time.perf_counter() - started

    def write_file(self, embeddings: Embeddings) -> Exported | None:
        """Write the file of vectors beside the saved model, if there is one; return a report."""
        file = self.directories.file
        return None if file is None else file.write(embeddings, overwrite=self.job.overwrite)

    def _rehearse(self, words: Sequence[str]) -> None:
        """Fail early if the format of the file of vectors lacks a package or cannot hold a word.

        The temporary file lies in the checkpoint, so nothing is left of it if this is killed.
        """
        if self.directories.file is not None:
            self.directories.file.rehearse(words, self._work_dir)

    @property
    def _work_dir(self) -> Path:
        """The directory for temporary files: the checkpoint, so that they are removed with it."""
        return self.directories.work if self.checkpoint is None else self.checkpoint.directory

    def _make_embeddings(self, corpus: Corpus, result: Result) -> Embeddings:
        size = len(corpus.vocabulary)
        record = TrainingRecord.of(self.job, corpus, result, compiling=self._compiling)
        return Embeddings(
            corpus.vocabulary.words,
            result.matrix[:size],
            total_counts(self.job, corpus),
            record.as_meta(),
            unknown=None if corpus.unknown_count is None else result.matrix[size],
        )
