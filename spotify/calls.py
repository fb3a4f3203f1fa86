"""One call to Spotify's Web API: its slot of the window, the token, tries, and what each answer means.

Every HTTP request passes the throttle. Errors are those of `errors.py`, whatever the libraries below raise; which one,
and whether it is tried again, says the table in `failures.py`.
"""

import json
import logging
import random
import time
import uuid
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
import tenacity
from requests.adapters import HTTPAdapter

from spotify import failures, payloads
from spotify.errors import BudgetSpent, Malformed, Outage, Paused, RateLimited, SpotifyError, Unavailable
from spotify.headers import read_retry_after
from spotify.payloads import Json
from spotify.throttle import PERSON, Closed, Granted, Kind, Outcome, Place, Throttle
from spotify.tokens import Tokens

_log = logging.getLogger(__name__)
T = TypeVar("T")

USER_AGENT = "SongRanker/0.1 (+https://github.com/songranker/songranker)"
MAX_BODY_BYTES = 5 * 1024 * 1024
# A pause that ends within this is waited for even where nobody waits for the answer; longer ones give the work back.
SHORT_PAUSE_SECONDS = 3.0
LONGEST_BACK_OFF_SECONDS = 30.0
QUOTA_AFTER_SECONDS = 300
PREMIUM_STOPS_SECONDS = 1800.0


def new_transport() -> requests.Session:
    """A pooled session without retries of its own: urllib3's would sleep out a Retry-After of hours inside get()."""
    transport = requests.Session()
    transport.trust_env = False
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=4, max_retries=0)
    transport.mount("https://", adapter)
    transport.mount("http://", adapter)
    transport.headers["User-Agent"] = USER_AGENT
    return transport


@dataclass(slots=True)
class Turn:
    """What one piece of work may take: its place in the throttle's order, and how long somebody waits for it."""

    place: Callable[[], Place] = lambda: PERSON
    # Seconds for which a person still waits; 0 where nobody does.
    patience: Callable[[], float] = lambda: 0.0
    # Runs before each request and at least once a second while waiting. Raises MadeWay to put the work back.
    check: Callable[[], None] = lambda: None
    # Pages as Spotify sent them, fetched by an earlier turn of the same work, by path and offset.
    pages: MutableMapping[tuple[str, int], Json] = field(default_factory=dict)


