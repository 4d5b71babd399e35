"""The directory that model2vec and sentence-transformers load.

- ``model.safetensors``: one tensor, ``embeddings``, (V + 2, D) float32: padding, unknown words,
  then the words by rank
- ``tokenizer.json``: the tokenizer of the model, and the rows of the words; see
  `w2v.formats.frameworks.hf_tokenizer`
- ``config.json``, ``modules.json``: the configuration of the two programs
- ``README.md``: a model card
- ``meta.json``, and ``counts.npy`` if the counts are known: as in a model directory

In both programs the vector of a text is the mean of its words' rows, not normalized. They differ in
unknown words: model2vec ignores them, sentence-transformers includes their row. If that row is
zeros (the default), its vectors are shorter, but have the same direction. The vector of a text
without known words is zeros in model2vec, and the row of unknown words in sentence-transformers.

A layout without a row for unknown words is rejected, because the tokenizer would fail at the first
such word.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, FormatError
from w2v.formats import directory as files
from w2v.formats.frameworks import hf_tokenizer
from w2v.formats.frameworks.safetensors import (
    read_tensor,
    require_safetensors,
    size_of_tensor,
    write_tensor,
)
from w2v.formats.table import VectorTable
from w2v.system import atomic
from w2v.system.disk import size_on_disk
from w2v.text.definition import TOKENIZER_HINT, WordDefinition
from w2v.text.phrases import joined
from w2v.text.reach import require_reach

if TYPE_CHECKING:
    from w2v.formats.layout import Layout

SIGNATURE_FILES = ("model.safetensors", "tokenizer.json", "meta.json")
"""The files that identify a directory of this format."""

_CARD = """\
---
library_name: model2vec
pipeline_tag: sentence-similarity
tags:
- word2vec
- w2v
- static-embeddings
- model2vec
- sentence-transformers
---

# Word vectors

{size:,} words, each with a vector of {dim} numbers. The vector of a text is the mean of the
vectors of its words.

## Use

```python
from model2vec import StaticModel

model = StaticModel.from_pretrained("path/to/this/directory")
vectors = model.encode(["a text", "another one"])
```

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/directory")
vectors = model.encode(["a text", "another one"])
```

```python
import w2v

