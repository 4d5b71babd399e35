"""The registry of file formats. Format modules are imported when they are first used.

To add a format, write a module and add an entry to ``FORMATS``. The contract tests in
``tests/formats/test_registry.py`` then cover it. A module defines:

- ``read(path) -> VectorTable``, or ``read(path, options)`` if the entry has ``has_rows``
- ``write(table, path, *, overwrite)``, or ``write(table, path, *, layout, overwrite)`` if the
  format can store rows for padding and unknown words
- ``SIGNATURE_FILES``, if the format is a directory: the files that identify it
- ``WORD_END``: a pattern of the characters that no word may contain

`w2v.formats.content` tells the formats of files apart.
"""

from __future__ import annotations

import importlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, FormatError, short_repr
from w2v.events import Notice, Observer, ignore
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION, Layout
from w2v.formats.reading import (
    COMPRESSED_SUFFIXES,
    DTYPE,
    DTYPES,
    ON_BAD_WORD,
    READ_ALL,
    ReadOptions,
    compression_suffix,
    counted,
)
from w2v.formats.special_rows import with_special_rows
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
        has_rows: whether the module reads and writes words one by one, so that some of them can be
            skipped, and files can be compressed. It then takes `ReadOptions`.
        dtypes: the types of numbers that can be written. If there are several, the module takes
            ``dtype``.

    """

    name: str
    module: str
    extensions: tuple[str, ...]
    description: str
    default_layout: str | None = None
    has_rows: bool = False
    dtypes: tuple[str, ...] = ("float32",)

    @property
    def is_directory(self) -> bool:
        """Whether the format is a directory, not a file."""
        return not self.extensions

    @property
    def signature_files(self) -> tuple[str, ...]:
        """The files that identify a directory of this format; empty if the format is a file."""
        files: tuple[str, ...] = self._module.SIGNATURE_FILES if self.is_directory else ()
        return files

    def read(self, path: str | Path, options: ReadOptions = READ_ALL) -> VectorTable:
        """Read a file or directory.

        Args:
            path: the file or directory.
            options: what to do about bad rows, and how many words to read.

        Raises:
            InputError: it cannot be read.
            FormatError: it does not match the format.
            MissingExtraError: the format needs a package that is not installed.
            ConfigError: ``path`` is not a path.

        """
        check_path("path", path)
        table: VectorTable
        if self.has_rows:
            table = self._module.read(path, options)
        else:
            table = self._module.read(path)
            if options.limit is not None:
                table = table.head(options.limit)
        return with_special_rows(table, options.observer) if options.special_rows else table

    def write(
        self,
        table: VectorTable,
        path: str | Path,
        *,
        rows: str | None = None,
        unk: str | None = None,
        dtype: str = "float32",
        overwrite: bool = False,
        on_bad_word: str = "fail",
        observer: Observer = ignore,
    ) -> None:
        """Write a file or directory, atomically.

        Args:
            table: the words and vectors.
            path: the file or directory to create.
            rows: the name of the layout; None for the default layout of the table.
            unk: the vector of out-of-vocabulary words; see `VectorTable.layout`.
            dtype: the type of the numbers, one of ``dtypes``.
            overwrite: whether to replace an existing file, or directory of the same format.
            on_bad_word: what to do about words that the format cannot store: ``fail``, ``skip``, or
                ``replace``, which puts underscores in place of the characters.
            observer: receives a `Notice` of skipped and changed words.

        Raises:
            ConfigError: the format does not support the layout, or an argument is invalid.
            FormatError: the format cannot store a word, and ``on_bad_word`` does not help.
            OutputError: the file or directory cannot be written.
            MissingExtraError: the format needs a package that is not installed.

        """
        check_path("path", path)
        overwrite = SWITCH.check("overwrite", overwrite)
        ON_BAD_WORD.check("on_bad_word", on_bad_word)
        self.check_layout(rows, unk)
        self.check_dtype(dtype)
        self.check_name(path)
        if dtype != "float32":
            _note_small_numbers(table, dtype, observer)
        if on_bad_word != "fail":
            table = self._with_storable_words(table, on_bad_word, observer)
        if self.default_layout is None:
            self._module.write(table, path, overwrite=overwrite)
        else:
            layout = table.layout(rows, unk)
            given = {"dtype": dtype} if len(self.dtypes) > 1 else {}
            self._module.write(table, path, layout=layout, overwrite=overwrite, **given)

    def check_dtype(self, dtype: str) -> None:
        """Check the ``dtype`` argument of ``write``.

        Raises:
            ConfigError: it is invalid, or the format cannot store it.

        """
        DTYPE.check("dtype", dtype)
        if dtype not in self.dtypes:
            able = [entry.name for entry in FORMATS.values() if dtype in entry.dtypes]
            message = (
                f"must not be {dtype} in the format {self.name}, which has float32 only; omit it, "
                f"or write {' or '.join(able)}"
            )
            raise ConfigError(message, option="dtype")

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

    def _with_storable_words(
        self, table: VectorTable, on_bad_word: str, observer: Observer
    ) -> VectorTable:
        """Return a table without words that the format cannot store, or with others in their place.

        Raises:
            FormatError: no word is left.

        """
        word_end: re.Pattern[str] = getattr(self._module, "WORD_END", None) or _SURROGATE
        bad = [
            row
            for row, word in enumerate(table.words)
            if word_end.search(word) or _SURROGATE.search(word)
        ]
        if not bad:
            return table
        words, taken = list(table.words), set(table.words)
        skipped = []
        for row in bad:
            word = word_end.sub("_", _SURROGATE.sub("_", words[row]))
            if on_bad_word == "skip" or word in taken:
                skipped.append(row)
            else:
                words[row] = word
                taken.add(word)
        if len(skipped) == len(words):
            these = counted(len(words), "word")
            message = f"{self.name} can hold none of the {these}; use another format"
            raise FormatError(message)
        observer(Notice(self._describe_unstorable(table, bad, len(skipped))))
        return table.with_words(words, without=skipped)

    def _describe_unstorable(self, table: VectorTable, bad: list[int], skipped: int) -> str:
        """Return what was done about the words that the format cannot store."""
        word, cannot = f"{table.words[bad[0]]!r:.200}", f"characters that {self.name} cannot hold"
        if len(bad) == 1:
            done = "was skipped" if skipped else "has underscores instead"
            return f"the word {word} has {cannot}: it {done}"
        changed = len(bad) - skipped
        done = f"{skipped:,} {'was' if skipped == 1 else 'were'} skipped" if skipped else ""
        if changed:
            done += " and " if skipped else ""
            done += f"{changed:,} {'has' if changed == 1 else 'have'} underscores instead"
        return f"{len(bad):,} words, such as {word}, have {cannot}: {done}"

    def check_name(self, path: str | os.PathLike[str]) -> None:
        """Check that the name of an output does not promise a compression that is not done.

        Raises:
            ConfigError: it does.

        """
        suffix = Path(path).suffix.lower()
        if suffix in (*COMPRESSED_SUFFIXES, *_ARCHIVES) and not self.is_directory:
            possible = COMPRESSED_SUFFIXES if self.has_rows else ()
            if suffix not in possible:
                remedy = f"use {' '.join(possible)}" if possible else "omit it"
                message = f"{path} ends in {suffix}, but {self.name} cannot be written so; {remedy}"
                raise ConfigError(message)
            if Path(path).stem.lower().endswith(".tar"):
                message = f"{path} promises an archive, which cannot be written; omit .tar"
                raise ConfigError(message)

    def check_output(self, path: str | Path, *, overwrite: bool) -> None:
        """Check that ``path`` can be written, before the vectors are read or trained.

        Raises:
            OutputError: it cannot.
            ConfigError: its name promises a compression that is not done.

        """
        self.check_name(path)
        if self.is_directory:
            atomic.check_directory(path, overwrite=overwrite, signature=self.signature_files)
        else:
            atomic.check_file(path, overwrite=overwrite)

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
            dtypes=DTYPES,
        ),
        Format(
            "word2vec-text",
            "classic.word2vec_text",
            (".txt", ".vec", ".txt.gz", ".vec.gz"),
            "word2vec text file: a line with V and D, then a word and D numbers per line",
            has_rows=True,
        ),
        Format(
            "word2vec-bin",
            "classic.word2vec_bin",
            (".bin",),
            "word2vec binary file: a line with V and D, then each word and D float32",
            has_rows=True,
        ),
        Format(
            "glove",
            "classic.glove",
            (".glove", ".glove.gz", ".txt", ".txt.gz"),
            "GloVe text file: a word and D numbers per line, without a line with V and D",
            has_rows=True,
        ),
        Format(
            "spacy",
            "classic.word2vec_text",
            (".txt.gz",),
            "word2vec text file for spacy init vectors, compressed if its name ends in .gz",
            has_rows=True,
        ),
        Format(
            "safetensors",
            "frameworks.safetensors",
            (".safetensors",),
            "safetensors file with the tensor embeddings, the words, the layout and the tokenizer",
            default_layout="pad+unk",
            dtypes=DTYPES,
        ),
        Format(
            "projector",
            "classic.projector",
            (),
            "directory for the TensorBoard projector: tensors.tsv and metadata.tsv",
            has_rows=True,
        ),
        Format(
            "hf",
            "frameworks.hf",
            (),
            "directory for model2vec and sentence-transformers: safetensors and a tokenizer",
            default_layout="pad+unk",
            dtypes=DTYPES,
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


_SMALL = 2**-10  # below 2**-14, float16 loses digits


def _note_small_numbers(table: VectorTable, dtype: str, observer: Observer) -> None:
    """Report that most numbers are so small that they lose digits."""
    if 0 < (largest := table.largest_number()) < _SMALL:
        message = (
            f"the numbers are at most {largest:.2g}, and {dtype} keeps few of their digits; use "
            "float32, or multiply them by a constant"
        )
        observer(Notice(message, warning=True))


READ_ONLY: dict[str, Format] = {
    "fasttext-bin": Format(
        "fasttext-bin",
        "classic.fasttext_bin",
        (".bin",),
        "binary model of fastText with its n-grams; only read",
        has_rows=True,
    )
}
"""Formats that are read but not written."""

READABLE: dict[str, Format] = FORMATS | READ_ONLY

MODEL_EXTENSION = ".w2v"
"""The usual extension of a model directory. Names without a known extension are directories too."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")  # which UTF-8 cannot represent
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".lz4", ".lzma")

