"""Files of vectors as streams of bytes: compressed or not, in a zip archive or not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from w2v.errors import FormatError, InputError, MissingExtraError
from w2v.formats.reading import compression_suffix
from w2v.system import atomic
from w2v.system.files import open_binary
from w2v.system.sniff import COMPRESSED, first_match
from w2v.text.decompress import ExpansionGuard, decompress

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUFFER_BYTES = 1 << 16
_HEAD_BYTES = 1 << 6
_ZIP_MAGIC = b"PK\x03\x04"
_ADVICE = "if that is intended, decompress it first"
_SHOWN_NAMES = 5

# Level 6 of gzip takes seven times as long for files that are a tenth smaller (50,000 x 128).
_GZIP_LEVEL = 1
_XZ_PRESET = 1


@contextmanager
def open_stream(path: str | Path) -> Iterator[tuple[io.BufferedReader, int | None]]:
    """Open a file for reading; the content determines whether and how it is compressed.

    Yields:
        The decompressed bytes, and their number if the file is not compressed, else None.

    Raises:
        InputError: the file cannot be read, or expands too much.
        FormatError: it is compressed, and damaged; or it is an archive of several files.
        MissingExtraError: it is compressed by zstd, and the package is not installed.

    """
    with open_binary(path) as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        compression = first_match(COMPRESSED, head)
        if compression is None and not head.startswith(_ZIP_MAGIC):
            yield cast("io.BufferedReader", file), os.fstat(file.fileno()).st_size
            return
        try:
            if compression is None:
                stream: IO[bytes] = _open_member(file, path)
            else:
                stream = decompress(file, compression, str(path))
            guarded = ExpansionGuard(stream, file.tell, path, advice=_ADVICE)
            yield io.BufferedReader(guarded, _BUFFER_BYTES), None
        except (EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
            raise _damaged(path, compression, error) from error
        except OSError as error:  # bzip2 and gzip raise it without an error number
            if error.errno is not None:
                raise
            raise _damaged(path, compression, error) from error


def _damaged(path: str | Path, compression: str | None, error: Exception) -> FormatError:
    kind = compression or "zip"
    return FormatError(f"{path}: the {kind} file is damaged or truncated: {error}")


def _open_member(file: IO[bytes], path: str | Path) -> IO[bytes]:
    """Open the only file of a zip archive."""
    archive = zipfile.ZipFile(file)
    names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    names = [name for name in names if not name.startswith("__MACOSX/")]  # attributes of the others
    if len(names) != 1:
        _reject_known_archives(path, names)
        shown = ", ".join(names[:_SHOWN_NAMES]) + (", ..." if len(names) > _SHOWN_NAMES else "")
        example = names[0] if names else "FILE"
        message = (
            f"{path} is a zip archive of {len(names)} files ({shown}): expected one file of "
            f"vectors; extract the one that you need, for example: unzip {path} {example}"
        )
        raise FormatError(message)
    try:
        return archive.open(names[0])
    except (NotImplementedError, RuntimeError) as error:  # another compression, or a password
        message = f"cannot read {path}: {error}; extract it first"
        raise InputError(message) from error


def _reject_known_archives(path: str | Path, names: list[str]) -> None:
    """Raise FormatError for the files of other programs that are zip archives."""
    kinds = {
        "data.pkl": (
            "a file of PyTorch, which w2v cannot read: load it with torch.load, and use "
            "w2v.Embeddings.from_layer(layer, words), or w2v.Embeddings(words, weight.numpy())"
        ),
        "model.weights.h5": (
            "a model of Keras, which w2v cannot read without its words: load it with Keras, and "
            "use w2v.Embeddings.from_layer(layer, words)"
        ),
        ".npy": (
            "an archive of NumPy arrays, which w2v cannot read: use "
            "w2v.Embeddings(words, numpy.load(...)[...])"
        ),
    }
    for end, kind in kinds.items():
        if any(name.endswith(end) for name in names):
            message = f"{path} is {kind}"
            raise FormatError(message)


@contextmanager
def new_stream(path: str | Path, *, needed: int, overwrite: bool) -> Iterator[IO[bytes]]:
    """Yield a file that becomes ``path``, compressed as the end of its name asks for.

    The headers contain neither a name nor a time, so equal content gives equal files.

    Args:
        path: the file.
        needed: the disk space that it takes.
        overwrite: whether to replace an existing file.

    Raises:
        OutputError: the file cannot be written.
        MissingExtraError: the name ends in ``.zst``, and the package is not installed.

    """
    suffix = compression_suffix(path)
    if suffix == ".zst":
        require_zstandard(path)
    with atomic.new_file(path, needed=needed, overwrite=overwrite) as file:
        if suffix == "":
            yield file
        elif suffix == ".gz":
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as compressed:
                yield cast("IO[bytes]", compressed)
        elif suffix == ".bz2":
            with bz2.BZ2File(file, "wb") as packed:
                yield cast("IO[bytes]", packed)
        elif suffix == ".xz":
            with lzma.LZMAFile(file, "wb", preset=_XZ_PRESET) as packed_xz:
                yield cast("IO[bytes]", packed_xz)
        else:
            import zstandard

            with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as writer:
                yield cast("IO[bytes]", writer)


def require_zstandard(path: str | Path) -> None:
    """Check that zstd can be written.

    Raises:
        MissingExtraError: it cannot.

    """
    try:
        import zstandard  # noqa: F401
    except ImportError:
        message = f"writing {path}, compressed by zstd,"
        raise MissingExtraError(message, "zst") from None


def compressed_size(text: bytes, path: str | Path) -> int:
    """Return about how many bytes a text takes in a file of this name."""
    suffix = compression_suffix(path)
    if suffix == ".gz":
        return len(gzip.compress(text, _GZIP_LEVEL))
    if suffix in {".bz2", ".xz"}:
        return len(bz2.compress(text))
    return len(text)
