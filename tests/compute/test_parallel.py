"""The parallel map: order, bounded read-ahead, errors."""

from __future__ import annotations

import threading
import time

import pytest

from w2v.compute.parallel import _PENDING_PER_THREAD, ordered_map


def test_results_come_in_the_order_of_the_items():
    def slow_square(number):
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(ordered_map(slow_square, range(20), 3)) == [n * n for n in range(20)]
    assert list(ordered_map(slow_square, [], 3)) == []


def test_items_are_read_only_a_little_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = ordered_map(lambda number: number, items(), 2)
    assert next(results) == 0
    assert len(taken) <= 2 * _PENDING_PER_THREAD + 1
    results.close()


def test_an_error_ends_the_map_and_its_threads():
    def fail_at_5(number):
        if number == 5:
            raise ValueError("five")
        return number

    with pytest.raises(ValueError, match="five"):
        list(ordered_map(fail_at_5, range(100), 2))
    assert not [t for t in threading.enumerate() if t.name.startswith("w2v-read")]
