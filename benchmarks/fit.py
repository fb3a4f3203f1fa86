"""Fits of 50, 200, 2,000 and 10,000 items beside `choix` and `evalica`, on the same results in the same run."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import choix
import evalica
import numpy as np

from benchmarks.table import Row, median_and_p95, milliseconds
from ranking import bradley_terry, comparison_files
from ranking.bradley_terry import Counts

Results = tuple[np.ndarray, np.ndarray]  # winners, losers


def measure() -> list[Row]:
    return [
        *[_beside_choix(n, votes) for n, votes in ((50, 200), (200, 1000))],
        *[_beside_evalica(n, votes) for n, votes in ((50, 2_000), (200, 10_000), (2_000, 200_000))],
        _league(),
    ]


def random_results(n: int, votes: int, sd: float = 2.0, seed: int = 1) -> Results:
    """Any two items meet equally often."""
    random = np.random.default_rng(seed)
    truth = random.normal(0, sd, n)
    a = random.integers(0, n, votes)
    b = (a + random.integers(1, n, votes)) % n
    won = random.random(votes) < 1 / (1 + np.exp(truth[b] - truth[a]))
    return np.where(won, a, b), np.where(won, b, a)


def league_results(n: int, games: int, years: int = 50, seed: int = 1) -> Results:
    """Like a tour: players come and go, few play a lot, most meet those of about their own strength."""
    random = np.random.default_rng(seed)
    begins, lasts = random.uniform(0, years, n), np.minimum(random.exponential(4, n) + 0.5, 20)
    plays = random.lognormal(0, 1.5, n)
    truth = random.normal(0, 1.3, n) + 0.5 * np.log(plays)
    results = []
    for year in range(years):
        there = np.flatnonzero((begins < year + 1) & (begins + lasts > year))
        a, b = random.choice(there, (2, 3 * games // years), p=plays[there] / plays[there].sum())
        meet = (a != b) & (random.random(len(a)) < np.exp(-np.abs(truth[a] - truth[b]) / 2))
        a, b = a[meet][: games // years], b[meet][: games // years]
        won = random.random(len(a)) < 1 / (1 + np.exp(truth[b] - truth[a]))
        results.append((np.where(won, a, b), np.where(won, b, a)))
    winners, losers = (np.concatenate(parts) for parts in zip(*results, strict=True))
    return winners, losers


def _beside_choix(n: int, votes: int) -> Row:
    """A session's ranking, with prior and standard errors. choix' alpha is one over twice the prior's variance."""
    winners, losers = random_results(n, votes)
    pairs = list(zip(winners.tolist(), losers.tolist(), strict=True))
    ours = milliseconds(lambda: bradley_terry.fit(Counts.of_games(n, winners, losers)).std_errors, 60)
    alpha = 1 / (2 * bradley_terry.DEFAULT_PRIOR_SD**2)
    theirs = milliseconds(lambda: choix.opt_pairwise(n, pairs, alpha=alpha), 8)
    off = _difference(
        bradley_terry.fit(Counts.of_games(n, winners, losers)).strengths,
        choix.opt_pairwise(n, pairs, alpha=alpha, tol=1e-12),
    )
    return _row(
        f"fit with standard errors, {n} songs, {votes} comparisons; rival: choix (differs by {off:.0e})", ours, theirs
    )


def _beside_evalica(n: int, votes: int) -> Row:
    """Maximum likelihood, from single results; evalica (Rust) as exact as ours."""
    winners, losers = random_results(n, votes, sd=1.0)
    names = [f"s{i}" for i in range(n)]
    left, right = [names[i] for i in winners], [names[i] for i in losers]
    who = [evalica.Winner.X] * votes

    def rival(tolerance: float = 1e-6) -> "np.ndarray":
        scores = evalica.bradley_terry(left, right, who, tolerance=tolerance, limit=100_000).scores
        return np.log(scores.loc[names].to_numpy())

    ours = milliseconds(lambda: bradley_terry.fit(Counts.of_games(n, winners, losers), prior_sd=None), 10)
    theirs = milliseconds(rival, 3)
    off = _difference(bradley_terry.fit(Counts.of_games(n, winners, losers), prior_sd=None).strengths, rival(1e-12))
    return _row(
        f"maximum likelihood, {n:,} songs, {votes:,} comparisons; rival: evalica (differs by {off:.0e})", ours, theirs
    )


def _league() -> Row:
    """10,000 players, 600,000 games, from the file to strengths with standard errors. evalica is dense: a minute."""
    winners, losers = league_results(10_000, 600_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "games.csv"
        path.write_text(
            "winner,loser\n" + "".join(f"player {a},player {b}\n" for a, b in zip(winners, losers, strict=True))
        )
        read, reading = _timed(lambda: comparison_files.read(str(path)))
    fit, fitting = _timed(lambda: bradley_terry.fit(read.counts))
    _, errors = _timed(lambda: fit.std_errors)
    return Row(
        f"a file of {len(winners):,} games, {len(read.items):,} players (gradient {fit.gradient_norm:.0e})",
        f"read {reading:.2f} s, fit {fitting:.2f} s, standard errors {errors:.2f} s",
    )


def _timed(work: Callable[[], object]) -> tuple:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - (theirs - theirs.mean())).max())


def _row(what: str, ours: list[float], theirs: list[float]) -> Row:
    ratio = statistics.median(theirs) / statistics.median(ours)
    return Row(what, median_and_p95(ours), median_and_p95(theirs), f"{ratio:.0f} x faster")
