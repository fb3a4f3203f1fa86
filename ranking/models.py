"""Sessions, their songs, and the log of comparisons: the log is the truth, every score is derived from it."""

import secrets

from django.db import models
from django.db.models import F, Q

from ranking.querysets import COUNTED_VISIBILITIES, ComparisonQuerySet, MatchQuerySet, SessionQuerySet, SongQuerySet

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz"


def new_session_id() -> str:
    """16 characters without look-alikes: 92 bits, so that an unlisted session cannot be guessed."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def new_pair_token() -> str:
    return secrets.token_urlsafe(16)


class Session(models.Model):
    """One person ranking one set of songs."""

    class Mode(models.TextChoices):
        QUICK = "quick"
        STANDARD = "standard"
        THOROUGH = "thorough"

    class Versions(models.TextChoices):
        FOLD = "fold"
        KEEP = "keep"

    class Visibility(models.TextChoices):
        PRIVATE = "private"
        UNLISTED = "unlisted"
        PUBLIC = "public"

    class State(models.TextChoices):
        COLLECTING = "collecting"
        READY = "ready"

    id = models.CharField(primary_key=True, max_length=16, default=new_session_id, editable=False)
    token_hash = models.CharField(
        max_length=64, editable=False, help_text="SHA-256 of the token, which is stored nowhere"
    )
    name = models.CharField(max_length=200, blank=True)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.STANDARD)
    versions = models.CharField(max_length=10, choices=Versions, default=Versions.FOLD)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.UNLISTED)
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    created_at = models.DateTimeField(auto_now_add=True)
    # The next comparison's number; taken under a lock on this row.
    next_n = models.PositiveIntegerField(default=1)
    # Goes up with whatever changes the ranking; a saved fit knows which revision it is of.
    revision = models.PositiveIntegerField(default=0)
    feed = models.ForeignKey(
        "spotify.Import", on_delete=models.SET_NULL, null=True, related_name="+", help_text="whose albums join it"
    )
    fed_at = models.DateTimeField(null=True, help_text="the feed's `items_at` that the sources are of")
    collect_queued = models.BooleanField(
        default=False, help_text="a message is under way that will take over what has come"
    )
    left_out = models.PositiveIntegerField(default=0, help_text="tracks that it had no room for")
    # The pair that is shown until it is answered.
    current_pair = models.ForeignKey("Pair", on_delete=models.SET_NULL, null=True, related_name="+")

    objects = SessionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state"]), models.Index(fields=["created_at"])]
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=["quick", "standard", "thorough"]), name="session_mode"),
            models.CheckConstraint(condition=Q(versions__in=["fold", "keep"]), name="session_versions"),
            models.CheckConstraint(
                condition=Q(visibility__in=["private", "unlisted", "public"]), name="session_visibility"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.pk

    @property
    def counts(self) -> bool:
        """Do its votes count on the leaderboards?"""
        return self.visibility in COUNTED_VISIBILITIES


class Source(models.Model):
    """An album, a track or a playlist that a session's songs come from."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        ABSENT = "absent"
        FAILED = "failed"

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=10, choices=[("album", "album"), ("track", "track"), ("playlist", "playlist")])
    spotify_id = models.CharField(max_length=22)
    position = models.PositiveSmallIntegerField()
    fed = models.BooleanField(default=False, help_text="the session's import fetches it")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["kind", "spotify_id"], condition=Q(state="waiting"), name="source_waiting")]
        constraints = [models.UniqueConstraint(fields=["session", "kind", "spotify_id"], name="source_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.spotify_id}"


class Merge(models.Model):
    """Songs of a session that were taken for one: found by itself, or said by the person."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="merges")
    reason = models.CharField(max_length=200)
    confidence = models.FloatField()
    automatic = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="merge_confidence")
        ]

    def __str__(self) -> str:
        return self.reason


class Song(models.Model):
    """A song in a session: a copy of what was known when it came, so that a forgotten album changes no ranking."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="songs")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=1000)
    artist_name = models.CharField(max_length=1000)
    artist_key = models.CharField(max_length=250, help_text="the leaderboard's id: a Spotify artist id, or ~slug")
    album = models.CharField(max_length=1000, blank=True)
    release_date = models.CharField(max_length=10, blank=True)
    image_url = models.CharField(max_length=500, blank=True)
    spotify_url = models.CharField(max_length=300, blank=True)
    spotify_id = models.CharField(max_length=22, blank=True)
    isrc = models.CharField("ISRC", max_length=12, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    album_type = models.CharField(max_length=30, blank=True)
    explicit = models.BooleanField(null=True)
    playable = models.BooleanField(null=True)
    # The parsed title, as the leaderboards need it (`songranker.titles`).
    title_key = models.CharField(max_length=1000)
    version_key = models.CharField(max_length=1000, blank=True)
    excluded = models.BooleanField(default=False)
    # Follows at once to what stands for it; chains are walked, so that un-merging is exact.
    merged_into = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="merged_songs")
    merge = models.ForeignKey(Merge, on_delete=models.SET_NULL, null=True, related_name="songs")
    shown_name = models.CharField(max_length=1000, blank=True, help_text="a copy's cleaner title; empty: its own")

    objects = SongQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        indexes = [models.Index(fields=["artist_key"])]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "spotify_id"], condition=~Q(spotify_id=""), name="song_track_once"
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="song_not_into_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.artist_name})"

    @property
    def title(self) -> str:
        """The name to show: the cleanest of its copies."""
        return self.shown_name or self.name


class Match(models.Model):
    """A pasted song and the Spotify track that it may be. Only what leaves no doubt is taken over by itself."""

    class State(models.TextChoices):
        WAITING = "waiting", "not searched yet"
        MATCHED = "matched"
        PROPOSED = "proposed", "for the person to decide"
        NONE = "none", "nothing like it was found"
        FAILED = "failed"

    song = models.OneToOneField(Song, on_delete=models.CASCADE, related_name="match")
    question = models.CharField(max_length=250, help_text="the search's key")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    track_id = models.CharField(max_length=22, blank=True)
    confidence = models.FloatField(default=0)
    # [[track id, confidence], ...], the best first.
    candidates = models.JSONField(default=list)

    objects = MatchQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["question"], condition=Q(state="waiting"), name="match_waiting")]
        constraints = [
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="match_confidence"),
            models.CheckConstraint(condition=~Q(state="matched") | ~Q(track_id=""), name="match_has_track"),
        ]

    def __str__(self) -> str:
        return f"{self.song_id}: {self.state}"


