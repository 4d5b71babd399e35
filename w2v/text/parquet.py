"""Parquet: the text of one column, or of several. Only these columns are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from w2v.errors import InputError, MissingExtraError
from w2v.text.extraction import (
    LineBuffer,
    Records,
    Selection,
    StructureError,
    find_columns,
    listed,
    split_names,
)

MAGIC = b"PAR1\x15"
"""The magic number, and the first field of what follows it in every file."""

# Few enough that rows of long texts need little memory.
_ROWS = 1_024
_BUFFER_BYTES = 1 << 20
_LONGEST_REASON = 300  # characters


def read_columns(
    raw: IO[bytes], name: str, selection: Selection, records: Records
) -> Iterator[bytes]:
    """Yield the text of the selected columns of a Parquet file, as lines of UTF-8.

    Args:
        raw: the file, which is read at any place.
        name: of the file.
        selection: the columns.
        records: receives counts of unusual records.

    Raises:
        InputError: a column does not exist or has no text; the file is damaged.
        MissingExtraError: pyarrow is not installed.

    """
    file, schema = _open(raw, name)
    assert selection.column is not None
    wanted = split_names(selection.column, schema.names)
    indices = find_columns(wanted, schema.names, name)
    for index in indices:
        _require_text(schema.field(index), name)
    lines = LineBuffer(one_line=selection.one_line)
    records.rows = file.metadata.num_rows
    columns = [schema.names[index] for index in indices]
    for batch in _batches(file, columns, name):
        values = [_texts(column) for column in _columns(batch, schema, indices)]
        texts: list[str] = []
        for row in zip(*values, strict=True):
            if len(row) == 1 and isinstance(row[0], str):
                texts.append(row[0])
            else:
                records.missing += all(value is None for value in row)
                texts.append(lines.join(_flat(row, records)))
        lines.extend(texts)
        records.rows_done += batch.num_rows
        if lines.is_full:
            yield lines.take()
    yield lines.take()


def _columns(batch: Any, schema: Any, indices: list[int]) -> Iterator[Any]:
    """Yield the columns of a batch with some of the columns of a schema.

    Names may occur several times, and all columns of a name are in the batch.
    """
    for index in indices:
        name = schema.names[index]
        before = schema.names[:index].count(name)
        places = [place for place, found in enumerate(batch.schema.names) if found == name]
        yield batch.column(places[before])


def describe_columns(raw: IO[bytes], name: str) -> str | None:
    """Return the names of the columns of a Parquet file, or None without pyarrow."""
    try:
        return listed(_open(raw, name)[1].names)
    except MissingExtraError:
        return None


def _open(raw: IO[bytes], name: str) -> tuple[Any, Any]:
    """Return a Parquet file of pyarrow and its schema, with names that can be decoded."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(f"reading {name}, which is a Parquet file,", "parquet") from error
    if not raw.seekable():
        message = (
            f"{name} is a Parquet file, which is not read in order, but it comes from a pipe or a "
            "server without byte ranges: pass the path of a file, or download it"
        )
        raise InputError(message)
    try:
        file = parquet.ParquetFile(raw, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        schema = file.schema_arrow
        schema.names  # noqa: B018 - decodes them
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(name, error) from error
    return file, schema


def _batches(file: Any, columns: list[str], name: str) -> Iterator[Any]:
    import pyarrow as pa

    batches = file.iter_batches(_ROWS, columns=columns, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(name, error) from error
        if batch is None:
            return
        yield batch


def _damaged(name: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:_LONGEST_REASON]
    return InputError(f"{name} is a Parquet file that is damaged or truncated: {reason}")


def _require_text(field: Any, name: str) -> None:
    """Check that a column has strings, or lists of them, plain or in a dictionary."""
    from pyarrow import types

    def is_text(kind: Any) -> bool:
        if types.is_dictionary(kind):
            return is_text(kind.value_type)
        return bool(
            types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        )

    kind = field.type
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not is_text(kind.value_type if is_list else kind):
        message = (
            f"the column {field.name!r} of {name} has values of the type {field.type}: expected "
            "strings, or lists of strings"
        )
        raise StructureError(message)


def _texts(column: Any) -> list[Any]:
    """Return the values of a column: strings, lists of strings or None."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:  # strings are not checked when they are written
        values = [_text(value) for value in column]
    return values


def _text(value: Any) -> Any:
    """Return one value of a column whose strings may be invalid, as `extraction.decode` does."""
    if value is None or not value.is_valid:
        return None
    if hasattr(value, "values") and value.values is not None and not hasattr(value, "as_buffer"):
        return [_text(item) for item in value.values]
    if not hasattr(value, "as_buffer"):  # of a dictionary
        value = value.value
    return value.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")


def _flat(values: tuple[Any, ...], records: Records) -> list[str]:
    """Return the strings among values and in lists."""
    texts: list[str] = []
    for value in values:
        items = value if isinstance(value, list) else [value]
        strings = [item for item in items if item is not None]
        if isinstance(value, list):
            records.count_list(strings)
        texts += strings
    return texts
