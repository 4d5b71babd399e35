"""The names by which functions are recorded and found again."""

from __future__ import annotations

import functools
import os
import zlib

import pytest

import segmenter_functions
from w2v.system import functions
from w2v.system.functions import can_be_imported, find_passed, function_name, is_lost


class Splitter:
    def __call__(self, line):
        return line.split()

    def method(self, line):
        return line.split()


def make():
    def inner(line):
        return [line]

    return inner


def capturing(value):
    return lambda line: [line, value]


@pytest.mark.parametrize("name", ["jieba", "my-segmenter", "a.b_c:d.e", "__main__:f", "日本:語"])
def test_names_stand_for_themselves(name):
    assert function_name(name) == name
    assert can_be_imported(name) == (not name.startswith("__main__"))
    assert find_passed(name) is None
    assert not is_lost(name)


@pytest.mark.parametrize("value", ["", "a b", "a:", ":b", "a:b:c", "5", "a/b", None, 5, int, b"a"])
def test_other_values_have_no_name(value):
    assert function_name(value) is None


def test_a_function_of_a_module_has_its_name():
    assert function_name(segmenter_functions.twos) == "segmenter_functions:twos"
    assert can_be_imported("segmenter_functions:twos")
    assert find_passed("segmenter_functions:twos") is segmenter_functions.twos
    assert functions.import_function("segmenter_functions:twos") is segmenter_functions.twos
    assert function_name(os.path.basename) == "posixpath:basename"


def test_a_function_of_a_module_that_only_this_process_has_cannot_be_imported(monkeypatch):
    module = type(os)("of_this_process")
    monkeypatch.setitem(functions.sys.modules, "of_this_process", module)
    exec("def f(line): return [line]", vars(module))
    assert function_name(module.f) == "of_this_process:f"
    assert not can_be_imported("of_this_process:f")


@pytest.mark.parametrize(
    ("function", "end"),
    [
        (lambda line: [line], ":<lambda>"),
        (make(), ":make.<locals>.inner"),
        (Splitter(), ":<Splitter>"),
        (functools.partial(str.split, sep=","), "functools:<partial>"),
    ],
)
def test_other_functions_have_a_name_that_says_so(function, end):
    name = function_name(function)
    assert name.endswith(end)
    assert function_name(name) == name
    assert find_passed(name) is function
    assert not is_lost(name)
    assert not can_be_imported(name)
    assert is_lost(name + ".elsewhere")
    assert function_name(function) == name


def test_a_bound_method_stays_in_this_process():
    name = function_name(Splitter().method)
    assert find_passed(name)("a b") == ["a", "b"]
    assert not can_be_imported(name)


def test_a_compiled_function_can_be_imported():
    name = function_name(zlib.crc32)
    assert zlib.crc32.__self__ is zlib
    assert name == "zlib:crc32"
    assert can_be_imported(name)


def test_functions_of_one_place_have_one_name_unless_they_differ():
    assert function_name(make()) == function_name(make())
    first, second = capturing(1), capturing(2)
    names = [function_name(first), function_name(second)]
    assert names[1] == f"{names[0]}#2"
    assert [find_passed(name) for name in names] == [first, second]
    assert [function_name(first), function_name(second)] == names
