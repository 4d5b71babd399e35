"""Chinese and Japanese text that is segmented already: blanks stand between its words.

The tokenizer ``unicode`` makes each Han, Hiragana or Katakana character a word. That is right for
text without blanks, but would split the words of segmented text again. So a sample from the
beginning of a text is looked at before the text is split.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.events import Notice, Observer
from w2v.text.characters import (
    IGNORED,
    MARK,
    MODIFIER,
    NEWLINE,
    SINGLE,
    VARIANT,
    CharacterTables,
    character_tables,
    code_points,
    runs,
)
from w2v.text.definition import SINGLE_CHARACTERS, WordDefinition

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.text.blocks import Block
    from w2v.text.sources import TextSource

SAMPLE_BYTES = 1 << 20
"""The sample is the first blocks of a text, until they have this size."""

_BLANKS = (ord(" "), ord("\t"), 0xA0, 0x3000)
# Three-byte characters with these lead bytes are Han, Kana, or punctuation used with them.
_FIRST_LEAD, _LAST_LEAD = 0xE3, 0xE9
_LEAST_LEADS = 1 / 16  # lead bytes per byte, for a closer look; in Chinese text, there are 1 / 3
_LEAST_SHARE = 0.5  # of Han and Kana characters among these and the words of other scripts
# Of the Han and Kana characters, those in groups between blanks; and the mean size of such a group.
# Segmented Chinese has 1.6 to 1.8 characters per word, and segmented Japanese about 2. If blanks
# stand between sentences or phrases, the groups are longer; in lists of characters, shorter.
_LEAST_GROUPED = 0.5
_LEAST_SIZE, _MOST_SIZE = 1.2, 3.0

_NOTICES = {
    # by whether the text is segmented, and whether the tokenizer was chosen by the program
    (True, True): Notice(
        "the Chinese or Japanese text has blanks between its words, so `tokenizer='whitespace'` "
        f"was chosen; {SINGLE_CHARACTERS}",
        warning=False,
    ),
    (False, True): Notice(
        f"{SINGLE_CHARACTERS}, and was chosen because the text has no blanks between words; for "
        "words of several characters, put blanks between them with a segmenter first",
        warning=False,
    ),
    (True, False): Notice(
        "the Chinese or Japanese text has blanks between its words, which are split nevertheless: "
        f"{SINGLE_CHARACTERS}; to keep the words, use `tokenizer='whitespace'`"
    ),
}


class Script(NamedTuple):
    """What a sample shows.

    Attributes:
        is_han: whether most of it is Han or Kana.
        is_segmented: whether it also has blanks between words.

    """

    is_han: bool
    is_segmented: bool


class OpenedText(NamedTuple):
    """A text to be split by a definition of a word."""

    definition: WordDefinition
    tables: CharacterTables
    blocks: Iterator[Block]


def open_text(
    source: TextSource, config: Config, recorded: WordDefinition | None, observer: Observer
) -> OpenedText:
    """Begin to read a text, and choose the tokenizer if the user leaves that to the program.

    The choice depends on the first blocks of the text only, not on the number of threads.

    Args:
        source: the text.
        config: the hyper-parameters.
        recorded: the definition of the initial model, if there is one. It does not apply to lists
            of tokens.
        observer: receives a `Notice` if the text is Chinese or Japanese.

    Raises:
        InputError: the text cannot be read.

    """
    definition = WordDefinition.from_config(config, tokenized=source.tokenized)
    if recorded is not None and not source.tokenized:
        definition = recorded
    tables = character_tables(definition)

    def last_boundary(block: Block) -> int:
        return tables.last_boundary(block)  # by the tables that are in use then

    blocks = source.blocks(last_boundary)
    if not definition.splits_han or recorded is not None:
        return OpenedText(definition, tables, blocks)
    sample = _sample(blocks)
    script = examine(b"".join(sample), tables.classes)
    is_choice = config.tokenizer == "auto"
    if script.is_segmented and is_choice:
        definition = WordDefinition("whitespace", config.lowercases("whitespace"))
        tables = character_tables(definition)
    notice = _NOTICES.get((script.is_segmented, is_choice))
    if script.is_han and notice is not None:
        observer(notice)
    return OpenedText(definition, tables, itertools.chain(sample, blocks))


def _sample(blocks: Iterator[Block]) -> list[Block]:
    sample: list[Block] = []
    size = 0
    while size < SAMPLE_BYTES:
        block = next(blocks, None)
        if block is None:
            break
        sample.append(block)
        size += len(block)
    return sample


def examine(sample: bytes, classes: NDArray[np.uint8]) -> Script:
    """Return the script of a sample of text, and whether it is segmented.

    Args:
        sample: UTF-8.
        classes: (0x110000,) those of `CharacterTables`, for the unicode tokenizer.

    """
    data = np.frombuffer(sample, np.uint8)
    leads = np.count_nonzero((data >= _FIRST_LEAD) & (data <= _LAST_LEAD))
    if leads <= _LEAST_LEADS * len(data):
        return Script(False, False)
    codes = code_points(sample.decode("utf-8", "surrogateescape"))
    found = classes[codes]
    shown = (found < IGNORED) | (found > MARK)
    codes, found = codes[shown], found[shown]
    han = (found == SINGLE) | (found == VARIANT)
    characters, others = np.count_nonzero(han), len(runs(found >= MODIFIER))
    is_han = bool(characters > 0 and characters >= _LEAST_SHARE * (characters + others))
    return Script(is_han, is_han and _is_segmented(codes, found, han))


def _is_segmented(
    codes: NDArray[np.uint32], classes: NDArray[np.uint8], han: NDArray[np.bool]
) -> bool:
    """Return whether most Han and Kana characters stand in short groups between blanks."""
    groups = runs(han)
    sizes = groups[:, 1] - groups[:, 0] + 1
    # Ends of lines are no evidence: a line may be one word, or a sentence.
    padded_blank = np.concatenate([[False], np.isin(codes, _BLANKS), [False]])
    padded_end = np.concatenate([[True], classes == NEWLINE, [True]])
    before, after = groups[:, 0], groups[:, 1] + 2  # positions with padding
    blanks = padded_blank[before].astype(np.int8) + padded_blank[after]
    ends = padded_end[before].astype(np.int8) + padded_end[after]
    grouped = (blanks > 0) & (blanks + ends == 2)
    counted = sizes[ends < 2].sum()
    if not grouped.any() or sizes[grouped].sum() < _LEAST_GROUPED * counted:
        return False
    return bool(_LEAST_SIZE <= sizes[grouped].mean() <= _MOST_SIZE)
