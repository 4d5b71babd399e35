"""The cost and direction of imports, and calls that modules must not make."""

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

# The direct imports that each package or module may have; their imports are allowed too.
LAYERS = {
    "errors": set(),
    "events": set(),
    "compute": set(),
    "_version": set(),
    "options": {"errors"},
    "progress": {"options", "events"},
    "system": {"errors"},
    "config": {"options", "system"},
    "text": {"config", "compute", "progress"},
    "corpus": {"text"},
    "formats": {"text"},
    "training": {"corpus", "_version"},
    "views": {"formats"},
    "embeddings": {"formats", "views"},
    "evaluation": {"embeddings"},
    "pipeline": {"embeddings", "training", "_version"},
    "cli": {"pipeline", "evaluation"},
}
HEAVY = {"numba", "llvmlite", "numpy", "tqdm", "zstandard", "pyarrow", "matplotlib", "tensorboardX"}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)


def loaded(statement: str) -> set[str]:
    """Return the top-level packages in memory after a statement."""
    done = python("-c", f"{statement}\nimport sys; print(*sys.modules)")
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_no_heavy_package():
    assert loaded("import w2v") & HEAVY == set()


def test_help_loads_no_heavy_package():
    done = python("-X", "importtime", "-m", "w2v", "--help")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "Usage: w2v" in done.stdout
    assert "w2v.cli.main" in imported
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()


@pytest.mark.parametrize("command", ["train", "eval", "similar", "plot"])
def test_the_help_of_a_command_loads_no_heavy_package(command):
    statement = (
        f"from w2v.cli.main import main; main(['{command}', '--help'], standalone_mode=False)"
    )
    assert loaded(statement) & HEAVY == set()


def test_a_model_is_loaded_without_the_compiler():
    assert loaded("import w2v; w2v.load; w2v.Embeddings") & HEAVY == {"numpy"}


def test_public_names_are_loaded_on_first_use():
    for name in w2v.__all__:
        assert getattr(w2v, name) is not None
    assert dir(w2v) == sorted(w2v.__all__)
    with pytest.raises(AttributeError, match="module 'w2v' has no attribute 'nonsense'"):
        _ = w2v.nonsense


def test_the_imports_for_type_checkers_are_the_public_names():
    (block,) = (
        node
        for node in ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.If)
    )
    imported = {
        alias.name: node.module.removeprefix("w2v.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == w2v._MODULES
    assert set(w2v.__all__) == {"__version__", *imported}


def allowed(layer: str) -> set[str]:
    """Return everything that a layer may import, directly or through others."""
    below = LAYERS[layer]
    return below.union(*map(allowed, below))


def test_every_package_has_a_layer():
    layers = {layer_of(path) for path in FILES}
    assert layers - {"__init__", "__main__"} == set(LAYERS)


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layers_imported(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield the import statements of modules of this package, with the imported layer."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            inner = [f"w2v.{alias.name}" for alias in node.names]
            names = inner if module == "w2v" else [module]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "w2v":
                yield node, [*name.split("."), ""][1]


def violations(path: Path, text: str) -> list[str]:
    """Return the imports of a module that do not point downwards."""
    layer = layer_of(path)
    return [
        f"{path.name}:{node.lineno}: {layer} imports {imported}"
        for node, imported in layers_imported(ast.parse(text))
        if imported != layer and imported not in allowed(layer)
    ]


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if layer_of(path) not in {"__init__", "__main__"}],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_imports_point_downwards(path):
    assert violations(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("text/sources.py", "from w2v.corpus.build import Corpus"),
        ("text/sources.py", "import w2v.corpus"),
        ("text/sources.py", "from w2v import corpus"),
        ("text/sources.py", "if TYPE_CHECKING:\n    from w2v.corpus.build import Corpus"),
        ("text/sources.py", "def f():\n    from w2v.corpus.build import Corpus"),
        ("text/sources.py", "import w2v"),
        ("pipeline/record.py", "from w2v import __version__"),
        ("formats/native.py", "from w2v.embeddings.embeddings import Embeddings"),
        ("formats/native.py", "from w2v.training.trainer import train_model"),
        ("training/trainer.py", "from w2v.formats import native"),
        ("training/trainer.py", "from w2v.embeddings.embeddings import Embeddings"),
        ("evaluation/evaluate.py", "from w2v.pipeline import train"),
        ("errors.py", "from w2v.events import Event"),
    ],
)
def test_an_upward_import_is_found(module, text):
    assert len(violations(PACKAGE / module, text)) == 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("corpus/build.py", "from w2v.text.sources import TextSource"),
        ("pipeline/train.py", "from w2v.pipeline import preflight"),
        ("embeddings/embeddings.py", "def save():\n    from w2v.formats import native"),
        ("formats/classic/glove.py", "from w2v.formats.classic import lines"),
        ("training/trainer.py", "from w2v.errors import DivergenceError"),
        ("text/sources.py", "import bz2"),
    ],
)
def test_a_downward_import_is_allowed(module, text):
    assert violations(PACKAGE / module, text) == []


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if layer_of(path) != "cli"],
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


UNSAFE_MODULES = {
    *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "subprocess"),
}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
UNSAFE_METHODS = {"load_model", "read_array", "fromregex", "genfromtxt"}
"""Functions of other packages that trust a file, or allocate the size in its header."""


def unsafe_nodes(tree: ast.Module) -> list[str]:
    """Return the calls and imports that could execute or unpickle the content of a file."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            found += [name for name in names if name.split(".")[0] in UNSAFE_MODULES]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [module] if module.split(".")[0] in UNSAFE_MODULES else []
        elif isinstance(node, ast.Call):
            found += [
                keyword.arg
                for keyword in node.keywords
                if keyword.arg == "allow_pickle" and not is_false(keyword.value)
            ]
            called = ast.unparse(node.func)
            unsafe = called in UNSAFE_CALLS or called.rpartition(".")[2] in UNSAFE_METHODS
            found += [called] if unsafe else []
    return found


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_from_a_file_is_executed_or_unpickled(path):
    # The cache of compiled kernels checks the owner and checksum of a file before unpickling it.
    # Segmenters run in processes of this Python.
    modules = {"compute/jit.py": ["pickle"], "text/segmentation.py": ["subprocess"]}
    allowed = modules.get(str(path.relative_to(PACKAGE)), [])
    assert unsafe_nodes(ast.parse(path.read_text(encoding="utf-8"))) == allowed


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
def test_unsafe_code_is_found(text):
    assert len(unsafe_nodes(ast.parse(text))) == 1


def test_safe_code_is_allowed():
    assert unsafe_nodes(ast.parse("np.load(path, allow_pickle=False)\nre.compile(text)")) == []


def undocumented(node: ast.Module | ast.ClassDef, name: str) -> Iterator[str]:
    """Yield public classes and functions without a docstring; nested functions are private."""
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


def test_missing_docstrings_are_found():
    tree = ast.parse('"""Doc."""\nclass A:\n    def b(self): ...\n    def _c(self): ...\n')
    assert list(undocumented(tree, "m")) == ["m.A", "m.A.b"]
