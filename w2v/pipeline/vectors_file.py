"""The file of vectors that training writes beside a model, if the output names a format."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2v.errors import ConfigError, FormatError, InputError, MissingExtraError, OutputError
from w2v.events import Exported
from w2v.formats.registry import by_extension, model_beside
from w2v.formats.table import VectorTable
from w2v.system.atomic import sync_directory
from w2v.system.disk import temporary_directory, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from w2v.formats.registry import Format

_BINARY = (".bin", ".safetensors")
_BYTES_PER_WORD = 12
_BYTES_PER_FLOAT = 4
_BYTES_PER_NUMBER = 16  # of text, as in -1.23456789e-05; compressed, half of it


@dataclass(frozen=True)
class VectorsFile:
    """A file of vectors beside a model.

    Attributes:
        path: the file.
        format: of the file.

    """

    path: Path
    format: Format

    @classmethod
    def of_model(cls, model: Path, name: str) -> VectorsFile:
        """Return the file that a model records by its name.

        Raises:
            FormatError: no such file belongs to the model.

        """
        entry = by_extension(name)
        if entry is None or "/" in name or model_beside(model.with_name(name)) != model:
            message = f"{model} records {name!r:.200} as its file of vectors; the model is damaged"
            raise FormatError(message)
        return cls(model.with_name(name), entry)

    def estimate_size(self, words: int, dim: int) -> int:
        """Return the bytes of the file, for a check of the disk before training."""
        name = self.path.name.lower()
        number = _BYTES_PER_FLOAT if name.endswith(_BINARY) else _BYTES_PER_NUMBER
        if name.endswith(".gz"):
            number //= 2
        return words * (_BYTES_PER_WORD + number * dim)

    def check(self, *, overwrite: bool) -> None:
        """Check that the file can be written.

        Raises:
            OutputError: it cannot.

        """
        self.format.check_output(self.path, overwrite=overwrite)

    def require_no_input(self, inputs: Iterable[str | os.PathLike[str]]) -> None:
        """Check that the file is not one that training reads.

        Raises:
            ConfigError: it is.

        """
        for path in inputs:
            if self.path.exists() and os.path.exists(path) and self.path.samefile(path):  # noqa: PTH110
                message = f"must not be {path}, which training reads; choose another name"
                raise ConfigError(message, option="output")

    def rehearse(self, words: Sequence[str], directory: Path) -> None:
        """Write the words with one number each to a temporary file, to fail before training.

        Raises:
            FormatError: the format cannot hold a word.
            MissingExtraError: the format needs a package that is not installed.

        """
        with temporary_directory(str(directory)) as temporary:
            table = VectorTable(words, np.zeros((len(words), 1), np.float32))
            self.format.write(table, os.path.join(temporary, self.path.name))  # noqa: PTH118

    def write(self, table: VectorTable, *, overwrite: bool) -> Exported:
        """Write the file, unless it has been written, and return a report.

        Raises:
            OutputError: it cannot be written, or is another file.

        """
        if overwrite or not self.holds(table):
            self._write(table, overwrite=overwrite)
        return Exported(
            path=os.fspath(self.path), format=self.format.name, words=len(table), dim=table.dim
        )

    def _write(self, table: VectorTable, *, overwrite: bool) -> None:
        """Write the file in a directory of a fixed name, and move it to its place.

        So the next run finds what a killed process left. No other one writes the same file, as long
        as this one has the checkpoint.
        """
        target = Path(os.path.realpath(self.path))
        staging = target.with_name(f".{target.name}.new")
        shutil.rmtree(staging, ignore_errors=True)
        try:
            with writing(f"cannot write {self.path}", target.parent):
                staging.mkdir()
            self.format.write(table, staging / target.name)
            self.check(overwrite=overwrite)  # the target may have appeared in the meantime
            with writing(f"cannot write {self.path}", target.parent):
                (staging / target.name).replace(target)
                sync_directory(target.parent)
        except OutputError as error:
            message = str(error).replace(os.fspath(staging / target.name), os.fspath(self.path))
            message = message.replace(os.fspath(staging), os.fspath(target.parent))
            raise type(error)(message) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def require_vectors_of(self, table: VectorTable) -> None:
        """Check that the file, if it exists, holds the vectors of a model and may be replaced.

        Raises:
            OutputError: it does not.

        """
        if self.path.exists() and not self.holds(table):
            message = (
                f"{self.path} does not hold the vectors of the model beside it, so it may be "
                "another file; move it elsewhere, or replace it with `overwrite=True`"
            )
            raise OutputError(message)

    def holds(self, table: VectorTable) -> bool:
        """Return whether the file exists and has the words and vectors of a table."""
        if not self.path.is_file():
            return False
        try:
            found = self.format.read(self.path)
        except (FormatError, InputError, MissingExtraError):
            return False
        return found.words == table.words and np.array_equal(found.matrix, table.matrix)
