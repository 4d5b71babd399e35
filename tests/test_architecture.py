"""What importing costs, which module may know which, and what every module must not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import w2v

PACKAGE = Path(w2v.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# The way of the data: a module imports only modules that stand before it.
ORDER = [
    "errors",
    "disk",
    "config",
    "layout",
    "events",
    "compiled",
    "lanes",
    "unpacking",
    "reading",
    "wordtable",
    "tokenizer",
    "vocabulary",
    "sampling",
    "corpus",
    "pairs",
    "sgns",
    "rounds",
    "trainer",
    "output",
    "encoding",
    "embeddings",
    "formats",
    "evaluation",
    "memory",
    "preflight",
    "batch",
    "checkpoint",
    "beginning",
    "job",
    "progress",
    "cli",
]
# Within a function, so that embeddings can save themselves.
EXCEPTION = ("embeddings", "formats")
HEAVY = {"numba", "llvmlite", "numpy", "tqdm", "zstandard"}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)


def loaded(statement: str) -> set[str]:
    """The top-level packages in memory after a statement."""
    done = python("-c", f"{statement}\nimport sys; print(*sys.modules)")
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_nothing_heavy():
    assert loaded("import w2v") & HEAVY == set()


def test_help_loads_nothing_heavy():
    done = python("-X", "importtime", "-m", "w2v", "--help")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "Usage: w2v" in done.stdout
    assert "w2v.cli.main" in imported
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()


@pytest.mark.parametrize("command", ["train", "eval", "similar"])
def test_the_help_of_a_command_loads_nothing_heavy(command):
    statement = (
        f"from w2v.cli.main import main; main(['{command}', '--help'], standalone_mode=False)"
    )
    assert loaded(statement) & HEAVY == set()


def test_a_model_is_loaded_without_the_compiler():
    assert loaded("import w2v; w2v.load; w2v.Embeddings") & HEAVY == {"numpy"}


def test_names_are_loaded_when_first_used():
    for name in w2v.__all__:
        assert getattr(w2v, name) is not None
    assert dir(w2v) == sorted(w2v.__all__)
    with pytest.raises(AttributeError, match="module 'w2v' has no attribute 'nonsense'"):
        _ = w2v.nonsense


def test_the_order_names_every_module():
    stems = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert stems - {"__init__", "__main__"} == set(ORDER)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Each import statement of the package's own modules, wherever it stands, and the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            inner = [alias.name for alias in node.names if alias.name != "__version__"]
            names = [f"w2v.{name}" for name in inner] if module == "w2v" else [module]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "w2v":
                yield node, [*name.split("."), ""][1]


def in_a_function(tree: ast.Module, node: ast.AST) -> bool:
    functions = (f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef))
    return any(node in ast.walk(function) for function in functions)


def offences(path: Path, text: str) -> list[str]:
    """The imports of a module that go against the way of the data."""
    tree = ast.parse(text)
    room = room_of(path)
    return [
        f"{path.name}:{node.lineno}: {room} imports {imported}"
        for node, imported in rooms_imported(tree)
        if imported != room
        and not ((room, imported) == EXCEPTION and in_a_function(tree, node))
        and (imported not in ORDER or ORDER.index(imported) >= ORDER.index(room))
    ]


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if room_of(path) not in {"__init__", "__main__"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_data_flows_one_way(path):
    assert offences(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("reading.py", "from w2v.corpus.build import Corpus"),
        ("reading.py", "import w2v.corpus.build"),
        ("reading.py", "from w2v import corpus"),
        ("reading.py", "if TYPE_CHECKING:\n    from w2v.corpus.build import Corpus"),
        ("reading.py", "def f():\n    from w2v.corpus.build import Corpus"),
        ("reading.py", "import w2v"),
        ("embeddings.py", "from w2v.formats.registry import model"),
        ("formats/model.py", "from w2v.cli.main import main"),
    ],
)
def test_an_import_against_the_way_is_seen(module, text):
    assert len(offences(PACKAGE / module, text)) == 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("corpus.py", "from w2v.text.sources import TextSource"),
        ("job.py", "from w2v import __version__, preflight"),
        ("embeddings.py", "def save():\n    from w2v.formats.registry import model"),
        ("formats/word2vec_bin.py", "from w2v.formats.classic.word2vec_text import read_header"),
        ("reading.py", "import bz2"),
    ],
)
def test_an_import_along_the_way_is_allowed(module, text):
    assert offences(PACKAGE / module, text) == []


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if room_of(path) not in {"cli", "progress"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_only_the_command_line_prints(path):
    calls = (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if is_print(n))
    assert [call.lineno for call in calls] == []


def is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {
        "print",
        "sys.stdout.write",
        "sys.stderr.write",
        "click.echo",
    }


def trusting(tree: ast.Module) -> list[str]:
    """What in a module would run or unpickle what a file says."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in TRUSTING]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in TRUSTING:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            found += [keyword.arg for keyword in node.keywords if keyword.arg == "allow_pickle"
                      and not is_false(keyword.value)]  # fmt: skip
            called = ast.unparse(node.func)
            unsafe = called in {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
            found += [called] if unsafe or called.rpartition(".")[2] in LOADS else []
    return found


TRUSTING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "subprocess"}
LOADS = {"load_model", "read_array", "fromregex", "genfromtxt"}
"""Functions of others that would trust a file, or allocate what its header asks for."""


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_from_a_file_is_executed_or_unpickled(path):
    assert trusting(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "import os, pickle as p",
        "from pickle import loads",
        "def f():\n    import marshal",
        "import subprocess",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "eval(text)",
        "exec(text)",
        "os.system(text)",
        "keras.saving.load_model(path)",
        "npy.read_array(file)",
    ],
)
def test_what_would_trust_a_file_is_seen(text):
    assert len(trusting(ast.parse(text))) == 1


def test_what_trusts_nothing_is_allowed():
    assert trusting(ast.parse("np.load(path, allow_pickle=False)\nre.compile(text)")) == []


def undocumented(node: ast.Module | ast.ClassDef, name: str) -> Iterator[str]:
    """Public classes and functions without a docstring; what is inside functions is private."""
    if ast.get_docstring(node) is None:
        yield name
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from undocumented(child, f"{name}.{child.name}")
        elif isinstance(child, ast.FunctionDef) and not child.name.startswith("_"):
            yield from [] if ast.get_docstring(child) else [f"{name}.{child.name}"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_everything_public_is_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(undocumented(tree, path.stem)) == []


def test_what_is_not_documented_is_seen():
    tree = ast.parse('"""Doc."""\nclass A:\n    def b(self): ...\n    def _c(self): ...\n')
    assert list(undocumented(tree, "m")) == ["m.A", "m.A.b"]
