"""Text of languages that are written without blanks, as it is, or segmented already.

The tokenizer ``unicode`` makes each Han, Hiragana or Katakana character a word, and each run of
Thai a single word. It would split the words of segmented Chinese again. So a sample from the
beginning of a text is looked at before the text is split, and a notice says what the tokenizer
makes of it, and which segmenter finds the words.
"""

from __future__ import annotations

import codecs
import dataclasses
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.events import Notice, Observer
from w2v.text import segmenters
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
from w2v.text.definition import SINGLE_CHARACTERS, WordDefinition, segmenters_for

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

# Letters and marks of Thai, and the least share of them in a sample, as above. Words have about
# five, and the phrases between blanks, which are words without a segmenter, more than twenty.
_THAI = (0xE01, 0xE4E)
_THAI_LEAD = b"\xe0\xb8"
_LEAST_PHRASE = 12.0


class Script(NamedTuple):
    """What a sample shows.

    Attributes:
        is_han: whether most of it is Han or Kana.
        is_segmented: whether it also has blanks between words.

    """

    is_han: bool
    is_segmented: bool


class OpenedText(NamedTuple):
    """A text to be split by a definition of a word.

    Attributes:
        definition: of a word. If it has a segmenter, `w2v.text.segmentation` segments the blocks.
        tables: of its tokenizer.
        blocks: of the text as it is.

    """

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
        observer: receives a `Notice` if the text is Chinese, Japanese or Thai.

    Raises:
        InputError: the text cannot be read.
        ConfigError: there is a segmenter, but the text is lists of tokens.

    """
    if recorded is None:
        definition = WordDefinition.from_config(config, tokenized=source.tokenized)
    elif source.tokenized:
        without = dataclasses.replace(config, segmenter=None)
        definition = WordDefinition.from_config(without, tokenized=True)
    else:
        definition = recorded
    tables = character_tables(definition)

    def last_boundary(block: Block) -> int:
        boundary = tables.last_boundary(block)  # by the tables that are in use then
        if not boundary and definition.segmenter is not None:
            # A megabyte without blanks and punctuation is not one word here, but may be many.
            return _last_character(block)
        return boundary

    blocks = source.blocks(last_boundary)
    unsplit = definition.name == "whitespace" and definition.segmenter is None
    if source.tokenized or unsplit or recorded is not None:
        return OpenedText(definition, tables, blocks)
    sample = _sample(blocks)
    text = b"".join(sample)
    script = examine(text)
    is_choice = config.tokenizer == "auto"
    if definition.segmenter is not None:
        if script.is_segmented:
            observer(_segmented_twice(definition.segmenter))
    elif script.is_segmented and is_choice:
        definition = WordDefinition("whitespace", config.lowercases("whitespace"))
        tables = character_tables(definition)
        observer(_WHITESPACE_CHOSEN)
    elif script.is_segmented:
        observer(_SPLIT_AGAIN)
    elif script.is_han and is_choice:
        observer(_without_blanks(text))
    elif _is_thai(text):
        observer(_thai())
    return OpenedText(definition, tables, itertools.chain(sample, blocks))


_WHITESPACE_CHOSEN = Notice(
    "the Chinese or Japanese text has blanks between its words, so `tokenizer='whitespace'` was "
    f"chosen; {SINGLE_CHARACTERS}",
    warning=False,
)
_SPLIT_AGAIN = Notice(
    "the Chinese or Japanese text has blanks between its words, which are split nevertheless: "
    f"{SINGLE_CHARACTERS}; to keep the words, use `tokenizer='whitespace'`"
)


def _without_blanks(text: bytes) -> Notice:
    named = segmenters.recommend(*segmenters_for(text.decode("utf-8", "ignore")))
    return Notice(
        f"{SINGLE_CHARACTERS}, and was chosen because the text has no blanks between words; for "
        f"words of several characters, use {named}",
        warning=False,
    )


def _thai() -> Notice:
    return Notice(
        "the Thai text has no blanks between its words, so each phrase between blanks becomes one "
        f"word; use {segmenters.recommend('pythainlp')}"
    )


def _segmented_twice(segmenter: str) -> Notice:
    return Notice(
        "the Chinese or Japanese text has blanks between its words already, and "
        f"`segmenter={segmenter!r}` splits it once more; to keep its words, omit it, and use "
        "`tokenizer='whitespace'`"
    )


def _last_character(block: Block) -> int:
    """Return the offset of the last character that may be incomplete, or the length."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    decoder.decode(block)
    incomplete, _ = decoder.getstate()
    return len(block) - len(incomplete)


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


def examine(sample: bytes) -> Script:
    """Return the script of a sample of text in UTF-8, and whether it is segmented."""
    data = np.frombuffer(sample, np.uint8)
    leads = np.count_nonzero((data >= _FIRST_LEAD) & (data <= _LAST_LEAD))
    if leads <= _LEAST_LEADS * len(data):
        return Script(False, False)
    codes = code_points(sample.decode("utf-8", "surrogateescape"))
    classes = character_tables(WordDefinition("unicode", lowercase=True)).classes
    found = classes[codes]
    shown = (found < IGNORED) | (found > MARK)
    codes, found = codes[shown], found[shown]
    han = (found == SINGLE) | (found == VARIANT)
    characters, others = np.count_nonzero(han), len(runs(found >= MODIFIER))
    is_han = bool(characters > 0 and characters >= _LEAST_SHARE * (characters + others))
    return Script(is_han, is_han and _is_segmented(codes, found, han))


def _is_thai(sample: bytes) -> bool:
    """Return whether a sample of UTF-8 is mostly Thai without blanks between words."""
    if sample.count(_THAI_LEAD) <= _LEAST_LEADS * len(sample):
        return False
    codes = code_points(sample.decode("utf-8", "surrogateescape"))
    thai = (codes >= _THAI[0]) & (codes <= _THAI[1])
    characters, phrases = np.count_nonzero(thai), len(runs(thai))
    letters = np.count_nonzero(
        character_tables(WordDefinition("unicode", lowercase=True)).classes[codes] >= MARK
    )
    return bool(characters >= _LEAST_SHARE * letters and characters >= _LEAST_PHRASE * phrases)


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
