"""A session's ranking: 200 songs, 1,000 comparisons, standard errors included, beside `choix`."""

import statistics

import choix
import numpy as np

from benchmarks.table import Row, median_and_p95, milliseconds
from ranking import bradley_terry


def measure() -> list[Row]:
    random = np.random.default_rng(1)
    n, votes = 200, 1000
    truth = random.normal(0, 2, n)
    pairs = []
    for _ in range(votes):
        a, b = random.choice(n, 2, replace=False)
        pairs.append((a, b) if random.random() < 1 / (1 + np.exp(truth[b] - truth[a])) else (b, a))
    wins = np.zeros((n, n))
    for winner, loser in pairs:
        wins[winner, loser] += 1

    ours = milliseconds(lambda: bradley_terry.fit(wins), 60)
    # The same penalty: choix' alpha multiplies the sum of squares, ours is 1 / (2 s^2).
    alpha = 1 / (2 * bradley_terry.DEFAULT_PRIOR_SD**2)
    found: dict[str, np.ndarray] = {}

    def rival() -> None:
        found["strengths"] = choix.opt_pairwise(n, pairs, alpha=alpha)

    theirs = milliseconds(rival, 8)
    difference = np.abs(bradley_terry.fit(wins).strengths - (found["strengths"] - found["strengths"].mean())).max()
    ratio = statistics.median(theirs) / statistics.median(ours)
    what = f"fit, {n} songs, {votes} comparisons, against `choix.opt_pairwise` (largest difference {difference:.1e})"
    return [Row(what, median_and_p95(ours), median_and_p95(theirs), f"{ratio:.0f} x faster")]
