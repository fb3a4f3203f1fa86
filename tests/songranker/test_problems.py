"""Every error is a problem document, Django's own included, and says nothing about the inside."""

import pytest
from django.test import Client
from django.urls import path
from rest_framework.views import APIView

from songranker import problems, urls


class Broken(APIView):
    def get(self, request):
        raise ZeroDivisionError("the password is hunter2")


def broken_page(request):
    raise ZeroDivisionError("the password is hunter2")


urlpatterns = [
    *urls.urlpatterns,
    path("api/v1/broken", Broken.as_view()),
    path("broken", broken_page),
    path("api/broken", broken_page),
]


@pytest.fixture
def http():
    return Client(raise_request_exception=False)


def problem(answer, status, code):
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["X-Request-ID"]
    body = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    assert "hunter2" not in answer.content.decode()
    return body


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.urls("tests.songranker.test_problems")
class TestBothWithAndWithoutDebug:
    @pytest.fixture(autouse=True)
    def mode(self, settings, debug):
        settings.DEBUG = debug

    def test_unknown_addresses(self, http):
        for address in ("/api/v1/nope", "/nope", "/health/nope", "/api/v1/albums/"):
            problem(http.get(address), 404, "not_found")

    def test_a_browser_gets_a_page(self, http):
        answer = http.get("/nope", headers={"Accept": "text/html"})
        assert answer.status_code == 404
        assert answer["Content-Type"].startswith("text/html")

    def test_a_crash_in_the_api(self, http):
        problem(http.get("/api/v1/broken", headers={"Accept": "text/html"}), 500, "internal")

    def test_a_crash_outside_drf(self, http):
        problem(http.get("/api/broken"), 500, "internal")
        problem(http.get("/broken"), 500, "internal")

    def test_a_wrong_host(self, http, settings):
        settings.ALLOWED_HOSTS = ["songranker.example"]
        problem(http.get("/api/v1/resolve", headers={"Host": "evil.example"}), 400, "invalid")


def test_methods(http, db):
    answer = http.put("/api/v1/artists")
    problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
    problem(http.post("/health/live"), 405, "method_not_allowed")


def test_content_type(http, db):
    problem(
        http.post("/api/v1/sessions", "a=b", content_type="application/x-www-form-urlencoded"),
        415,
        "unsupported_media_type",
    )


def test_broken_json(http, db):
    body = problem(http.post("/api/v1/sessions", "{", content_type="application/json"), 400, "invalid")
    assert body["errors"][0]["field"] == "body"


def test_a_body_that_is_too_large(http, db, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = http.post("/api/v1/sessions", {"name": "x" * 200}, content_type="application/json")
    assert answer.status_code in (400, 413)
    problem(answer, answer.status_code, {400: "invalid", 413: "too_large"}[answer.status_code])


def test_csrf_in_the_admin(db):
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {})
    problem(answer, 403, "forbidden")


def test_a_database_that_is_away(http, monkeypatch, db):
    from django.db import OperationalError

    from ranking.models import Session

    def away(*args, **kwargs):
        raise OperationalError("connection refused, password hunter2")

    monkeypatch.setattr(Session.objects, "filter", away)
    answer = http.get("/api/v1/sessions/x")
    problem(answer, 503, "database_unavailable")
    assert answer["Retry-After"] == "5"


def test_retry_after_is_never_too_early():
    assert problems.Problem("queue_full", "x", retry_after=0.2).all_headers() == {"Retry-After": "1"}
    assert problems.Problem("queue_full", "x", retry_after=7.01).all_headers() == {"Retry-After": "8"}


def test_every_domain_error_has_a_problem():
    from ranking.errors import RankingError
    from spotify.errors import SpotifyError

    def tree(kind):
        return [kind, *(deeper for below in kind.__subclasses__() for deeper in tree(below))]

    for root in (RankingError, SpotifyError):
        for kind in tree(root):
            assert kind.code in problems.CODES, kind


@pytest.mark.parametrize(
    "path",
    [
        "sessions/%00", "sessions/%00/pair", "leaderboards/%00", "jobs/%00", "albums/%00/tracks", "leaderboards?q=%00", "artists?q=%00",
        "sessions/%ED%A0%80", "leaderboards/%FF", "leaderboards?limit=99999999999999999999", "leaderboards?offset=-1", "jobs/" + "9" * 400,
        "sessions/" + "x" * 5000, "resolve?url=" + "%F0%9F%94%A5" * 50, "sessions/x/comparisons?cursor=nonsense",
    ],
)  # fmt: skip
def test_nothing_that_a_client_sends_is_our_fault(http, db, path):
    assert 400 <= http.get(f"/api/v1/{path}").status_code < 500


@pytest.mark.parametrize("number", ["9" * 30, "0", "-1", "1.5", "\u0661"])
def test_numbers_of_any_size(http, db, number):
    from ranking import sessions
    from ranking.songs import PastedSong

    wanted = sessions.Wanted(songs=[PastedSong("One", "A"), PastedSong("Two", "A")])
    session, token = sessions.create(wanted, name="", mode="quick", versions="fold", visibility="public")
    headers = {"Authorization": f"Session {token}"}
    path = f"/api/v1/sessions/{session.pk}"
    for answer in (
        http.delete(f"{path}/comparisons/{number}", headers=headers),
        http.delete(f"{path}/merges/{number}", headers=headers),
        http.patch(f"{path}/songs/{number}", {"excluded": True}, content_type="application/json", headers=headers),
    ):
        assert answer.status_code == 404, answer.content
    assert http.get(f"{path}/comparisons?cursor=nonsense").status_code == 404
