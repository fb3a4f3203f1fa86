"""`Retry-After`, as Spotify and the proxies before it really send it. Pure."""

import email.utils

MAX_SECONDS = 48 * 3600.0


def read_retry_after(value: str | None, now: float) -> float | None:
    """Seconds from a `Retry-After`, which may be seconds or an HTTP date; None for missing or absurd ones."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    if not 0 <= seconds < float("inf"):
        return None
    return min(seconds, MAX_SECONDS)
