"""The plot of scores shows the scores and their intervals."""

from __future__ import annotations

import pytest

from w2v.views.score_plot import SetScore, draw_scores

FIRST = [
    SetScore("$x$", 0.25, 0.2, 0.3),
    SetScore("b", None, None, None),
    SetScore("c", 0.5, None, None),
]
SECOND = [
    SetScore("$x$", 0.1, 0.0, 0.2),
    SetScore("b", 0.75, 0.7, 0.8),
    SetScore("c", -0.5, -0.6, 0),
]


def test_points_and_intervals_are_in_percent_in_the_row_of_their_set():
    (panel,) = draw_scores(["m", "_n"], [FIRST, SECOND]).axes
    first, second = ([tuple(xy) for xy in drawn.get_offsets()] for drawn in panel.collections)
    assert first == [pytest.approx((25, -0.15)), pytest.approx((50, 1.85))]
    assert second == [
        pytest.approx((10, 0.15)),
        pytest.approx((75, 1.15)),
        pytest.approx((-50, 2.15)),
    ]
    ends = [(*line.get_xdata(), line.get_ydata()[0]) for line in panel.get_lines()]
    assert ends == [
        pytest.approx((20, 30, -0.15)),
        pytest.approx((0, 20, 0.15)),
        pytest.approx((70, 80, 1.15)),
        pytest.approx((-60, 0, 2.15)),
    ]
    colors = [line.get_color() for line in panel.get_lines()]
    assert colors[0] != colors[1] == colors[2] == colors[3]


def test_sets_and_models_are_named_as_they_are():
    figure = draw_scores(["m", "_n"], [FIRST, SECOND])
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["$x$", "b", "c"]
    assert not any(label.get_parse_math() for label in labels)
    names = [text.get_text().strip() for text in figure.legends[0].get_texts()]
    assert names == ["m", "_n"]
