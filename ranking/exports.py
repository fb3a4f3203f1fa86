"""A ranking as a file."""

import csv
import io
from collections.abc import Sequence

from ranking.scores import Place

# Spreadsheets run what begins with these (CWE-1236); an apostrophe makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(places: Sequence[Place]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            "rank",
            "song",
            "artist",
            "album",
            "elo",
            "std_error",
            "rank_low",
            "rank_high",
            "wins",
            "losses",
            "ties",
            "spotify_url",
        ]
    )
    for place in places:
        song = place.song
        texts = [_harmless(text) for text in (song.title, song.artist_name, song.album)]
        figures = [f"{place.elo:.1f}", f"{place.std_error:.3f}", place.rank_low, place.rank_high]
        writer.writerow([place.rank, *texts, *figures, place.wins, place.losses, place.ties, song.spotify_url])
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_markdown(title: str, places: Sequence[Place]) -> str:
    rows = [f"| {p.rank} | {_cell(p.song.title)} | {_cell(p.song.artist_name)} | {p.elo:.0f} |" for p in places]
    return "\n".join(
        [
            f"# {_cell(title or 'My ranking')}",
            "",
            "| # | song | artist | Elo |",
            "| ---: | --- | --- | ---: |",
            *rows,
            "",
        ]
    )


def _cell(text: str) -> str:
    """Text that cannot break the table or become markup."""
    for character in "\\|*_`<>[]":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
