"""The file that holds the state of a training in a checkpoint.

It begins with a magic string and the length of a JSON header (8 bytes, little-endian). The header
holds the format version, the shape of the matrices and the progress. The rows of the word vectors
and of the context vectors follow as little-endian float32, then a BLAKE2b checksum of everything
before it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from w2v.events import EpochDone
from w2v.pipeline.checkpoint_files import DIGEST_BYTES, VERSION, WRONG_CHECKSUM
from w2v.system.atomic import iter_row_chunks
from w2v.system.records import decode
from w2v.training.model import rows_of
from w2v.training.state import EpochStats, TrainingState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from w2v.training.model import Matrices

_MAGIC = b"w2v state\n"
_LENGTH_BYTES = 8
_HEADER_BYTES = 1 << 10  # of the header and the checksum, at most about


@dataclass(frozen=True)
class _Tally:
    """`EpochStats`, with the field names of the file."""

    places: int
    centers: int
    pairs: int
    context_loss: float
    noise_pairs: int
    noise_loss: float


@dataclass(frozen=True)
class _Position:
    """`TrainingState`, with the field names of the file."""

    span: int
    spans: int
    tally: _Tally
    seconds: float
    done: tuple[EpochDone, ...]

    @classmethod
    def of(cls, state: TrainingState) -> _Position:
        stats = dataclasses.asdict(state.stats)
        tally = _Tally(places=stats.pop("positions"), **stats)
        return cls(state.step, state.steps, tally, state.seconds, state.reports)

    def state(self) -> TrainingState:
        tally = dataclasses.asdict(self.tally)
        stats = EpochStats(positions=tally.pop("places"), **tally)
        return TrainingState(self.span, self.spans, stats, self.seconds, self.done)


@dataclass(frozen=True)
class _Header:
    format_version: int
    words: int
    dim: int
    position: _Position


def state_size(words: int, dim: int) -> int:
    """Return the approximate size of the file in bytes."""
    return 2 * words * dim * np.dtype(np.float32).itemsize + _HEADER_BYTES


def state_chunks(matrices: Matrices, words: int, dim: int, state: TrainingState) -> Iterator[bytes]:
    """Yield the content of the file.

    Args:
        matrices: of the training.
        words: the number of rows to save.
        dim: the number of columns to save.
        state: the progress.

    """
    header = dataclasses.asdict(_Header(VERSION, words, dim, _Position.of(state)))
    data = json.dumps(header).encode()
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for chunk in _content_chunks(data, _saved_arrays(matrices, words, dim)):
        digest.update(chunk)
        yield chunk
    yield digest.digest()


def _content_chunks(header: bytes, arrays: list[NDArray[np.float32]]) -> Iterator[bytes]:
    yield _MAGIC + len(header).to_bytes(_LENGTH_BYTES, "little") + header
    for array in arrays:
        for rows in iter_row_chunks(array):
            yield rows.astype("<f4").tobytes()


def _saved_arrays(matrices: Matrices, words: int, dim: int) -> list[NDArray[np.float32]]:
    """Return views of all that a resumed training needs, in the order of the file."""
    return [rows_of(flat, matrices, words, dim) for flat in (matrices.vectors, matrices.contexts)]


def read_state(file: IO[bytes], matrices: Matrices, words: int, dim: int) -> TrainingState:
    """Fill the matrices from a file that `state_chunks` gave, and return the progress.

    Raises:
        EOFError, OSError, LookupError, TypeError, ValueError: the file is damaged or does not fit.

    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def read(size: int) -> bytes:
        data = file.read(size)
        if len(data) != size:
            message = "truncated"
            raise EOFError(message)
        digest.update(data)
        return data

    if read(len(_MAGIC)) != _MAGIC:
        message = "not a state file"
        raise ValueError(message)
    size = int.from_bytes(read(_LENGTH_BYTES), "little")
    if size > os.fstat(file.fileno()).st_size:
        message = f"a header of {size} bytes in a smaller file"
        raise ValueError(message)
    header = decode(_Header, json.loads(read(size)))
    found = (header.format_version, header.words, header.dim)
    if found != (VERSION, words, dim):
        message = f"version, words and dim {found}, expected {(VERSION, words, dim)}"
        raise ValueError(message)
    for array in _saved_arrays(matrices, words, dim):
        for rows in iter_row_chunks(array):
            rows[:] = np.frombuffer(read(4 * rows.size), "<f4").reshape(rows.shape)
    expected = digest.digest()
    if file.read(len(expected) + 1) != expected:
        raise ValueError(WRONG_CHECKSUM)
    return header.position.state()
