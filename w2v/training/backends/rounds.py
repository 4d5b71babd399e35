"""Training in rounds: many threads, and the same bits at any number of them.

The text is split into shards, independent of the number of threads. In a round, each shard trains
on its next span, on replicas of the rows that the span needs; then the replicas are merged into
the model. The work of a shard is a function of the model, its span and the seed, and so is a round.

A row that several shards have changed, shard s by ``change_s``, is updated by

    row += (change_1 + change_2 + ...) (1 - q_1 q_2 ...) / ((1 - q_1) + (1 - q_2) + ...)

where 1 - q_s is the share of the distance to its optimum that shard s is expected to have covered.
This is the sum of the changes for few steps and their mean for many; always the sum would diverge.
A row that only one shard has changed is copied bit for bit.

docs/design/rounds.md derives the formula and explains how replicas are stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import WIDTH, add, fma, load, splat, store
from w2v.training.sampling import draw_noise
from w2v.training.sgns.kernel import (
    SCRATCH_ROWS,
    Keys,
    Matrices,
    Sampling,
    Workspace,
    aligned_zeros,
    make_workspace,
    select_words,
    train_words,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Entries of what `assign_local_ids` tells.
FROZEN = 0  # words whose vectors stay as they are; they have the first numbers
KEPT = 1  # words whose vectors are copied; they have the first numbers, too
ROWS = 2  # words in all
_TOLD = 3
# What stands for the number of a word that has none, and of one that will get one.
_ABSENT = -1
_MARKED = -2
# The share of its way that a row goes for each pair that it is in, at learning rate 1; and for each
# pair with noise, which mostly leaves it where it is. Half of them or a quarter gave the same
# quality with 4 shards, but diverged with 8 and 16.
_PULL = 0.25
_NOISE_PULL = 0.0125
# Words that one thread merges before it goes on to its next ones.
_MERGED_AT_ONCE = 16


class Shard(NamedTuple):
    """What one shard trains on; row i of its model is that of word ``words[i]``."""

    model: Matrices
    work: Workspace  # its ``numbers`` say where each word's rows are
    words: NDArray[np.int32]
    uses: NDArray[np.float32]  # how often each row was used as a word of the text
    draws: NDArray[np.float32]  # and how often it was drawn as noise
    told: NDArray[np.int64]  # (_TOLD,)


class Copies(NamedTuple):
    """All of it, for merging; shard s has row s."""

    vectors: NDArray[np.float32]  # flat, the shards' one behind the other
    contexts: NDArray[np.float32]  # flat
    size: int  # numbers in each shard's part of them
    numbers: NDArray[np.int32]  # (S, V)
    words: NDArray[np.int32]  # (S, rows)
    uses: NDArray[np.float32]  # (S, rows)
    draws: NDArray[np.float32]  # (S, rows)
    told: NDArray[np.int64]  # (S, _TOLD)


def make_shards(
    shards: int, words: int, span_words: int, model: Matrices, sampling: Sampling
) -> tuple[Copies, list[Shard]]:
    """Allocate what shards need; where a span has fewer words than it might, it takes no memory.

    Args:
        shards: S.
        words: V.
        span_words: most words of a span.
        model: whose rows are copied.
        sampling: how many contexts and noise words there are.

    """
    rows = most_rows(words, span_words, sampling)
    size = (rows + SCRATCH_ROWS) * model.stride
    copies = Copies(
        aligned_zeros(shards * size),
        aligned_zeros(shards * size),
        size,
        np.full((shards, words), _ABSENT, np.int32),
        np.zeros((shards, rows), np.int32),
        np.zeros((shards, rows), np.float32),
        np.zeros((shards, rows), np.float32),
        np.zeros((shards, _TOLD), np.int64),
    )
    made = []
    for s in range(shards):
        part = slice(s * size, (s + 1) * size)
        own = Matrices(copies.vectors[part], copies.contexts[part], model.stride, model.width)
        work = make_workspace(span_words, rows, model.stride, sampling)
        work = work._replace(numbers=copies.numbers[s])
        made.append(
            Shard(own, work, copies.words[s], copies.uses[s], copies.draws[s], copies.told[s])
        )
    return copies, made


def most_rows(words: int, span_words: int, sampling: Sampling) -> int:
    """How many rows a shard may need for a span: of its words, those around them, and noise."""
    around = span_words + 2 * sampling.window
    return min(words, around + _noise_words(span_words, sampling))


@inlined
def _noise_words(centers: int, sampling: Sampling) -> int:
    """How many noise words are drawn for so many centers, at most.

    That is one set more than is used: the next is drawn before it is known to be needed.
    """
    return (-(-centers // sampling.negative_sharing) + 1) * sampling.shared_negatives


def train_shard(
    ids: NDArray[Any],
    begin: int,
    end: int,
    end_of_line: int,
    model: Matrices,
    shard: Shard,
    sampling: Sampling,
    keys: Keys,
    lr_begin: float,
    lr_end: float,
) -> tuple[int, int, float, int, float]:
    """Train on a span in a shard's copy; the model stays as it is.

    Arguments and results are those of `w2v.training.sgns.kernel.train_span`. What ``shard`` holds afterwards is a
    function of the others, whatever it held before.
    """
    between_lines = len(shard.work.numbers)  # no word has this id, as one may have a row's number
    selected = shard.work._replace(spare=between_lines)
    first, last = select_words(ids, begin, end, end_of_line, sampling, keys.subsampling, selected)
    assign_local_ids(first, last, model.frozen, sampling, keys.noise, selected, shard)
    copy_rows(model, shard)
    own = shard.model._replace(frozen=int(shard.told[FROZEN]))
    return train_words(first, last, own, sampling, keys, lr_begin, lr_end, shard.work)


@kernel
def assign_local_ids(
    first: int,
    last: int,
    frozen: int,
    sampling: Sampling,
    key: np.uint64,
    selected: Workspace,
    shard: Shard,
) -> None:
    """Number the words of a span and those to be drawn as noise; put numbers for words.

    Args:
        first: the place of the first center in ``selected.kept``.
        last: the place behind the last one.
        frozen: how many words have vectors that stay as they are.
        sampling: how noise is drawn.
        key: of its random numbers.
        selected: has the words, and between lines and around them its ``spare``, V.
        shard: forgets its numbers and receives the new ones.

    """
    numbers = selected.numbers
    words = shard.words
    kept = selected.kept
    spare = selected.spare
    for i in range(shard.told[ROWS]):
        numbers[words[i]] = _ABSENT
    end = last
    while kept[end] != spare:
        end += 1
    for place in range(end):
        if kept[place] != spare:
            numbers[kept[place]] = _MARKED
    shard.told[FROZEN] = _number_marked(0, frozen, 0, numbers, words)
    shard.told[KEPT] = _number_marked(frozen, len(numbers), shard.told[FROZEN], numbers, words)
    drawn = _noise_words(last - first, sampling)
    for i in range(drawn):
        word = draw_noise(key, i, sampling.noise_thresholds, sampling.noise_aliases)
        if numbers[word] == _ABSENT:
            numbers[word] = _MARKED
    shard.told[ROWS] = _number_marked(0, len(numbers), shard.told[KEPT], numbers, words)
    shard.uses[: shard.told[ROWS]] = np.float32(0.0)
    shard.draws[: shard.told[ROWS]] = np.float32(0.0)
    for place in range(end):
        if kept[place] != spare:
            kept[place] = numbers[kept[place]]
            shard.uses[kept[place]] += np.float32(1.0)
        else:
            kept[place] = shard.work.spare
    while end < len(kept) and kept[end] == spare:
        kept[end] = shard.work.spare
        end += 1
    for i in range(drawn):
        word = draw_noise(key, i, sampling.noise_thresholds, sampling.noise_aliases)
        shard.draws[numbers[word]] += np.float32(1.0)


@inlined
def _number_marked(
    begin: int, end: int, count: int, numbers: NDArray[np.int32], words: NDArray[np.int32]
) -> int:
    """Give the marked words from ``begin`` on the next numbers; returns how many have one then."""
    for word in range(begin, end):
        if numbers[word] == _MARKED:
            numbers[word] = count
            words[count] = word
            count += 1
    return count


@kernel
def copy_rows(model: Matrices, shard: Shard) -> None:
    """Copy the rows of the words that have numbers."""
    kept = shard.told[KEPT]
    for i in range(shard.told[ROWS]):
        source = int(shard.words[i]) * model.stride
        target = i * model.stride
        for d in range(0, model.width, WIDTH):
            store(shard.model.contexts, target + d, load(model.contexts, source + d))
            if i < kept:
                store(shard.model.vectors, target + d, load(model.vectors, source + d))


class DecayRates(NamedTuple):
    """How far towards its point a row goes each time: c of a small step, in the module's words."""

    center: float  # a vector, as its word is a center
    context: float  # a context vector, as its word stands around centers
    noise: float  # the same, as its word is in a set of noise words


