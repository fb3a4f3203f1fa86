"""How songs join a session as the catalogue grows: one message for many arrivals, few songs together, nothing given up."""

import itertools
import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ranking import collecting, tasks
from ranking.models import Session, Source
from spotify import signals
from spotify.models import Album, AlbumCredit, Artist, Import, ImportItem, Lookup, Track, TrackCredit

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NOW = timezone.now()


@pytest.fixture
def sent(monkeypatch):
    """The sessions that messages were sent for."""
    messages = []
    monkeypatch.setattr(tasks, "publish", lambda task, session_id: messages.append(session_id) or "id")
    return messages


@pytest.fixture
def artist():
    return Artist.objects.create(id="a" * 22, name="Alice", spotify_url="", fetched_at=NOW)


def album(artist, number, tracks):
    """An album that has come, with titles that look like no others."""
    made = Album.objects.create(
        id=f"{number:022}", name=f"Album {number}", total_tracks=tracks, release_date="2020", fetched_at=NOW
    )
    AlbumCredit.objects.create(album=made, artist=artist, position=0)
    for i in range(tracks):
        track = Track.objects.create(
            id=f"{number:011}{i:011}", name=word(number * 1000 + i), album=made, disc_number=1, track_number=i + 1,
            duration_ms=200_000, explicit=False, spotify_url="", fetched_at=NOW,
        )  # fmt: skip
        TrackCredit.objects.create(track=track, artist=artist, position=0)
    Lookup.objects.create(kind="album_tracks", value=made.pk, state="done", fetched_at=NOW)
    return made


def word(number):
    """A title of its own: twelve letters, any two apart in many."""
    return "".join(
        "bcdfghklmnprstvwz"[(number * 7919 ** (i + 1) // 13) % 17] + "aeiou"[(number >> i) % 5] for i in range(6)
    )


def fed(sessions=1, albums=3):
    """Sessions that one import feeds, whose list is known."""
    feed = Import.objects.create(
        key="artist:" + "a" * 22,
        kind="artist",
        spotify_id="a" * 22,
        state="running",
        created_at=NOW,
        listed_at=NOW,
        items_at=NOW,
    )
    ImportItem.objects.bulk_create(ImportItem(of_import=feed, album_id=f"{i:022}", position=i) for i in range(albums))
    made = [Session.objects.create(token_hash="x", state="collecting", feed=feed) for _ in range(sessions)]
    for session in made:
        collecting.collect(session)
    return feed, made


def arrives(*album_ids):
    signals.lookups_changed.send(sender=Lookup, kind="album_tracks", values=list(album_ids))


def test_one_message_for_whatever_comes_before_it_is_read(artist, sent):
    _, sessions = fed(sessions=2)
    arrives(album(artist, 0, 3).pk)
    arrives(album(artist, 1, 3).pk)
    assert sorted(sent) == sorted(session.pk for session in sessions)
    collecting.collect(sessions[0])
    assert sessions[0].songs.count() == 6
    arrives(album(artist, 2, 3).pk)
    assert sent[2:] == [sessions[0].pk]  # the other's message is still under way


def test_a_message_that_was_lost_holds_up_nothing(artist, sent):
    _, (session,) = fed()
    arrives(album(artist, 0, 3).pk)
    tasks.sweep()
    assert session.songs.count() == 3
    arrives(album(artist, 1, 3).pk)
    assert sent == [session.pk] * 2


def test_few_songs_of_a_large_session_wait_for_others_and_the_end_takes_all(artist):
    feed, (session,) = fed(albums=4)
    counts = []
    for number, tracks in enumerate((120, 20, 20, 1)):
        album(artist, number, tracks)
        collecting.collect(session, patient=True)
        counts.append(session.songs.count())
    assert counts == [120, 120, 160, 160]
    Import.objects.filter(pk=feed.pk).update(state="done", finished_at=NOW)
    assert collecting.collect(session, patient=True) == "ready"
    assert session.songs.count() == 161


def test_the_sweeper_is_not_patient(artist):
    _, (session,) = fed(albums=4)
    album(artist, 0, 120)
    collecting.collect(session, patient=True)
    album(artist, 1, 2)
    collecting.collect(session)
    assert session.songs.count() == 122


def test_what_an_ended_import_brought_is_taken_whenever_it_ended(artist, monkeypatch):
    """It ends between two looks of a collection: its last album came before, so it must not be given up."""
    feed, (session,) = fed(albums=1)
    album_came = itertools.count()
    lookups = collecting._lookups

    def late(sources):
        if not next(album_came):
            found = lookups(sources)  # as they were a moment ago
            album(artist, 0, 3)
            Import.objects.filter(pk=feed.pk).update(state="done", finished_at=NOW)
            return found
        return lookups(sources)

    monkeypatch.setattr(collecting, "_lookups", late)
    collecting.collect(session)
    assert collecting.collect(session) == "ready"
    assert session.songs.count() == 3
    assert set(Source.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.django_db(transaction=True)
def test_who_tells_does_not_wait_for_who_collects(artist, sent):
    """The Spotify worker tells; a large session is folded for a second meanwhile."""
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time, whatever we do")
    _, (session,) = fed()
    album_id = album(artist, 0, 3).pk
    locked, told = threading.Event(), threading.Event()

    def fold():
        with transaction.atomic():
            Session.objects.select_for_update().get(pk=session.pk)
            locked.set()
            told.wait(10)
        connection.close()

    folding = threading.Thread(target=fold)
    folding.start()
    assert locked.wait(5)
    arrives(album_id)
    told.set()
    folding.join()
    assert sent == [session.pk]
