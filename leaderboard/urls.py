from django.urls import path

from leaderboard import views

urlpatterns = [
    path("leaderboards", views.Boards.as_view(), name="leaderboards"),
    path("leaderboards/<str:artist_id>", views.OneBoard.as_view(), name="leaderboard"),
]
