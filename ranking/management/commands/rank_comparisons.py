"""`manage.py rank_comparisons FILE.csv`: Bradley-Terry on any file of comparisons."""

import argparse
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandParser

from ranking import bradley_terry, comparison_files
from songranker import tables
from songranker.textfiles import Unusable


class Command(BaseCommand):
    help = (
        "Rank the items of a CSV file: winner,loser[,count], or left,right,winner (left, right or tie), or "
        "item_i,item_j,wins_i,wins_j[,ties]. Bad rows are named by line and left out. "
        "Status 0 ranked, 1 no finite estimate, 2 unusable file."
    )
    requires_system_checks = ()  # needs neither database nor settings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", help='also gzipped (.gz), or "-" for standard input')
        parser.add_argument(
            "--prior-sd",
            type=_prior_sd,
            default=bradley_terry.DEFAULT_PRIOR_SD,
            metavar="X",
            help=f"width of the Gaussian prior ({bradley_terry.DEFAULT_PRIOR_SD:g}); none: maximum likelihood",
        )
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = comparison_files.read(options["file"])
        except (Unusable, OSError) as error:
            self.stderr.write(f"{options['file']}: {error}")
            raise SystemExit(tables.UNUSABLE) from None
        tables.name_bad_rows(self.stderr, found.bad_rows, "left out")
        components = found.counts.components(strong=True)[0]
        try:
            fit = bradley_terry.fit(found.counts, prior_sd=options["prior_sd"])
        except bradley_terry.NoFiniteEstimate:
            self._say_no_finite_estimate(components, options["json"])
            raise SystemExit(tables.NOTHING_FOUND) from None
        results = ranked(found.items, fit)
        if options["json"]:
            answer = {
                "results": results,
                "converged": fit.converged,
                "iterations": fit.iterations,
                "components": components,
            }
            tables.show_json(self.stdout, {**answer, "bad_rows": len(found.bad_rows)})
            return
        rows = [(one["rank"], one["item"], f"{one['strength']:.3f}", f"{one['std_error']:.3f}") for one in results]
        tables.show(self.stdout, "", ("#rank", "item", "#strength", "#std error"), rows)
        self.stdout.write(
            f"{len(results)} items, {found.counts.totals.sum():g} comparisons, {fit.iterations} iterations"
        )
        if components > 1:
            self.stdout.write(f"{components} strongly connected components: between them only the prior decides.")

    def _say_no_finite_estimate(self, components: int, as_json: bool) -> None:
        detail = (
            f"no finite estimate: the comparisons fall into {components} strongly connected components, so some items only "
            "won or only lost against the rest. Use a prior (--prior-sd 2)."
        )
        self.stderr.write(detail)
        if as_json:
            nothing = {"results": [], "converged": False, "iterations": 0, "components": components}
            tables.show_json(self.stdout, {**nothing, "finite": False, "detail": detail})


def ranked(items: list[str], fit: bradley_terry.Fit) -> list[dict[str, Any]]:
    """The lines of the answer, best first; strengths in natural-log units around their mean."""
    order = np.argsort(-fit.strengths, kind="stable")
    return [
        {"item": items[i], "strength": strength, "std_error": error, "rank": rank}
        for rank, (i, strength, error) in enumerate(
            zip(order.tolist(), fit.strengths[order].tolist(), fit.std_errors[order].tolist(), strict=True), start=1
        )
    ]


def _prior_sd(text: str) -> float | None:
    if text.strip().lower() == "none":
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is neither a positive number nor none")
    return number
