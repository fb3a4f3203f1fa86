"""The cached catalogue, and what is known about each question that was put to Spotify."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from spotify.querysets import (
    AlbumQuerySet,
    ImportItemQuerySet,
    ImportQuerySet,
    LookupQuerySet,
    PlaylistQuerySet,
    TrackQuerySet,
)


class SpotifyRow(models.Model):
    """What artists, albums, tracks and playlists share."""

    id = models.CharField("Spotify id", primary_key=True, max_length=22)
    name = models.CharField(max_length=1000, blank=True)  # "" after a take-down
    spotify_url = models.URLField(max_length=300)
    fetched_at = models.DateTimeField(help_text="when Spotify last told us about it")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name or self.pk


class Artist(SpotifyRow):
    image_url = models.URLField(max_length=500, blank=True)

    class Meta:
        indexes = [models.Index(fields=["name"])]


class Album(SpotifyRow):
    class Type(models.TextChoices):
        ALBUM = "album"
        SINGLE = "single"
        COMPILATION = "compilation"

    # Not limited to Type by a constraint: Spotify may invent another, and that must not break an import.
    album_type = models.CharField(max_length=30, choices=Type)
    release_date = models.CharField(max_length=10, blank=True, help_text="YYYY, YYYY-MM or YYYY-MM-DD, as Spotify says")
    total_tracks = models.PositiveIntegerField()
    image_url = models.URLField(max_length=500, blank=True)
    artists = models.ManyToManyField(Artist, through="AlbumCredit", related_name="albums")

    objects = AlbumQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["name"]), models.Index(fields=["release_date"])]


class AlbumCredit(models.Model):
    """An album's artist, in the order of the sleeve."""

    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="credits")
    artist = models.ForeignKey(Artist, on_delete=models.CASCADE, related_name="album_credits")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["album", "artist"], name="album_credit_once")]

    def __str__(self) -> str:
        return f"{self.artist_id} on {self.album_id}"


class Listing(models.Model):
    """An album in an artist's list, as Spotify gives that list."""

    artist = models.ForeignKey(Artist, on_delete=models.CASCADE, related_name="listings")
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="listings")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["artist", "album"], name="album_listed_once")]

    def __str__(self) -> str:
        return f"{self.album_id} of {self.artist_id}"


class Track(SpotifyRow):
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="tracks")
    disc_number = models.PositiveSmallIntegerField()
    track_number = models.PositiveSmallIntegerField()
    duration_ms = models.PositiveIntegerField()
    explicit = models.BooleanField()
    playable = models.BooleanField(null=True, help_text="in SPOTIFY_MARKET; empty where Spotify did not say")
    isrc = models.CharField("ISRC", max_length=12, blank=True, help_text="known only from single full tracks")
    artists = models.ManyToManyField(Artist, through="TrackCredit", related_name="tracks")

    objects = TrackQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["album", "disc_number", "track_number"], name="track_order"),
            models.Index(fields=["isrc"], condition=~models.Q(isrc=""), name="track_isrc"),
        ]

    @property
    def artist_names(self) -> str:
        """All artists in the order of the credits, as one line. Read with `with_artists`, else it costs queries."""
        return ", ".join(credit.artist.name for credit in self.credits.all())


class TrackCredit(models.Model):
    """A track's artist, in order."""

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="credits")
    artist = models.ForeignKey(Artist, on_delete=models.CASCADE, related_name="track_credits")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["track", "artist"], name="track_credit_once")]

    def __str__(self) -> str:
        return f"{self.artist_id} in {self.track_id}"


class Playlist(SpotifyRow):
    owner = models.CharField(max_length=200, blank=True)
    snapshot_id = models.CharField(max_length=200, blank=True)
    image_url = models.URLField(max_length=500, blank=True)
    total = models.PositiveIntegerField(default=0, help_text="rows as Spotify counts them, also what is left out")
    left_out = models.PositiveIntegerField(default=0, help_text="episodes, local files and removed tracks")

    objects = PlaylistQuerySet.as_manager()


