"""The boards: derived from the log of comparisons, rebuilt when something changed."""

from django.db import models


class Board(models.Model):
    """One artist's leaderboard."""

    artist_id = models.CharField(primary_key=True, max_length=250, help_text="a Spotify artist id, or ~slug of a name")
    artist = models.CharField(max_length=1000)
    songs = models.PositiveIntegerField()
    votes = models.PositiveIntegerField(help_text="comparisons answered a, b or tie that count here")
    sessions = models.PositiveIntegerField()
    updated_at = models.DateTimeField()
    # Goes up with each rebuild: one that read older data than another finds that it has lost, and saves nothing.
    revision = models.PositiveIntegerField(default=0)
    # The day that `rank_before` of the standings is compared with.
    compared_on = models.DateField(null=True)

    class Meta:
        ordering = ["-votes", "artist_id"]
        indexes = [models.Index(fields=["-votes"])]

    def __str__(self) -> str:
        return self.artist


class Standing(models.Model):
    """A song's place on a board."""

    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="standings")
    song_key = models.CharField(max_length=2010)
    name = models.CharField(max_length=1000)
    artist = models.CharField(max_length=1000)
    album = models.CharField(max_length=1000, blank=True)
    image_url = models.CharField(max_length=500, blank=True)
    spotify_url = models.CharField(max_length=300, blank=True)
    rank = models.PositiveIntegerField(help_text="1 + the number of songs whose interval lies wholly above")
    position = models.PositiveIntegerField(help_text="best guess first, from 1")
    rank_low = models.PositiveIntegerField()
    rank_high = models.PositiveIntegerField()
    strength = models.FloatField()
    std_error = models.FloatField()
    votes = models.PositiveIntegerField()
    sessions = models.PositiveIntegerField()
    rank_before = models.PositiveIntegerField(null=True, help_text="the rank at the end of the last day with a rebuild")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["board", "song_key"], name="standing_once")]

    def __str__(self) -> str:
        return f"{self.rank}. {self.name}"

    @property
    def change(self) -> int | None:
        """How many places up since then; None for a song that was not there."""
        return None if self.rank_before is None else self.rank_before - self.rank
