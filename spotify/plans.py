"""What an import will ask for, in which order, and how many calls that takes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

PAGE_OF_TRACKS = 50
_TYPES = {"album": 0, "single": 1, "compilation": 2}


@dataclass(frozen=True, slots=True)
class PlannedAlbum:
    """An album of the list."""

    id: str
    album_type: str
    release_date: str
    total_tracks: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """calls: how many are left; share_of_day: of the calls that a rolling day allows, 0 where there is no limit;
    seconds: at the pace that the window leaves to imports; fits_today: is that much left of the day for bulk work?
    """

    calls: int
    share_of_day: float
    seconds: float
    fits_today: bool


def in_order(albums: Sequence[PlannedAlbum]) -> list[PlannedAlbum]:
    """The main albums first, the newest of them before the others: what is cut short by a spent day is the least missed."""
    newest_first = sorted(albums, key=lambda album: (album.release_date, album.id), reverse=True)
    return sorted(newest_first, key=lambda album: _TYPES.get(album.album_type, 1))


def calls(albums: Sequence[PlannedAlbum], *, batch: int) -> int:
    """Calls for these albums' tracks: `batch` albums at once, and a page for each further fifty tracks of one."""
    pages = sum(max(0, -(-album.total_tracks // PAGE_OF_TRACKS) - 1) for album in albums)
    return -(-len(albums) // batch) + pages


def list_calls(total: int, *, page: int) -> int:
    """Calls for an artist's list of albums."""
    return max(1, -(-total // page))


def estimate(
    left: int, *, used_today: int, daily_limit: int, limit: int, window_seconds: float, bulk_share: float
) -> Estimate:
    """What `left` calls mean for the budgets, of which bulk work may use `bulk_share`."""
    return Estimate(
        calls=left,
        share_of_day=round(left / daily_limit, 4) if daily_limit else 0.0,
        seconds=round(left / (limit * bulk_share) * window_seconds, 1) if limit else 0.0,
        fits_today=not daily_limit or used_today + left <= daily_limit * bulk_share,
    )
