"""The parallel map: order, bounded read-ahead, errors."""

from __future__ import annotations

import threading
import time

import pytest

from w2v.compute.parallel import _PENDING_PER_THREAD, ordered_map, pulling_map

both_maps = pytest.mark.parametrize("parallel_map", [ordered_map, pulling_map])


@both_maps
def test_results_come_in_the_order_of_the_items(parallel_map):
    def slow_square(number):
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(parallel_map(slow_square, range(20), 3)) == [n * n for n in range(20)]
    assert list(parallel_map(slow_square, [], 3)) == []


@both_maps
def test_items_are_read_only_a_little_ahead(parallel_map):
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = parallel_map(lambda number: number, items(), 2)
    assert next(results) == 0
    time.sleep(0.05)
    assert len(taken) <= 2 * _PENDING_PER_THREAD + 1
    results.close()


@both_maps
def test_a_slow_item_bounds_the_results_behind_it(parallel_map):
    release = threading.Event()
    taken = []

    def work(number):
        if number == 0:
            release.wait(60)
        return number

    results = parallel_map(work, (taken.append(n) or n for n in range(1000)), 2)
    threading.Timer(0.1, release.set).start()
    assert next(results) == 0
    assert len(taken) <= 2 * _PENDING_PER_THREAD + 2
    assert list(results) == list(range(1, 1000))


@both_maps
def test_an_error_ends_the_map_and_its_threads(parallel_map):
    def fail_at_5(number):
        if number == 5:
            raise ValueError("five")
        return number

    with pytest.raises(ValueError, match="five"):
        list(parallel_map(fail_at_5, range(100), 2))
    assert not [t for t in threading.enumerate() if t.name.startswith("w2v-read")]


@both_maps
@pytest.mark.parametrize("error", [ValueError("five"), KeyboardInterrupt("five")])
def test_an_error_of_the_items_ends_the_map(parallel_map, error):
    def items():
        yield from range(5)
        raise error

    with pytest.raises(type(error), match="five"):
        list(parallel_map(lambda number: number, items(), 2))
    assert not [t for t in threading.enumerate() if t.name.startswith("w2v-read")]


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_take_turns_with_the_items(threads):
    """An iterator need not be thread-safe: one thread at a time runs it, for each item once."""
    inside, names = [], []

    def items():
        for number in range(50):
            assert not inside
            inside.append(number)
            time.sleep(0.001)
            names.append(threading.current_thread().name)
            inside.pop()
            yield number

    assert list(pulling_map(lambda number: number, items(), threads)) == list(range(50))
    assert len(names) == 50
    assert len(set(names)) == threads
    assert all(name.startswith("w2v-read") for name in names)
