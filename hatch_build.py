"""Build hook: the package metadata that depends on the address of the repository.

Links in README.md are relative, so that they work in a checkout and on the repository's pages. The
package index shows the README without the files beside it, so there the links become absolute.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(
    r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?P<target>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)"
)


class RepositoryMetadata(MetadataHookInterface):
    """Set the URLs and the README of the package."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the dynamic fields to the metadata."""
        root = Path(self.root)
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        repository = project["tool"]["w2v"]["repository"]
        readme = (root / "README.md").read_text(encoding="utf-8")
        metadata["urls"] = urls(repository)
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_absolute_links(readme, repository),
        }


def urls(repository: str) -> dict[str, str]:
    """Return the links of the project, by label."""
    return {
        "Source": repository,
        "Documentation": f"{repository}/tree/HEAD/docs",
        "Changelog": f"{repository}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


def with_absolute_links(readme: str, repository: str) -> str:
    """Return a Markdown text with its relative links pointing into the repository."""

    def absolute(link: re.Match[str]) -> str:
        view = "raw" if link["image"] else "blob"
        target = f"{repository}/{view}/HEAD/{link['target']}{link['anchor'] or ''}"
        return f"{link['image']}{link['text']}({target})"

    return _LINK.sub(absolute, readme)
