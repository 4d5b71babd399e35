"""The binary models of fastText, which are read but not written.

A word's vector is the mean of its own row and those of its n-grams of characters, which have no
names: each has the row of its hash (Bojanowski et al. 2017). So words outside the vocabulary have
vectors, too.

The file has, in little-endian order: a magic number and a version; the options; the dictionary,
with the words, their counts and their kind; the matrix of words and n-grams, and that of contexts
(fastText, ``fasttext.cc`` and ``dictionary.cc``).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.errors import FormatError
from w2v.formats.classic import lines
from w2v.formats.reading import READ_ALL, BadRows, ReadOptions
from w2v.system.files import open_binary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from w2v.formats.table import VectorTable

_MAGIC = 793_712_314
_VERSIONS = (11, 12)
_SUPERVISED = 3  # the kind of model, among the options
_WORD = 0  # the kind of an entry; labels have another
_END_OF_LINE = b"</s>"  # a word without n-grams
_MAX_WORD_BYTES = 1 << 16
_NO_BUCKETS = 1
_HASH_START = np.uint64(2166136261)
_HASH_PRIME = np.uint64(16777619)
_HASH_MASK = np.uint64(0xFFFF_FFFF)
_HIGH_BITS = np.uint64(0xFFFF_FF00)
_SIGN = 0x80


class Options(NamedTuple):
    """The options in the file, in their order."""

    dim: int
    window: int
    epochs: int
    min_count: int
    negatives: int
    word_ngrams: int
    loss: int
    model: int
    buckets: int
    min_n: int
    max_n: int
    lr_update_rate: int
    sample: float


class NGrams(NamedTuple):
    """The lengths of n-grams in characters, and the rows that they have.

    Attributes:
        shortest: the least length.
        longest: the greatest length; 0 if there are no n-grams.
        buckets: the number of rows.
        first: the first of these rows.

    """

    shortest: int
    longest: int
    buckets: int
    first: int


@dataclass(frozen=True)
class Subwords:
    """Vectors of any word, from those of its n-grams.

    Attributes:
        matrix: (words + buckets, D) float32, mapped into memory.
        ngrams: which n-grams there are.

    """

    matrix: NDArray[np.float32]
    ngrams: NGrams

    def vectors(self, words: Sequence[bytes], rows: Sequence[int]) -> NDArray[np.float32]:
        """Return the vectors of words.

        Args:
            words: n words in UTF-8.
            rows: the row of each, -1 if it has none.

        Returns:
            (n, D) float32, C order; zeros for a word without row and n-grams.

        """
        marked = [word if word == _END_OF_LINE else b"<" + word + b">" for word in words]
        ends = np.cumsum([0, *map(len, marked)])
        data = np.frombuffer(b"".join(marked) + b" ", np.uint8)
        plain = np.array([word == _END_OF_LINE for word in words], bool)
        result = np.zeros((len(words), self.matrix.shape[1]), np.float32)
        _compose(data, ends, np.array(rows, np.int64), plain, self.ngrams, self.matrix, result)
        return result


@inlined
def _add_byte(bits: np.uint64, byte: np.uint8) -> np.uint64:
    """Return the hash with one more byte: FNV-1a of 32 bits, but of bytes with a sign."""
    signed = np.uint64(byte) | (_HIGH_BITS if byte >= _SIGN else np.uint64(0))
    return ((bits ^ signed) * _HASH_PRIME) & _HASH_MASK


@kernel
def _compose(
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    rows: NDArray[np.int64],
    plain: NDArray[np.bool],
    ngrams: NGrams,
    matrix: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """Write the mean of the rows of each word and its n-grams.

    Args:
        data: the words, with < and > around each.
        ends: (n + 1,) where each word begins and ends in ``data``.
        rows: (n,) the row of each word, or -1.
        plain: (n,) whether a word has no n-grams.
        ngrams: which n-grams there are.
        matrix: of words and n-grams.
        result: (n, D) zeros.

    """
    for word in range(len(rows)):
        count = 0
        if rows[word] >= 0:
            for d in range(matrix.shape[1]):
                result[word, d] += matrix[rows[word], d]
            count = 1
        begin, end = ends[word], ends[word + 1]
        for start in range(begin, end):
            if plain[word] or data[start] & 0xC0 == 0x80:
                continue
            bits = _HASH_START
            length = 0
            i = start
            while i < end and length < ngrams.longest:
                bits = _add_byte(bits, data[i])
                i += 1
                while i < end and data[i] & 0xC0 == 0x80:
                    bits = _add_byte(bits, data[i])
                    i += 1
                length += 1
                is_mark = length == 1 and (start == begin or i == end)
                if length >= ngrams.shortest and not is_mark:
                    row = ngrams.first + np.int64(bits % np.uint64(ngrams.buckets))
                    for d in range(matrix.shape[1]):
                        result[word, d] += matrix[row, d]
                    count += 1
        if count > 1:
            for d in range(matrix.shape[1]):
                result[word, d] /= np.float32(count)


def read(path: str | Path, options: ReadOptions = READ_ALL) -> VectorTable:
    """Read a model; its n-grams stay in the file, which is mapped into memory.

    The result has the attribute ``subwords``, for vectors of other words.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is no such model, is quantized or damaged, or a word is invalid.

    """
    bad = BadRows(path, options)
    with open_binary(path) as file:
        settings = _read_options(file, path)
        entries, words = _read_dictionary(file, path)
        (quantized,) = _unpack(file, "<?", path)
        if quantized:
            message = (
                f"{path} is a quantized model of fastText, which w2v cannot read: use the model "
                "before quantization, or its .vec file"
            )
            raise FormatError(message)
        rows, dim = _unpack(file, "<qq", path)
        matrix = _map_matrix(file, rows, dim, path)
    if dim != settings.dim or rows < len(words):
        message = (
            f"{path}: expected {settings.dim} dimensions and a row for each of {len(words)} words, "
            f"got a matrix of {rows} x {dim}; the file is damaged"
        )
        raise FormatError(message)
    buckets = rows - entries
    longest = settings.max_n if buckets > 0 else 0
    ngrams = NGrams(settings.min_n, longest, max(buckets, _NO_BUCKETS), entries)
    subwords = Subwords(matrix, ngrams)
    chosen: dict[bytes, int] = {}
    for row, (word, _) in enumerate(words):
        if options.limit is not None and len(chosen) >= options.limit:
            break
        if not word:
            bad.add("empty word", f"{path}, word {row}")
        elif word in chosen:
            bad.add("repeated word", f"{path}, word {row}", f"{word.decode('utf-8', 'replace')!r}")
        else:
            chosen[word] = row
    vectors = subwords.vectors(list(chosen), list(chosen.values()))
    counts = [words[row][1] for row in chosen.values()]
    table = lines.as_table(chosen, vectors, path, counts, bad.finish())
    table.subwords = subwords
    return table


def _read_options(file: IO[bytes], path: str | Path) -> Options:
    magic, version = _unpack(file, "<ii", path)
    if magic != _MAGIC or version not in _VERSIONS:
        message = (
            f"{path} is no binary model of fastText of version {_VERSIONS[0]} or {_VERSIONS[1]}: "
            f"its first numbers are {magic} and {version}"
        )
        raise FormatError(message)
    options = Options(*_unpack(file, "<12id", path))
    if version == _VERSIONS[0] and options.model == _SUPERVISED:
        options = options._replace(max_n=0)  # such models had none, whatever the option says
    if not 0 < options.dim <= lines.MAX_DIM or options.buckets < 0:
        message = f"{path}: {options.dim} dimensions and {options.buckets} n-grams; it is damaged"
        raise FormatError(message)
    return options


def _read_dictionary(file: IO[bytes], path: str | Path) -> tuple[int, list[tuple[bytes, int]]]:
    """Return the number of words with a row, and the words with their counts."""
    size, word_count, _, _, pruned = _unpack(file, "<iiiqq", path)
    if not 0 <= word_count <= size:
        message = f"{path}: {word_count} words among {size} entries; the file is damaged"
        raise FormatError(message)
    words = []
    rest = b""
    for _ in range(size):
        end = rest.find(b"\0")
        while end < 0 or len(rest) < end + 10:
            more = file.read(1 << 20)
            if not more or len(rest) > _MAX_WORD_BYTES + (1 << 20):
                message = f"{path}: the dictionary is incomplete; the file is truncated or damaged"
                raise FormatError(message)
            rest += more
            end = rest.find(b"\0")
        count, kind = struct.unpack_from("<qb", rest, end + 1)
        if kind == _WORD:
            words.append((rest[:end], max(count, 0)))
        rest = rest[end + 10 :]
    file.seek(-len(rest), 1)
    if pruned > 0:  # only quantized models have an index of the n-grams that they keep
        file.seek(8 * pruned, 1)
    return word_count, words


def _unpack(file: IO[bytes], layout: str, path: str | Path) -> tuple[Any, ...]:
    size = struct.calcsize(layout)
    data = file.read(size)
    if len(data) < size:
        message = f"{path}: the header is incomplete; the file is truncated"
        raise FormatError(message)
    return struct.unpack(layout, data)


def _map_matrix(file: IO[bytes], rows: int, dim: int, path: str | Path) -> NDArray[np.float32]:
    """Map the matrix at the position of a file into memory."""
    offset = file.tell()
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if rows <= 0 or dim <= 0 or offset + 4 * rows * dim > len(mapped):
        message = f"{path}: the matrix of {rows} x {dim} is incomplete; the file is truncated"
        raise FormatError(message)
    return np.ndarray((rows, dim), np.dtype("<f4"), mapped, offset)
