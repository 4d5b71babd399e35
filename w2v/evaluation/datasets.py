"""The evaluation sets in the package: English analogies and word pairs, with their origin."""

from __future__ import annotations

import hashlib
import lzma
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.evaluation.questions import decode_lines, form_of, parse_set

if TYPE_CHECKING:
    from w2v.evaluation.questions import AnalogySet, PairSet


@dataclass(frozen=True)
class Dataset:
    """A set in ``w2v/evaluation/sets``.

    Attributes:
        name: the usual name.
        file: the name of the file, without its extension ``.xz``.
        sha256: the checksum of its content, as published.
        licence: its SPDX identifier.
        source: where it is from.
        citation: the publication.
        part_of: the set that this is a part of, or "".

    """

    name: str
    file: str
    sha256: str
    licence: str
    source: str
    citation: str
    part_of: str = ""

    def content(self) -> bytes:
        """Return the file as published.

        Raises:
            FormatError: it is damaged.

        """
        packed = resources.files("w2v.evaluation").joinpath("sets", f"{self.file}.xz")
        try:
            data = lzma.decompress(packed.read_bytes())
        except lzma.LZMAError as error:
            raise self._damaged() from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise self._damaged()
        return data

    def read(self, *, lower: bool = True) -> AnalogySet | PairSet:
        """Return the questions or pairs. For ``lower``, see `read_set`."""
        lines = decode_lines(self.content(), self.file)
        return parse_set(lines, self.name, self.file, form_of(lower=lower))

    def _damaged(self) -> FormatError:
        return FormatError(f"the bundled set {self.file} is damaged; install w2v again")


_WORDSIM_SOURCE = "http://gabrilovich.com/resources/data/wordsim353/wordsim353.html"
_HALVES_SOURCE = "http://alfonseca.org/eng/research/wordsim353.html"
_WORDSIM = (
    "Finkelstein et al. (2002): Placing search in context: the concept revisited. ACM Transactions"
    " on Information Systems 20(1)"
)
_HALVES = (
    "Agirre et al. (2009): A study on similarity and relatedness using distributional and"
    " WordNet-based approaches. NAACL-HLT"
)

BUNDLED = (
    Dataset(
        "Google analogies",
        "google-analogies.txt",
        "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
        "Apache-2.0",
        "https://code.google.com/archive/p/word2vec/ (questions-words.txt)",
        "Mikolov et al. (2013): Efficient estimation of word representations in vector space. ICLR"
        " workshop",
    ),
    Dataset(
        "WordSim-353",
        "wordsim-353.txt",
        "ce12919b240af45bdf46d243601eaca2b6212b159b5e7e9b435ee7ee40c5619c",
        "CC-BY-4.0",
        _WORDSIM_SOURCE,
        _WORDSIM,
    ),
    Dataset(
        "similarity",
        "wordsim-353-similarity.txt",
        "f1da938998863c94e53f72f984a5c6e215f0b46c323aae8f0f4930703a339107",
        "CC-BY-4.0",
        _HALVES_SOURCE,
        _HALVES,
        part_of="WordSim-353",
    ),
    Dataset(
        "relatedness",
        "wordsim-353-relatedness.txt",
        "66a7c88100624d0a391605ff61ce84e11d11ee620d51ec0298da49592838f8fa",
        "CC-BY-4.0",
        _HALVES_SOURCE,
        _HALVES,
        part_of="WordSim-353",
    ),
)
"""The sets that `w2v eval` uses if it is given no files, in the order of its table."""
