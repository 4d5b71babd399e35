"""The registry of file formats. Format modules are imported when they are first used.

To add a format, write a module and add an entry to ``FORMATS``. The contract tests in
``tests/formats/test_registry.py`` then cover it. A module defines:

- ``read(path) -> VectorTable``
- ``write(table, path, *, overwrite)``, or ``write(table, path, *, layout, overwrite)`` if the
  format can store rows for padding and unknown words
- ``SIGNATURE_FILES``, if the format is a directory: the files that identify it
- ``matches(path) -> bool``, if the format shares a file extension with another one: whether the
  content of the file is in this format
"""

from __future__ import annotations

import importlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, FormatError
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION, Layout
from w2v.options import SWITCH, check_path
from w2v.system import atomic
from w2v.system.files import status_of

if TYPE_CHECKING:
    from w2v.formats.table import VectorTable


@dataclass(frozen=True)
class Format:
    """The properties of a format that are known without importing its module.

    Attributes:
        name: the name on the command line.
        module: the module, relative to ``w2v.formats``.
        extensions: the file extensions, the usual one first; empty if the format is a directory.
        description: one line for users.
        default_layout: the name of the layout of tables without one of their own; None if the
            format stores rows for words only.

    """

    name: str
    module: str
    extensions: tuple[str, ...]
    description: str
    default_layout: str | None = None

    @property
    def is_directory(self) -> bool:
        """Whether the format is a directory, not a file."""
        return not self.extensions

    @property
    def signature_files(self) -> tuple[str, ...]:
        """The files that identify a directory of this format; empty if the format is a file."""
        files: tuple[str, ...] = self._module.SIGNATURE_FILES if self.is_directory else ()
        return files

    def read(self, path: str | Path) -> VectorTable:
        """Read a file or directory.

        Raises:
            InputError: it cannot be read.
            FormatError: it does not match the format.
            MissingExtraError: the format needs a package that is not installed.
            ConfigError: ``path`` is not a path.

        """
        check_path("path", path)
        table: VectorTable = self._module.read(path)
        return table

    def write(
        self,
        table: VectorTable,
        path: str | Path,
        *,
        rows: str | None = None,
        unk: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write a file or directory, atomically.

        Args:
            table: the words and vectors.
            path: the file or directory to create.
            rows: the name of the layout; None for the default layout of the table.
            unk: the vector of out-of-vocabulary words; see `VectorTable.layout`.
            overwrite: whether to replace an existing file, or directory of the same format.

        Raises:
            ConfigError: the format does not support the layout, or an argument is invalid.
            FormatError: the format cannot store a word.
            OutputError: the file or directory cannot be written.
            MissingExtraError: the format needs a package that is not installed.

        """
        check_path("path", path)
        overwrite = SWITCH.check("overwrite", overwrite)
        self.check_layout(rows, unk)
        if self.default_layout is None:
            self._module.write(table, path, overwrite=overwrite)
        else:
            layout = table.layout(rows, unk)
            self._module.write(table, path, layout=layout, overwrite=overwrite)

    def check_layout(self, rows: str | None, unk: str | None) -> None:
        """Check the ``rows`` and ``unk`` arguments of ``write``.

        Raises:
            ConfigError: a name is invalid, or the format does not support the layout.

        """
        if rows is not None:
            ROWS_OPTION.check("rows", rows)
        if unk is not None:
            UNK_OPTION.check("unk", unk)
        if self.default_layout is None and (rows not in (None, "none") or unk is not None):
            arguments = {"rows": rows, "unk": unk}
            given = {name: value for name, value in arguments.items() if value is not None}
            shown = " and ".join(f"`{name}={value!r}`" for name, value in given.items())
            message = f"cannot apply to {self.name}, which has rows for words only: omit {shown}"
            raise ConfigError(message, option=tuple(given))
        if rows is not None and unk is not None:
            Layout(rows, unk)

    def check_output(self, path: str | Path, *, overwrite: bool) -> None:
        """Check that ``path`` can be written, before the vectors are read or trained.

        Raises:
            OutputError: it cannot.

        """
        if self.is_directory:
            atomic.check_directory(path, overwrite=overwrite, signature=self.signature_files)
        else:
            atomic.check_file(path, overwrite=overwrite)

    def matches(self, path: str | Path) -> bool:
        """Return whether the content of a file is in this format.

        Raises:
            InputError: the file cannot be read.
            FormatError: the file is damaged.

        """
        matches: bool = self._module.matches(path)
        return matches

    @property
    def _module(self) -> Any:
        return importlib.import_module(f"w2v.formats.{self.module}")


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            "npy",
            "native",
            (),
            "directory like a model: embeddings.npy, vocab.txt, and meta.json with the layout",
            default_layout="pad+unk",
        ),
        Format(
            "word2vec-text",
            "classic.word2vec_text",
            (".txt", ".vec", ".txt.gz", ".vec.gz"),
            "word2vec text file: a line with V and D, then a word and D numbers per line",
        ),
        Format(
            "word2vec-bin",
            "classic.word2vec_bin",
            (".bin",),
            "word2vec binary file: a line with V and D, then each word and D float32",
        ),
        Format(
            "glove",
            "classic.glove",
            (".glove", ".glove.gz", ".txt", ".txt.gz"),
            "GloVe text file: a word and D numbers per line, without a line with V and D",
        ),
        Format(
            "spacy",
            "classic.word2vec_text",
            (".txt.gz",),
            "word2vec text file for spacy init vectors, compressed if its name ends in .gz",
        ),
        Format(
            "safetensors",
            "frameworks.safetensors",
            (".safetensors",),
            "safetensors file with the tensor embeddings, the words, the layout and the tokenizer",
            default_layout="pad+unk",
        ),
        Format(
            "projector",
            "classic.projector",
            (),
            "directory for the TensorBoard projector: tensors.tsv and metadata.tsv",
        ),
        Format(
            "hf",
            "frameworks.hf",
            (),
            "directory for model2vec and sentence-transformers: safetensors and a tokenizer",
            default_layout="pad+unk",
        ),
        Format(
            "keras",
            "frameworks.keras",
            (),
            "directory for Keras: an Embedding layer as a model, and vocab.txt for StringLookup",
            default_layout="pad+unk",
        ),
    )
}


MODEL_EXTENSION = ".w2v"
"""The usual extension of a model directory. Names without a known extension are directories too."""

# Extensions of what training does not write, formats among them that are directories of another
# kind. A model directory of such a name would surprise.
_OTHER_FILES = (
    *(f".{entry.name}" for entry in FORMATS.values() if entry.is_directory),
    *(".csv", ".h5", ".hdf5", ".json", ".jsonl", ".npz", ".onnx", ".parquet"),
    *(".pickle", ".pkl", ".pt", ".pth", ".tsv", ".bz2", ".gz", ".tar", ".xz", ".zip", ".zst"),
)


def output_format(option: str, path: str | os.PathLike[str]) -> Format | None:
    """Return the format that the name of an output asks for; None for a model directory.

    Args:
        option: the name of the argument, for error messages.
        path: the output. With a slash at its end, it is a directory whatever its name.

    Raises:
        ConfigError: ``path`` is no path, has nothing but an extension, or has one that cannot be
            written.

    """
    check_path(option, path)
    name = Path(path).name
    if os.fspath(path).endswith(os.sep):
        return None
    entry = by_extension(path)
    if name.lower() in (entry.extensions if entry is not None else _OTHER_FILES):
        message = f"must have a name before the extension, got {name}"
        raise ConfigError(message, option=option)
    if entry is None and name.lower().endswith(_OTHER_FILES):
        files = dict.fromkeys(end for known in FORMATS.values() for end in known.extensions)
        message = (
            f"has an extension that cannot be written here: got {name}; end it in "
            f"{MODEL_EXTENSION} for a model directory, or in one of {' '.join(files)} for a file "
            "of vectors"
        )
        raise ConfigError(message, option=option)
    return entry


def is_file_name(name: str) -> bool:
    """Return whether a name has an extension of files, of vectors or of other kinds."""
    return by_extension(name) is not None or name.lower().endswith(_OTHER_FILES)


def model_beside(path: Path) -> Path:
    """Return the model directory that belongs to a file of vectors: kjv.w2v to kjv.txt.gz."""
    name = path.name
    known = (end for entry in _candidates(path) for end in entry.extensions)
    extension = max((end for end in known if name.lower().endswith(end)), key=len)
    return path.with_name(f"{name[: -len(extension)]}{MODEL_EXTENSION}")


def read(path: str | Path) -> VectorTable:
    """Read a file or directory, whose format is detected.

    Raises:
        InputError: the path does not exist or cannot be read.
        FormatError: the file does not match its format, or its extension is unknown.
        ConfigError: ``path`` is not a path.

    """
    check_path("path", path)
    return detect(Path(path)).read(path)


def by_extension(path: str | os.PathLike[str]) -> Format | None:
    """Return the format for writing a file of this name, None if the extension is unknown.

    Where formats share an extension, the first one in ``FORMATS`` is chosen.
    """
    return next(iter(_candidates(path)), None)


def detect(path: Path) -> Format:
    """Return the format of an existing path.

    The files in a directory determine its format. The extension of a file does, and where formats
    share an extension, the content decides.

    Raises:
        InputError: the path cannot be read.
        FormatError: the extension is unknown.

    """
    candidates = _candidates(path)
    status = status_of(path)
    is_directory = not candidates if status is None else stat.S_ISDIR(status.st_mode)
    if is_directory:
        return _detect_directory(path)
    if len(candidates) > 1:
        return next((entry for entry in candidates if entry.matches(path)), candidates[0])
    if candidates:
        return candidates[0]
    extensions = ", ".join(
        f"{' '.join(entry.extensions)} ({entry.name})"
        for entry in FORMATS.values()
        if not entry.is_directory
    )
    message = (
        f"{path} is neither a model directory nor a file of a known format; "
        f"the known extensions are {extensions}"
    )
    raise FormatError(message)


def _candidates(path: str | os.PathLike[str]) -> list[Format]:
    """Return the formats with the extension of ``path``, in the order of ``FORMATS``."""
    name = Path(path).name.lower()
    return [entry for entry in FORMATS.values() if name.endswith(entry.extensions)]


def _detect_directory(path: Path) -> Format:
    """Return the format whose signature files a directory has."""
    for entry in FORMATS.values():
        if entry.is_directory and all(status_of(path / name) for name in entry.signature_files):
            return entry
    return FORMATS["npy"]  # its reader names the missing file
