"""The format of a file of vectors by its content."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines, word2vec_bin, word2vec_text
from w2v.formats.streams import open_stream
from w2v.system.encodings import WIDE, byte_order_mark, describe_wide, wide_encoding
from w2v.system.sniff import sniff_binary

if TYPE_CHECKING:
    from pathlib import Path

_HEAD_BYTES = 1 << 16
_SAMPLED_LINES = 64
_FASTTEXT_MAGIC = b"\xba\x16\x4f\x2f"
_MAX_SAFETENSORS_HEADER = 100_000_000

_REMEDIES = {
    "a Python pickle": (
        "if it is a model of gensim, convert it: "
        "gensim.models.KeyedVectors.load({path!r}).save_word2vec_format('vectors.bin', binary=True)"
    ),
    "a NumPy array": (
        "it has no words; with a list of them: w2v.Embeddings(words, numpy.load({path!r}))"
    ),
    "an HDF5 file": (
        "if it is a model of Keras, load it there, and use w2v.Embeddings.from_layer(layer, words)"
    ),
    "a Parquet file": "read it with pandas, and use w2v.Embeddings(words, matrix)",
    "a SQLite database": (
        "if it is a file of magnitude or pymagnitude, convert it with their tools to the text "
        "format of word2vec"
    ),
}


def identify(path: str | Path) -> str | None:
    """Return the name of the format of a file, or None if the content is of no known kind.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is compressed and damaged; or it is of a known kind that cannot be read. The
            message says how to convert it.

    """
    with open_stream(path) as (stream, _):
        head = stream.read(_HEAD_BYTES)
    if head.startswith(_FASTTEXT_MAGIC):
        return "fasttext-bin"
    if _is_safetensors(head):
        return "safetensors"
    first = head.removeprefix(lines.BYTE_ORDER_MARK).partition(b"\n")[0]
    if len(first) < word2vec_text.MAX_HEADER_BYTES and word2vec_text.HEADER.fullmatch(first):
        return "word2vec-bin" if word2vec_bin.matches(path) else "word2vec-text"
    _reject_other_kinds(path, head)
    sample = io.BytesIO(head).readlines()
    if len(head) == _HEAD_BYTES and len(sample) > 1:
        del sample[-1]  # which is incomplete
    rows = [line.strip(lines.BLANKS + b"\n") for line in sample[:_SAMPLED_LINES]]
    rows = [row for row in rows if row]
    with_numbers = sum(lines.count_numbers(row) > 0 for row in rows)
    return "glove" if 2 * with_numbers > len(rows) else None


def _is_safetensors(head: bytes) -> bool:
    size = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 1 < size < _MAX_SAFETENSORS_HEADER and _begins_json(head[8:])


def _begins_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except UnicodeDecodeError:
        return True  # the numbers behind it
    except json.JSONDecodeError as error:
        return error.pos > 0
    return True


def _reject_other_kinds(path: str | Path, head: bytes) -> None:
    """Raise FormatError if a file is of a known kind that cannot be read."""
    encoding = byte_order_mark(head)[1]
    if encoding not in WIDE:
        encoding = wide_encoding(head)
    if encoding is not None:
        message = (
            f"{path} is text in {describe_wide(encoding)}: expected UTF-8; convert it first, for "
            "example with iconv"
        )
        raise FormatError(message)
    kind = sniff_binary(head)
    if kind is None:
        return
    remedy = _REMEDIES.get(kind, "expected vectors in a format that the documentation lists")
    message = f"{path} is {kind}, which w2v cannot read: {remedy.format(path=str(path))}"
    raise FormatError(message)
