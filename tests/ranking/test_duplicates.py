"""Which tracks are the same song, and which only look so."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.duplicates import Entry, group
from songranker import titles


def grouped(*names, versions="fold", **changes):
    entries = [Entry(i, name, "alice", **changes) for i, name in enumerate(names)]
    return [sorted((one.keep, *one.merged)) for one in group(entries, versions=versions)]


@pytest.mark.parametrize(
    ("one", "other", "fold", "keep"),
    [
        ("Let It Be", "Let It Be - Remastered 2009", True, True),
        ("Let It Be", "LET IT BE (2009 Remaster)", True, True),
        ("Don't Blame Me", "Don’t Blame Me", True, True),
        ("Beyoncé", "Beyonce", True, True),
        ("Style", "Style (Live)", True, False),
        ("Style", "Style - Live from the Studio", True, False),
        ("Style", "Style (Karaoke Version)", True, False),
        ("Love Story", "Love Story (Taylor's Version)", True, False),
        ("Royals", "Royals - Weeknd Remix", True, False),
        ("Cloud Aura", "Cloud Aura (feat. Brooke Candy)", True, True),
        ("Live Forever", "Forever", False, False),
        ("Alive", "A", False, False),
        ("Demons", "Demon", False, False),
        ("Remix to Ignition", "Ignition", False, False),
        ("Song, Pt. 1", "Song, Pt. 2", False, False),
        ("Interlude II", "Interlude III", False, False),
        ("正しい街", "丸の内サディスティック", False, False),
        ("を", "お", False, False),
        ("Группа крови", "Звезда", False, False),
        ("좋은 날", "싫은 날", False, False),
        ("???", "!!!", False, False),
        ("🔥", "❤️", False, False),
    ],
)
def test_pairs(one, other, fold, keep):
    assert bool(grouped(one, other)) is fold
    assert bool(grouped(one, other, versions="keep")) is keep


def test_an_equal_isrc_is_the_same_recording():
    entries = [Entry(1, "Song", "alice", isrc="USCJY0603001"), Entry(2, "Other Name", "bob", isrc="USCJY0603001")]
    (one,) = group(entries, versions="keep")
    assert (one.reason, one.confidence) == ("the same recording (equal ISRC)", 1.0)


def test_another_artist_is_another_song():
    assert group([Entry(1, "Hello", "adele"), Entry(2, "Hello", "lionel")], versions="fold") == []


def test_intros_of_two_albums_are_two_songs_unless_they_last_the_same():
    assert grouped("Intro", "Intro") == []
    entries = [Entry(1, "Intro", "alice", duration_ms=60_000), Entry(2, "Intro", "alice", duration_ms=95_000)]
    assert group(entries, versions="fold") == []
    assert len(group([*entries, Entry(3, "Intro", "alice", duration_ms=60_300)], versions="fold")) == 1


def test_the_plainest_studio_version_stands_for_the_rest():
    entries = [
        Entry(1, "Fearless (Live)", "t"),
        Entry(2, "Fearless - Remastered", "t", release_date="2008"),
        Entry(3, "Fearless", "t", album="Fearless (Deluxe)", release_date="2008"),
        Entry(4, "Fearless", "t", album="Fearless", release_date="2009"),
    ]
    (one,) = group(entries, versions="fold")
    assert one.keep == 4
    assert "live" in one.reason


@given(st.randoms(use_true_random=False))
def test_the_order_does_not_matter(shuffler):
    names = ["A", "A (Live)", "B", "B - Remastered 2011", "Intro", "C", "a", "C (Demo)", "D"]
    entries = [Entry(i, name, "x", release_date=str(2000 + i)) for i, name in enumerate(names)]
    expected = group(entries, versions="fold")
    shuffled = list(entries)
    shuffler.shuffle(shuffled)
    assert group(shuffled, versions="fold") == expected


def test_it_is_near_linear():
    """Sixteen times the tracks in far less than 256 times the time; the best of three, because machines are noisy."""

    def seconds(n):
        entries = [Entry(i, f"Song {i * 7919 % (n // 3)} - Live", "x") for i in range(n)]
        took = []
        for _ in range(3):
            started = perf_counter()
            group(entries, versions="fold")
            took.append(perf_counter() - started)
        return min(took)

    assert seconds(8000) < 60 * seconds(500)


@given(st.text(max_size=60))
def test_titles_never_fail_and_parsing_what_is_left_changes_nothing(text):
    parsed = titles.parse(text)
    assert parsed.text == text
    again = titles.parse(parsed.base)
    assert (again.base, again.marks, again.featured) == (parsed.base, (), ())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Florence + The Machine", "florence and the machine", True),
        ("Florence & the Machine", "Florence + The Machine", True),
        ("The Beatles", "beatles", True),
        ("Beyoncé", "BEYONCE", True),
        ("Дай", "Даи", False),
        ("ガ", "カ", False),
    ],
)
def test_artists_names(one, other, same):
    assert (titles.name_key(one) == titles.name_key(other)) is same
