"""Settings that do not fit together, told at start-up with an id and a hint."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004


def install() -> None:
    register(quota_fits_mode)
    register(queue_alert_is_reached)


def quota_fits_mode(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """90 calls in 30 s are bold for an application in Development Mode."""
    if (
        settings.SPOTIFY_QUOTA_MODE == "development"
        and settings.SPOTIFY_RATE_LIMIT > 60
        and not settings.SPOTIFY_SIMULATED
    ):
        return [
            Warning(
                f"SPOTIFY_RATE_LIMIT={settings.SPOTIFY_RATE_LIMIT} is bold for Development Mode",
                hint="careful clients stay at 30 calls in 30 s; a 429 pauses everybody",
                id="spotify.W001",
            )
        ]
    return []


def queue_alert_is_reached(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """An alarm above the limit never rings."""
    if settings.SPOTIFY_QUEUE_ALERT > settings.SPOTIFY_QUEUE_LIMIT:
        return [
            Error(
                "SPOTIFY_QUEUE_ALERT is above SPOTIFY_QUEUE_LIMIT, so it never rings",
                hint="set the alarm to a fraction of the limit",
                id="spotify.E001",
            )
        ]
    return []
