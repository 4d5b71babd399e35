"""The files that embeddings are written to and read from, one module a format.

To add a format, write a module with ``read(path)`` and ``write(embeddings, path, *, overwrite)``,
and ``layout`` too if it can hold rows that are not words, and list it in ``FORMATS``; the
round-trip tests run over the list. A format that shares an extension with another one has
``fits(path)`` too, which tells them apart. Modules are loaded when they are used.
"""

from __future__ import annotations

import importlib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, FormatError
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION, Layout
from w2v.options import SWITCH, check_path
from w2v.system.files import status_of

if TYPE_CHECKING:
    from w2v.embeddings.embeddings import Embeddings


@dataclass(frozen=True)
class Format:
    """What is known of a format without loading its module.

    Attributes:
        name: on the command line.
        module: below this package.
        extensions: of files, the usual one first; none for a format that is a folder.
        description: in a line.
        rows: the layout of embeddings that were read from no other one, unless told otherwise;
            None if it holds words only.
        marks: the files by which a folder is known to be of this format.

    """

    name: str
    module: str
    extensions: tuple[str, ...]
    description: str
    rows: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, not a file."""
        return not self.extensions

    def read(self, path: str | Path) -> Embeddings:
        """Read ``path``.

        Raises:
            InputError: it cannot be read.
            FormatError: it is not what the format says.
            MissingExtraError: the format needs a package that is not installed.

        """
        check_path("path", path)
        embeddings: Embeddings = self._module.read(path)
        return embeddings

    def write(
        self,
        embeddings: Embeddings,
        path: str | Path,
        *,
        rows: str | None = None,
        unk: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write ``path``, whole or not at all.

        Args:
            embeddings: what to write.
            path: where.
            rows: the layout of the rows; None for that of the embeddings, which `encode` uses too.
            unk: what unknown words get; see `Embeddings.layout`.
            overwrite: whether something of the same kind that stands there is replaced.

        Raises:
            ConfigError: the format cannot hold such rows.
            FormatError: it cannot hold a word.
            OutputError: it cannot be put there.
            MissingExtraError: the format needs a package that is not installed.

        """
        check_path("path", path)
        SWITCH.check("overwrite", overwrite)
        self.check(rows, unk)
        if self.rows is None:
            self._module.write(embeddings, path, overwrite=overwrite)
        else:
            layout = embeddings.layout(rows, unk)
            self._module.write(embeddings, path, layout=layout, overwrite=overwrite)

    def check(self, rows: str | None, unk: str | None) -> None:
        """Find out whether the format can hold such rows.

        Raises:
            ConfigError: it cannot, or none can.

        """
        if rows is not None:
            ROWS_OPTION.check("rows", rows)
        if unk is not None:
            UNK_OPTION.check("unk", unk)
        if self.rows is None and ((rows or "none") != "none" or unk is not None):
            values = {"rows": rows, "unk": unk}
            given = {name: value for name, value in values.items() if value is not None}
            shown = " and ".join(f"`{name}={value!r}`" for name, value in given.items())
            message = f"cannot apply to {self.name}, which has rows for words only: omit {shown}"
            raise ConfigError(message, option=tuple(given))
        if rows is not None and unk is not None:
            Layout(rows, unk)

    def check_output(self, path: str | Path, *, overwrite: bool) -> None:
        """Find out, before the long work, whether ``path`` can be written.

        Raises:
            OutputError: it cannot.

        """
        from w2v.system import atomic as output

        if self.is_folder:
            output.check_folder(path, overwrite=overwrite, marks=self.marks)
        else:
            output.check_file(path, overwrite=overwrite)

    def fits(self, path: str | Path) -> bool:
        """Whether the beginning of a file is as the format says.

        Raises:
            InputError: it cannot be read.
            FormatError: it is damaged.

        """
        fits: bool = self._module.fits(path)
        return fits

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
            "a folder like a model's: embeddings.npy, vocab.txt, meta.json, which has the layout",
            rows="pad+unk",
            marks=("meta.json", "embeddings.npy"),
        ),
        Format(
            "word2vec-text",
            "classic.word2vec_text",
            (".txt", ".vec", ".txt.gz", ".vec.gz"),
            "word2vec's text file: a line with V and D, then a word and D numbers a line",
        ),
        Format(
            "word2vec-bin",
            "classic.word2vec_bin",
            (".bin",),
            "word2vec's binary file: a line with V and D, then each word and D float32",
        ),
        Format(
            "glove",
            "classic.glove",
            (".glove", ".glove.gz", ".txt", ".txt.gz"),
            "GloVe's text file: a word and D numbers a line, no line with V and D",
        ),
        Format(
            "spacy",
            "classic.word2vec_text",
            (".txt.gz",),
            "for spacy init vectors: word2vec's text file, packed if it is named so",
        ),
        Format(
            "safetensors",
            "frameworks.safetensors",
            (".safetensors",),
            "a file with the tensor embeddings, the words, their layout and the tokenizer",
            rows="pad+unk",
        ),
        Format(
            "projector",
            "classic.projector",
            (),
            "a folder for TensorBoard's projector: tensors.tsv and metadata.tsv",
            marks=("tensors.tsv", "metadata.tsv"),
        ),
        Format(
            "hf",
            "frameworks.hf",
            (),
            "a folder for model2vec and sentence-transformers: safetensors and a tokenizer",
            rows="pad+unk",
            marks=("model.safetensors", "tokenizer.json", "meta.json"),
        ),
        Format(
            "keras",
            "frameworks.keras",
            (),
            "a folder for Keras: an Embedding layer as a model, and vocab.txt for StringLookup",
            rows="pad+unk",
            marks=("embedding.keras", "vocab.txt", "meta.json"),
        ),
    )
}


def load(path: str | Path) -> Embeddings:
    """Read embeddings: a model folder, or a file whose extension tells its format.

    Raises:
        InputError: there is nothing there, or it may not be read.
        FormatError: it is not what its format says, or the extension belongs to no format.

    """
    check_path("path", path)
    return _recognised(Path(path)).read(path)


def by_extension(path: str | Path) -> Format | None:
    """Tell the format of a file by the end of its name, None if that tells nothing.

    Where formats share an extension, the first in the list is meant.
    """
    return next(iter(_named_like(path)), None)


def _named_like(path: str | Path) -> list[Format]:
    name = Path(path).name.lower()
    return [known for known in FORMATS.values() if name.endswith(known.extensions)]


def _recognised(path: Path) -> Format:
    """Tell the format of what is there: a folder by the files in it, a file by its extension.

    Where formats share an extension, the beginning of the file decides.
    """
    known = _named_like(path)
    status = status_of(path)
    if (status is None and not known) or (status is not None and stat.S_ISDIR(status.st_mode)):
        kinds = (kind for kind in FORMATS.values() if kind.is_folder)
        held = (kind for kind in kinds if all(status_of(path / mark) for mark in kind.marks))
        return next(held, FORMATS["npy"])  # which says what is missing
    if len(known) > 1:
        return next((entry for entry in known if entry.fits(path)), known[0])
    if known:
        return known[0]
    extensions = ", ".join(
        f"{' '.join(known.extensions)} ({known.name})"
        for known in FORMATS.values()
        if not known.is_folder
    )
    message = (
        f"{path} is neither a model folder nor a file in a known format; "
        f"the known extensions are {extensions}"
    )
    raise FormatError(message)