# Extensions of what training does not write, formats among them that are directories of another
# kind. A model directory of such a name would surprise.
_OTHER_FILES = (
    *(f".{entry.name}" for entry in FORMATS.values() if entry.is_directory),
    *(".7z", ".arrow", ".csv", ".feather", ".ftz", ".gguf", ".h5", ".hdf5", ".json", ".jsonl"),
    *(".lz4", ".magnitude", ".npz", ".onnx", ".parquet", ".rar", ".tgz"),
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
        kind = Path(name).suffix.lower().removeprefix(".")
        if kind in FORMATS:
            message += f"; or export a model with `format={kind!r}`"
        raise ConfigError(message, option=option)
    return entry


def is_file_name(name: str) -> bool:
    """Return whether a name has an extension of files, of vectors or of other kinds."""
    return by_extension(name) is not None or name.lower().endswith(_OTHER_FILES)


def model_beside(path: Path) -> Path:
    """Return the model directory that belongs to a file of vectors: kjv.w2v to kjv.txt.gz."""
    name = path.name
    known = [end for entry in _candidates(path) for end in entry.extensions]
    extension = max((end for end in known if name.lower().endswith(end)), key=len, default="")
    if not extension:
        name = name[: -len(compression_suffix(path))]
        extension = max((end for end in known if name.lower().endswith(end)), key=len)
    return path.with_name(f"{name[: -len(extension)]}{MODEL_EXTENSION}")


def read(
    path: str | Path,
    options: ReadOptions = READ_ALL,
    *,
    format: str | None = None,  # noqa: A002 - as in `w2v.load`
) -> VectorTable:
    """Read a file or directory.

    Args:
        path: the file or directory.
        options: what to do about bad rows, and how many words to read.
        format: the name of its format; by default, it is detected.

    Raises:
        InputError: the path does not exist or cannot be read.
        FormatError: the file does not match its format, or its content is of no known kind.
        ConfigError: ``path`` is not a path, or there is no such format.

    """
    check_path("path", path)
    if format is None:
        return detect(Path(path)).read(path, options)
    if format not in READABLE:
        message = f"must be one of {', '.join(READABLE)}, got {short_repr(format)}"
        raise ConfigError(message, option="format")
    return READABLE[format].read(path, options)


def by_extension(path: str | os.PathLike[str]) -> Format | None:
    """Return the format for writing a file of this name, None if the extension is unknown.

    Where formats share an extension, the first one in ``FORMATS`` is chosen.
    """
    return next(iter(_candidates(path)), None)


def by_name_or_extension(path: str | os.PathLike[str], name: str | None) -> Format:
    """Return the format to write, by its name or by the extension of a path.

    Raises:
        ConfigError: there is no such format, or the extension is that of no format.

    """
    check_path("path", path)
    if name is not None and name not in FORMATS:
        message = f"must be one of {', '.join(FORMATS)}, got {short_repr(name)}"
        raise ConfigError(message, option="format")
    entry = by_extension(path) if name is None else FORMATS[name]
    if entry is None:
        message = f"must name a format, as {path} has the extension of none: {', '.join(FORMATS)}"
        raise ConfigError(message, option="format")
    return entry


def detect(path: Path) -> Format:
    """Return the format of an existing path.

    The files in a directory determine its format, and the content of a file does, whatever its
    name. If the content is of no known kind, the extension tells which format has to report it.

    Raises:
        InputError: the path cannot be read.
        FormatError: the file is of a kind that cannot be read, or of no known kind.

    """
    candidates = _candidates(path)
    status = status_of(path)
    is_directory = not candidates if status is None else stat.S_ISDIR(status.st_mode)
    if is_directory:
        return _detect_directory(path)
    from w2v.formats.content import identify  # here, because it imports the modules of formats

    name = identify(path)
    if name is not None:
        return READABLE[name]
    if candidates:
        # Of the text formats, that without a header says best what is wrong with a line.
        return FORMATS["glove"] if FORMATS["glove"] in candidates else candidates[0]
    message = (
        f"{path} is neither a model directory nor a file of vectors: its content is in none of the "
        f"formats {', '.join(READABLE)}"
    )
    raise FormatError(message)


def _candidates(path: str | os.PathLike[str]) -> list[Format]:
    """Return the formats with the extension of ``path``, in the order of ``FORMATS``."""
    name = Path(path).name.lower()
    plain = name.removesuffix(compression_suffix(path))
    return [
        entry
        for entry in FORMATS.values()
        if name.endswith(entry.extensions)
        or (entry.has_rows and plain != name and plain.endswith(entry.extensions))
    ]


def _detect_directory(path: Path) -> Format:
    """Return the format whose signature files a directory has."""
    for entry in FORMATS.values():
        if entry.is_directory and all(status_of(path / name) for name in entry.signature_files):
            return entry
    return FORMATS["npy"]  # its reader names the missing file
