"""The number of processor cores."""

from __future__ import annotations

import os

import pytest

from w2v.system.cpu import available_cores


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert available_cores() == 3


@pytest.mark.parametrize(("count", "cores"), [(4, 4), (None, 1)])
def test_without_affinity_all_cores_count(count, cores, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert available_cores() == cores