embeddings = w2v.load("path/to/this/directory")
```

## Words and rows

{words}

Rows of the matrix: {layout}; the row of unknown words is {unknown}. Words of more than 1,000 bytes
are unknown, because training drops them.

model2vec ignores unknown words; sentence-transformers includes their row in the mean. If that row
is zeros, the vectors of both have the same direction but not the same length.
"""
_UNICODE = (
    "A word is a run of letters, marks, digits and connectors, which may contain single "
    "apostrophes; each Han, Hiragana or Katakana character is a word of its own."
)
_UNKNOWN = {
    "zeros": "zeros",
    "mean-rare": "the mean of the rarest words",
    "trained": "a trained vector",
}
_WHITESPACE = "Words are separated by white space."


def write(
    table: VectorTable,
    path: str | Path,
    *,
    layout: Layout,
    dtype: str = "float32",
    overwrite: bool = False,
) -> None:
    """Write a directory, atomically.

    Args:
        table: the words and vectors. ``meta["tokenizer"]`` must define the tokenizer.
        path: the directory to create.
        layout: must be ``pad+unk``.
        dtype: the type of the numbers, ``float32`` or ``float16``.
        overwrite: whether to replace an existing directory of this format.

    Raises:
        ConfigError: the layout has no row for unknown words, the tokenizer is not defined, or it
            has a segmenter.
        FormatError: a word cannot be written as UTF-8, or ``meta`` is not JSON.
        OutputError: the directory cannot be written.
        MissingExtraError: safetensors is not installed.

    """
    if layout.unknown is None:
        message = (
            f"must have a row for unknown words in the format hf, got {layout.name!r}; use "
            "`rows='pad+unk'`"
        )
        raise ConfigError(message, option="rows")
    require_safetensors("hf")
    definition = _definition(table)
    tokenizer = hf_tokenizer.encode(table.words, layout, definition)
    meta = files.encode_meta(table.meta, layout)
    card = _card(table, layout, definition, meta)
    config, modules = _json(_config(table.dim, dtype)), _json(_MODULES)
    texts = [tokenizer, card, meta, config, modules]
    needed = size_on_disk(
        size_of_tensor(table, layout, dtype), files.size_of_counts(table), *map(len, texts)
    )
    with atomic.new_directory(
        path, needed=needed, overwrite=overwrite, signature=SIGNATURE_FILES
    ) as directory:
        (directory / "tokenizer.json").write_bytes(tokenizer)
        with (directory / "model.safetensors").open("xb") as file:
            write_tensor(file, table, layout, dtype=dtype)
        (directory / "config.json").write_bytes(config)
        (directory / "modules.json").write_bytes(modules)
        (directory / "README.md").write_bytes(card)
        files.write_counts(directory, table)
        (directory / "meta.json").write_bytes(meta)


def read(path: str | Path) -> VectorTable:
    """Read a directory that ``write`` wrote.

    Raises:
        InputError: the directory does not exist or cannot be read.
        FormatError: a file is missing or invalid.
        MissingExtraError: safetensors is not installed.

    """
    directory = Path(path)
    files.check_directory(directory, "hf", SIGNATURE_FILES)
    meta, layout = files.read_layout(directory)
    names = _read_tokenizer(directory / "tokenizer.json")
    _, matrix = read_tensor(directory / "model.safetensors", "hf")
    if len(matrix) != len(names):
        message = (
            f"{path}: tokenizer.json has {len(names)} names, model.safetensors {len(matrix)} rows; "
            "the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    words = names[layout.first_word :]
    counts = files.read_counts(directory)
    return VectorTable.from_rows(layout, words, matrix, counts, meta, source=directory)


_MODULES = [
    {
        "idx": 0,
        "name": "0",
        "path": ".",
        "type": "sentence_transformers.models.StaticEmbedding",
    }
]


def _config(dim: int, dtype: str) -> dict[str, Any]:
    """Return the config.json of model2vec."""
    return {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "hidden_dim": dim,
        "normalize": False,
        "max_length": None,  # otherwise texts are truncated after 512 words
        "embedding_dtype": dtype,
    }


def _json(value: object) -> bytes:
    return f"{json.dumps(value, indent=2)}\n".encode()


def _definition(table: VectorTable) -> WordDefinition:
    try:
        definition = WordDefinition.from_meta(table.meta.get("tokenizer"))
    except ConfigError as error:
        message = (
            "the format hf needs the tokenizer, which these embeddings do not record; "
            f"{TOKENIZER_HINT}"
        )
        raise ConfigError(message) from error
    if definition.segmenter is not None:
        message = (
            f"the format hf cannot express the segmenter {definition.segmenter!r}, by which these "
            "embeddings split a text; write another format, such as safetensors or word2vec-text, "
            "and segment texts before you look their words up"
        )
        raise ConfigError(message)
    if definition.phrases:
        message = (
            "the format hf cannot join phrases, so its tokenizer would never find words such as "
            f"{joined(definition.phrases[0][0])}; use another format, or train without `phrases`"
        )
        raise ConfigError(message)
    require_reach(table.words, definition)
    return definition


def _card(table: VectorTable, layout: Layout, definition: WordDefinition, meta: bytes) -> bytes:
    """Return the model card: the vectors, how to load them, and how they were made."""
    recorded = json.loads(meta)
    text = _CARD.format(
        size=len(table),
        dim=table.dim,
        words=(_UNICODE if definition.name == "unicode" else _WHITESPACE)
        + (" Words are in normalization form C." if definition.normalizes else "")
        + (" Text is lowercased." if definition.lowercase else ""),
        layout=layout,
        unknown=_UNKNOWN[str(layout.unknown_vector)],
    )
    epochs = recorded.get("epochs")
    facts = {
        "Corpus": recorded.get("corpus"),
        "Options": recorded.get("config"),
        "Last epoch": epochs[-1] if isinstance(epochs, list) and epochs else None,
        "Evaluation": recorded.get("evaluation"),
    }
    for title, fact in facts.items():
        if fact is not None:
            text += f"\n## {title}\n\n```json\n{json.dumps(fact, indent=2)}\n```\n"
    return text.encode()


def _read_tokenizer(path: Path) -> list[str]:
    """Return the names of the rows in a tokenizer.json."""
    data = files.read_bytes(path)
    try:
        rows = json.loads(data.decode("utf-8"))["model"]["vocab"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        message = (
            f"{path}: expected a tokenizer in JSON, with a vocab in its model: {files.brief(error)}"
        )
        raise FormatError(message) from error
    numbers: list[Any] = list(rows.values()) if isinstance(rows, dict) else [None]
    if any(type(row) is not int for row in numbers) or sorted(numbers) != list(range(len(numbers))):
        message = f"{path}: expected a vocab that numbers the words from 0, each number once"
        raise FormatError(message)
    return sorted(rows, key=rows.__getitem__)