def decay_rates(sampling: Sampling, lr: float) -> DecayRates:
    """Return the pulls at a learning rate.

    They grow with the pairs that a use has: a center with its contexts and their noise; a context
    with its centers; a noise word with all centers that share it, as far as it counts with each.
    """
    pairs = 2 * sampling.window
    noise = sampling.negatives / sampling.shared_negatives * sampling.negative_sharing
    return DecayRates(
        lr * _PULL * pairs * (1 + sampling.negatives),
        lr * _PULL * pairs,
        lr * _NOISE_PULL * pairs * noise,
    )


@kernel
def merge_copies(model: Matrices, copies: Copies, pulls: DecayRates, part: int, parts: int) -> None:
    """Merge what the shards have changed, in one of several parts of the words.

    Args:
        model: whose rows are changed.
        copies: of all shards.
        pulls: see there.
        part: which part.
        parts: how many there are.

    """
    shards, words = copies.numbers.shape
    places = np.zeros(shards, np.int64)
    stride = model.stride
    for start in range(part * _MERGED_AT_ONCE, words, parts * _MERGED_AT_ONCE):
        for word in range(start, min(start + _MERGED_AT_ONCE, words)):
            row = word * stride
            if word >= model.frozen:  # the others are as they were
                found, share = _find_changed(
                    model.vectors,
                    copies.vectors,
                    word,
                    KEPT,
                    stride,
                    copies,
                    pulls.center,
                    0.0,
                    places,
                )
                _merge_row(model.vectors, row, copies.vectors, places, found, share, model.width)
            found, share = _find_changed(
                model.contexts,
                copies.contexts,
                word,
                ROWS,
                stride,
                copies,
                pulls.context,
                pulls.noise,
                places,
            )
            _merge_row(model.contexts, row, copies.contexts, places, found, share, model.width)


