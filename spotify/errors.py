"""What can go wrong with Spotify, as the rest of the program sees it.

SpotifyError
├── NotFound            Spotify says that there is no such thing
├── Forbidden           Spotify does not let this application read it
├── BadRequest          our request was wrong: a bug of ours, or a value from outside that nobody checked
├── Refused             our credentials or our account are not accepted
├── Malformed           an answer that makes no sense
└── Unavailable         not now; `retry_after` says when
    ├── RateLimited     429: everybody has to pause
    ├── Paused          a pause is running: nothing was sent
    ├── BudgetSpent     the day's calls are spent: nothing was sent
    ├── QueueFull       too much is waiting for the worker: nothing was queued
    └── BrokerDown      Redis cannot be asked: nothing was sent
"""

from typing import ClassVar


class SpotifyError(Exception):
    """`code` is the problem document's; `detail` is fit for a person and holds no secret."""

    code: ClassVar[str] = "spotify_unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(SpotifyError):
    code = "not_found"


class Forbidden(SpotifyError):
    code = "spotify_forbidden"


class BadRequest(SpotifyError):
    code = "spotify_invalid_answer"


class Refused(SpotifyError):
    code = "spotify_refused"


class Malformed(SpotifyError):
    code = "spotify_invalid_answer"


class Unavailable(SpotifyError):
    """Passing: time-outs, dropped connections, 5xx."""

    code = "spotify_unavailable"

    def __init__(self, detail: str, retry_after: float = 5.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after  # seconds


class Paused(Unavailable):
    code = "spotify_paused"


class RateLimited(Paused):
    """`quota`: the day's quota rather than the 30-second window."""

    def __init__(self, detail: str, retry_after: float, *, quota: bool) -> None:
        super().__init__(detail, retry_after)
        self.quota = quota


class BudgetSpent(Unavailable):
    code = "daily_budget_spent"


class QueueFull(Unavailable):
    code = "queue_full"


class BrokerDown(Unavailable):
    code = "broker_unavailable"


def _tree(root: type[SpotifyError]) -> list[type[SpotifyError]]:
    return [root, *(sub for child in root.__subclasses__() for sub in _tree(child))]


def remembered(code: str, detail: str, retry_after: float) -> SpotifyError:
    """The error that a row remembers by its code."""
    for kind in _tree(SpotifyError):
        if kind.code == code and kind not in (SpotifyError, BadRequest, RateLimited):
            return kind(detail, retry_after) if issubclass(kind, Unavailable) else kind(detail)
    return Unavailable(detail, retry_after)
