"""The plot of trainings shows the numbers of their records."""

from __future__ import annotations

import dataclasses
import math

import pytest

from sample_events import EPOCH
from w2v.views import figures
from w2v.views.figures import names_of
from w2v.views.training_plot import TrainingCurve, draw_training

NO_PAIRS = dataclasses.replace(EPOCH, epoch=3, loss=None, seconds=0.0)


def epochs(*losses, validation=None):
    return [
        dataclasses.replace(
            EPOCH, epoch=number, loss=loss, validation_loss=validation and loss + validation
        )
        for number, loss in enumerate(losses, 1)
    ]


def lines(panel):
    """The points of all lines with points, by style."""
    return [
        (line.get_linestyle(), line.get_xdata().tolist(), line.get_ydata().tolist())
        for line in panel.get_lines()
        if not all(map(math.isnan, line.get_ydata()))
    ]


def test_the_lines_have_the_numbers_of_the_record():
    curve = TrainingCurve("m", epochs(3.0, 2.5, validation=0.5))
    losses, speeds = draw_training([curve]).axes
    assert lines(losses) == [("--", [1, 2], [3.5, 3.0]), ("-", [1, 2], [3.0, 2.5])]
    assert lines(speeds) == [("-", [1, 2], [4.0, 4.0])]  # 1,000,000 words in 0.25 s


def test_epochs_without_a_number_are_gaps():
    losses, speeds = draw_training([TrainingCurve("m", [*epochs(3.0, 2.0), NO_PAIRS])]).axes
    ((_, _, loss),) = lines(losses)
    ((_, _, speed),) = lines(speeds)
    assert loss[:2] == [3.0, 2.0]
    assert math.isnan(loss[2])
    assert math.isnan(speed[2])


def test_only_held_out_text_needs_an_explanation():
    without, held_out = (
        TrainingCurve("a", epochs(2.0)),
        TrainingCurve("b", epochs(2.0, validation=1)),
    )
    assert draw_training([without]).axes[0].get_legend() is None
    (legend,) = [draw_training([without, held_out]).axes[0].get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == ["training text", "held-out text"]


def test_the_legend_names_all_models_as_they_are():
    names = ["_a", "$x$", "b", "日本"]
    curves = [TrainingCurve(name, epochs(2.0)) for name in names]
    figure = draw_training(curves)
    texts = figure.legends[0].get_texts()
    assert [text.get_text().strip() for text in texts] == names
    assert not any(text.get_parse_math() for text in texts)
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[1].get_lines()}
    assert len(looks) == len(names)


def test_thirty_models_look_different():
    figure = draw_training([TrainingCurve(str(i), epochs(2.0)) for i in range(30)])
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[1].get_lines()}
    assert len(looks) == 30


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/a.w2v", "b.w2v/"], ["a", "b"]),
        (["x/a.w2v", "y/a.w2v", "b"], ["x/a.w2v", "y/a.w2v", "b"]),
        (["..", "."], ["..", "."]),
    ],
)
def test_models_have_short_names_where_they_are_unique(paths, names):
    assert names_of(paths) == names


@pytest.mark.parametrize(("name", "magic"), [("a.svg", b"<?xml"), ("b.PNG", b"\x89PNG")])
def test_a_plot_has_the_same_bytes_each_time(name, magic, tmp_path):
    curves = [TrainingCurve("a", epochs(3.0, 2.0)), TrainingCurve("b", epochs(2.0))]
    for directory in ("first", "second"):
        (tmp_path / directory).mkdir()
        figures.save(draw_training(curves), tmp_path / directory / name, overwrite=False)
    first, second = ((tmp_path / x / name).read_bytes() for x in ("first", "second"))
    assert first.startswith(magic)
    assert first == second
