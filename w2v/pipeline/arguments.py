"""The arguments of a run that are not hyper-parameters: checks and defaults."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2v.config import Config
from w2v.corpus.vocabulary import check_word_list, read_word_list
from w2v.errors import ConfigError, InputError, OutputError, short_repr
from w2v.formats.registry import model_beside, output_format
from w2v.options import SECONDS, SWITCH, check_path, is_ordered_iterable
from w2v.pipeline.checkpoint import checkpoint_dir
from w2v.pipeline.vectors_file import VectorsFile
from w2v.progress import check_reporting
from w2v.system.atomic import check_directory
from w2v.text.sources import SourceOptions

PathLike = str | os.PathLike[str]
GivenVocabulary = PathLike | Iterable[str]
Patterns = str | Iterable[str]

CHECKPOINT_SECONDS = 60.0


def check_arguments(
    observer: object,
    progress: object,
    *,
    paths: dict[str, object],
    switches: dict[str, object] | None = None,
    checkpoint_every: object = CHECKPOINT_SECONDS,
) -> None:
    """Check types and ranges.

    Args:
        observer: must be callable.
        progress: must be True, False or None.
        paths: by name; None is allowed.
        switches: by name; must be True or False.
        checkpoint_every: must be a number of seconds.

    Raises:
        ConfigError: for the first argument that is wrong.

    """
    for name, path in paths.items():
        if path is not None:
            check_path(name, path)
    for name, switch in (switches or {}).items():
        SWITCH.check(name, switch)
    SECONDS.check("checkpoint_every", checkpoint_every)
    check_reporting(observer, progress)


def source_options(config: Config, include: Patterns, strict: Any) -> SourceOptions:
    """Return how to read the files of a corpus.

    Args:
        config: the hyper-parameters.
        include: one pattern or several.
        strict: must be True or False.

    Raises:
        ConfigError: the arguments have the wrong types, or a pattern is empty.

    """
    strict = SWITCH.check("strict", strict)
    given: list[Any] = [include]
    if not isinstance(include, str) and is_ordered_iterable(include):
        given = list(include)
    for pattern in given:
        if not isinstance(pattern, str) or not pattern:
            message = f"must be patterns such as '*.txt', got {short_repr(pattern)}"
            raise ConfigError(message, option="include")
    return SourceOptions.of(config, tuple(given), strict=strict)


def check_initial_model(
    vocab: GivenVocabulary | None,
    init: PathLike | None,
    init_format: str | None,
    *,
    freeze_old: bool,
) -> None:
    """Check that the arguments about the initial vocabulary and vectors do not contradict.

    Raises:
        ConfigError: they do.

    """
    if init is not None and vocab is not None:
        message = "both define the vocabulary; pass only one of them"
        raise ConfigError(message, option=("init", "vocab"))
    if init_format is not None and init is None:
        message = "requires `init`, the model whose format it names"
        raise ConfigError(message, option="init_format")
    if freeze_old and init is None:
        message = "requires `init`, the model whose vectors it freezes"
        raise ConfigError(message, option="freeze_old")


def read_given_vocabulary(vocab: GivenVocabulary | None) -> list[str] | None:
    """Return the words of the argument ``vocab``, or None without one.

    Raises:
        ConfigError: the argument has the wrong type.
        InputError: the file cannot be read, or a word is empty, repeated or not a string.

    """
    if vocab is None:
        return None
    if isinstance(vocab, (str, os.PathLike)):
        check_path("vocab", vocab)
        return read_word_list(vocab)
    if not is_ordered_iterable(vocab):
        message = (
            f"must be the path of a file, or words in the order of their rows, got "
            f"{short_repr(vocab)}"
        )
        raise ConfigError(message, option="vocab")
    words = list(vocab)
    for word in words:
        if not isinstance(word, str):
            message = (
                f"the given vocabulary contains {word!r}: expected strings, or the path of a file"
            )
            raise InputError(message)
    return check_word_list(words, "given")


@dataclass(frozen=True)
class Directories:
    """Where a run writes.

    Attributes:
        output: the directory of the model, or None if it is not saved.
        work: the directory for the encoded corpus and other temporary files.
        file: the file of vectors beside the model, if the output is named after a format.

    """

    output: Path | None
    work: Path
    file: VectorsFile | None = None

    @classmethod
    def of(cls, output: PathLike | None, work_dir: PathLike | None) -> Directories:
        """Return the directories for two arguments that `check_arguments` has accepted.

        The default of ``work_dir`` is beside the output, or else the system's directory for
        temporary files.

        Raises:
            ConfigError: ``output`` has the extension of a file that cannot be written.
            OutputError: the work directory does not exist or cannot be entered.

        """
        if output is None:
            return cls(None, cls._work_dir(None, work_dir))
        target, file = Path(output), None
        entry = output_format("output", output)
        if entry is not None:
            target, file = model_beside(target), VectorsFile(target, entry)
        return cls(target, cls._work_dir(target, work_dir), file)

    @classmethod
    def of_model(cls, model: PathLike, work_dir: PathLike | None) -> Directories:
        """Return the directories for a model directory of any name."""
        return cls(Path(model), cls._work_dir(Path(model), work_dir))

    @staticmethod
    def _work_dir(target: Path | None, work_dir: PathLike | None) -> Path:
        if work_dir is not None:
            if not os.path.isdir(work_dir):  # noqa: PTH112 - Path.is_dir may raise
                message = (
                    f"cannot store the encoded text in {work_dir}: the directory does not exist or "
                    "cannot be entered; create it first, or choose another one"
                )
                raise OutputError(message)
            return Path(work_dir)
        if target is not None:
            return target.absolute().parent
        try:
            return Path(tempfile.gettempdir())
        except FileNotFoundError as error:
            message = (
                f"cannot store the encoded text: {error.strerror}; choose a directory with "
                "`work_dir`"
            )
            raise OutputError(message) from error

    def check(self, *, overwrite: bool) -> None:
        """Check that the model and the file of vectors can be written, before any long work.

        Raises:
            OutputError: one of them cannot.

        """
        if self.output is None:
            return
        try:
            check_directory(self.output, overwrite=overwrite)
        except OutputError as error:
            if self.file is None:
                raise
            message = f"{error}; the model goes there, beside {self.file.path}"
            raise type(error)(message) from error
        if self.file is not None:
            self.file.check(overwrite=overwrite)

    def require_no_input(self, inputs: Iterable[PathLike]) -> None:
        """Check that the file of vectors, if any, is not one that training reads.

        Raises:
            ConfigError: it is.

        """
        if self.file is not None:
            self.file.require_no_input(inputs)

    @property
    def file_name(self) -> str | None:
        """The name of the file of vectors, if any."""
        return None if self.file is None else self.file.path.name

    def with_file(self, name: str | None) -> Directories:
        """Return the directories with the file of vectors that a training records.

        Raises:
            InputError: another one was asked for.
            FormatError: no such file belongs to the model.

        """
        assert self.output is not None
        if self.file is not None and self.file.path.name != name:
            message = (
                f"{self.file.path} is no output of the training of {self.output}; resume "
                f"{self.output}, and write the file from the finished model"
            )
            raise InputError(message)
        file = None if name is None else VectorsFile.of_model(self.output, name)
        return dataclasses.replace(self, file=file)

    @property
    def checkpoint(self) -> Path | None:
        """The directory of the checkpoint; None without an output."""
        return None if self.output is None else checkpoint_dir(self.output, self.work)
