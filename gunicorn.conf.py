"""Gunicorn: threads, because a view that waits for Spotify holds one and does nothing with it."""

import gc
import os
from typing import Any

# Fits are small and requests many: a BLAS with threads of its own would only fight over the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

bind = f"{os.environ.get('WEB_HOST') or '0.0.0.0'}:{os.environ.get('PORT') or '8000'}"  # noqa: S104  (in a container)
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = int(os.environ.get("WEB_THREADS") or 40)
worker_class = "gthread"
# No preload: connections to Redis and to the database must not be shared over a fork.
preload_app = False
timeout = 60
graceful_timeout = 8
keepalive = 30
# Heartbeat files on memory: a slow disk must not look like a hung worker.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
max_requests = 20_000
max_requests_jitter = 2_000
accesslog = None  # songranker.middleware writes the access line, with the request's id


def post_worker_init(worker: Any) -> None:
    """What has been loaded by now stays: the collector need not look through it again while somebody waits."""
    gc.collect()
    gc.freeze()


if os.environ.get("LOG_FORMAT") == "json":  # Gunicorn's own lines, too; the application's are set up in settings.py
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "{asctime}{levelname}{name}{message}",
                "style": "{",
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {"gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False}},
    }
