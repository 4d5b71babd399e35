"""The folder that model2vec and sentence-transformers load.

- ``model.safetensors``: one tensor, ``embeddings``, (V + 2, D) float32: padding, unknown words,
  the words by rank
- ``tokenizer.json``: cuts a text into words as the training did, and numbers them; see
  `w2v.formats.frameworks.hf_tokenizer`
- ``config.json``, ``modules.json``: what the two programs look for
- ``README.md``: a model card
- ``meta.json``, and ``counts.npy`` if the counts are known: as in a model folder

Both programs give a text the mean of its words' rows, of length as it comes. They differ in
unknown words: model2vec leaves them out, sentence-transformers counts their row too. With
zeros there (the default) its vectors are shorter, and point the same way. A text without a
known word gets zeros from model2vec, the row of unknown words from sentence-transformers.

A layout without a row for unknown words is refused: the first such word in a text would be an
error of the tokenizer.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError
from w2v.formats import native as model
from w2v.formats.frameworks.safetensors import TENSOR, missing, opened_tensor, system_error
from w2v.formats.native import brief
from w2v.formats.registry import FORMATS
from w2v.system import atomic as output
from w2v.system.disk import in_pages

if TYPE_CHECKING:
    from w2v.formats.layout import Layout

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

{size:,} words, each with a vector of {dim} numbers. A text gets the mean of its words' vectors.

## Use

```python
from model2vec import StaticModel

model = StaticModel.from_pretrained("path/to/this/folder")
vectors = model.encode(["a text", "another one"])
```

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
vectors = model.encode(["a text", "another one"])
```

```python
import w2v

embeddings = w2v.load("path/to/this/folder")
```

## Words and rows

{words}

Rows of the matrix: {layout}; the row of unknown words is {unknown}. A word of more than 1,000
bytes is unknown, as such words are left out of the training.

model2vec leaves unknown words out of the mean; sentence-transformers counts their row too. With
zeros in it, the vectors of the two have the same direction but not the same length.
"""
_UNICODE = (
    "A word is a run of letters, marks, digits and connectors, in which one apostrophe between "
    "two of them stays inside; a Han, Hiragana or Katakana character is a word of its own."
)
_UNKNOWN = {
    "zeros": "zeros",
    "mean-rare": "the mean of the rarest words",
    "trained": "a vector that was trained",
}
_WHITESPACE = "A word is what stands between white space."


def write(
    embeddings: Embeddings, path: str | Path, *, layout: Layout, overwrite: bool = False
) -> None:
    """Write the folder ``path``, whole or not at all.

    Args:
        embeddings: what to write; ``meta["tokenizer"]`` says how a text is cut into words.
        path: where.
        layout: of the rows; ``pad+unk``.
        overwrite: whether such a folder that stands there is replaced.

    Raises:
        ConfigError: the layout has no row for unknown words, or it is not known how a text is
            cut into words.
        FormatError: a word cannot be written as UTF-8, or ``meta`` is not JSON.
        OutputError: the folder cannot be put there.
        MissingExtraError: safetensors is not installed.

    """
    if layout.unknown is None:
        message = (
            f"must have a row for unknown words in the format hf, got {layout.rows!r}; use "
            "`rows='pad+unk'`"
        )
        raise ConfigError(message, option="rows")
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import save_file
    except ModuleNotFoundError as error:
        raise missing("hf") from error
    # Imported here because it loads the compiler, which reading does not need.
    from w2v.formats.frameworks import hf_tokenizer

    tokenizer = hf_tokenizer.encode(embeddings.words, layout, embeddings.meta.get("tokenizer"))
    meta = model.encode_meta(embeddings.meta, layout)
    matrix = embeddings.matrix_for(layout.rows, layout.unknown_vector)
    card = _card(embeddings, layout, meta)
    counts = model.bytes_of_counts(embeddings)
    needed = in_pages(len(tokenizer), matrix.nbytes, len(card), counts, len(meta), *_SMALL)
    with output.new_folder(
        path, needed=needed, overwrite=overwrite, marks=FORMATS["hf"].marks
    ) as folder:
        (folder / "tokenizer.json").write_bytes(tokenizer)
        try:
            save_file({TENSOR: matrix}, folder / "model.safetensors")
        except SafetensorError as error:
            raise system_error(error) from error
        # The library makes a file that its owner alone can read, whatever the umask says.
        permissions = stat.S_IMODE((folder / "tokenizer.json").stat().st_mode)
        (folder / "model.safetensors").chmod(permissions)
        (folder / "config.json").write_bytes(_json(_config(embeddings.dim)))
        (folder / "modules.json").write_bytes(_json(_MODULES))
        (folder / "README.md").write_bytes(card)
        model.write_counts(folder, embeddings)
        (folder / "meta.json").write_bytes(meta)