class Separation(models.Model):
    """Two songs that the person took apart: never folded into one by themselves again."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="separations")
    song_a = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")
    song_b = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["song_a", "song_b"], name="separation_once"),
            models.CheckConstraint(condition=Q(song_a__lt=F("song_b")), name="separation_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.song_a_id} is not {self.song_b_id}"


class Lookalike(models.Model):
    """Two songs that may be one, too unsure to be folded without the person's word."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="lookalikes")
    song = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=200)
    confidence = models.FloatField()

    class Meta:
        ordering = ["-confidence", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["song", "other"], name="lookalike_once"),
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="lookalike_confidence"),
        ]

    def __str__(self) -> str:
        return f"{self.song_id} may be {self.other_id}"


class Pair(models.Model):
    """Two songs that were shown side by side; `song_a` on the left. Its token can be answered once."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="pairs")
    token = models.CharField(max_length=30, unique=True, default=new_pair_token)
    song_a = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")
    song_b = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=50)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(song_a=F("song_b")), name="pair_of_two")]

    def __str__(self) -> str:
        return f"{self.song_a_id} - {self.song_b_id}"


class Comparison(models.Model):
    """One answer. Undone ones stay, so that a late repeat of the request does not bring the vote back."""

    class Outcome(models.TextChoices):
        A = "a"
        B = "b"
        TIE = "tie"
        SKIP = "skip"

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="comparisons")
    n = models.PositiveIntegerField(help_text="the number within its session, from 1")
    song_a = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")
    song_b = models.ForeignKey(Song, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=4, choices=Outcome)
    pair = models.OneToOneField(Pair, on_delete=models.SET_NULL, null=True, related_name="comparison")
    idempotency_key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    decision_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True)

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        ordering = ["-n"]
        constraints = [
            models.UniqueConstraint(fields=["session", "n"], name="comparison_number_once"),
            models.UniqueConstraint(fields=["session", "idempotency_key"], name="comparison_key_once"),
            models.CheckConstraint(condition=~Q(song_a=F("song_b")), name="comparison_of_two"),
            models.CheckConstraint(condition=Q(outcome__in=["a", "b", "tie", "skip"]), name="comparison_outcome"),
        ]
        indexes = [models.Index(fields=["song_a"]), models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.session_id} #{self.n}"


class SavedFit(models.Model):
    """The last ranking of a session that is too large to be fitted inside a request."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="saved_fit")
    revision = models.PositiveIntegerField()
    computed_at = models.DateTimeField()
    answered = models.PositiveIntegerField()
    confidence = models.FloatField()
    top_ten_settled = models.BooleanField()
    # song id -> [strength, std_error, rank_low, rank_high]
    places = models.JSONField()

    def __str__(self) -> str:
        return f"{self.session_id} at {self.revision}"


class BoardMark(models.Model):
    """Something that counts on an artist's leaderboard has changed; the rebuild deletes what it has seen.

    Only ever inserted by votes, so that two votes for one artist never wait for each other.
    """

    artist_key = models.CharField(max_length=250)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["artist_key"])]

    def __str__(self) -> str:
        return self.artist_key
