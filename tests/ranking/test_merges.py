"""Folding inside a session: by itself, by the person's word, and back again."""

import uuid
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranking import comparisons, merges, scores, sessions
from ranking.comparisons import Answer
from ranking.models import Merge, Session, Song
from ranking.songs import PastedSong

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NAMES = (
    "Style",
    "Style (Live)",
    "Style - Live",
    "Style - Remastered 2009",
    "Red",
    "Red (Demo)",
    "Blue",
    "Blue Live",
    "Green",
)
QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make(*names, versions="fold"):
    wanted = sessions.Wanted(songs=[PastedSong(name, "Alice") for name in names])
    session, _ = sessions.create(wanted, name="", mode="standard", versions=versions, visibility="unlisted")
    return session


def standing(session):
    return [song.name for song in session.songs.filter(merged_into__isnull=True)]


def state(session):
    """Everything that a merge may touch and an un-merge has to bring back."""
    session = Session.objects.get(pk=session.pk)
    tallied = scores.tallies(session)
    estimate = scores.estimate(session, tallied)
    return (
        list(session.songs.values_list("pk", "merged_into", "shown_name", "excluded")),
        list(session.comparisons.values_list("n", "song_a", "song_b", "outcome", "undone_at")),
        [song.pk for song in tallied.songs],
        estimate.strengths.tolist(),
        list(session.lookalikes.values_list("song", "other", "reason")),
    )


def vote(session, one, other, outcome):
    answer = Answer(song_a=str(one), song_b=str(other), outcome=outcome, pair=None, decision_ms=None)
    comparisons.record(session, answer, key=uuid.uuid4().hex)


def test_versions_are_folded_into_their_song_and_copies_into_their_version():
    session = make(*NAMES)
    assert standing(session) == ["Style", "Red", "Blue", "Blue Live", "Green"]
    reasons = set(session.merges.values_list("reason", flat=True))
    assert reasons == {
        "the same title by the same artist",
        "another copy of the recording (remaster)",
        "the same song in another version (live)",
        "the same song in another version (demo)",
    }


def test_taking_a_version_apart_takes_its_copies_along_and_lasts():
    session = make(*NAMES)
    live = session.merges.get(reason__contains="(live)")
    merges.unmerge(session, str(live.pk))
    assert standing(session) == ["Style", "Style (Live)", "Red", "Blue", "Blue Live", "Green"]
    sessions.add(session, sessions.Wanted(songs=[PastedSong("Style (Live at Home)", "Alice")]))
    assert standing(session) == ["Style", "Style (Live)", "Red", "Blue", "Blue Live", "Green"]
    for versions in ("keep", "fold"):
        sessions.change(session, {"versions": versions})
    assert standing(session) == ["Style", "Style (Live)", "Red", "Blue", "Blue Live", "Green"]


def test_a_later_copy_follows_what_the_person_merged():
    session = make("Style", "Red", "Blue")
    style, red, _ = session.songs.all()
    merges.merge(session, str(red.pk), [str(style.pk)])
    sessions.add(session, sessions.Wanted(songs=[PastedSong("Style - Remastered 2009", "Alice")]))
    assert standing(session) == ["Red", "Blue"]


def test_a_merge_that_stays_keeps_its_id():
    session = make(*NAMES)
    before = set(session.merges.values_list("pk", "reason"))
    sessions.add(
        session, sessions.Wanted(songs=[PastedSong("Green (Live)", "Alice"), PastedSong("Style (Live)", "Alice")])
    )
    assert before < set(session.merges.values_list("pk", "reason"))


def test_folding_again_writes_nothing(django_assert_num_queries):
    session = make(*NAMES)
    with django_assert_num_queries(5):  # what is there: songs, merges by hand, separations, merges, look-alikes
        merges.fold(session)


def test_what_is_only_proposed_is_merged_by_the_persons_word():
    session = make(*NAMES)
    (proposed,) = session.lookalikes.all()
    assert (proposed.song.name, proposed.other.name) == ("Blue", "Blue Live")
    merges.merge(session, str(proposed.song_id), [str(proposed.other_id)])
    assert "Blue Live" not in standing(session)
    assert not session.lookalikes.exists()


@QUIET
@given(data=st.data())
def test_merge_then_unmerge_is_the_identity(data):
    session = make(*NAMES)
    ids = [song.pk for song in session.songs.filter(merged_into__isnull=True)]
    pairs = st.lists(st.sampled_from(ids), min_size=2, max_size=2, unique=True)
    for one, other in data.draw(st.lists(pairs, max_size=8)):
        vote(session, one, other, data.draw(st.sampled_from(["a", "b", "tie", "skip"])))
    before = state(session)
    keep, *others = data.draw(st.lists(st.sampled_from(ids), min_size=2, max_size=3, unique=True))
    made = merges.merge(session, str(keep), [str(other) for other in others])
    after = Session.objects.get(pk=session.pk)
    assert scores.tallies(after).songs != []
    merges.unmerge(session, str(made.pk))
    assert state(session) == before


@QUIET
@given(order=st.permutations(NAMES), cuts=st.lists(st.integers(2, len(NAMES)), max_size=4))
def test_any_order_of_arrival_ends_in_the_same_songs(order, cuts):
    """Songs that come one by one are folded as they would be all at once."""

    def folded(session):
        names = {song.pk: song.name for song in session.songs.all()}
        return {song.name: names.get(song.merged_into_id) for song in session.songs.all()}

    steps = sorted({0, *cuts, len(order)})
    chunks = [order[a:b] for a, b in pairwise(steps)]
    session = make(*chunks[0]) if len({name.split()[0] for name in chunks[0]}) > 1 else make("Gold", "Grey", *chunks[0])
    for chunk in chunks[1:]:
        sessions.add(session, sessions.Wanted(songs=[PastedSong(name, "Alice") for name in chunk]))
    at_once = make(*NAMES)
    found = folded(session)
    assert {name: found[name] for name in NAMES} == folded(at_once)


def test_the_database_refuses_a_separation_twice_or_the_wrong_way_round():
    from django.db import IntegrityError, transaction

    from ranking.models import Separation

    session = make("Style", "Red")
    one, other = Song.objects.filter(session=session).order_by("pk")
    Separation.objects.create(session=session, song_a=one, song_b=other)
    for a, b in ((one, other), (other, one), (one, one)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Separation.objects.create(session=session, song_a=a, song_b=b)
    assert Merge.objects.filter(session=session).count() == 0
