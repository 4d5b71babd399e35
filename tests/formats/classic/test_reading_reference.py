"""The readers of text and binary files against slow, plain implementations."""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2v.errors import FormatError
from w2v.formats.reading import ReadOptions
from w2v.formats.registry import FORMATS
from w2v.formats.words import decode_words


@dataclass
class Result:
    """What a reader returns, and the numbers of the bad lines or rows."""

    words: list[bytes] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)

    def matrix(self) -> list[list[float]]:
        return np.array(self.rows, np.float32).tolist()


def float32_or_nan(text: bytes) -> float:
    """Return a decimal number that float32 can hold, else NaN."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    if not re.fullmatch(rb"[-+.eE\d]+", text) or abs(number) > 3.4028235e38:
        return math.nan
    return number


def looks_like_a_number(text: bytes) -> bool:
    """Return whether Python takes a text for a number, including 1_0 and NaN."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def numbers_at_end(fields: list[bytes]) -> int:
    count = 0
    while count < len(fields) - 1 and looks_like_a_number(fields[-1 - count]):
        count += 1
    return count


def slow_text(data: bytes, *, header: bool, limit: int) -> Result | None:
    """Read a text file with every rule spelled out; None if it has no row of numbers."""
    lines = data.removeprefix("\ufeff".encode()).split(b"\n")
    rows = [(n, re.sub(rb"^[ \t\r]+|[ \t\r]+$", b"", line)) for n, line in enumerate(lines, 1)]
    while rows and not rows[-1][1]:
        rows.pop()
    if header:
        dim = int(rows.pop(0)[1].split()[1])
    else:
        counts = Counter(numbers_at_end(re.split(rb"[ \t]+", line)) for _, line in rows if line)
        del counts[0]
        if not counts:
            return None
        most = max(counts.values())
        dim = next(count for count, times in counts.items() if times == most)
    result = Result()
    was_blank = False
    for number, line in rows:
        if len(result.words) == limit:
            break
        if not line:
            if not was_blank:
                result.bad.append(number)
            was_blank = True
            continue
        was_blank = False
        match = re.fullmatch(rb"(.*?)" + rb"[ \t]+([^ \t]+)" * dim, line)
        word, *fields = (b"",) if match is None else match.groups()
        numbers = list(map(float32_or_nan, fields))
        good = len(word) > 0 and not any(map(math.isnan, numbers))
        parts = re.split(rb"[ \t]+", word)
        if len(parts) > 1 and looks_like_a_number(parts[-1]):
            single = parts[-1].isdigit() and not any(map(looks_like_a_number, parts[1:-1]))
            integers = [text for text in fields if re.fullmatch(rb"[-+]?\d+", text)]
            good = good and header and single and not integers
        if good and word not in result.words:
            result.words.append(word)
            result.rows.append(numbers)
        else:
            result.bad.append(number)
    return result


WORDS = st.sampled_from(
    [
        b"a",
        b"b",
        b"the",
        b"x y",
        b"route 66",
        b"5",
        b"5 6",
        b"\xc2\xa0",
        b"\xc2\x85",
        b"caf\xe9",
        b"a b c",
        b"\xe2\x80\xa8z",
        b"",
    ]
)
NUMBERS = st.sampled_from(
    [
        b"1",
        b"-2.5",
        b".5",
        b"1e-3",
        b"+0.25",
        b"7.",
        b"3",
        b"0.1",
        b"0.1",
        b"0.2",
        b"0.3",
        b"nan",
        b"1e39",
        b"1_0",
        b"x",
    ]
)
GAPS = st.sampled_from([b" ", b" ", b" ", b"\t", b"  ", b" \t"])


@st.composite
def text_lines(draw: st.DrawFn) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([b"", b" ", b"\t\r"]))
    dim = draw(st.sampled_from([2, 2, 2, 2, 2, 1, 3]))
    line = draw(WORDS)
    for number in draw(st.lists(NUMBERS, min_size=dim, max_size=dim)):
        line += draw(GAPS) + number
    return (
        draw(st.sampled_from([b"", b"", b" "])) + line + draw(st.sampled_from([b"", b" ", b"\r"]))
    )


