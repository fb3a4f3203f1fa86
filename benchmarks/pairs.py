"""`python -m benchmarks.pairs [RUNS [FIRST_SEED]]`: simulated people asked by different rules: how good and how true?

People: Bradley-Terry with strengths of standard deviation 3 ("decisive") and 1.5 ("noisy"); the first with 15 % of the
answers by a coin ("careless"), or with a taste that drifts ("drifting"); and a full order without errors ("sure").
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each run is a process' own

import numpy as np

from benchmarks.table import Row, median_and_p95, milliseconds
from ranking import bradley_terry, pairs, prior_width, progress
from ranking.bradley_terry import Counts, Fit

SONGS = 50
RUNS = 40
PEOPLE = {"decisive": 3.0, "noisy": 1.5, "careless": 3.0, "drifting": 3.0, "sure": 30.0}


class Person:
    """Has a taste, and answers by it."""

    def __init__(self, kind: str, n: int, random: np.random.Generator) -> None:
        self.kind, self._random = kind, random
        self.taste = random.normal(0, PEOPLE[kind], n)

    def prefers(self, a: int, b: int) -> bool:
        if self.kind == "sure":
            return bool(self.taste[a] > self.taste[b])
        p = 1 / (1 + np.exp(self.taste[b] - self.taste[a]))
        if self.kind == "careless":
            p = 0.85 * p + 0.15 * 0.5
        if self.kind == "drifting":
            self.taste = self.taste + self._random.normal(0, 0.03, len(self.taste))
        return bool(self._random.random() < p)


@dataclass
class State:
    """What a rule may look at."""

    n: int
    seed: int
    wins: np.ndarray
    met: np.ndarray
    fit: Fit
    last: tuple[int, int] | None = None
    answered: int = 0

    @classmethod
    def at_first(cls, n: int, seed: int) -> "State":
        wins = np.zeros((n, n))
        return cls(n, seed, wins, np.zeros((n, n), dtype=np.int64), bradley_terry.fit(Counts.of_matrix(wins)))

    def ask(self, person: Person, pair: tuple[int, int]) -> None:
        """The person answers, and that is recorded."""
        a, b = pair
        winner, loser = (a, b) if person.prefers(a, b) else (b, a)
        self.wins[winner, loser] += 1
        self.met[a, b] += 1
        self.met[b, a] += 1
        self.last, self.answered = pair, self.answered + 1


Rule = Callable[[State], tuple[int, int]]


def ours(mode: str) -> Rule:
    def rule(state: State) -> tuple[int, int]:
        aim = pairs.focus(mode, answered=state.answered, n=state.n)
        nothing = np.zeros_like(state.met)
        seed = state.seed * 10_000 + state.answered
        choice = pairs.choose(
            state.fit.strengths, state.fit.covariance, state.met, nothing, seed=seed, last=state.last, aim=aim
        )
        assert choice is not None
        return choice.left, choice.right

    return rule


def at_random(state: State) -> tuple[int, int]:
    random = np.random.default_rng((state.seed, state.answered))
    a, b = random.choice(state.n, 2, replace=False)
    return int(a), int(b)


def nearest_rank(state: State) -> tuple[int, int]:
    """Swiss: who was asked about least, against the nearest in strength among those that it has met least."""
    random = np.random.default_rng((state.seed, state.answered))
    shown = state.met.sum(axis=1)
    first = int(random.choice(np.flatnonzero(shown == shown.min())))
    others = np.flatnonzero(np.arange(state.n) != first)
    rarest = others[state.met[first, others] == state.met[first, others].min()]
    second = rarest[np.argmin(np.abs(state.fit.strengths[rarest] - state.fit.strengths[first]))]
    return first, int(second)


RULES: dict[str, tuple[Rule, str]] = {
    "random": (at_random, "standard"),
    "nearest rank": (nearest_rank, "standard"),
    "ours, standard": (ours("standard"), "standard"),
    "ours, quick": (ours("quick"), "quick"),
}


@dataclass
class Result:
    """One run: how good at 2 n, 3 n, 4 n answers; at the end what was claimed and found."""

    quality: dict[int, tuple[float, float, float]] = field(default_factory=dict)  # tau, top-10 recall, number one right
    claimed: float = 0.0
    found: float = 0.0
    covered: float = 0.0
    inside: float = 0.0


def simulate(job: tuple[str, str, int]) -> Result:
    """One person, one rule, from the first answer to the end of the mode."""
    kind, rule_name, seed = job
    rule, mode = RULES[rule_name]
    person = Person(kind, SONGS, np.random.default_rng(seed))
    state = State.at_first(SONGS, seed)
    early, result, promised = state.wins.copy(), Result(), []
    while True:
        if state.answered == prior_width.early_answers(state.answered, SONGS):
            early = state.wins.copy()
        width = prior_width.prior_sd(Counts.of_matrix(early))
        state.fit = bradley_terry.fit(Counts.of_matrix(state.wins), prior_sd=width)
        if state.answered in (2 * SONGS, 3 * SONGS, 4 * SONGS):
            result.quality[state.answered // SONGS] = quality(state.fit.strengths, person.taste)
        said = progress.progress(state.fit, answered=state.answered, mode=mode)
        promised.append((state.answered, said.remaining_low, said.remaining_high))
        if said.complete:
            break
        state.ask(person, rule(state))
    result.quality.setdefault(progress.budget(mode, SONGS) // SONGS, quality(state.fit.strengths, person.taste))
    result.claimed, result.found = said.confidence, (result.quality[max(result.quality)][0] + 1) / 2
    rank = np.argsort(np.argsort(-person.taste)) + 1
    low, high = progress.rank_intervals(state.fit)
    result.covered = float(((low <= rank) & (rank <= high)).mean())
    result.inside = float(np.mean([low <= state.answered - at <= high for at, low, high in promised[:-1]]))
    return result


def quality(strengths: np.ndarray, taste: np.ndarray) -> tuple[float, float, float]:
    """Kendall's tau, the share of the true top ten that is found, and whether the number one is right."""
    first, second = np.triu_indices(len(taste), 1)
    agree = np.sign(taste[first] - taste[second]) == np.sign(strengths[first] - strengths[second])
    ours, true = np.argsort(-strengths), np.argsort(-taste)
    recall = len(set(ours[:10].tolist()) & set(true[:10].tolist())) / 10
    return float(2 * agree.mean() - 1), recall, float(ours[0] == true[0])


