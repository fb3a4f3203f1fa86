"""`python -m benchmarks.pictures [RUNS]`: the two pictures of docs/ranking.md, as SVG without any library."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks import pairs as simulation
from ranking import bradley_terry, prior_width
from ranking.bradley_terry import Counts

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
COLOURS = {"random": "#9aa0a6", "nearest rank": "#4285f4", "ours, standard": "#188038", "ours, quick": "#d93025"}
STYLE = "<style>text{font:13px sans-serif;fill:#333}.t{font-weight:bold}.a{stroke:#888;stroke-width:1}</style>"


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{text}</text>'


def _svg(name: str, width: int, height: int, parts: Sequence[str]) -> None:
    body = "\n".join([STYLE, f'<rect width="{width}" height="{height}" fill="white"/>', *parts])
    path = IMAGES / name
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">\n{body}\n</svg>\n')
    print(f"written to {path}")


def rules(runs: int) -> None:
    """Quality by number of answers, decisive people."""
    marks = (2, 3, 4)
    found = {}
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for rule in simulation.RULES:
            results = pool.map(simulation.simulate, [("decisive", rule, seed) for seed in range(runs)], chunksize=1)
            found[rule] = {
                m: np.mean([r.quality[m] for r in results], axis=0) for m in marks if m in results[0].quality
            }
    parts = []
    panels = (("Kendall's tau", 0, 0.5, 0.9), ("share of the top ten", 1, 0.5, 0.9), ("right number one", 2, 0.1, 0.9))
    for at, (title, which, low, high) in enumerate(panels):
        left, top, wide, tall = 50 + at * 250, 40, 180, 200
        parts.append(_text(left, 22, title, kind="t"))
        for step in range(5):
            value = low + (high - low) * step / 4
            y = top + tall - tall * step / 4
            parts.append(f'<line class="a" x1="{left}" x2="{left + wide}" y1="{y}" y2="{y}" opacity=".25"/>')
            parts.append(_text(left - 6, y + 4, f"{value:.1f}", "end"))
        for mark in marks:
            parts.append(_text(left + wide * (mark - 2) / 2, top + tall + 20, f"{mark} n", "middle"))
        for rule, by_mark in found.items():
            points = [
                (left + wide * (m - 2) / 2, top + tall - tall * (q[which] - low) / (high - low))
                for m, q in by_mark.items()
            ]
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[rule]}" stroke-width="2.5"/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[rule]}"/>' for x, y in points]
    for at, (rule, colour) in enumerate(COLOURS.items()):
        parts.append(f'<rect x="{50 + at * 170}" y="285" width="14" height="14" fill="{colour}"/>')
        parts.append(_text(70 + at * 170, 297, rule))
    _svg("pair-rules.svg", 790, 315, parts)


def posterior(n: int = 20, seed: int = 4) -> None:
    """Strengths with 95 % intervals after 1 n, 2 n and 4 n answers; the cross is the taste that gave them."""
    person = simulation.Person("decisive", n, np.random.default_rng(seed))
    taste = person.taste - person.taste.mean()
    order = np.argsort(-taste)
    state = simulation.State.at_first(n, seed)
    parts = []
    for answered in range(4 * n + 1):
        counts = Counts.of_matrix(state.wins)
        state.fit = bradley_terry.fit(counts, prior_sd=prior_width.prior_sd(counts))
        if answered in (n, 2 * n, 4 * n):
            parts += _panel(40 + 255 * (answered // n // 2), f"{answered} answers", state.fit, taste, order)
        state.ask(person, simulation.ours("standard")(state))
    parts.append(
        _text(
            40,
            395,
            "dot and bar: strength and its 95 % interval, natural-log units; cross: the taste behind the answers",
        )
    )
    _svg("posterior.svg", 800, 405, parts)


def _panel(left: int, title: str, fit: bradley_terry.Fit, taste: np.ndarray, order: np.ndarray) -> list[str]:
    def x(value: float) -> float:
        return left + 115 + float(np.clip(value, -8, 8)) * 14

    parts = [_text(left, 22, title, kind="t")]
    parts.append(f'<line class="a" x1="{x(0)}" x2="{x(0)}" y1="32" y2="372" opacity=".3"/>')
    for row, song in enumerate(order):
        y = 42 + row * 17
        low, high = (x(fit.strengths[song] + side * 1.96 * fit.std_errors[song]) for side in (-1, 1))
        parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="#9bc2a8" stroke-width="5"/>')
        parts.append(f'<circle cx="{x(fit.strengths[song]):.1f}" cy="{y}" r="4" fill="#188038"/>')
        parts.append(_text(x(taste[song]), y + 4.5, "×", "middle"))
    return parts


if __name__ == "__main__":
    posterior()
    rules(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
