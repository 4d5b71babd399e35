"""The model folder: what training writes and every command reads.

- ``embeddings.npy``: (V, D) little-endian float32, C order; row i belongs to word i
- ``vocab.txt``: V lines, UTF-8, LF, words only, the most frequent first
- ``counts.npy``: (V,) int64; absent if the counts are not known
- ``unknown.npy``: (1, D), the trained vector of unknown words; absent if there is none
- ``contexts.npy``: the context vectors of all words and, last, of unknown words if these have a
  vector; like ``embeddings.npy``. Training writes it and needs it to go on; nothing else does
- ``meta.json``: how the model was made, and the version of these files

The same folder serves as a hand-over (``npy``): ``embeddings.npy`` then has the rows of a layout,
which stands in ``meta.json`` under ``rows``, and the other files stay as they are.
"""

from __future__ import annotations

import json
import math
import os
import tokenize
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError, InputError
from w2v.formats.layout import Layout
from w2v.system import atomic as output
from w2v.system.disk import in_pages
from w2v.system.files import is_directory, require_regular_file, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from w2v.formats.registry import Format

VERSION = 1
"""Of these files; raised when an older reader would misunderstand a newer folder."""

_ARRAY_HEADER = 128  # bytes of an .npy file before the numbers


def write(
    embeddings: Embeddings,
    path: str | Path,
    *,
    layout: Layout | None = None,
    contexts: NDArray[np.float32] | None = None,
    overwrite: bool = False,
    recoverable: bool = False,
    before_meta: Callable[[], None] | None = None,
) -> None:
    """Write the folder ``path``, whole or not at all.

    Args:
        embeddings: what to write.
        path: where.
        layout: of the rows of ``embeddings.npy``; None for a model, with rows for words only.
        contexts: the context vectors, for a model that was trained; see above.
        overwrite: whether a model folder that stands there is replaced.
        recoverable: see `w2v.system.atomic.new_folder`.
        before_meta: is called when all but ``meta.json`` is on the disk, and may change
            ``embeddings.meta``.

    Raises:
        FormatError: a word contains a line end or cannot be written as UTF-8, or ``meta`` is
            not JSON.
        OutputError: the folder cannot be put there.
        DiskFullError: which it is if there is no room for it.

    """
    vocabulary = encode_words(embeddings.words)
    meta = encode_meta(embeddings.meta, layout)  # which may fail, before anything is written
    matrices = _matrices(embeddings, layout, contexts)
    sizes = [matrix.nbytes + _ARRAY_HEADER for matrix in matrices.values()]
    needed = in_pages(len(vocabulary), len(meta), bytes_of_counts(embeddings), *sizes)
    with output.new_folder(
        path, needed=needed, overwrite=overwrite, recoverable=recoverable
    ) as folder:
        for name, matrix in matrices.items():
            _write_array(folder / name, matrix.astype("<f4", copy=False))
        (folder / "vocab.txt").write_bytes(vocabulary)
        write_counts(folder, embeddings)
        if before_meta is not None:
            output.sync_tree(folder)
            before_meta()
            meta = encode_meta(embeddings.meta, layout)
        (folder / "meta.json").write_bytes(meta)


def _matrices(
    embeddings: Embeddings, layout: Layout | None, contexts: NDArray[np.float32] | None
) -> dict[str, NDArray[np.float32]]:
    """What there is to write of rows, by the names of the files."""
    if layout is not None:
        rows = embeddings.matrix_for(layout.rows, layout.unknown_vector)
        matrices = {"embeddings.npy": rows}
    else:
        matrices = {"embeddings.npy": embeddings.matrix}
        if embeddings.unknown is not None and embeddings.unk == "trained":
            matrices["unknown.npy"] = embeddings.unknown[np.newaxis]
    return matrices if contexts is None else matrices | {"contexts.npy": contexts}


