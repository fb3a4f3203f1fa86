"""All settings, top to bottom. Runs with nothing set; `.env.example` lists what an operator may set.

The shell's environment wins over `.env`.
"""

import os
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = environ.Env()
if os.environ.get("SONGRANKER_READ_DOT_ENV", "1") == "1":  # the tests set 0: they must not depend on a laptop's .env
    environ.Env.read_env(BASE_DIR / ".env", overwrite=False)


def env_number(name: str, default: float, minimum: float) -> float:
    """A number from the environment; empty is the default, nonsense is one clear line."""
    text = env.str(name, default="").strip()
    try:
        number = float(text) if text else float(default)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={text!r} is not a number") from None
    if not number >= minimum:
        raise ImproperlyConfigured(f"{name}={text} must be at least {minimum:g}")
    return number


def env_int(name: str, default: int, minimum: int = 0) -> int:
    number = env_number(name, default, minimum)
    if number != int(number):
        raise ImproperlyConfigured(f"{name}={number} must be a whole number")
    return int(number)


def env_bool(name: str, default: bool) -> bool:
    text = env.str(name, default="").strip().lower()
    words = {
        "": default,
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if text not in words:
        raise ImproperlyConfigured(f"{name}={text!r} is neither on nor off")
    return words[text]


# --- The process ------------------------------------------------------------------------------------------------------

DEBUG = env_bool("DEBUG", default=True)
DATA_DIR = Path(env.str("DATA_DIR", default="") or BASE_DIR / ".data")
PORT = env_int("PORT", 8000, 1)
WEB_CONCURRENCY = env_int("WEB_CONCURRENCY", 2, 1)
WEB_THREADS = env_int("WEB_THREADS", 40, 2)

SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS = [host.strip() for host in env.str("ALLOWED_HOSTS", default="").split(",") if host.strip()]
if DEBUG:
    SECRET_KEY = SECRET_KEY or "insecure-only-for-development-and-refused-when-debug-is-off"
    ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]", "testserver"]
else:
    missing = [name for name, value in (("SECRET_KEY", SECRET_KEY), ("ALLOWED_HOSTS", ALLOWED_HOSTS)) if not value]
    if missing:
        raise ImproperlyConfigured(f"DEBUG is off: set {' and '.join(missing)} (or set DEBUG=on on a laptop)")

# --- Spotify ----------------------------------------------------------------------------------------------------------

SPOTIFY_CLIENT_ID = env.str("SPOTIFY_CLIENT_ID", default="")
SPOTIFY_CLIENT_SECRET = env.str("SPOTIFY_CLIENT_SECRET", default="")
SPOTIFY_SIMULATED = not (SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET)
if SPOTIFY_SIMULATED and not DEBUG:
    raise ImproperlyConfigured("DEBUG is off: set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET")
# Where `manage.py spotify_simulator` listens; the runner overrides it with the free port that it found.
SPOTIFY_SIMULATOR_URL = env.str("SPOTIFY_SIMULATOR_URL", default="http://127.0.0.1:8090")
if SPOTIFY_SIMULATED:
    SPOTIFY_CLIENT_ID, SPOTIFY_CLIENT_SECRET = "simulator", "simulator"
SPOTIFY_API_URL = (
    env.str("SPOTIFY_API_URL", default="")
    or (f"{SPOTIFY_SIMULATOR_URL}/v1" if SPOTIFY_SIMULATED else "https://api.spotify.com/v1")
).rstrip("/")
SPOTIFY_ACCOUNTS_URL = (
    env.str("SPOTIFY_ACCOUNTS_URL", default="")
    or (SPOTIFY_SIMULATOR_URL if SPOTIFY_SIMULATED else "https://accounts.spotify.com")
).rstrip("/")

SPOTIFY_QUOTA_MODE = env.str("SPOTIFY_QUOTA_MODE", default="") or "development"
if SPOTIFY_QUOTA_MODE not in ("development", "extended"):
    raise ImproperlyConfigured(f"SPOTIFY_QUOTA_MODE={SPOTIFY_QUOTA_MODE!r} must be development or extended")
EXTENDED = SPOTIFY_QUOTA_MODE == "extended"
SPOTIFY_MARKET = env.str("SPOTIFY_MARKET", default="")
if SPOTIFY_MARKET and not (len(SPOTIFY_MARKET) == 2 and SPOTIFY_MARKET.isalpha() and SPOTIFY_MARKET.isupper()):
    raise ImproperlyConfigured(
        f"SPOTIFY_MARKET={SPOTIFY_MARKET!r} must be an ISO 3166 country code such as DE, or empty"
    )
SPOTIFY_LANGUAGE = env.str("SPOTIFY_LANGUAGE", default="") or "en"
SPOTIFY_RATE_LIMIT = env_int("SPOTIFY_RATE_LIMIT", 90 if EXTENDED else 30, 1)
SPOTIFY_RATE_WINDOW_SECONDS = env_number("SPOTIFY_RATE_WINDOW_SECONDS", 30, 0.1)
SPOTIFY_DAILY_LIMIT = env_int("SPOTIFY_DAILY_LIMIT", 20_000 if EXTENDED else 1_000)
SPOTIFY_PAUSE_KEY = env.str("SPOTIFY_PAUSE_KEY", default="") or "spotify:pause"
SPOTIFY_WAIT_SECONDS = env_number("SPOTIFY_WAIT_SECONDS", 10, 0)
SPOTIFY_QUEUE_LIMIT = env_int("SPOTIFY_QUEUE_LIMIT", 500, 1)
SPOTIFY_QUEUE_ALERT = env_int("SPOTIFY_QUEUE_ALERT", 100, 1)

