"""The one table of what can go wrong at Spotify: whether it is tried again, which error it is, how long it is believed.

`calls.py` and `tokens.py` say which row an answer is; nobody else decides. What people see follows from the error's
code (`songranker/problems.py`). `docs/spotify.md` shows this table; a test compares the two, and another plays each row.
"""

from dataclasses import dataclass
from datetime import timedelta

from spotify import errors


@dataclass(frozen=True, slots=True)
class Failure:
    """One row. `tries` in all, the first included; `believed`: until then equal questions get the same answer from the
    row, without a call (None: until the error's own `retry_after`)."""

    name: str
    seen: str
    error: type[errors.SpotifyError]
    tries: int = 1
    believed: timedelta | None = None

    def because(self, detail: str, retry_after: float | None = None) -> errors.SpotifyError:
        """The error to raise; `retry_after` in seconds where Spotify said it."""
        error = self.error(detail)
        if isinstance(error, errors.Unavailable) and retry_after is not None:
            error.retry_after = error.asked_seconds = retry_after
        error.failure = self
        return error


BAD_REQUEST = Failure(
    "bad_request", "400, 405, 410 and any other 4xx", errors.BadRequest, believed=timedelta(minutes=5)
)
TOKEN = Failure("token", "401, and 401 again with a new token", errors.Refused, believed=timedelta(minutes=1))
PREMIUM = Failure(
    "premium", "403 that speaks of Premium: all calls stop", errors.Refused, believed=timedelta(minutes=30)
)
FORBIDDEN = Failure(
    "forbidden", "403: removed endpoint, or not ours to read", errors.Forbidden, believed=timedelta(hours=6)
)
ABSENT = Failure("absent", "404 in Spotify's own words", errors.NotFound)
ODD_404 = Failure(
    "odd_404", "404 that is not Spotify's JSON", errors.Malformed, tries=3, believed=timedelta(seconds=10)
)
LIMITED = Failure("limited", "429: all calls pause", errors.RateLimited, tries=4)
SERVER = Failure("server", "500, 502, 503, 504", errors.Unavailable, tries=4)
NETWORK = Failure("network", "time-out, reset, DNS, TLS, cut off in the middle", errors.Unavailable, tries=4)
MALFORMED = Failure(
    "malformed",
    "200 or 3xx with HTML, cut JSON, wrong types, missing fields, too much",
    errors.Malformed,
    tries=3,
    believed=timedelta(seconds=10),
)
CREDENTIALS = Failure(
    "credentials",
    "400, 401, 403 from the accounts service: all calls stop",
    errors.Refused,
    believed=timedelta(minutes=1),
)
ACCOUNTS = Failure("accounts", "429, 5xx, time-out, nonsense from the accounts service", errors.Unavailable, tries=4)

TABLE = (
    BAD_REQUEST,
    TOKEN,
    PREMIUM,
    FORBIDDEN,
    ABSENT,
    ODD_404,
    LIMITED,
    SERVER,
    NETWORK,
    MALFORMED,
    CREDENTIALS,
    ACCOUNTS,
)
