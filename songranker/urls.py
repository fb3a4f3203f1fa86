"""All addresses. Each app brings its own part of the API."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from songranker import health, scrape

admin.site.site_header = admin.site.site_title = "SongRanker"
admin.site.index_title = "Catalogue, sessions, boards"

urlpatterns = [
    path("", TemplateView.as_view(template_name="songranker/start.html"), name="start"),
    path("api/v1/", include("spotify.urls")),
    path("api/v1/", include("ranking.urls")),
    path("api/v1/", include("leaderboard.urls")),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", scrape.view, name="metrics"),
    path("", include("spotify.pages")),
    path("admin/", admin.site.urls),
]
