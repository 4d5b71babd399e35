"""Count the frames per second of a map in a headless Chromium without a GPU.

    python -m scripts.bench.map_frames map.html

In each frame the page receives one event of the wheel or the pointer, as from a hand that never
rests, and draws itself anew. A frame counts when the page has drawn it; the time is that of the
page's clock. Chromium draws 60 frames per second at most.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 5

_MEASURE = """
new Promise((done) => {
    const canvas = document.getElementById("map"), frames = w2vMap.frames(), gaps = [];
    const move = MOVE;
    const start = performance.now();
    let last = start, step = 0;
    const tick = (now) => {
        gaps.push(now - last);
        last = now;
        if (performance.now() - start > SECONDS * 1000) {
            gaps.sort((a, b) => a - b);
            const seconds = (performance.now() - start) / 1000;
            done({ rate: (w2vMap.frames() - frames) / seconds,
                   slow: gaps[Math.floor(0.95 * gaps.length)] });
            return;
        }
        move(canvas, step++);
        requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
})
"""
_ZOOM = """(canvas, step) => canvas.dispatchEvent(new WheelEvent("wheel", { clientX: 700,
    clientY: 380, deltaY: step % 100 < 50 ? -31 : 31, cancelable: true }))"""
_PAN = """(canvas, step) => w2vMap.moveBy(step % 40 < 20 ? 6 : -6, step % 60 < 30 ? 4 : -4)"""
_SCENES = {
    "zoom from x1 to x30 and back": (1, _ZOOM),
    "move at x1, all words in sight": (1, _PAN),
    "move at x4": (4, _PAN),
    "move at x32": (32, _PAN),
}


@click.command()
@click.argument("pages", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--width", default=1280, show_default=True)
@click.option("--height", default=800, show_default=True)
@click.option("--ratio", default=1.0, show_default=True, help="Device pixels by CSS pixels.")
def main(pages: tuple[Path, ...], width: int, height: int, ratio: float) -> None:
    """Print the frames per second of PAGES, and the time of the slowest twentieth of the frames."""
    sys.path.insert(0, str(ROOT / "tests"))
    from browser.chromium import Browser, find_chromium

    executable = find_chromium()
    if executable is None:
        raise click.ClickException("no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(executable, Path(profile))
        try:
            click.echo(f"{width} x {height} at {ratio:g} device pixels, no GPU, {_SECONDS} s each")
            for path in pages:
                _measure(browser, path, width, height, ratio)
        finally:
            browser.close()


def _measure(browser: object, path: Path, width: int, height: int, ratio: float) -> None:
    click.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    with browser.page(path, width=width, height=height, ratio=ratio) as page:  # type: ignore[attr-defined]
        loaded = page.run(
            "(() => { const t = performance.getEntriesByType('navigation')[0];"
            " return t.domContentLoadedEventEnd - t.startTime })()"
        )
        words = page.run("w2vMap.shows().length")
        click.echo(f"  {words:,} words, ready after {loaded / 1000:.2f} s")
        for name, (zoom, move) in _SCENES.items():
            page.run(f"w2vMap.zoomTo({zoom})")
            script = _MEASURE.replace("MOVE", move).replace("SECONDS", str(_SECONDS))
            found = page.run(script)
            rate, slow = found["rate"], found["slow"]
            click.echo(f"  {name:<34}{rate:5.1f} frames/s, 95 % within {slow:.0f} ms")


if __name__ == "__main__":
    main()
