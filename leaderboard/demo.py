"""Demo sessions and votes, so that a new install has something to look at. Made-up people, no Spotify calls."""

import math
import random

from django.utils import timezone

from leaderboard import standings
from ranking import comparisons, pairing, sessions
from ranking.errors import RankingComplete
from ranking.models import Pair, Session
from ranking.songs import PastedSong

# Plain facts: titles of albums that many people know.
ARTISTS: dict[str, tuple[str, ...]] = {
    "The Beatles": (
        *(
            "Come Together",
            "Something",
            "Here Comes the Sun",
            "Let It Be",
            "Yesterday",
            "Hey Jude",
            "A Day in the Life",
        ),
        *("Eleanor Rigby", "In My Life", "Blackbird", "Help!", "While My Guitar Gently Weeps"),
    ),
    "Lorde": (
        *("Royals", "Team", "Ribs", "Tennis Court", "Green Light", "Supercut", "Liability", "Perfect Places"),
        *("Buzzcut Season", "Solar Power", "400 Lux", "Hard Feelings/Loveless"),
    ),
}
PEOPLE = 5
NAME = "Demo {artist} {number}"


def seed() -> tuple[int, int]:
    """Sessions made and votes given; nothing where they are there already."""
    made = votes = 0
    for artist, titles in ARTISTS.items():
        for number in range(1, PEOPLE + 1):
            name = NAME.format(artist=artist, number=number)
            session = Session.objects.filter(name=name).first()
            if session is None:
                session, _ = sessions.create(
                    sessions.Wanted(songs=[PastedSong(title, artist) for title in titles]),
                    name=name,
                    mode=Session.Mode.STANDARD,
                    versions=Session.Versions.FOLD,
                    visibility=Session.Visibility.PUBLIC,
                )
                made += 1
            votes += _vote(session, titles, random.Random(name))  # noqa: S311  (a person who does not exist)
    for artist_id in standings.changed():
        standings.rebuild(artist_id, timezone.now())
    return made, votes


def _vote(session: Session, titles: tuple[str, ...], person: random.Random) -> int:
    """Answer all of a session's questions, as somebody would who likes the first titles best and is not sure."""
    taste = {title: -0.35 * place + person.gauss(0, 0.8) for place, title in enumerate(titles)}
    votes = 0
    pair = session.current_pair or _first_pair(session)
    while pair is not None and not session.comparisons.filter(idempotency_key=f"demo-{pair.pk}").exists():
        likes_a = 1 / (1 + math.exp(taste[pair.song_b.name] - taste[pair.song_a.name]))
        outcome = "tie" if abs(likes_a - 0.5) < 0.03 else "a" if person.random() < likes_a else "b"
        answer = comparisons.Answer(
            str(pair.song_a_id), str(pair.song_b_id), outcome, pair=pair.token, decision_ms=1500
        )
        pair = comparisons.record(session, answer, key=f"demo-{pair.pk}").next_pair
        votes += 1
    return votes


def _first_pair(session: Session) -> Pair | None:
    """The first question; None for a session that is through."""
    try:
        return pairing.ask(session).pair
    except RankingComplete:
        return None