@inlined
def _find_changed(
    rows: NDArray[np.float32],
    copied: NDArray[np.float32],
    word: int,
    kind: int,
    stride: int,
    copies: Copies,
    use_pull: float,
    draw_pull: float,
    places: NDArray[np.int64],
) -> tuple[int, float]:
    """List where the copies of a row begin that differ from it; returns how many, and their share.

    The share is what their changes' sum is multiplied by.
    """
    row = word * stride
    found = 0
    pull = 0.0
    ways = 0.0
    for s in range(len(places)):
        number = copies.numbers[s, word]
        if 0 <= number < copies.told[s, kind]:
            place = s * copies.size + number * stride
            d = 0
            while d < stride and copied[place + d] == rows[row + d]:
                d += 1
            if d < stride:
                places[found] = place
                found += 1
                own = use_pull * copies.uses[s, number] + draw_pull * copies.draws[s, number]
                pull += own
                ways -= np.expm1(-own)
    return found, -np.expm1(-pull) / ways if ways > 0.0 else 1.0


@inlined
def _merge_row(
    rows: NDArray[np.float32],
    row: int,
    copied: NDArray[np.float32],
    places: NDArray[np.int64],
    found: int,
    share: float,
    width: int,
) -> None:
    """Add a share of the changes that copies of a row have to it."""
    if found == 1:
        for d in range(0, width, WIDTH):
            store(rows, row + d, load(copied, places[0] + d))
    elif found > 1:
        minus_one = splat(np.float32(-1.0))
        part = splat(np.float32(share))
        for d in range(0, width, WIDTH):
            old = load(rows, row + d)
            change = splat(np.float32(0.0))
            for i in range(found):
                change = add(change, fma(minus_one, old, load(copied, places[i] + d)))
            store(rows, row + d, fma(part, change, old))
