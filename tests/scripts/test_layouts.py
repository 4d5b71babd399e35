"""The comparison of layouts, and what it counts."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from scripts.bench import layouts
from support import compiled_only
from views.layouts import kept_neighbours, word_vectors
from w2v.embeddings.embeddings import Embeddings
from w2v.formats.norms import norms_of
from w2v.views.neighbours import nearest_words

pytestmark = pytest.mark.slow


def test_kept_neighbours_are_counted_as_in_the_reference():
    vectors = word_vectors(80)
    near = nearest_words(vectors, norms_of(vectors), 80, 12)
    positions = np.random.default_rng(1).normal(size=(80, 2))
    found = layouts.kept_neighbours(positions, near)
    assert 0 < found < 1
    assert found == pytest.approx(kept_neighbours(positions, near.ids))


@compiled_only
def test_the_table_has_a_row_for_each_layout(tmp_path):
    Embeddings([f"w{i}" for i in range(60)], word_vectors(60)).save(tmp_path / "m.w2v")
    only = ["--only", "PCA", "--only", "t-SNE of w2v"]
    done = CliRunner().invoke(layouts.main, [str(tmp_path / "m.w2v"), "--words", "50", *only])
    assert done.exit_code == 0, done.output
    assert "50 words x 24" in done.stdout
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if "|" in line]
    assert rows[0] == "layout"
    assert rows[2:] == ["PCA", "t-SNE of w2v"]
