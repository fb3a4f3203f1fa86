"""Editions of one album, and albums that only share a title."""

import pytest

from spotify import editions
from spotify.editions import Edition


def folded(*names, songs=None, **changes):
    """Positions that are one album. A name may be (name, release date)."""
    some = []
    for i, name in enumerate(names):
        title, date = name if isinstance(name, tuple) else (name, "2010-01-01")
        some.append(Edition(str(i), title, changes.get("album_type", "album"), date, 12))
    albums = editions.fold(some, lambda ids: songs or {})
    return sorted(sorted(map(int, ids)) for _, ids in albums)


@pytest.mark.parametrize(
    "name",
    [
        *("Red (Deluxe Edition)", "Red [Remastered]", "Red (Bonus Track Version)", "Red - Deluxe Version", "red", "Red Platinum Edition"),
        *("Red (Japanese Version)", "Red (10th Anniversary Edition)", "Red (Explicit)", "Red (International Version)", "Red (Édition Deluxe)"),
    ],
)  # fmt: skip
def test_editions_are_one_album(name):
    assert folded("Red", name) == [[0, 1]]


@pytest.mark.parametrize(
    "name",
    [
        "Red (Taylor's Version)",
        "Red (Live)",
        "Red (Karaoke Version)",
        "Red, Vol. 2",
        "Red II",
        "Redder",
        "Red (Acoustic)",
        "Red (Spanish Version)",
    ],
)
def test_other_albums_stay(name):
    assert folded("Red", name) == [[0], [1]]


def test_kinds_of_release_stay_apart():
    both = [
        Edition("1", "Red", "album", "2010", 12),
        Edition("2", "Red", "single", "2010", 1),
        Edition("3", "Red", "single", "2010", 5),
    ]
    assert len(editions.fold(both)) == 3
    assert [editions.kind_of_release(one.album_type, one.name, one.total_tracks) for one in both] == [
        "album",
        "single",
        "ep",
    ]
    assert editions.kind_of_release("single", "Red EP", 3) == "ep"
    assert editions.kind_of_release("compilation", "Red", 30) == "compilation"


class TestAlbumsOfOneTitle:
    """Peter Gabriel called four of his "Peter Gabriel"."""

    NAMES = (("Peter Gabriel", "1977"), ("Peter Gabriel", "1978"), ("Peter Gabriel (Remastered)", "2002"))

    def test_songs_tell_them_apart(self):
        songs = {
            "0": {"moribund", "solsbury hill"},
            "1": {"on the air", "exposure"},
            "2": {"on the air", "exposure", "bonus"},
        }
        assert folded(*self.NAMES, songs=songs) == [[0], [1, 2]]

    def test_what_is_not_known_is_taken_for_an_edition(self):
        assert folded(*self.NAMES) == [[0, 1, 2]]

    def test_songs_are_asked_for_only_where_there_is_a_doubt(self):
        asked = []
        sure = [Edition("1", "Red", "album", "2012", 12), Edition("2", "Red (Deluxe)", "album", "2013", 16)]
        editions.fold(sure, lambda ids: asked.append(ids) or {})
        assert asked == []


def test_the_plainest_and_earliest_stands_for_the_rest_in_the_order_of_the_list():
    some = [
        Edition("a", "Blue", "album", "2011", 10),
        Edition("b", "Red (Deluxe)", "album", "2009", 16),
        Edition("c", "Red", "album", "2012", 12),
        Edition("d", "Red", "album", "2010", 12),
    ]
    assert editions.fold(some) == [("a", ["a"]), ("d", ["b", "c", "d"])]