@st.composite
def text_files(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Return a file, and whether it has a header."""
    lines = draw(st.lists(text_lines(), min_size=1, max_size=8))
    filled = sum(1 for line in lines if line.strip())
    header = draw(st.booleans()) and filled > 0
    if header:
        lines.insert(0, b"%d 2" % filled)
    data = b"\n".join(lines) + draw(st.sampled_from([b"\n", b"\n", b"\n\n", b""]))
    return draw(st.sampled_from([b"", "\ufeff".encode()])) + data, header


def skipping(limit: int) -> ReadOptions:
    return ReadOptions("skip", limit, observer=[].append)  # so that notices are not logged


QUICK = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICK
@given(file=text_files(), limit=st.integers(1, 9))
def test_text_files_are_read_as_by_the_slow_reader(tmp_path, file, limit):
    data, header = file
    path = tmp_path / "file"
    path.write_bytes(data)
    entry = FORMATS["word2vec-text" if header else "glove"]
    expected = slow_text(data, header=header, limit=limit)
    if expected is None or not expected.words:
        with pytest.raises(FormatError):
            entry.read(path, skipping(limit))
    else:
        table = entry.read(path, skipping(limit))
        assert table.words == decode_words(expected.words)[0]
        assert table.matrix.tolist() == expected.matrix()
        assert sum(table.meta.get("skipped_rows", {}).values()) == len(expected.bad)
    if expected is not None and expected.bad:
        with pytest.raises(FormatError, match=rf"file, line {expected.bad[0]}: |too early|bytes"):
            entry.read(path, ReadOptions(limit=limit))
    elif expected is not None:
        assert entry.read(path, ReadOptions(limit=limit)).words == table.words


def slow_binary(data: bytes, limit: int) -> Result:
    """Read a binary file number by number."""
    header, data = data.split(b"\n", 1)
    size, dim = map(int, header.split())
    result = Result()
    for row in range(size):
        if len(result.words) == limit:
            break
        word, data = data.split(b" ", 1)
        word = word.removeprefix(b"\n")
        numbers = [struct.unpack_from("<f", data, 4 * i)[0] for i in range(dim)]
        data = data[4 * dim :]
        if word and word not in result.words and all(map(math.isfinite, numbers)):
            result.words.append(word)
            result.rows.append(numbers)
        else:
            result.bad.append(row)
    return result


@st.composite
def binary_files(draw: st.DrawFn) -> bytes:
    dim = draw(st.integers(1, 3))
    words = st.sampled_from([b"a", b"b", b"the", b"", b"caf\xe9", b"\xc2\xa0", b"x\ty"])
    numbers = st.sampled_from([0.0, 1.0, 2.5, -1e-30, 3.4e38, math.nan, -math.inf])
    # Numbers whose bytes look like blanks and line ends.
    blanks = st.binary(min_size=4, max_size=4).map(lambda b: bytes(b" \n"[c % 2] for c in b))
    packed = st.one_of(numbers.map(lambda x: struct.pack("<f", x)), blanks)
    row = st.tuples(words, st.lists(packed, min_size=dim, max_size=dim))
    rows = draw(st.lists(row, min_size=1, max_size=8))
    end = draw(st.sampled_from([b"", b"\n"]))
    body = b"".join(word + b" " + b"".join(numbers) + end for word, numbers in rows)
    return b"%d %d\n" % (len(rows), dim) + body


@QUICK
@given(data=binary_files(), limit=st.integers(1, 9), chunk=st.integers(1, 40))
def test_binary_files_are_read_as_by_the_slow_reader(tmp_path, data, limit, chunk):
    path = tmp_path / "file"
    path.write_bytes(data)
    expected = slow_binary(data, limit)
    entry = FORMATS["word2vec-bin"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("w2v.formats.classic.word2vec_bin._CHUNK_BYTES", chunk)
        if not expected.words:
            with pytest.raises(FormatError, match=r"no row is a word|row 0: "):
                entry.read(path, skipping(limit))
        else:
            table = entry.read(path, skipping(limit))
            assert table.words == decode_words(expected.words)[0]
            assert table.matrix.tobytes() == np.array(expected.rows, "<f4").tobytes()
            assert sum(table.meta.get("skipped_rows", {}).values()) == len(expected.bad)
        if expected.bad:
            with pytest.raises(FormatError, match=rf"file, row {expected.bad[0]}: "):
                entry.read(path, ReadOptions(limit=limit))
        else:
            assert entry.read(path, ReadOptions(limit=limit)).words == table.words
