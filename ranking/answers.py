"""What goes out of sessions: plain functions make it, `serializers` describes the shapes to the schema."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from ranking import bradley_terry
from ranking.models import Comparison, Lookalike, Match, Merge, Pair, Session, Song
from ranking.scores import Estimate, Place, Tallies
from spotify.models import Track


def song_out(song: Song) -> dict[str, Any]:
    return {
        "id": str(song.pk),
        "name": song.title,
        "artist": song.artist_name,
        "album": song.album,
        "image_url": song.image_url,
        "spotify_url": song.spotify_url,
        "isrc": song.isrc or None,
        "duration_ms": song.duration_ms,
        "excluded": song.excluded,
        "merged_into": None if song.merged_into_id is None else str(song.merged_into_id),
    }


def progress_out(estimate: Estimate) -> dict[str, Any]:
    progress = estimate.progress
    return {
        "answered": progress.answered,
        "remaining_low": progress.remaining_low,
        "remaining_high": progress.remaining_high,
        "confidence": round(progress.confidence, 4),
        "top_ten_settled": progress.top_ten_settled,
        "complete": progress.complete,
    }


def duplicates_out(session: Session) -> list[dict[str, Any]]:
    """Each merge with the song that stands and those that were folded into it; then what is only proposed."""
    made = session.merges.order_by("pk").prefetch_related("songs__merged_into")
    proposed = session.lookalikes.select_related("song", "other")
    return [*map(duplicate_out, made), *map(lookalike_out, proposed)]


def duplicate_out(merge: Merge) -> dict[str, Any]:
    songs = list(merge.songs.all())
    kept = [songs[0].merged_into] if songs and songs[0].merged_into else []
    return {
        "songs": [song_out(song) for song in (*kept, *songs)],
        "reason": merge.reason,
        "confidence": merge.confidence,
        "merged": True,
        "merge": str(merge.pk),
    }


def lookalike_out(proposed: Lookalike) -> dict[str, Any]:
    return {
        "songs": [song_out(proposed.song), song_out(proposed.other)],
        "reason": proposed.reason,
        "confidence": proposed.confidence,
        "merged": False,
        "merge": None,
    }


def session_out(session: Session, songs: Iterable[Song], estimate: Estimate) -> dict[str, Any]:
    return {
        "id": session.pk,
        "state": session.state,
        "import": reverse("import", args=[session.feed_id]) if session.feed_id else None,
        "name": session.name,
        "mode": session.mode,
        "versions": session.versions,
        "visibility": session.visibility,
        "songs": [song_out(song) for song in songs],
        "duplicates": duplicates_out(session),
        "left_out": session.left_out,
        "sources": [{"kind": s.kind, "id": s.spotify_id, "state": s.state} for s in session.sources.all()],
        "progress": progress_out(estimate),
    }


def matches_out(session: Session) -> dict[str, Any]:
    """Each pasted song that was asked about, with the tracks that it may be."""
    matches = list(Match.objects.filter(song__session=session).select_related("song").order_by("song__position"))
    ids = list({track_id for match in matches for track_id, _ in match.candidates})
    tracks = {track.pk: track for track in Track.objects.for_songs().with_ids(ids)}
    return {
        "results": [match_out(match, tracks) for match in matches],
        "waiting": sum(match.state == Match.State.WAITING for match in matches),
    }


def match_out(match: Match, tracks: dict[str, Track]) -> dict[str, Any]:
    return {
        "song": song_out(match.song),
        "state": match.state,
        "track_id": match.track_id if match.state == Match.State.MATCHED else None,
        "confidence": match.confidence,
        "candidates": [
            {
                "track_id": track_id,
                "name": tracks[track_id].name,
                "artist": tracks[track_id].artist_names,
                "album": tracks[track_id].album.name,
                "spotify_url": tracks[track_id].spotify_url,
                "confidence": confidence,
            }
            for track_id, confidence in match.candidates
            if track_id in tracks
        ],
    }


def pair_out(pair: Pair, estimate: Estimate) -> dict[str, Any]:
    by_id = Song.objects.in_bulk([pair.song_a_id, pair.song_b_id])
    return {
        "pair": pair.token,
        "a": song_out(by_id[pair.song_a_id]),
        "b": song_out(by_id[pair.song_b_id]),
        "reason": pair.reason,
        "progress": progress_out(estimate),
    }


def comparison_out(comparison: Comparison) -> dict[str, Any]:
    return {
        "id": str(comparison.n),
        "song_a": str(comparison.song_a_id),
        "song_b": str(comparison.song_b_id),
        "outcome": comparison.outcome,
        "created_at": comparison.created_at,
    }


def elo_out(comparison: Comparison, tallies: Tallies, estimate: Estimate) -> dict[str, float | None]:
    """Fresh Elo of both songs; null for one that is not ranked now."""
    elos = bradley_terry.elo(estimate.strengths)
    found: dict[str, float | None] = {}
    for side, song_id in (("a", comparison.song_a_id), ("b", comparison.song_b_id)):
        position = tallies.position.get(song_id)
        found[side] = None if position is None else round(float(elos[position]), 1)
    return found


def place_out(place: Place) -> dict[str, Any]:
    return {
        "rank": place.rank,
        "song": song_out(place.song),
        "strength": place.strength,
        "elo": round(place.elo, 2),
        "std_error": round(place.std_error, 4),
        "rank_low": place.rank_low,
        "rank_high": place.rank_high,
        "wins": place.wins,
        "losses": place.losses,
        "ties": place.ties,
    }
