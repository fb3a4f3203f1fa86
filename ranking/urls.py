from django.urls import path

from ranking import views

_SESSION = "sessions/<str:session_id>"

urlpatterns = [
    path("sessions", views.Sessions.as_view(), name="sessions"),
    path(_SESSION, views.OneSession.as_view(), name="session"),
    path(f"{_SESSION}/songs", views.Songs.as_view(), name="songs"),
    path(f"{_SESSION}/songs/<str:song_id>", views.OneSong.as_view(), name="song"),
    path(f"{_SESSION}/pair", views.NextPair.as_view(), name="pair"),
    path(f"{_SESSION}/comparisons", views.Comparisons.as_view(), name="comparisons"),
    path(f"{_SESSION}/comparisons/last", views.LastComparison.as_view(), name="last-comparison"),
    path(f"{_SESSION}/comparisons/<int:n>", views.OneComparison.as_view(), name="comparison"),
    path(f"{_SESSION}/duplicates", views.Duplicates.as_view(), name="duplicates"),
    path(f"{_SESSION}/merges", views.Merges.as_view(), name="merges"),
    path(f"{_SESSION}/merges/<str:merge_id>", views.OneMerge.as_view(), name="merge"),
    path(f"{_SESSION}/matches", views.Matches.as_view(), name="matches"),
    path(f"{_SESSION}/matches/<str:song_id>", views.OneMatch.as_view(), name="match"),
    path(f"{_SESSION}/ranking", views.Ranking.as_view(), name="ranking"),
    path(f"{_SESSION}/export", views.Export.as_view(), name="export"),
]