SPOTIFY_CONNECT_TIMEOUT_SECONDS = 3.0
SPOTIFY_READ_TIMEOUT_SECONDS = 10.0
# The longest that one HTTP call can take, whatever the other side does: a slot of the window is held at most so long.
SPOTIFY_CALL_SECONDS = 15.0
# Cached answers, by kind of question: fresh for so long; after that still served, while one refresh runs.
SPOTIFY_LIFETIMES = {
    "artist_search": env_number("SPOTIFY_FRESH_SEARCH_SECONDS", 24 * 3600, 0),
    "artist_albums": env_number("SPOTIFY_FRESH_ALBUMS_SECONDS", 24 * 3600, 0),  # new releases show within a day
    "album_tracks": env_number("SPOTIFY_FRESH_TRACKS_SECONDS", 7 * 24 * 3600, 0),  # a released album hardly changes
    "playlist_tracks": env_number("SPOTIFY_FRESH_PLAYLIST_SECONDS", 3600, 0),
}
SPOTIFY_LIFETIMES |= {
    "albums_by_name": SPOTIFY_LIFETIMES["artist_albums"],
    "track_search": SPOTIFY_LIFETIMES["artist_search"],
    "track": SPOTIFY_LIFETIMES["album_tracks"],
}
# "There is no such thing" is remembered shorter: false 404s have come in bursts.
SPOTIFY_ABSENT_SECONDS = env_number("SPOTIFY_ABSENT_SECONDS", 3600, 0)
# Views that wait for Spotify hold at most half of a web process' threads: cached pages stay fast.
SPOTIFY_WAITING_VIEWS = max(1, WEB_THREADS // 2)

# --- Ranking and leaderboards -----------------------------------------------------------------------------------------

# Up to so many songs a ranking is fitted inside the request; above it, on the `default` queue.
RANKING_INLINE_SONGS = 300
# POST sessions waits so long for its songs before it answers `collecting`.
SESSION_WAIT_SECONDS = 0.8
# Of an explicit and a clean copy of a song the explicit one is kept; off: the clean one.
PREFER_EXPLICIT = env_bool("PREFER_EXPLICIT", default=True)
LEADERBOARD_REBUILD_SECONDS = env_number("LEADERBOARD_REBUILD_SECONDS", 120, 1)

# --- Redis and Celery (the app itself: celery_app.py) -----------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="")
if not REDIS_URL and (DATA_DIR / "run.env").exists():  # `make run` is up in another terminal, with a Redis of its own
    REDIS_URL = (DATA_DIR / "run.env").read_text().strip().removeprefix("REDIS_URL=")
REDIS_URL = REDIS_URL or "redis://127.0.0.1:6379/0"

# --- Database ---------------------------------------------------------------------------------------------------------

_database: dict[str, Any] = (
    env.db("DATABASE_URL")
    if env.str("DATABASE_URL", default="")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "songranker.sqlite3"}
)
if _database["ENGINE"].endswith("sqlite3"):
    # Several processes write: WAL, and IMMEDIATE because a deferred transaction that has read cannot become a writer
    # once another has written: it fails at once, however long the time-out.
    Path(_database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # In a file, because the workers of the tests are processes of their own.
    _database["TEST"] = {"NAME": str(_database["NAME"]) + ".test"}
# Opening a connection costs more than most of our questions do. (Workers: celery_app.py.)
_database |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": not _database["ENGINE"].endswith("sqlite3")}
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Django -----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "songranker",
    "spotify",
    "ranking",
    "leaderboard",
]
MIDDLEWARE = [
    "songranker.middleware.RequestIdMiddleware",
    "songranker.middleware.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "songranker.urls"
WSGI_APPLICATION = "songranker.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "songranker" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- Static files: WhiteNoise; from the apps' folders on a laptop, collected in the image -----------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Safety (off on a laptop, which has no TLS) -----------------------------------------------------------------------

HTTPS_ONLY = env_bool("HTTPS_ONLY", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # the platform's probes come without TLS, from inside
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS_ONLY else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
CSRF_TRUSTED_ORIGINS = [
    origin.strip() for origin in env.str("CSRF_TRUSTED_ORIGINS", default="").split(",") if origin.strip()
]
X_FRAME_OPTIONS = "DENY"

# --- The API ----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],  # sessions bring their own token (ranking/access.py); nothing else writes
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "songranker.negotiation.AlwaysJson",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "songranker.exception_handler.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SongRanker",
    "DESCRIPTION": "Rank any artist's songs by comparing two at a time. Errors are RFC 9457 problem documents.",
    "VERSION": VERSION,
    "SCHEMA_PATH_PREFIX": "/api/v1",  # so that the page groups calls by what comes after it
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "SessionState": "ranking.models.Session.State",
        "SourceState": "ranking.models.Source.State",
        "JobState": ["queued", "running", "done", "failed"],
    },
}

# --- Logs -------------------------------------------------------------------------------------------------------------

LOG_FORMAT = env.str("LOG_FORMAT", default="") or "text"
if LOG_FORMAT not in ("text", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT={LOG_FORMAT!r} must be text or json")
LOG_LEVEL = (env.str("LOG_LEVEL", default="") or "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(f"LOG_LEVEL={LOG_LEVEL!r} must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"ids": {"()": "songranker.logs.Ids"}},
    "formatters": {
        "text": {"format": "{asctime} {levelname} {name} [{request_id}] {message}", "style": "{"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "{asctime}{levelname}{name}{request_id}{task}{message}",
            "style": "{",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["ids"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # 4xx answers are the client's business: one access line each, not a warning on top.
        "django.request": {"level": "ERROR"},
        # One line a task, with its ids, is written by songranker.logs.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
    },
}
