from django.urls import path

from spotify import views

urlpatterns = [
    path("artists", views.Artists.as_view(), name="artists"),
    path("albums", views.Albums.as_view(), name="albums"),
    path("albums/<str:album_id>/tracks", views.AlbumTracks.as_view(), name="album-tracks"),
    path("tracks/<str:track_id>", views.OneTrack.as_view(), name="track"),
    path("playlists/<str:playlist_id>/tracks", views.PlaylistTracks.as_view(), name="playlist-tracks"),
    path("resolve", views.Resolve.as_view(), name="resolve"),
    path("imports", views.Imports.as_view(), name="imports"),
    path("imports/<str:import_id>", views.OneImport.as_view(), name="import"),
    path("imports/<str:import_id>/resume", views.ResumeImport.as_view(), name="import-resume"),
    path("jobs/<str:job_id>", views.Job.as_view(), name="job"),
]
