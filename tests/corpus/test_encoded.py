"""Encoded text: its lines, and its file."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.corpus import encoded
from w2v.corpus.encoded import EncodedText, id_dtype

LINES = [[3, 1], [2], [5, 4, 3, 2, 1, 0], [7]]
END = 65_535


def ids_of(lines: list[list[int]], end: int = END) -> np.ndarray:
    return np.array([i for line in lines for i in (*line, end)], np.uint16)


@pytest.mark.parametrize("step", [1, 2, 7, 1 << 20])
def test_sentences_are_found_across_steps(step, monkeypatch):
    monkeypatch.setattr(encoded, "_IDS_PER_STEP", step)
    text = EncodedText(ids_of(LINES), 10, 4)
    assert [line.tolist() for line in text.sentences()] == LINES


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("ids", "longest"),
    [
        (ids_of(LINES), 6),
        (ids_of([[1] * 9, [2], [3] * 4]), 9),
        (ids_of([[2], [1] * 9]), 9),
        (ids_of([[2], [1] * 9])[:-1], 9),
        (ids_of([[2]] * 5), 1),
        (ids_of([]), 0),
    ],
)
def test_the_longest_line_is_found_across_steps(ids, longest, step, monkeypatch):
    monkeypatch.setattr(encoded, "_IDS_PER_STEP", step)
    assert EncodedText(ids, 0, 0).longest_line == longest


@pytest.mark.parametrize(
    ("size", "dtype"), [(1, np.uint16), (65_535, np.uint16), (65_536, np.uint32)]
)
def test_the_type_has_a_value_for_the_end_of_a_line(size, dtype):
    assert id_dtype(size) is dtype
    text = EncodedText(np.empty(0, dtype), 0, 0)
    assert text.end_of_line == np.iinfo(dtype).max >= size


def test_a_file_is_mapped(tmp_path):
    ids_of(LINES).tofile(tmp_path / "text")
    text = EncodedText.open(tmp_path / "text", np.uint16, 10, 4)
    assert isinstance(text.ids, np.memmap)
    assert [line.tolist() for line in text.sentences()] == LINES
    assert (text.words, text.lines) == (10, 4)


def test_an_empty_file_is_an_empty_text(tmp_path):
    (tmp_path / "text").touch()
    text = EncodedText.open(tmp_path / "text", np.uint32, 0, 0)
    assert (text.ids.dtype, list(text.sentences())) == (np.uint32, [])
