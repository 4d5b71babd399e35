"""Files in the shape of public vectors, with their oddities: what is read, refused and reported."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from w2v.errors import FormatError
from w2v.formats.reading import ReadOptions
from w2v.formats.registry import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NO_LINE_END = "the last line has all its numbers but no line end; the file may be truncated"


def f4(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


@dataclass(frozen=True)
class Odd:
    """A file and what is to be read from it.

    Attributes:
        name: the name of the file.
        content: its bytes.
        words: the words that are read; None if the file is refused even when rows are skipped.
        matrix: their vectors.
        error: the error by default; None if the file is read.
        notices: the notices when rows are skipped, or by default if there is no error.
        skipped: the skipped rows by reason, if rows may be skipped.
        format: the name of the format; None if it is detected.
        replaced: the number of words that are not UTF-8.

    """

    name: str
    content: bytes
    words: list[str] | None = None
    matrix: list[list[float]] = field(default_factory=list)
    error: str | None = None
    notices: tuple[str, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    format: str | None = None
    replaced: int = 0


def zipped(*names: str, content: bytes = b"a 1 2\n") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


AB = (["a", "b"], [[1, 2], [3, 4]])
A = (["a"], [[1, 2]])
COUNT = "wrong number of values"

PUBLIC = {
    "GloVe 840B: words with blanks": Odd(
        "glove.840B.300d.txt",
        b", -0.08 0.2\n. . . 0.5 -1\nat name@domain.com 1e-5 +2\n95 3 .5\n",
        [",", ". . .", "at name@domain.com", "95"],
        [[-0.08, 0.2], [0.5, -1], [1e-5, 2], [3, 0.5]],
    ),
    "GloVe 840B: a word that ends in a number": Odd(
        "glove.840B.300d.txt",
        b"a 1 2\nroute 66 0.1 0.2\nb 3 4\n",
        *AB,
        error=f"line 2: {COUNT}: expected 2, got 3, or a word that ends in a number: 'route 66'",
        notices=(f"1 row was skipped: 1 x {COUNT} (first in line 2)",),
        skipped={COUNT: 1},
    ),
    "GloVe: the first word ends in a number": Odd(
        "g.txt",
        b"route 66 0.1 0.2\na 1 2\nb 3 4\n",
        *AB,
        error=f"line 1: {COUNT}: expected 2, got 3, or a word that ends in a number: 'route 66'",
        notices=(f"1 row was skipped: 1 x {COUNT} (first in line 1)",),
        skipped={COUNT: 1},
    ),
    "GloVe Twitter: an empty word": Odd(
        "glove.twitter.27B.25d.txt",
        b"a 1 2\n 0.5 0.5\nb 3 4\n",
        *AB,
        error="line 2: empty word: there are 2 numbers only",
        notices=("1 row was skipped: 1 x empty word (first in line 2)",),
        skipped={"empty word": 1},
    ),
    "GloVe Twitter: a blank word": Odd(
        "glove.twitter.27B.25d.txt",
        b"a 1 2\n  0.5 0.5\n\t0.5 0.5\nb 3 4\n",
        *AB,
        error="line 2: empty word",
        notices=("2 rows were skipped: 2 x empty word (first in line 2)",),
        skipped={"empty word": 2},
    ),
    "GloVe Twitter: U+0085 is a word": Odd(
        "glove.twitter.27B.25d.txt",
        "a 1 2\n\x85 3 4\nx\x85y 5 6\n\u2028 7 8\n".encode(),
        ["a", "\x85", "x\x85y", "\u2028"],
        [[1, 2], [3, 4], [5, 6], [7, 8]],
    ),
    "GoogleNews: binary rows without LF": Odd(
        "GoogleNews-vectors-negative300.bin",
        b"3 2\n</s> " + f4(1, 2) + b"in " + f4(3, 4) + b"New_York " + f4(5, 6),
        ["</s>", "in", "New_York"],
        [[1, 2], [3, 4], [5, 6]],
    ),
    "GoogleNews: binary, compressed": Odd(
        "GoogleNews-vectors-negative300.bin.gz",
        gzip.compress(b"2 2\na " + f4(1, 2) + b"\nb " + f4(3, 4) + b"\n"),
        *AB,
    ),
    "binary: repeated and empty words, NaN": Odd(
        "v.bin",
        b"5 2\na "
        + f4(1, 2)
        + b"a "
        + f4(9, 9)
        + b" "
        + f4(9, 9)
        + b"x "
        + f4(9, np.nan)
        + b"b "
        + f4(3, 4),
        *AB,
        error="row 1: repeated word: 'a' is also word 0",
        notices=(
            (
                "3 rows were skipped: 1 x repeated word (first in row 1), 1 x empty word (first in "
                "row 2), 1 x NaN or infinity (first in row 3)"
            ),
        ),
        skipped={"repeated word": 1, "empty word": 1, "NaN or infinity": 1},
    ),
    "binary: fewer rows than announced": Odd(
        "v.bin",
        b"1000 2\na " + f4(1, 2) + b"b " + f4(3, 4),
        *AB,
        error="announces 1000 words of 2 dimensions, which take at least 9000 bytes",
        notices=("the header announces 1,000 rows, but there are 2",),
    ),
    "binary: a truncated row": Odd(
        "v.bin",
        b"2 2\na " + f4(1, 2) + b"bbbbbbbbb " + f4(3, 4)[:-1],
        *A,
        error="row 1: the row is incomplete; the file is truncated",
        notices=("the header announces 2 rows, but there are 1, and 17 bytes of no row",),
    ),
    "binary: more rows than announced": Odd(
        "v.bin",
        b"1 2\na " + f4(1, 2) + b"b " + f4(3, 4),
        *AB,
        error="10 bytes follow the 1 row of 2 numbers that the header announces",
        notices=("the header announces 1 row, but there are 2",),
    ),
    "binary: something else behind the rows": Odd(
        "v.bin",
        b"1 2\na " + f4(1, 2) + b"b " + f4(3, 4) + b"c \x01",
        *A,
        error="13 bytes follow the 1 row of 2 numbers that the header announces",
        notices=("13 bytes follow the 1 row of 2 numbers that the header announces",),
    ),
    "binary: bad rows behind those announced": Odd(
        "v.bin",
        b"1 2\na " + f4(1, 2) + b"a " + f4(9, 9) + b"b " + f4(3, 4) + b"\n",
        *AB,
        error="21 bytes follow the 1 row of 2 numbers",
        notices=(
            "the header announces 1 row, but there are 3",
            "1 row was skipped: 1 x repeated word (first in row 1)",
        ),
        skipped={"repeated word": 1},
    ),
    "binary: numbers like text": Odd(
        "v.bin",
        b"2 1\na \xcd\xcc\xcc=\nb \x9a\x99\x99>\n",
        ["a", "b"],
        [[0.1], [0.3]],
    ),
    "binary: words with tabs and other white space": Odd(
        "v.bin",
        "2 2\nx\ty\r\x85\xa0 ".encode() + f4(1, 2) + "\ufeff ".encode() + f4(3, 4),
        ["x\ty\r\x85\xa0", "\ufeff"],
        [[1, 2], [3, 4]],
    ),
    "fastText: U+00A0 is a word": Odd(
        "crawl-300d-2M.vec",
        "3 2\na 1 2\n\xa0 3 4\nx\xa0y 5 6 \n".encode(),
        ["a", "\xa0", "x\xa0y"],
        [[1, 2], [3, 4], [5, 6]],
    ),
    "fastText: trailing blanks": Odd("wiki.en.vec", b"2 2\na 1 2 \nb 3 4 \n", *AB),
    "fastText: the header announces more rows": Odd(
        "wiki.vec",
        b"4 2\na 1 2\nb 3 4 \n",
        *AB,
        error="announces 4 words|announces 4 rows, but there are 2; the file is truncated",
        notices=("the header announces 4 rows, but there are 2",),
    ),
    "fastText: the header announces fewer rows": Odd(
        "wiki.vec",
        b"1 2\na 1 2\nb 3 4\n",
        *AB,
        error="there is text after the 1 row that the header announces; correct the header",
        notices=("the header announces 1 row, but there are 2",),
    ),
    "fastText: words that are equal after decoding": Odd(
        "wiki.vec",
        b"4 1\ncaf\xc3 1\ncaf\xe9 2\ncaf\xef\xbf\xbd 3\nb 4\n",
        ["caf\\xc3", "caf\\xe9", "caf\ufffd", "b"],
        [[1], [2], [3], [4]],
        replaced=2,
    ),
    "Numberbatch: keys with slashes, compressed": Odd(
        "numberbatch-19.08.txt.gz",
        gzip.compress("2 2\n/c/en/new_york -0.08 0.0\n/c/ja/日本 1 2\n".encode()),
        ["/c/en/new_york", "/c/ja/日本"],
        [[-0.08, 0], [1, 2]],
    ),
    "Tencent: words with blanks, a repeated one, a header off by one": Odd(
        "Tencent_AILab_ChineseEmbedding.txt",
        "5 2\n的 0.1 0.2\nof the 0.3 0.4\nroute 66 0.5 0.6\nof the 0.7 0.8\n".encode(),
        ["的", "of the", "route 66"],
        [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]],
        error="line 5: repeated word: 'of the' is also word 1",
        notices=(
            "the header announces 5 rows, but there are 4",
            "1 row was skipped: 1 x repeated word (first in line 5)",
        ),
        skipped={"repeated word": 1},
    ),
    "spaCy: text, compressed": Odd("vectors.txt.gz", gzip.compress(b"2 2\na 1 2\nb 3 4\n"), *AB),
}

ENDS = {
    "no last line end, header": Odd("v.txt", b"2 2\na 1 2\nb 3 4", *AB, notices=(NO_LINE_END,)),
    "no last line end, no header": Odd("v.txt", b"a 1 2\nb 3 4", *AB, notices=(NO_LINE_END,)),
    "no last line end, packed": Odd(
        "v.txt.gz", gzip.compress(b"2 2\na 1 2\nb 3 4"), *AB, notices=(NO_LINE_END,)
    ),
    "a last line of a word": Odd(
        "v.txt",
        b"a 1 2\nb 3",
        *A,
        error="line 2: incomplete line: the file is truncated",
        notices=("1 row was skipped: 1 x incomplete line (first in line 2)",),
        skipped={"incomplete line": 1},
    ),
    "a last line of a word, header": Odd(
        "v.txt",
        b"2 2\na 1 2\nbbbb 3",
        *A,
        error="line 3: incomplete line: the file is truncated",
        notices=("1 row was skipped: 1 x incomplete line (first in line 3)",),
        skipped={"incomplete line": 1},
    ),
    "blank last lines": Odd("v.txt", b"a 1 2\nb 3 4\n\n \n\t\n\r\n", *AB),
    "blank last lines, header": Odd("v.txt", b"2 2\na 1 2\nb 3 4\n\n \n\t\n\r\n", *AB),
    "a blank line in between": Odd(
        "v.txt",
        b"a 1 2\n\nb 3 4\n",
        *AB,
        error="line 2: blank line; repair it, or skip such rows: `on_bad_row='skip'`",
        notices=("1 row was skipped: 1 x blank line (first in line 2)",),
        skipped={"blank line": 1},
    ),
    "CR LF": Odd("v.txt", b"a 1 2\r\nb 3 4\r\n", *AB),
    "CR LF, header": Odd("v.txt", b"2 2\r\na 1 2\r\nb 3 4\r\n", *AB),
    "CR only": Odd("v.txt", b"a 1 2\rb 3 4\r", error="line 1: carriage return within a line"),
    "CR only, header": Odd(
        "v.txt", b"2 2\ra 1 2\rb 3 4\r", error="line 1: carriage return within a line"
    ),
    "CR in a word": Odd(
        "v.txt",
        b"3 2\na 1 2\nx\ry 1 2\nb 3 4\n",
        *AB,
        error="line 3: carriage return within a line: line ends must be LF or CR LF",
        notices=("1 row was skipped: 1 x carriage return within a line (first in line 3)",),
        skipped={"carriage return within a line": 1},
    ),
}

FIELDS = {
    "tabs": Odd("v.txt", b"2\t2\na\t1\t2\nb\t3\t4\n", *AB),
    "tabs, no header": Odd("v.tsv", b"a\t1\t2\nNew York\t3\t4\n", ["a", "New York"], AB[1]),
    "a tab and blanks": Odd("v.txt", b"2 2\na\t1 2\nb \t 3  4\t\n", *AB),
    "leading blanks": Odd("v.txt", b"  2 2\n  a 1 2\n\t b 3 4\n", *AB),
    "leading blanks, no header": Odd("v.txt", b"  a 1 2\n\t b  3  4\n", *AB),
    "a byte-order mark": Odd("v.txt", b"\xef\xbb\xbf2 2\na 1 2\nb 3 4\n", *AB),
    "a byte-order mark, no header": Odd("v.txt", b"\xef\xbb\xbfa 1 2\nb 3 4\n", *AB),
    "vertical tabs and form feeds in words": Odd(
        "v.txt",
        b"3 2\n\x0b 1 2\nx\x0c 3 4\n\x1cy\x0bz\t5 6\n",
        ["\x0b", "x\x0c", "\x1cy\x0bz"],
        [[1, 2], [3, 4], [5, 6]],
    ),
    "a form feed, no header": Odd("v.txt", b"\x0c 1 2\n", ["\x0c"], [[1, 2]]),
    "a form feed in a number": Odd("v.txt", b"1 2\na 1\x0c 2\n", error=r"line 2: not a number: "),
    "decimal commas": Odd(
        "v.txt",
        b"a 0,1 0,2\nb 0,3 0,4\n",
        error=r"line 1: not a number: '0,1' \(the numbers seem to have decimal commas: replace",
    ),
    "decimal commas, header": Odd(
        "v.txt",
        b"2 2\na 0,1 0,2\nb 0,3 0,4\n",
        error=r"line 2: not a number: '0,1' \(the numbers seem to have decimal commas: replace",
    ),
    "commas": Odd(
        "v.csv",
        b"a,0.1,0.2\nb,0.3,0.4\n",
        error="neither a model directory nor a file of vectors",
    ),
    "commas, format given": Odd(
        "v.csv",
        b"a,0.1,0.2\nb,0.3,0.4\n",
        error=r"line 1: expected a word .* \(the fields seem to be separated by commas",
        format="glove",
    ),
    "commas and blanks": Odd(
        "v.txt",
        b"a, 0.1, 0.2\nb, 0.3, 0.4\n",
        error=r"line 1: not a number: '0.1,' \(the fields seem to be separated by commas",
    ),
    "commas, header": Odd(
        "v.txt",
        b"2 2\na,0.1,0.2\nb,0.3,0.4\n",
        error=rf"line 2: {COUNT}: expected 2, got 0 \(the fields seem to be separated by commas",
    ),
    "semicolons": Odd(
        "v.txt",
        b"a;0.1;0.2\nb;0.3;0.4\n",
        error=r"line 1: expected a word .* \(the fields seem to be separated by semicolons",
    ),
    "semicolons and decimal commas": Odd(
        "v.txt",
        b"a;0,1;0,2\nb;0,3;0,4\n",
        error=r"line 1: expected a word .* \(the fields seem to be separated by semicolons",
    ),
}

NUMBERS = {
    f"{number}{', header' * bool(head)}": Odd(
        "v.txt",
        head + f"a 1 2\nx 1 {number}\nb 3 4\n".encode(),
        *AB,
        error=f"line {2 + bool(head)}: {reason}",
        notices=(
            f"1 row was skipped: 1 x {reason.split(':')[0]} (first in line {2 + bool(head)})",
        ),
        skipped={reason.split(":")[0]: 1},
    )
    for head in (b"", b"3 2\n")
    for number, reason in {
        "nan": "NaN or infinity",
        "-NaN": "NaN or infinity",
        "inf": "NaN or infinity",
        "-Infinity": "NaN or infinity",
        "1e39": "NaN or infinity",
        "-1e400": "NaN or infinity",
        "3.4028236e38": "NaN or infinity",
        "9" * 40: "NaN or infinity",
        "1_0": "not a number: '1_0'",
        "0x1p3": "not a number: '0x1p3'",
        "0x10": "not a number: '0x10'",
        "1-2": "not a number: '1-2'",
        "e5": "not a number: 'e5'",
        "1.2.3": "not a number: '1.2.3'",
        "１": "not a number: '１'",
        "--1": "not a number: '--1'",
        "x": "not a number: 'x'",
    }.items()
}
# The largest float32 and what is rounded to it.
GOOD_NUMBERS = {
    "large": Odd(
        "v.txt", b"a 3.4028234e38 -3.40282355e38\n", ["a"], [[3.4028235e38, -3.4028235e38]]
    ),
    "small": Odd("v.txt", b"a 1e-46 -0\n", ["a"], [[0, -0.0]]),
    "spellings": Odd("v.txt", b"a +1 .5\nb 2. 1E+1\n", ["a", "b"], [[1, 0.5], [2, 10]]),
}

COUNTS = {
    "too few": Odd(
        "v.txt",
        b"a 1 2\nx 1\nb 3 4\n",
        *AB,
        error=f"line 2: {COUNT}: expected 2, got 1",
        notices=(f"1 row was skipped: 1 x {COUNT} (first in line 2)",),
        skipped={COUNT: 1},
    ),
    "too many, header": Odd(
        "v.txt",
        b"3 2\na 1 2\nx 1 2 3\nb 3 4\n",
        *AB,
        error=f"line 3: {COUNT}: expected 2, got 3",
        notices=(f"1 row was skipped: 1 x {COUNT} (first in line 3)",),
        skipped={COUNT: 1},
    ),
    "too many, tabs": Odd(
        "v.txt", b"1 2\nx\t1\t2\t3\n", error=f"line 2: {COUNT}: expected 2, got 3"
    ),
    "too many decimals, header": Odd(
        "v.txt", b"1 2\nx 0.1 0.2 0.3\n", error=f"line 2: {COUNT}: expected 2, got 3"
    ),
    "two too many, header": Odd(
        "v.txt", b"1 2\nx 0.1 7 0.2 0.3\n", error=f"line 2: {COUNT}: expected 2, got 4"
    ),
    "NaN too many, header": Odd(
        "v.txt", b"1 2\nx nan 0.2 0.3\n", error=f"line 2: {COUNT}: expected 2, got 3"
    ),
    "no header, one too many throughout but once": Odd(
        "v.txt", b"a 1 2\nb 1 2 3\nc 1 2 3\n", error=f"line 1: {COUNT}: expected 3, got 2"
    ),
    "a word that ends in a number, header": Odd(
        "v.txt", b"2 2\na 1.0 2.0\nroute 66 3.0 4e0\n", ["a", "route 66"], AB[1]
    ),
    "a word that ends in a number, integers": Odd(
        "v.txt", b"1 2\nroute 66 3.0 4\n", error=f"line 2: {COUNT}: expected 2, got 3, or a word"
    ),
    "a header and no rows": Odd("v.txt", b"2 2\n", error="announces 2 words of 2 dimensions"),
    "a header only, without line end": Odd("v.txt", b"2 2", error="announces 2 words"),
    "no rows are left": Odd("v.txt", b"1 2\na 1 x\n", error="line 2: not a number: 'x'"),
    "a header of no rows": Odd("v.txt", b"0 2\n", error="at least one word and one dimension"),
    "D = 1": Odd("v.txt", b"2 1\na 1\n5 2\n", ["a", "5"], [[1], [2]]),
    "D = 1, no header": Odd("v.txt", b"a 0.5\n5 0.25\n", ["a", "5"], [[0.5], [0.25]]),
    "D = 1, an empty word": Odd(
        "v.txt",
        b"3 1\na 1\n 5\nb 2\n",
        ["a", "b"],
        [[1], [2]],
        error="line 3: empty word",
        notices=("1 row was skipped: 1 x empty word (first in line 3)",),
        skipped={"empty word": 1},
    ),
    "D = 1, a first row like a header": Odd(
        "v.txt",
        b"5 300\nthe 0.5\n",
        error="5 words of 300 dimensions.*if it has no header, use `format='glove'`",
    ),
    "D = 1, a first row like a header, format given": Odd(
        "v.txt", b"5 300\nthe 0.5\n", ["5", "the"], [[300], [0.5]], format="glove"
    ),
    "a header of thousands of digits": Odd(
        "v.txt",
        b"9" * 5000 + b" 2\na 1 2\n",
        error="expected a first line with two numbers",
        format="word2vec-text",
    ),
    "words that are not UTF-8": Odd(
        "v.txt", b"caf\xe9 1 2\nna\xefve 3 4\n", ["caf\ufffd", "na\ufffdve"], AB[1], replaced=2
    ),
}

PLAIN = b"2 2\na 1 2\nb 3 4\n"
HEADERLESS = b"a 1 2\nb 3 4\n"
PACKED = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
try:
    import zstandard
except ImportError:
    pass
else:
    PACKED["zstd"] = zstandard.ZstdCompressor().compress


def packed(compress: Callable[[bytes], bytes], kind: str) -> dict[str, Odd]:
    """Return whole files, files of two members, and a truncated one."""
    numbers = np.random.default_rng(1).standard_normal((200, 2)).tolist()
    many = b"".join(b"w%d %f %f\n" % (i, *row) for i, row in enumerate(numbers))
    return {
        f"{kind}, header": Odd("v.txt", compress(PLAIN), *AB),
        f"{kind}, no header": Odd("v", compress(HEADERLESS), *AB),
        f"{kind}, several members": Odd("v", compress(PLAIN[:7]) + compress(PLAIN[7:]), *AB),
        f"{kind}, truncated": Odd(
            "v", compress(many)[:-20], error=f"the {kind} file is damaged or truncated"
        ),
    }


COMPRESSED = {
    name: odd for kind, compress in PACKED.items() for name, odd in packed(compress, kind).items()
} | {
    "zip": Odd("v.zip", zipped("v.txt", content=PLAIN), *AB),
    "zip from a Mac": Odd("v.zip", zipped("v.txt", "__MACOSX/._v.txt", content=PLAIN), *AB),
    "zip of several files": Odd(
        "glove.6B.zip",
        zipped("glove.6B.50d.txt", "glove.6B.100d.txt"),
        error="zip archive of 2 files .glove.6B.50d.txt, glove.6B.100d.txt.: expected one file",
    ),
    "zip of nothing": Odd("v.zip", zipped("folder/"), error="zip archive of 0 files"),
    "zip, truncated": Odd(
        "v.zip", zipped("v.txt", content=PLAIN)[:-20], error="the zip file is damaged or truncated"
    ),
    "zip of a model of PyTorch": Odd(
        "m.pt", zipped("m/data.pkl", "m/data/0"), error="a file of PyTorch, .* load it with torch"
    ),
    "zip of arrays": Odd("m.npz", zipped("a.npy", "b.npy"), error="an archive of NumPy arrays"),
}

OTHER_KINDS = {
    "pickle": Odd("m.model", b"\x80\x04\x95abc", error="a Python pickle.*save_word2vec_format"),
    "UTF-16": Odd(
        "v.txt",
        "a 1 2\nb 3 4\n".encode("utf-16"),
        error="text in UTF-16.*expected UTF-8; convert it",
    ),
    "npy": Odd("m.txt", b"\x93NUMPY\x01\x00", error="a NumPy array.*w2v.Embeddings"),
    "HDF5": Odd("m.txt", b"\x89HDF\r\n\x1a\n", error="an HDF5 file.*from_layer"),
    "Parquet": Odd("m.txt", b"PAR1\x15\x04", error="a Parquet file.*pandas"),
    "prose": Odd(
        "prose",
        b"See page 5\nin the book\nof vectors\n",
        error="neither a model directory nor a file of vectors",
    ),
}

FILES = {
    **PUBLIC,
    **ENDS,
    **FIELDS,
    **NUMBERS,
    **GOOD_NUMBERS,
    **COUNTS,
    **COMPRESSED,
    **OTHER_KINDS,
}


def outcome(odd: Odd, path: Path, **options: object) -> tuple[object, list[str]]:
    """Return the table or the error, and the notices without the path."""
    notices: list[str] = []
    given = ReadOptions(observer=lambda event: notices.append(event.message), **options)
    try:
        result: object = read(path, given, format=odd.format)
    except FormatError as error:
        result = error
    return result, [notice.removeprefix(f"{path}: ") for notice in notices]


def check_table(odd: Odd, table: object, skipped: dict[str, int]) -> None:
    if isinstance(table, FormatError):
        raise table
    assert table.words == odd.words
    assert table.matrix.tobytes() == np.array(odd.matrix, np.float32).tobytes()
    assert table.meta.get("skipped_rows", {}) == skipped
    assert table.meta.get("replaced_words", 0) == odd.replaced


@pytest.mark.parametrize("odd", FILES.values(), ids=FILES)
def test_odd_files_are_read_or_refused(odd, tmp_path):
    path = tmp_path / odd.name
    path.write_bytes(odd.content)
    result, notices = outcome(odd, path)
    if odd.error is None:
        check_table(odd, result, {})
        assert notices == list(odd.notices)
    else:
        with pytest.raises(FormatError, match=odd.error) as got:
            check_table(odd, result, {})
        assert str(path) in str(got.value)
        assert "\n" not in str(got.value)
        assert len(str(got.value)) < 500


SKIPPED = {name: odd for name, odd in FILES.items() if odd.words is not None}


@pytest.mark.parametrize("odd", SKIPPED.values(), ids=SKIPPED)
def test_bad_rows_are_skipped_and_reported(odd, tmp_path):
    path = tmp_path / odd.name
    path.write_bytes(odd.content)
    result, notices = outcome(odd, path, on_bad_row="skip")
    check_table(odd, result, odd.skipped)
    assert notices == list(odd.notices)


@pytest.mark.parametrize("odd", SKIPPED.values(), ids=SKIPPED)
def test_the_first_words_are_read_alone(odd, tmp_path):
    """A limit gives a prefix, and what is wrong behind it does not matter."""
    path = tmp_path / odd.name
    path.write_bytes(odd.content)
    for limit in range(1, len(odd.words) + 1):
        result, _ = outcome(odd, path, on_bad_row="skip", limit=limit)
        assert result.words == odd.words[:limit] or odd.replaced
        assert result.matrix.tolist() == np.float32(odd.matrix[:limit]).tolist()


@pytest.mark.parametrize("name", ["binary: more rows than announced", "a last line of a word"])
def test_a_limit_avoids_errors_behind_it(name, tmp_path):
    odd = FILES[name]
    (tmp_path / odd.name).write_bytes(odd.content)
    result, notices = outcome(odd, tmp_path / odd.name, limit=1)
    assert (result.words, notices) == (["a"], [])


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (COUNTS["no rows are left"], "no row is a word and its numbers"),
        (FIELDS["commas, header"], "no row is a word and its numbers"),
        (COUNTS["a header and no rows"], "no row is a word and its numbers"),
        (ENDS["CR only"], "no row is a word and its numbers"),
        (COMPRESSED["gzip, truncated"], "damaged or truncated"),
    ],
)
def test_files_without_good_rows_are_refused(odd, reason, tmp_path):
    path = tmp_path / odd.name
    path.write_bytes(odd.content)
    result, _ = outcome(odd, path, on_bad_row="skip")
    assert isinstance(result, FormatError)
    assert reason in str(result)


def test_projector_files_without_line_ends_are_reported(tmp_path):
    (tmp_path / "metadata.tsv").write_bytes(b"a\nb")
    (tmp_path / "tensors.tsv").write_bytes(b"1\t2\n3\t4")
    result, notices = outcome(Odd("p", b"", *AB), tmp_path)
    check_table(Odd("p", b"", *AB), result, {})
    message = "the last line has no line end; the file may be truncated"
    assert notices == [f"metadata.tsv: {message}", f"tensors.tsv: {message}"]