def read(path: str | Path) -> Embeddings:
    """Read a model folder, trusting nothing in it.

    Raises:
        InputError: there is no such folder, or it may not be read.
        FormatError: the file that is missing or wrong, and how.

    """
    folder = Path(path)
    if not is_directory(folder):
        message = f"cannot read {path}: there is no such model folder; train one with w2v train"
        raise InputError(message)
    meta, layout = read_meta(folder)
    words = decode_words(folder / "vocab.txt")
    matrix = _read_array(folder / "embeddings.npy", "<f4", axes=2)
    counts = read_counts(folder)
    extra = 0 if layout is None else layout.first_word
    if len(matrix) - extra != len(words) or (counts is not None and len(counts) != len(words)):
        message = (
            f"{path}: vocab.txt has {len(words)} words, embeddings.npy {len(matrix)} rows"
            f"{f', {extra} of them not words' if extra else ''}"
            f"{'' if counts is None else f', counts.npy {len(counts)} counts'}; "
            "the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    if layout is not None:
        return Embeddings.from_rows(layout, words, matrix, counts, meta, source=folder)
    unknown = None
    if status_of(folder / "unknown.npy") is not None:
        unknown = _read_unknown(folder / "unknown.npy")
    return Embeddings(words, matrix, counts, meta, unknown=unknown, source=folder)


def encode_words(words: list[str]) -> bytes:
    """Return the bytes of ``vocab.txt``.

    Raises:
        FormatError: a word contains a line end or cannot be written as UTF-8.

    """
    for word in words:
        if "\n" in word:
            message = f"{word!r} contains a line end, which vocab.txt cannot hold; rename the word"
            raise FormatError(message)
    try:
        return "".join(f"{word}\n" for word in words).encode("utf-8")
    except UnicodeEncodeError as error:
        word = next(word for word in words if error.object[error.start] in word)
        message = f"{word!r} cannot be written as UTF-8; rename the word"
        raise FormatError(message) from error


def decode_words(path: Path) -> list[str]:
    """Read ``vocab.txt``.

    Raises:
        InputError: it cannot be read.
        FormatError: it is missing, cut short or not UTF-8.

    """
    data = content(path)
    if not data.endswith(b"\n"):
        message = f"{path}: expected a line end after every word, the last one has none; cut short?"
        raise FormatError(message)
    try:
        return data[:-1].decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{path}, line {line}: expected UTF-8, got {error.reason}"
        raise FormatError(message) from error


def encode_meta(meta: dict[str, Any], layout: Layout | None) -> bytes:
    """Return the bytes of ``meta.json``.

    Raises:
        FormatError: ``meta`` is not JSON.

    """
    # What the embeddings were read from is of no matter, so its layout goes; and how to train on is
    # of none where they are handed over.
    rows = {} if layout is None else {"rows": layout.as_dict()}
    left_out = {"rows"} if layout is None else {"rows", "job"}
    recorded = {name: value for name, value in meta.items() if name not in left_out}
    recorded |= rows | {"format_version": VERSION}
    try:
        text = json.dumps(recorded, indent=2, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        message = f"meta must be plain JSON values: {error}"
        raise FormatError(message) from error
    # A lone surrogate (from a file name that is not UTF-8) becomes \udcxx, which JSON reads.
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    message = f"{value!r} is a {type(value).__name__}"
    raise TypeError(message)


def read_folder(folder: Path, kind: Format) -> tuple[dict[str, Any], Layout]:
    """Find out that a folder has the files of a hand-over, and read its ``meta.json``.

    Raises:
        InputError: there is no such folder, or it may not be read.
        FormatError: the file that is missing, or what is wrong with ``meta.json``.

    """
    if not is_directory(folder):
        message = f"cannot read {folder}: there is no such folder; write one with w2v export"
        raise InputError(message)
    missing = [mark for mark in kind.marks if status_of(folder / mark) is None]
    if missing:
        message = f"{folder} is not a folder of the format {kind.name}: it has no {missing[0]}"
        raise FormatError(message)
    meta, layout = read_meta(folder)
    if layout is None:
        message = f"{folder / 'meta.json'}: expected the layout under 'rows', got none"
        raise FormatError(message)
    return meta, layout


def read_meta(folder: Path) -> tuple[dict[str, Any], Layout | None]:
    """Read ``meta.json``; the layout is None if it records none.

    Raises:
        InputError: it cannot be read.
        FormatError: it is missing, or what is wrong with it.

    """
    path = folder / "meta.json"
    meta = _decode_meta(path)
    return meta, _decode_layout(meta, path)


def bytes_of_counts(embeddings: Embeddings) -> int:
    """Bytes that ``counts.npy`` takes."""
    return 0 if embeddings.counts is None else embeddings.counts.nbytes + _ARRAY_HEADER


def write_counts(folder: Path, embeddings: Embeddings) -> None:
    """Write ``counts.npy`` if the counts are known."""
    if embeddings.counts is not None:
        _write_array(folder / "counts.npy", embeddings.counts.astype("<i8", copy=False))


def read_counts(folder: Path) -> NDArray[np.int64] | None:
    """Read ``counts.npy``, None if there is none.

    Raises:
        InputError: it cannot be read.
        FormatError: it is not such a file.

    """
    path = folder / "counts.npy"
    return _read_array(path, "<i8", axes=1) if status_of(path) is not None else None


def _read_unknown(path: Path) -> NDArray[np.float32]:
    unknown = _read_array(path, "<f4", axes=2)
    if len(unknown) != 1:
        message = (
            f"{path}: expected one vector, that of unknown words, got {len(unknown)}; the files do "
            "not belong together, or one is damaged"
        )
        raise FormatError(message)
    vector: NDArray[np.float32] = unknown[0]
    return vector


def has_contexts(path: str | Path) -> bool:
    """Whether a training can go on where that of the model at ``path`` ended."""
    return (Path(path) / "contexts.npy").is_file()


def read_contexts(path: str | Path, embeddings: Embeddings) -> NDArray[np.float32]:
    """Find the context vectors that belong to a model's embeddings.

    Returns:
        (V, D) float32, mapped into memory; (V + 1, D) if the model has a trained vector of unknown
        words, whose row is the last.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is missing, or it does not belong to the embeddings, or is damaged.

    """
    file = Path(path) / "contexts.npy"
    contexts = _read_array(file, "<f4", axes=2, mapped=True)
    expected = (len(embeddings) + (embeddings.unk == "trained"), embeddings.dim)
    if contexts.shape != expected:
        message = (
            f"{file}: expected context vectors of shape {expected}, as those of the words are, "
            f"got {contexts.shape}; the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    if not (np.isfinite(contexts.min()) and np.isfinite(contexts.max())):
        message = f"{file}: the context vectors hold NaN or infinity; the file is damaged"
        raise FormatError(message)
    return contexts


def _decode_meta(path: Path) -> dict[str, Any]:
    data = content(path)
    try:
        meta = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        message = f"{path}: expected JSON in UTF-8: {error}"
        raise FormatError(message) from error
    if not isinstance(meta, dict):
        message = f"{path}: expected a JSON object, got a {type(meta).__name__}"
        raise FormatError(message)
    version = meta.pop("format_version", VERSION)
    if version != VERSION:
        message = (
            f"{path}: this w2v reads model folders of version {VERSION}, "
            f"got version {version!r:.200}; use a newer w2v"
        )
        raise FormatError(message)
    return meta


def _decode_layout(meta: dict[str, Any], path: Path) -> Layout | None:
    if "rows" not in meta:
        return None
    try:
        return Layout.from_dict(meta["rows"])
    except FormatError as error:
        message = f"{path}: {error}"
        raise FormatError(message) from error


def content(path: Path) -> bytes:
    """Return the bytes of a file of a folder.

    Raises:
        InputError: it cannot be read.
        FormatError: it is missing.

    """
    require_regular_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def brief(error: Exception) -> str:
    """Name an error without what it is about, which a repr has, and which may be a whole file."""
    return f"{type(error).__name__}: {error!s:.200}"


def _unreadable(path: Path, error: OSError) -> FormatError | InputError:
    if isinstance(error, FileNotFoundError):
        return FormatError(f"{path.parent} is not a model folder: it has no {path.name}")
    return InputError(f"cannot read {path}: {error.strerror or error}")


def _write_array(path: Path, array: NDArray[Any]) -> None:
    # Not np.save: on a full disk its error does not tell why.
    with path.open("xb") as file:
        npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(array))
        for part in output.iter_row_chunks(array):  # of rows that may lie apart
            file.write(np.ascontiguousarray(part).data)


def _read_array(path: Path, dtype: str, axes: int, *, mapped: bool = False) -> NDArray[Any]:
    """Read or map an .npy file of one dtype, after its header was held to its length.

    ``np.load`` would allocate what the header asks for before it looks at the length.
    """
    require_regular_file(path)
    try:
        with path.open("rb") as file:
            shape = _read_array_header(file, path, dtype, axes)
            expected = math.prod(shape) * np.dtype(dtype).itemsize
            available = os.fstat(file.fileno()).st_size - file.tell()
            if available != expected:
                message = (
                    f"{path}: an array of shape {shape}, as its header promises, takes "
                    f"{expected} bytes, but {available} follow; the file is damaged"
                )
                raise FormatError(message)
            if mapped:
                return np.memmap(file, dtype, "r", file.tell(), shape)
            return np.fromfile(file, dtype=dtype).reshape(shape)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_array_header(file: BinaryIO, path: Path, dtype: str, axes: int) -> tuple[int, ...]:
    try:
        version = npy.read_magic(file)
        with warnings.catch_warnings(action="error"):  # of a header that NumPy has to guess at
            shape, fortran_order, found = npy.read_array_header_1_0(file)
    except (ValueError, SyntaxError, tokenize.TokenError, Warning) as error:
        message = f"{path}: expected a NumPy array file: {error}"
        raise FormatError(message) from error
    expected = np.dtype(dtype)
    fits = version == (1, 0) and found == expected and not fortran_order
    if not fits or len(shape) != axes or min(shape) < 1:
        message = (
            f"{path}: expected an array of {axes} axes of {expected} in C order, "
            f"got shape {shape} of {found}{' in Fortran order' if fortran_order else ''}"
        )
        raise FormatError(message)
    return shape
