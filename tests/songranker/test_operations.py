"""Request ids, logs, schema, docs page, start page, metrics of one process."""

import json
import logging

import pytest
from django.core.management import call_command

from songranker import logs, metrics, scrape
from songranker.redis import oldest_sent_at, queue_ages


def test_a_request_id_is_taken_where_it_is_harmless(client):
    assert client.get("/health/live", headers={"X-Request-ID": "abc-123"})["X-Request-ID"] == "abc-123"
    for bad in ("x" * 101, "a b", "a\tb", "<script>"):
        given = client.get("/health/live", headers={"X-Request-ID": bad})["X-Request-ID"]
        assert given != bad
        assert len(given) == 32


def test_json_lines_carry_the_ids(settings):
    formatter = logging.config.DictConfigurator(settings.LOGGING).configure_formatter(
        settings.LOGGING["formatters"]["json"] | {}
    )
    record = logging.LogRecord("x", logging.INFO, "", 0, "hello %s", ("there",), None)
    token = logs.request_id.set("abc")
    logs.Ids().filter(record)
    logs.request_id.reset(token)
    line = json.loads(formatter.format(record))
    assert (line["message"], line["request_id"], line["level"], line["logger"]) == ("hello there", "abc", "INFO", "x")


def test_the_access_line_has_no_query(client, db, caplog):
    with caplog.at_level("INFO", "songranker.access"):
        client.get("/api/v1/resolve?url=a-secret-that-somebody-pasted")
    assert "GET /api/v1/resolve 400" in caplog.text
    assert "a-secret" not in caplog.text


def test_the_start_page_leads_on(client):
    page = client.get("/").content.decode()
    for address in ("/api/docs", "/admin/", "/api/v1/leaderboards"):
        assert f'href="{address}"' in page


def test_docs_need_no_internet(client):
    page = client.get("/api/docs").content.decode()
    assert "swagger" in page.lower()
    assert "https://" not in page.replace("https://spectacular", "")
    assert "cdn" not in page


def test_the_schema_names_every_endpoint(client):
    schema = json.loads(client.get("/api/schema", headers={"Accept": "application/json"}).content)
    for path in (
        "artists",
        "albums",
        "albums/{album_id}/tracks",
        "resolve",
        "jobs/{job_id}",
        "sessions",
        "leaderboards/{artist_id}",
    ):
        assert f"/api/v1/{path}" in schema["paths"], path
    session = schema["components"]["schemas"]["SessionOut"]["properties"]
    assert {"import", "progress", "duplicates"} <= set(session)
    assert "errors" in schema["components"]["schemas"]["ProblemOut"]["properties"]


def test_the_schema_is_valid(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


def test_live_touches_nothing(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert client.get("/health/live").json() == {"status": "ok"}


def test_histograms_add_up(redis):
    metrics.observe("proxy_seconds", 0.004, outcome="known")
    metrics.observe("proxy_seconds", 99, outcome="known")
    metrics.count("votes")
    metrics.flush()
    families = {family.name: family for family in scrape._declared()}
    values = {(s.name, s.labels.get("le")): s.value for s in families["songranker_proxy_seconds"].samples}
    assert values["songranker_proxy_seconds_bucket", "0.0025"] == 0
    assert values["songranker_proxy_seconds_bucket", "0.005"] == 1
    assert values["songranker_proxy_seconds_bucket", "+Inf"] == 2
    assert values["songranker_proxy_seconds_sum", None] == pytest.approx(99.004)


def test_metrics_wait_for_a_redis_that_is_away(redis, monkeypatch):
    import redis as redis_py

    gone = redis_py.Redis(port=1, socket_connect_timeout=0.2, retry=None)
    metrics.count("votes")
    with monkeypatch.context() as patch:
        patch.setattr(metrics, "connection", lambda: gone)
        metrics.flush()
    metrics.count("votes")
    metrics.flush()
    assert float(redis.hgetall(metrics.KEY)['["votes", []]']) == 2


def test_a_metric_with_the_wrong_labels_is_a_bug():
    with pytest.raises(ValueError, match="labels"):
        metrics.count("tasks", task="x")


def test_the_age_of_the_oldest_message(redis):
    """In a queue of this test's own, which no worker empties."""
    redis.lpush("some queue", json.dumps({"headers": {"sent_at": 1.0}}), json.dumps({"headers": {}}))
    assert oldest_sent_at("some queue") == 1.0
    assert oldest_sent_at("another queue") is None
    assert set(queue_ages()) == {"default", "spotify", "leaderboard"}
