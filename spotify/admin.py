"""The cached catalogue for operators: what is here, how old it is, and refresh or forget."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from songranker.admin_tools import LookOnlyAdmin, LookOnlyInline, cover, duration
from spotify import gateway, imports, queries
from spotify.models import Album, Artist, Import, ImportItem, Lookup, Playlist, Track
from spotify.querysets import fresh_since


@admin.register(Artist)
class ArtistAdmin(LookOnlyAdmin):
    list_display = ["picture", "name", "id", "fetched_at"]
    list_display_links = ["name"]
    search_fields = ["name", "=id"]
    ordering = ["name"]
    actions = ["refresh"]

    @admin.display(description="")
    def picture(self, artist: Artist) -> SafeString | str:
        return cover(artist.image_url)

    @admin.action(description="Refresh the album list from Spotify", permissions=["view"])
    def refresh(self, request: HttpRequest, artists: QuerySet[Artist]) -> None:
        _refresh(self, request, [queries.ArtistAlbums(artist.pk) for artist in artists])


class TrackInline(LookOnlyInline):
    model = Track
    fields = ["disc_number", "track_number", "name", "length", "explicit", "isrc", "id"]
    readonly_fields = ["length"]
    ordering = ["disc_number", "track_number"]

    @admin.display(description="length")
    def length(self, track: Track) -> str:
        return duration(track.duration_ms)


class FreshFilter(admin.SimpleListFilter):
    title = "tracks"
    parameter_name = "tracks"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("fresh", "fresh"), ("stale", "stale"), ("never", "never fetched")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Album]) -> QuerySet[Album]:
        since = fresh_since("album_tracks", timezone.now())
        conditions = {
            "fresh": Q(tracks_fetched_at__gt=since),
            "stale": Q(tracks_fetched_at__lte=since),
            "never": Q(tracks_fetched_at__isnull=True),
        }
        return queryset.filter(conditions[self.value() or ""]) if self.value() in conditions else queryset


@admin.register(Album)
class AlbumAdmin(LookOnlyAdmin):
    list_display = ["picture", "name", "by", "state", "tracks_here", "tracks_fetched", "album_type", "release_date"]
    list_display_links = ["name"]
    list_filter = ["album_type", FreshFilter]
    search_fields = ["name", "=id", "artists__name"]
    ordering = ["name"]
    actions = ["refresh", "forget"]
    inlines = [TrackInline]
    fields = [
        "large_picture",
        "name",
        "by",
        "album_type",
        "release_date",
        "total_tracks",
        "spotify_url",
        "id",
        "fetched_at",
        "tracks_fetched",
    ]
    readonly_fields = ["large_picture", "by", "tracks_fetched"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Album]:
        return Album.objects.for_admin()

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("spotify.delete_album")

    @admin.display(description="")
    def picture(self, album: Album) -> SafeString | str:
        return cover(album.image_url)

    @admin.display(description="cover")
    def large_picture(self, album: Album) -> SafeString | str:
        return cover(album.image_url, 240)

    @admin.display(description="artists")
    def by(self, album: Album) -> str:
        return ", ".join(artist.name for artist in album.artists.all())

    @admin.display(description="tracks")
    def tracks_here(self, album: Any) -> str:
        return f"{album.tracks_known or 0} of {album.total_tracks}"

    @admin.display(description="tracks fetched", ordering="tracks_fetched_at")
    def tracks_fetched(self, album: Any) -> Any:
        return album.tracks_fetched_at

    @admin.display(description="state")
    def state(self, album: Any) -> str:
        if album.tracks_fetched_at is None:
            return "never fetched"
        return "fresh" if album.tracks_fetched_at > fresh_since("album_tracks", timezone.now()) else "stale"

    @admin.action(description="Refresh from Spotify", permissions=["view"])
    def refresh(self, request: HttpRequest, albums: QuerySet[Album]) -> None:
        _refresh(self, request, [queries.AlbumTracks(album.pk) for album in albums])

    @admin.action(description="Forget (sessions keep their songs)", permissions=["forget"])
    def forget(self, request: HttpRequest, albums: QuerySet[Album]) -> None:
        ids = list(albums.values_list("pk", flat=True))
        Album.objects.forget(ids)
        self.message_user(request, f"forgot {len(ids)} albums", messages.SUCCESS)


def _refresh(page: LookOnlyAdmin, request: HttpRequest, wanted: list[queries.Query]) -> None:
    """Queue refreshes in the background, and say how many could be queued."""
    queued = sum(gateway.refresh(query) for query in wanted)
    level = messages.SUCCESS if queued == len(wanted) else messages.WARNING
    page.message_user(request, f"{queued} of {len(wanted)} refreshes queued", level)


@admin.register(Track)
class TrackAdmin(LookOnlyAdmin):
    list_display = ["name", "album", "disc_number", "track_number", "length", "explicit", "isrc", "fetched_at"]
    list_select_related = ["album"]
    list_filter = ["explicit"]
    search_fields = ["name", "=id", "=isrc"]
    ordering = ["name"]

    @admin.display(description="length")
    def length(self, track: Track) -> str:
        return duration(track.duration_ms)


@admin.register(Playlist)
class PlaylistAdmin(LookOnlyAdmin):
    list_display = ["name", "owner", "left_out", "fetched_at", "id"]
    search_fields = ["name", "=id"]
    ordering = ["name"]


class ImportItemInline(LookOnlyInline):
    model = ImportItem
    fields = ["position", "album", "state", "tries", "tracks", "error_detail"]
    readonly_fields = ["album"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportItem]:
        return ImportItem.objects.with_album_names()

    @admin.display(description="album")
    def album(self, item: Any) -> str:
        return f"{item.album_name} ({item.album_id})" if item.album_name else item.album_id


@admin.register(Import)
class ImportAdmin(LookOnlyAdmin):
    list_display = [
        "name",
        "kind",
        "state",
        "progress",
        "tracks_done",
        "error_code",
        "resumes_at",
        "created_at",
        "finished_at",
    ]
    list_filter = ["state", "kind", "error_code"]
    search_fields = ["name", "=spotify_id", "=key"]
    ordering = ["-created_at"]
    actions = ["cancel", "resume", "retry"]
    inlines = [ImportItemInline]

    @admin.display(description="progress")
    def progress(self, made: Import) -> SafeString:
        done, total, unit = made.steps
        missing = f", {made.albums_missing} missing" if made.albums_missing else ""
        return format_html(
            '<progress max="{}" value="{}"></progress> {} of {} {}{}',
            max(1, total),
            done,
            done,
            total,
            unit,
            missing,
        )

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("spotify.change_import")

    @admin.action(description="Cancel (what is here stays)", permissions=["steer"])
    def cancel(self, request: HttpRequest, chosen: QuerySet[Import]) -> None:
        active = [imports.cancel(made) for made in chosen if made.is_active]
        self.message_user(request, f"cancelled {len(active)} imports", messages.SUCCESS)

    @admin.action(description="Resume what was cancelled, paused or failed", permissions=["steer"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Import]) -> None:
        states = {imports.resume(made).state for made in chosen}
        self.message_user(request, f"resumed; now {', '.join(sorted(states))}", messages.SUCCESS)

    @admin.action(description="Ask again for the albums that are missing", permissions=["steer"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Import]) -> None:
        missing = [imports.resume(made) for made in chosen if made.albums_missing]
        self.message_user(request, f"{len(missing)} imports ask again for what is missing", messages.SUCCESS)


@admin.register(Lookup)
class LookupAdmin(LookOnlyAdmin):
    list_display = [
        "kind",
        "value",
        "state",
        "priority",
        "requested_at",
        "fetched_at",
        "absent",
        "error_code",
        "retry_at",
    ]
    list_display_links = ["value"]
    list_filter = ["state", "kind", "absent", "error_code"]
    search_fields = ["value", "=task_id"]
    ordering = ["-requested_at"]
