"""The examples in the documentation: blocks of code in Markdown files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

_BLOCK = re.compile(
    r"(?:<!-- (?P<name>[\w-]+) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Snippet:
    """A block of code. The name is that of a comment above it: ``<!-- name -->``."""

    path: Path
    line: int
    language: str
    code: str
    name: str | None

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    def run(self, variables: dict[str, Any]) -> None:
        """Run Python code with these variables."""
        exec(compile("\n" * self.line + self.code, self.path, "exec"), variables)


def snippets(path: Path) -> list[Snippet]:
    """The blocks of code of a page, from top to bottom."""
    text = path.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("code"))
        found.append(Snippet(path, line, match["language"], match["code"], match["name"]))
    return found


ALL = [snippet for path in PAGES for snippet in snippets(path)]


def commands(snippet: Snippet) -> list[str]:
    """The command lines of a console session, without comments and what follows a pipe."""
    lines = (line[2:] for line in snippet.code.splitlines() if line.startswith("$ "))
    return [re.sub(r"\s+[#|] .*", "", line) for line in lines]
