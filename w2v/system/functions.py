"""Names of functions: how a function of the user passes through a record of plain values.

A record such as ``meta.json`` holds the name of a function, not the function. That of a function
which can be imported is ``module:function``. A lambda, a function inside another one, or an object
that can be called has a name with ``<`` in it. It can be found under that name in the process that
passed it, and nowhere else.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

SEPARATOR = ":"
_MARK = "<"
# Words of a plain name may have a dot or a dash between them, as those of packages do.
_NAME = re.compile(r"[^\W\d][\w.-]*(:[\w.<>#]+)?")

_Function = Callable[..., Any]

# The functions that were passed, by name. It grows by the functions that a process passes to
# trainings, and holds them as long, because a model of this process may be asked at any time.
_PASSED: dict[str, _Function] = {}


def function_name(value: object) -> str | None:
    """Return the name of a function, or a name itself; None if the value is neither.

    A function that is passed can be found by `find_passed` from then on.
    """
    if isinstance(value, str):
        return value if _NAME.fullmatch(value) else None
    if not callable(value) or isinstance(value, type):
        return None
    name = _importable_name(value) or _marked_name(value)
    _PASSED[name] = value
    return name


def is_lost(name: str) -> bool:
    """Return whether a name is one of a function that only the process that passed it can find."""
    return _MARK in name and name not in _PASSED


def find_passed(name: str) -> _Function | None:
    """Return the function that was passed under a name in this process, if any."""
    return _PASSED.get(name)


def can_be_imported(name: str) -> bool:
    """Return whether another process can import what was passed under a name.

    The main module cannot be imported without running it. The method of an object can, but the
    object there lacks what this process has done to it.
    """
    if _MARK in name or name.startswith(f"__main__{SEPARATOR}"):
        return False
    function = _PASSED.get(name)
    if function is None:
        return True
    owner = getattr(function, "__self__", None)  # of a compiled function, its module
    has_state = owner is not None and not isinstance(owner, ModuleType)
    return not has_state and _is_findable(name.partition(SEPARATOR)[0])


def import_function(name: str) -> _Function:
    """Return what ``module:function`` names.

    Raises:
        ImportError: the module cannot be imported.
        AttributeError: it has no such attribute.

    """
    module, _, path = name.partition(SEPARATOR)
    found: Any = importlib.import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    return found  # type: ignore[no-any-return]


def _is_findable(module: str) -> bool:
    """Return whether a module comes from a file, as far as its outermost package tells."""
    outermost = module.partition(".")[0]
    return any(finder.find_spec(outermost, None) is not None for finder in sys.meta_path)


def _importable_name(function: _Function) -> str | None:
    """Return the name under which the module of a function has it, or None."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    if module is None:
        return None
    for attribute in ("__qualname__", "__name__"):
        path = getattr(function, attribute, None)
        if not isinstance(path, str) or _MARK in path:
            continue
        found: Any = module
        for part in path.split("."):
            found = getattr(found, part, None)
        if found == function:
            return f"{module.__name__}{SEPARATOR}{path}"
    return None


def _marked_name(function: _Function) -> str:
    """Return a name with the mark, one that no other function has in this process."""
    module = getattr(function, "__module__", None) or type(function).__module__
    path = getattr(function, "__qualname__", None) or f"<{type(function).__qualname__}>"
    if _MARK not in path:  # a function of a class or module that hides it
        path = f"<{path}>"
    name = f"{module}{SEPARATOR}{path}"
    number = 1
    while name in _PASSED and not _is_same(_PASSED[name], function):
        number += 1
        name = f"{module}{SEPARATOR}{path}#{number}"
    return name


def _is_same(first: _Function, second: _Function) -> bool:
    """Return whether two functions are the same, or were made of the same code without state."""
    return first is second or (_code(first) is not None and _code(first) == _code(second))


def _code(function: _Function) -> CodeType | None:
    state = [getattr(function, name, None) for name in ("__closure__", "__defaults__")]
    return getattr(function, "__code__", None) if not any(state) else None