def read(path: str | Path) -> Embeddings:
    """Read a folder that w2v wrote, trusting nothing in it.

    Raises:
        InputError: there is no such folder, or it may not be read.
        FormatError: the file that is missing or wrong, and how.
        MissingExtraError: safetensors is not installed.

    """
    folder = Path(path)
    meta, layout = model.read_folder(folder, FORMATS["hf"])
    names = _decode_tokenizer(model.content(folder / "tokenizer.json"), folder / "tokenizer.json")
    with opened_tensor(folder / "model.safetensors", "hf") as (_, read_matrix):
        matrix = read_matrix()
    if len(matrix) != len(names):
        message = (
            f"{path}: tokenizer.json has {len(names)} names, model.safetensors {len(matrix)} rows; "
            "the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    words = names[layout.first_word :]
    counts = model.read_counts(folder)
    return Embeddings.from_rows(layout, words, matrix, counts, meta, source=folder)


_SMALL = [1, 1]  # config.json and modules.json take a page each
_MODULES = [
    {
        "idx": 0,
        "name": "0",
        "path": ".",
        "type": "sentence_transformers.models.StaticEmbedding",
    }
]


def _config(dim: int) -> dict[str, Any]:
    """Return what model2vec keeps in config.json.

    ``max_length`` is what keeps it from cutting texts after 512 words.
    """
    return {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "hidden_dim": dim,
        "normalize": False,
        "max_length": None,
        "embedding_dtype": "float32",
    }


def _json(value: object) -> bytes:
    return f"{json.dumps(value, indent=2)}\n".encode()


def _card(embeddings: Embeddings, layout: Layout, meta: bytes) -> bytes:
    """Return the model card: what the vectors are, how to load them, how they were made."""
    recorded = json.loads(meta)
    definition = recorded["tokenizer"]
    text = _CARD.format(
        size=len(embeddings),
        dim=embeddings.dim,
        words=(_UNICODE if definition["name"] == "unicode" else _WHITESPACE)
        + (" Letters are made small." if definition["lowercase"] else ""),
        layout=layout,
        unknown=_UNKNOWN[str(layout.unknown_vector)],
    )
    epochs = recorded.get("epochs")
    facts = {
        "Corpus": recorded.get("corpus"),
        "Options": recorded.get("config"),
        "The last epoch": epochs[-1] if isinstance(epochs, list) and epochs else None,
        "Evaluation": recorded.get("evaluation"),
    }
    for title, fact in facts.items():
        if fact is not None:
            text += f"\n## {title}\n\n```json\n{json.dumps(fact, indent=2)}\n```\n"
    return text.encode()


def _decode_tokenizer(data: bytes, path: Path) -> list[str]:
    """Return the names of the rows in a tokenizer.json."""
    try:
        numbers = json.loads(data.decode("utf-8"))["model"]["vocab"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        message = f"{path}: expected a tokenizer in JSON, with a vocab in its model: {brief(error)}"
        raise FormatError(message) from error
    rows: list[Any] = list(numbers.values()) if isinstance(numbers, dict) else [None]
    if any(type(row) is not int for row in rows) or sorted(rows) != list(range(len(rows))):
        message = f"{path}: expected a vocab that numbers words from 0 on, each number once"
        raise FormatError(message)
    return sorted(numbers, key=numbers.__getitem__)