def measure(runs: int = RUNS, first_seed: int = 0) -> list[Row]:
    jobs = [
        (kind, rule)
        for kind in PEOPLE
        for rule in RULES
        if kind in ("decisive", "noisy") or rule == "ours, standard" or (kind, rule) == ("careless", "ours, quick")
    ]
    rows = []
    # Started anew, not forked: the parent has threads.
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for kind, rule in jobs:
            results = pool.map(
                simulate, [(kind, rule, seed) for seed in range(first_seed, first_seed + runs)], chunksize=1
            )
            rows.append(_row(kind, rule, results))
    return rows + [_choice(n) for n in (50, 200)]


def _row(kind: str, rule: str, results: list[Result]) -> Row:
    marks = sorted(set.intersection(*(set(result.quality) for result in results)))
    means = {mark: np.mean([result.quality[mark] for result in results], axis=0) for mark in marks}
    figures = "; ".join(f"{mark} n: {tau:.2f}/{recall:.2f}/{one:.2f}" for mark, (tau, recall, one) in means.items())
    claimed, found, covered, inside = (
        np.mean([getattr(result, name) for result in results]) for name in ("claimed", "found", "covered", "inside")
    )
    truth = f"claimed {claimed:.3f}, found {found:.3f}; rank intervals hold {covered:.1%}; remaining true {inside:.0%}"
    what = f"{kind} people, {rule}: tau/top ten/number one right, {SONGS} songs, {len(results)} runs"
    return Row(what, figures, "", truth if rule.startswith("ours") else "")


def _choice(n: int) -> Row:
    random = np.random.default_rng(1)
    a = random.integers(0, n, 4 * n)
    b = (a + random.integers(1, n, 4 * n)) % n
    fit = bradley_terry.fit(Counts.of_games(n, a, b))
    met = np.zeros((n, n), dtype=np.int64)
    took = milliseconds(lambda: pairs.choose(fit.strengths, fit.covariance, met, met, seed=1), 60)
    return Row(f"choosing a pair of {n} songs", median_and_p95(took))


if __name__ == "__main__":
    for one in measure(*map(int, sys.argv[1:])):
        print(one.what, one.ours, one.ratio, sep=" | ", flush=True)