class Calls:
    """Makes calls for one piece of work, whose `turn` it is."""

    def __init__(
        self,
        transport: requests.Session,
        tokens: Tokens,
        throttle: Throttle,
        *,
        url: str,
        language: str = "en",
        timeouts: tuple[float, float] = (3.0, 10.0),
        call_seconds: float = 15.0,
        turn: Turn | None = None,
        sleep: Callable[[float], None] = time.sleep,
        observe: Callable[[str, int], None] = lambda endpoint, status: None,
        observe_wait: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._throttle = throttle
        self._url = url
        self._language = language
        self._timeouts = timeouts
        self._call_seconds = call_seconds
        self.turn = turn or Turn()
        self._sleep = sleep
        self._observe = observe
        self._observe_wait = observe_wait

    def get(self, endpoint: str, path: str, params: dict[str, Any], parse: Callable[[Any], T]) -> T:
        """The parsed answer to one GET; tried again where that may help. Raises SpotifyError, MadeWay."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(SpotifyError),
            wait=_back_off,
            stop=self._enough,
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._try, endpoint, path, params, parse)

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        """No further try: the table says so, or the next one would come after whoever waits has left."""
        error = state.outcome.exception() if state.outcome else None
        failure = error.failure if isinstance(error, SpotifyError) else None
        if failure is None or state.attempt_number >= failure.tries:
            return True
        patience = self.turn.patience()
        return state.upcoming_sleep > (patience or LONGEST_BACK_OFF_SECONDS)

    def _try(self, endpoint: str, path: str, params: dict[str, Any], parse: Callable[[Any], T]) -> T:
        """One try; a refused token is renewed once."""
        token = self._tokens.current()
        status, body = self._send(endpoint, path, params, token)
        if status == 401:
            self._tokens.refuse(token)
            status, body = self._send(endpoint, path, params, self._tokens.current())
            if status == 401:
                raise failures.TOKEN.because("Spotify refuses the access token that it has just given us.")
        try:
            return parse(json.loads(body))
        except ValueError:
            raise failures.MALFORMED.because(f"Spotify's answer to {endpoint} is no JSON.") from None
        except Malformed as error:
            raise failures.MALFORMED.because(error.detail) from None

    def _send(self, endpoint: str, path: str, params: dict[str, Any], token: str) -> tuple[int, bytes]:
        """One HTTP request with its slot of the window: 200 with the body, or 401. Else raises."""
        self.turn.check()
        granted = self._take_slot()
        status = 0
        outcome: Outcome = "failed"
        try:
            status, headers, body = self._exchange(path, params, token)
            if status == 429:
                outcome = "refused"
                raise self._limited(granted, headers, body)
            outcome = "failed" if status >= 500 else "answered"
            if status in (200, 401):
                return status, body
            raise self._error(status, headers, body, path)
        finally:
            # Also after an error: it may have reached Spotify.
            if self._throttle.release(granted, outcome):
                _log.error("Spotify has failed again and again: one call every half minute tries it now")
            self._observe(endpoint, status)

    def _exchange(self, path: str, params: dict[str, Any], token: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body. Raises the table's NETWORK for whatever the network does."""
        started = time.monotonic()
        try:
            with self._transport.get(
                f"{self._url}/{path}",
                params=params,
                headers={"Authorization": f"Bearer {token}", "Accept-Language": self._language},
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = b""
                for chunk in answer.iter_content(64 * 1024):
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise failures.MALFORMED.because("Spotify's answer is larger than 5 MiB.")
                    if time.monotonic() - started > self._call_seconds:
                        raise failures.NETWORK.because("Spotify's answer came too slowly.")
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status_code, headers, body
        except requests.RequestException as error:
            # `from None`, and the type only: the request inside the exception holds the token.
            raise failures.NETWORK.because(f"Spotify does not answer ({type(error).__name__}).") from None

    def _take_slot(self) -> Granted:
        """Wait for a slot of the window. Raises Paused, Outage or BudgetSpent where that would take long, MadeWay."""
        call, waited = uuid.uuid4().hex, 0.0
        while True:
            verdict = self._throttle.acquire(call, self.turn.place())
            if isinstance(verdict, Granted):
                self._observe_wait(waited)
                return verdict
            if isinstance(verdict, Closed):
                self._wait_or_raise(verdict)
            # Asked again each second: who does not ask is taken for gone.
            seconds = min(verdict.seconds, 1.0)
            self._wait(seconds)
            waited += seconds

    def _wait_or_raise(self, closed: Closed) -> None:
        """Nothing where the pause is short enough to wait for; else the error that says when it ends."""
        if closed.reason == "spent":
            raise BudgetSpent("The calls to Spotify of the rolling day are spent.", closed.seconds)
        if closed.seconds > max(SHORT_PAUSE_SECONDS, self.turn.patience()):
            raise closed_error(closed.reason, closed.seconds)

    def _wait(self, seconds: float) -> None:
        """Sleep in slices: what waits here makes way for what is more urgent."""
        while seconds > 0:
            self.turn.check()
            self._sleep(min(seconds, 0.25))
            seconds -= 0.25

    def _error(self, status: int, headers: dict[str, str], body: bytes, path: str) -> SpotifyError:
        """Which row of the table an answer is: by status, never by the message, which Spotify rewrites."""
        error = _error_object(body)
        message = str(error.get("message") or "") if error else body[:200].decode(errors="replace")
        if status == 404:
            if error:
                return failures.ABSENT.because("Spotify has nothing under this id.")
            return failures.ODD_404.because("Something that is not Spotify answered 404.")
        if status == 403:
            # The one exception: nothing but the message tells a lapsed Premium from a removed endpoint.
            if "premium" in message.lower():
                why = "The Spotify account that owns this application has no Premium."
                self._tokens.stop_calls(why, PREMIUM_STOPS_SECONDS)
                return failures.PREMIUM.because(why)
            return failures.FORBIDDEN.because("Spotify does not let this application read it.")
        if status >= 500:
            said = read_retry_after(headers.get("retry-after"), time.time())
            return failures.SERVER.because(f"Spotify answered {status}.", said)
        if status < 400:
            return failures.MALFORMED.because(f"Spotify answered {status}.")
        _log.error("Spotify answered %s to %s: %s", status, path, message[:200])
        return failures.BAD_REQUEST.because(f"Spotify answered {status}: {message[:200]}")

    def _limited(self, granted: Granted, headers: dict[str, str], body: bytes) -> SpotifyError:
        """A 429 pauses everybody, for as long as Spotify says and a little longer."""
        said = read_retry_after(headers.get("retry-after"), time.time())
        reason = (_error_object(body) or {}).get("reason")
        quota = reason == "QUOTA_EXCEEDED" or (said or 0) > QUOTA_AFTER_SECONDS
        kind: Kind = "quota" if quota else "window"
        left = self._throttle.pause(granted, said, kind)
        _log.warning("429 from Spotify (%s): all calls pause for %.0f s", kind, left)
        return failures.LIMITED.because(closed_error(kind, left).detail, left)


def closed_error(reason: str, seconds: float) -> Unavailable:
    """The error of a pause that is too long to wait for; its text says which kind it is and when it ends."""
    again = f"it can be asked again in {seconds:.0f} s."
    if reason == "outage":
        return Outage(f"Spotify has failed again and again; {again}", seconds)
    if reason == "quota":
        return Paused(f"The day's quota at Spotify is used up; {again}", seconds)
    if reason == "window":
        return Paused(f"Spotify asked us to pause; {again}", seconds)
    return Paused(f"Calls to Spotify are paused by hand; {again}", seconds)


def _back_off(state: tenacity.RetryCallState) -> float:
    """Seconds before the next try: 2, 4, 8 ... 30 with full jitter, and never earlier than Spotify said.

    None after a 429: its pause is waited for instead, with everybody else.
    """
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited):
        return 0.0
    most = min(LONGEST_BACK_OFF_SECONDS, 2.0**state.attempt_number)
    asked = error.asked_seconds if isinstance(error, Unavailable) else 0.0
    return max(random.uniform(0.2, most), asked)  # noqa: S311  (jitter)


def _error_object(body: bytes) -> Json | None:
    """Spotify's own error document; None for anything else: HTML, a plain sentence, nothing."""
    try:
        return payloads.an_object(payloads.an_object(json.loads(body[: 64 * 1024]), "it").get("error"), "it")
    except (ValueError, Malformed):
        return None
