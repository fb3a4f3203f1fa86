"""Settings: what runs with nothing set, and each wrong one as a clear line."""

import os
import subprocess
import sys

import pytest

from tests.processes import ROOT

PRODUCTION = {
    "DEBUG": "off", "SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "a.example", "SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": "s",
}  # fmt: skip


def read(tmp_path, *names, **environment):
    """Load the settings in a process of their own; its values, or the last line of what it complained about."""
    script = f"from songranker import settings\nfor n in {names!r}: print(getattr(settings, n))"
    env = {"PATH": os.environ["PATH"], "SONGRANKER_READ_DOT_ENV": "0", "DATA_DIR": str(tmp_path), **environment}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
    return done.stdout.splitlines() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def test_nothing_set(tmp_path):
    assert read(tmp_path, "DEBUG", "SPOTIFY_SIMULATED", "SPOTIFY_QUOTA_MODE", "SPOTIFY_RATE_LIMIT", "SPOTIFY_DAILY_LIMIT", "SPOTIFY_PAUSE_KEY") == [
        "True", "True", "development", "30", "1000", "spotify:pause",
    ]  # fmt: skip


def test_empty_is_as_good_as_nothing(tmp_path):
    empty = dict.fromkeys(
        ("DEBUG", "SPOTIFY_RATE_LIMIT", "SPOTIFY_QUOTA_MODE", "REDIS_URL", "DATABASE_URL", "LOG_FORMAT", "PORT"), ""
    )
    assert read(tmp_path, "SPOTIFY_RATE_LIMIT", "PORT", "REDIS_URL", **empty) == [
        "30",
        "8000",
        "redis://127.0.0.1:6379/0",
    ]


def test_extended_mode_has_larger_budgets(tmp_path):
    assert read(tmp_path, "SPOTIFY_RATE_LIMIT", "SPOTIFY_DAILY_LIMIT", SPOTIFY_QUOTA_MODE="extended") == ["90", "20000"]


def test_production(tmp_path):
    values = read(tmp_path, "SPOTIFY_API_URL", "SPOTIFY_SIMULATED", "SECURE_SSL_REDIRECT", **PRODUCTION)
    assert values == ["https://api.spotify.com/v1", "False", "True"]


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"])
def test_production_needs_its_secrets(tmp_path, missing):
    environment = {name: value for name, value in PRODUCTION.items() if name != missing}
    assert missing in read(tmp_path, "DEBUG", **environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("SPOTIFY_QUOTA_MODE", "dev"),
        ("SPOTIFY_RATE_LIMIT", "0"),
        ("SPOTIFY_RATE_LIMIT", "many"),
        ("SPOTIFY_RATE_LIMIT", "1.5"),
        ("SPOTIFY_RATE_WINDOW_SECONDS", "nan"),
        ("SPOTIFY_MARKET", "Germany"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "LOUD"),
        ("LEADERBOARD_REBUILD_SECONDS", "-1"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_and_value(tmp_path, name, value):
    line = read(tmp_path, "DEBUG", **{name: value})
    assert name in line
    assert value in line


def test_checks(settings):
    from spotify import checks

    settings.SPOTIFY_QUEUE_ALERT, settings.SPOTIFY_QUEUE_LIMIT = 10, 5
    assert [message.id for message in checks.queue_alert_is_reached(None)] == ["spotify.E001"]
    settings.SPOTIFY_RATE_LIMIT, settings.SPOTIFY_SIMULATED = 90, False
    assert [message.id for message in checks.quota_fits_mode(None)] == ["spotify.W001"]
