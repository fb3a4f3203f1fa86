"""The Celery application: three queues, what each task may cost, and what beat does when.

Each value that is not Celery's default has its reason beside it; measured on Celery 5.7 with Redis.
"""

import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import task_prerun
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "songranker.settings")

from django.conf import settings
from django.db import close_old_connections, reset_queries

from songranker.redis import QUEUES

# The longest that a task of a queue may run, seconds (soft, hard). `spotify` may wait for a whole window.
SPOTIFY_TIME_LIMITS = (settings.SPOTIFY_RATE_WINDOW_SECONDS + 60, settings.SPOTIFY_RATE_WINDOW_SECONDS + 75)
OTHER_TIME_LIMITS = (60, 75)

SPOTIFY_TASK_RATE = f"{max(100, round(4 * settings.SPOTIFY_RATE_LIMIT / settings.SPOTIFY_RATE_WINDOW_SECONDS))}/s"

if settings.DEBUG:
    # On a laptop somebody may well be root (a container, say); the image for production is not.
    warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery(
    "songranker", broker=settings.REDIS_URL, backend=f"songranker.results:WaitersSubscribe+{settings.REDIS_URL}"
)
app.conf.update(
    # Queues. A typo in a queue's name is an error, not a new queue that nobody reads.
    task_queues=[Queue(name, Exchange(name, type="direct"), routing_key=name) for name in QUEUES],
    task_default_queue="default",
    task_create_missing_queues=False,
    # The `spotify` queue is for what calls Spotify: a person's search must not stand behind anything else.
    task_routes={"spotify.fetch": {"queue": "spotify"}, "leaderboard.*": {"queue": "leaderboard"}},
    # `rate_limit` is kept by each worker for itself: the first line of defence, should the throttle ever be broken. What
    # holds the budget, with any number of workers, is spotify/throttle.py. It must never slow what the throttle allows,
    # which may be a whole window at once: so it stands far above that.
    task_annotations={
        "*": {"soft_time_limit": OTHER_TIME_LIMITS[0], "time_limit": OTHER_TIME_LIMITS[1]},
        "spotify.fetch": {
            "rate_limit": SPOTIFY_TASK_RATE,
            "soft_time_limit": SPOTIFY_TIME_LIMITS[0],
            "time_limit": SPOTIFY_TIME_LIMITS[1],
        },
    },
    # Delivery: at least once. Tasks are idempotent, so a killed worker's task is simply run again, at once.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # spotify.models.Lookup.Priority: a waiting person is 0, then who has left, imports, refreshes.
    task_queue_max_priority=9,
    task_default_priority=3,
    broker_transport_options={
        "priority_steps": [0, 3, 6, 9],
        "queue_order_strategy": "priority",
        # Above the longest hard limit, else a running task is started a second time.
        "visibility_timeout": SPOTIFY_TIME_LIMITS[1] + 15,
        # Else a killed worker's message comes back up to 100 s after its time-out.
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_timeout": 2,
        "socket_connect_timeout": 1,
        "health_check_interval": 10,
    },
    redis_socket_timeout=2,
    redis_socket_connect_timeout=1,
    redis_backend_health_check_interval=10,
    # A web process must learn in a second that the broker is gone; the person gets a 503, not a hung page.
    task_publish_retry=False,
    result_backend_transport_options={"retry_policy": {"timeout": 1.0, "max_retries": 1}},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # Results only say that something ended; what it was stands in the database.
    result_expires=600,
    task_ignore_result=True,
    # JSON only: who can write to Redis must not be able to run code.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    # Beat keeps no file: every entry is idempotent and repeats often, so a restart may simply begin again.
    beat_scheduler="songranker.heartbeat:BeatScheduler",
    beat_max_loop_interval=5,
    # `expires`: a dead worker must not leave a pile of the same wish.
    beat_schedule={
        "every-5s-publish-lost-spotify-work": {
            "task": "spotify.sweep",
            "schedule": 5.0,
            "options": {"queue": "default", "expires": 5},
        },
        "every-15s-collect-waiting-sessions": {
            "task": "ranking.sweep",
            "schedule": 15.0,
            "options": {"queue": "default", "expires": 15},
        },
        "every-rebuild-interval-leaderboards": {
            "task": "leaderboard.rebuild_changed",
            "schedule": settings.LEADERBOARD_REBUILD_SECONDS,
            "options": {"queue": "leaderboard", "expires": settings.LEADERBOARD_REBUILD_SECONDS},
        },
    },
)
app.autodiscover_tasks(["spotify", "ranking", "leaderboard"])
# Celery would close the database connection around each task, which costs more than most tasks do. Ours are kept as
# long as a web request's: CONN_MAX_AGE, and never once broken.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000_000


@task_prerun.connect
def _as_a_request_begins(**_: Any) -> None:
    close_old_connections()
    reset_queries()  # with DEBUG on Django keeps the last 9,000 statements, and a page of a playlist has long ones


import songranker.heartbeat  # noqa: E402
import songranker.logs  # noqa: E402  (both connect themselves to Celery's signals)

songranker.heartbeat.install(app)