class PlaylistRow(models.Model):
    """A track in a playlist, at the place that Spotify counts; the same track may stand there twice."""

    playlist = models.ForeignKey(Playlist, on_delete=models.CASCADE, related_name="rows")
    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="playlist_rows")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["playlist", "position"], name="playlist_position_once")]

    def __str__(self) -> str:
        return f"{self.playlist_id}[{self.position}]"


class Lookup(models.Model):
    """A question put to Spotify: whether it is in work, when it was last answered, and what went wrong.

    It is also the job that `GET jobs/{id}` shows, and the claim that makes equal questions one task.
    """

    class Priority(models.IntegerChoices):
        """Message priorities: 0 is served first. A step of its own for each."""

        PERSON = 0, "somebody waits"
        LEFT = 3, "who asked has left"
        IMPORT = 6, "import"
        REFRESH = 9, "refresh"

    class State(models.TextChoices):
        IDLE = "idle"
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=30)
    value = models.CharField(max_length=250, help_text="an id, or the words of a search in folded case")
    state = models.CharField(max_length=10, choices=State, default=State.IDLE)
    task_id = models.CharField(max_length=50, blank=True)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.PERSON)
    wanted_until = models.DateTimeField(null=True, help_text="until then somebody waits for it")
    requested_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="runs since it was asked; one that kills its worker ends"
    )
    lease_until = models.DateTimeField(null=True, help_text="after this whoever had the work is taken for lost")
    fetched_at = models.DateTimeField(null=True, help_text="when Spotify last answered")
    absent = models.BooleanField(default=False, help_text="Spotify said that there is no such thing")
    doubted_at = models.DateTimeField(null=True, help_text="the first 404 for what was known before")
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)
    retry_at = models.DateTimeField(null=True)
    # What a search by name led to.
    artist = models.ForeignKey(Artist, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = LookupQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "value"], name="lookup_once"),
            models.CheckConstraint(
                condition=~models.Q(state__in=["queued", "running"]) | models.Q(lease_until__isnull=False),
                name="lookup_in_work_has_lease",
            ),
        ]
        indexes = [models.Index(fields=["state", "lease_until"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    def is_known(self) -> bool:
        """Has Spotify ever answered?"""
        return self.fetched_at is not None

    def is_fresh(self, now: datetime) -> bool:
        """Answered recently enough to be served without asking again."""
        if self.fetched_at is None:
            return False
        lifetime = settings.SPOTIFY_ABSENT_SECONDS if self.absent else settings.SPOTIFY_LIFETIMES[self.kind]
        return now - self.fetched_at < timedelta(seconds=lifetime)

    def is_in_work(self, now: datetime) -> bool:
        """Queued or running, by somebody who has been heard of lately."""
        working = self.state in (self.State.QUEUED, self.State.RUNNING)
        return working and self.lease_until is not None and self.lease_until > now

    def changed(self, **values: Any) -> "Lookup":
        """This object with what an update has written to its row."""
        for name, value in values.items():
            setattr(self, name, value)
        return self

    def may_retry(self, now: datetime) -> bool:
        """May Spotify be asked again after a failure?"""
        return self.retry_at is None or self.retry_at <= now


class LookupPage(models.Model):
    """A page that a question has fetched so far, as Spotify sent it; gone when the question has ended."""

    lookup = models.ForeignKey(Lookup, on_delete=models.CASCADE, related_name="pages")
    path = models.CharField(max_length=100)
    offset = models.PositiveIntegerField()
    body = models.JSONField()
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lookup", "path", "offset"], name="lookup_page_once")]

    def __str__(self) -> str:
        return f"{self.path} from {self.offset}"


class Import(models.Model):
    """ "Rank all": a whole artist, album or playlist that is being fetched, album by album. `spotify.imports` moves it."""

    class Kind(models.TextChoices):
        ARTIST = "artist"
        ALBUM = "album"
        PLAYLIST = "playlist"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ACTIVE = (State.QUEUED, State.RUNNING, State.PAUSED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=260, unique=True, help_text="what is imported: asked for twice, it is one import")
    kind = models.CharField(max_length=10, choices=Kind)
    spotify_id = models.CharField(max_length=22, blank=True, help_text="empty while only the artist's name is known")
    name = models.CharField(max_length=1000, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    # Answers older than this are asked for anew: it begins when the import does, or before, where what is here is fresh.
    listed_at = models.DateTimeField(null=True, help_text="the complete list that the items are of")
    items_at = models.DateTimeField(null=True, help_text="when items last came or went; also while the list is read")
    albums_total = models.PositiveIntegerField(default=0)
    albums_done = models.PositiveIntegerField(default=0, help_text="with those that could not be had")
    albums_missing = models.PositiveIntegerField(
        default=0, help_text="that Spotify does not have or answers nonsense for"
    )
    tracks_total = models.PositiveIntegerField(
        null=True, help_text="as Spotify says; empty while the list is not known"
    )
    tracks_done = models.PositiveIntegerField(default=0)
    calls_left = models.PositiveIntegerField(null=True, help_text="estimate; empty while the list is not known")
    resumes_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # Goes up with each change that can be seen: the ETag.
    revision = models.PositiveIntegerField(default=0)

    objects = ImportQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state"]), models.Index(fields=["created_at"])]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(albums_done__lte=models.F("albums_total")), name="import_done_within_total"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running", "paused"]) ^ models.Q(finished_at__isnull=False),
                name="import_ended_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.key}"

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def steps(self) -> tuple[int, int, str]:
        """How much is done, of how much, and of what: albums, or a playlist's tracks. Of 0 while that is not known."""
        if self.kind == self.Kind.PLAYLIST:
            return self.tracks_done, self.tracks_total or 0, "tracks"
        return self.albums_done, self.albums_total, "albums"

    def change(self, **values: Any) -> None:
        """Write what differs; only then does the ETag change. The caller holds the row's lock."""
        differing = {name: value for name, value in values.items() if getattr(self, name) != value}
        if differing:
            self.revision += 1
            for name, value in differing.items():
                setattr(self, name, value)
            self.save(update_fields=[*differing, "revision"])

    def run(self, **values: Any) -> None:
        """Nothing is in its way."""
        self.change(state=self.State.RUNNING, resumes_at=None, error_code="", error_detail="", **values)

    def pause(self, code: str, detail: str, until: datetime) -> None:
        """Spotify may not be asked until then."""
        self.change(state=self.State.PAUSED, resumes_at=until, error_code=code, error_detail=detail[:500])

    def end(self, state: str, code: str = "", detail: str = "") -> None:
        """Nothing more will be asked."""
        self.change(
            state=state,
            finished_at=timezone.now(),
            resumes_at=None,
            error_code=code,
            error_detail=detail[:500],
            calls_left=0,
        )


class ImportItem(models.Model):
    """An album of an import."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        ABSENT = "absent"
        FAILED = "failed"

    of_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="items")
    album_id = models.CharField(max_length=22)
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    tracks = models.PositiveIntegerField(default=0)
    error_detail = models.CharField(max_length=500, blank=True)

    objects = ImportItemQuerySet.as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["of_import", "album_id"], name="import_item_once")]
        indexes = [models.Index(fields=["album_id"], condition=models.Q(state="waiting"), name="import_item_waiting")]

    def __str__(self) -> str:
        return f"{self.album_id} of {self.of_import_id}"


class ThrottleSnapshot(models.Model):
    """What the throttle must not forget when Redis is emptied: pause, day, window, and the limits that were found."""

    ONLY = 1

    data = models.JSONField()
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="throttle_snapshot_is_one")]

    def __str__(self) -> str:
        return f"throttle at {self.saved_at}"


class SearchHit(models.Model):
    """An artist that a search found, best first."""

    lookup = models.ForeignKey(Lookup, on_delete=models.CASCADE, related_name="hits")
    artist = models.ForeignKey(Artist, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["lookup", "artist"], name="search_hit_once")]

    def __str__(self) -> str:
        return f"{self.artist_id} for {self.lookup_id}"


class TrackHit(models.Model):
    """A track that a search found, best first."""

    lookup = models.ForeignKey(Lookup, on_delete=models.CASCADE, related_name="track_hits")
    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["lookup", "track"], name="track_hit_once")]

    def __str__(self) -> str:
        return f"{self.track_id} for {self.lookup_id}"
