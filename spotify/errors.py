"""What can go wrong with Spotify, as the rest of the program sees it.

SpotifyError
├── NotFound            Spotify says that there is no such thing
├── Forbidden           Spotify does not let this application read it
├── BadRequest          our request was wrong: a bug of ours, or a value from outside that nobody checked
├── Refused             our credentials or our account are not accepted
├── Malformed           an answer that makes no sense
└── Unavailable         not now; `retry_after` says when
    ├── Paused          a pause is running: nothing was sent
    │   └── RateLimited 429: everybody has to pause
    ├── Outage          Spotify has failed again and again: nothing is sent for a while
    ├── BudgetSpent     the day's calls are spent: nothing was sent
    ├── QueueFull       too much is waiting for the worker: nothing was queued
    └── BrokerDown      Redis cannot be asked: nothing was sent
"""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from spotify.failures import Failure


class MadeWay(Exception):
    """No failure: the work was put back behind something more urgent, or has had its turn for now."""


class SpotifyError(Exception):
    """`code` is the problem document's; `detail` is fit for a person and holds no secret."""

    code: ClassVar[str] = "spotify_unavailable"
    failure: "Failure | None" = None  # the row of `failures.TABLE` where Spotify's answer was the reason

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
        self.asked_seconds = 0.0  # what the other side asked us to wait


class Paused(Unavailable):
    code = "spotify_paused"


class RateLimited(Paused):
    pass


class Outage(Unavailable):
    pass


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
        if kind.code == code and kind not in (SpotifyError, BadRequest, RateLimited, Outage):
            return kind(detail, retry_after) if issubclass(kind, Unavailable) else kind(detail)
    return Unavailable(detail, retry_after)
