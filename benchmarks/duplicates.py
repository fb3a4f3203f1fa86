"""De-duplication on labelled catalogues beside simpler rules, and 50,000 tracks beside the same.

`python -m benchmarks.duplicates [FOLDER]` prints the table alone; FOLDER holds labelled sets of the same formats.
"""

import csv
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz, process

from benchmarks.table import Row
from ranking import duplicates
from ranking.preference import Entry
from songranker import titles

LABELS = Path(__file__).resolve().parent.parent / "tests" / "ranking" / "data" / "labels"
TRACKS = 50_000
# Classes of the labels that are one version to `keep`, and those of which each name is its own.
_STUDIO = frozenset({"plain", "remaster", "mono_stereo", "bonus", "feat"})
Rule = Callable[[Sequence[Entry], str], list[Hashable]]


@dataclass(frozen=True)
class Labelled:
    """Entries, and for each the label that is equal for those that are the same."""

    entries: list[Entry]
    truth: list[Hashable]


@dataclass(frozen=True)
class Score:
    """Over pairs of entries. precision: of those that were put together, how many belong; recall: the other way round."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def labelled(folder: Path, name: str, versions: str) -> Labelled:
    """A set of `folder`: "songs" (labels depend on `versions`) or "same_audio"."""
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    entries = [
        Entry(
            id=i,
            title=row["title"],
            artist=titles.name_key(row["artist"]),
            credits=row["artist"],
            album=row["album"],
            duration_ms=int(row["duration_ms"] or 0),
        )
        for i, row in enumerate(rows)
    ]
    if name == "same_audio":
        return Labelled(entries, [row["audio_key"] for row in rows])
    return Labelled(entries, [(row["artist"], row["song"], *_version(row, versions)) for row in rows])


def _version(row: dict[str, str], versions: str) -> tuple[str, ...]:
    """What else has to be equal in `keep`: the class, and of named kinds the name as well."""
    if versions == "fold":
        return ()
    kind = row["version"]
    if kind in _STUDIO:
        return ("studio",)
    return (kind, titles.parse(row["title"]).version_key) if kind in titles.NAMED_KINDS else (kind,)


def ours(entries: Sequence[Entry], versions: str) -> list[Hashable]:
    roots = duplicates.group(entries, versions=versions).roots()
    return [roots.get(entry.id, entry.id) for entry in entries]


def exact(entries: Sequence[Entry], versions: str) -> list[Hashable]:
    """Equal titles but for case."""
    return [(entry.artist, entry.title.casefold()) for entry in entries]


def first_system(entries: Sequence[Entry], versions: str) -> list[Hashable]:
    """a-z0-9 of the title with brackets dropped, then token-sort ratio at 92."""

    def cleaned(entry: Entry) -> str:
        return re.sub(r"[^a-z0-9]+", " ", re.sub(r"[(\[].*?[)\]]", "", entry.title.lower())).strip()

    return _fuzzy(entries, cleaned, fuzz.token_sort_ratio, 92)


def token_set(entries: Sequence[Entry], versions: str) -> list[Hashable]:
    """rapidfuzz' token-set ratio at 90."""
    return _fuzzy(entries, lambda entry: entry.title.lower(), fuzz.token_set_ratio, 90)


def _fuzzy(
    entries: Sequence[Entry], text: Callable[[Entry], str], ratio: Callable[..., float], cutoff: float
) -> list[Hashable]:
    """Every title goes to the first one of its artist that is as like as `cutoff`, in the order of the file."""
    known: dict[str, list[str]] = defaultdict(list)
    place: dict[tuple[str, str], int] = {}
    found: list[Hashable] = []
    for entry in entries:
        name = text(entry)
        if (entry.artist, name) not in place:
            best = process.extractOne(name, known[entry.artist], scorer=ratio, score_cutoff=cutoff)
            place[entry.artist, name] = best[2] if best else len(known[entry.artist])
            if not best:
                known[entry.artist].append(name)
        found.append((entry.artist, place[entry.artist, name]))
    return found


RIVALS: dict[str, Rule] = {"first system": first_system, "exact title": exact, "rapidfuzz token-set": token_set}


def score(known: Labelled, versions: str, rule: Rule = ours) -> Score:
    """Pairwise precision and recall of a rule."""
    found = rule(known.entries, versions)
    both = _pairs(Counter(zip(known.truth, found, strict=True)).values())
    return Score(both / _pairs(Counter(found).values()), both / _pairs(Counter(known.truth).values()))


def _pairs(sizes: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes)


def catalogue(n: int) -> list[Entry]:
    """`n` tracks like those of the labelled catalogues, of as many artists as it takes."""
    known = labelled(LABELS, "songs", "fold").entries
    return [
        Entry(
            id=i,
            title=one.title,
            artist=f"{one.artist} {i // len(known)}",
            album=one.album,
            duration_ms=one.duration_ms,
        )
        for i, one in ((i, known[i % len(known)]) for i in range(n))
    ]


def measure(folder: Path = LABELS) -> list[Row]:
    rows = []
    for versions in ("fold", "keep"):
        known = labelled(folder, "songs", versions)
        for rival, rule in RIVALS.items():
            mine, theirs = score(known, versions), score(known, versions, rule)
            what = f"labelled songs, {versions}: precision / recall / F1; rival: {rival}"
            rows.append(Row(what, *map(_figures, (mine, theirs))))
    audio = labelled(
        folder, "same_audio", "fold"
    )  # only that they are the same is known, so only recall says something
    for rival, rule in RIVALS.items():
        mine, theirs = score(audio, "fold"), score(audio, "fold", rule)
        rows.append(Row(f"same audio, fold: recall; rival: {rival}", f"{mine.recall:.4f}", f"{theirs.recall:.4f}"))
    for n in (1265, TRACKS):
        some = catalogue(n)
        took, _ = _timed(ours, some)
        for rival, rule in RIVALS.items():
            theirs, _ = _timed(rule, some)
            rows.append(
                Row(
                    f"grouping of {n:,} tracks; rival: {rival}",
                    f"{took:.2f} s",
                    f"{theirs:.2f} s",
                    f"{theirs / took:.2f}",
                )
            )
    return rows


def _figures(found: Score) -> str:
    return f"{found.precision:.4f} / {found.recall:.4f} / {found.f1:.4f}"


def _timed(rule: Rule, entries: Sequence[Entry]) -> tuple[float, list[Hashable]]:
    """Seconds of the first run, as a command has it: nothing is parsed yet."""
    titles.forget()
    started = time.perf_counter()
    found = rule(entries, "fold")
    return time.perf_counter() - started, found


if __name__ == "__main__":
    for row in measure(Path(sys.argv[1]) if len(sys.argv) > 1 else LABELS):
        print(f"{row.what}: {row.ours} | {row.rival} {row.ratio}")
