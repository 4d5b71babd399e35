"""TensorBoard itself shows the log of a training and the directory of the projector."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

import w2v
from support import KJV, Killed, raise_on
from w2v.embeddings.embeddings import Embeddings
from w2v.events import EpochDone
from w2v.formats.registry import FORMATS

pytest.importorskip("tensorboard", reason="TensorBoard is not installed")

WORDS = ["the", "Zoë's", "日本", "0.5", "Don't", *(f"w{i}" for i in range(100))]
EMBEDDINGS = Embeddings(WORDS, np.random.default_rng(3).standard_normal((105, 7)))


@contextlib.contextmanager
def tensorboard(directory, *arguments):
    """Run TensorBoard, and yield a function that returns what it answers to a request."""
    command = [sys.executable, "-m", "tensorboard.main", "--port", "0", "--logdir", str(directory)]
    command += arguments
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            assert server.stdout is not None
            found = (re.search(r"http://\S+:\d+/", line) for line in server.stdout)
            address = next(filter(None, found))[0]
            yield lambda request: fetch(f"{address}data/plugin/{request}")
        finally:
            server.terminate()


def fetch(address):
    with urllib.request.urlopen(address, timeout=60) as response:
        return response.read()


def points(ask, tag, number):
    """The steps and values of a scalar, once TensorBoard has read as many points as expected."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(urllib.error.HTTPError):  # it has not read the tag yet
            found = json.loads(ask(f"scalars/scalars?run=.&tag={tag}"))
            if len(found) >= number or time.monotonic() > deadline:
                return [step for _, step, _ in found], [value for *_, value in found]
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_it_shows_the_projector_directory(tmp_path):
    FORMATS["projector"].write(EMBEDDINGS, tmp_path / "projector")
    with tensorboard(tmp_path / "projector") as ask:
        check_projector(ask, EMBEDDINGS)


def check_projector(ask, embeddings):
    info = json.loads(ask("projector/info?run=."))
    assert info["embeddings"][0]["tensorShape"] == list(embeddings.matrix.shape)
    tensor = ask("projector/tensor?run=.&name=words")
    assert tensor == embeddings.matrix.astype("<f4").tobytes()
    metadata = ask("projector/metadata?run=.&name=words").decode()
    rows = [line.split("\t")[0] for line in metadata.splitlines()]
    assert rows[-len(embeddings) :] == embeddings.words


@pytest.mark.parametrize("arguments", [[], ["--load_fast=false"]])  # which read in Rust, Python
def test_it_shows_the_log_of_a_training_that_was_resumed(arguments, tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    text = tmp_path / "text.txt"
    text.write_text("".join(KJV.read_text().splitlines(keepends=True)[:3000]))
    output, log = tmp_path / "m.w2v", tmp_path / "log"
    options = {"dim": 8, "epochs": 4, "threads": 1, "validation": 0.1, "checkpoint_every": 9e9}
    stop = raise_on(KeyboardInterrupt, EpochDone, 2)
    with pytest.raises(KeyboardInterrupt):
        w2v.train(text, output=output, tensorboard=log, observer=stop, **options)
    kill = raise_on(Killed, EpochDone, 3)
    with pytest.raises(Killed):  # nothing is saved, so epoch 3 is trained and logged again
        w2v.resume(output, tensorboard=log, observer=kill, checkpoint_every=9e9)
    model = w2v.resume(output, tensorboard=log)
    reports, words = model.meta["epochs"], model.meta["training"]["words"]
    with tensorboard(log, *arguments) as ask:
        for tag, name in (("epoch/loss", "loss"), ("epoch/validation_loss", "validation_loss")):
            steps, values = points(ask, tag, 4)
            assert steps == [words * epoch for epoch in (1, 2, 3, 4)]
            assert values == pytest.approx([report[name] for report in reports])
        steps, _ = points(ask, "progress/learning_rate", 2)
        assert len(steps) == len(set(steps)) == 2
        check_projector(ask, model)
