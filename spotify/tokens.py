"""The client-credentials token: one for all workers, renewed once, early."""

import base64
import hashlib
import logging
import time
import uuid
from collections.abc import Callable

import redis
import requests

from spotify import failures
from spotify.errors import SpotifyError
from spotify.headers import read_retry_after

_log = logging.getLogger(__name__)

PREFIX = "spotify:token"
# A token call takes a fraction of a second. Who dies in the middle of one must not keep the others waiting.
LOCK_MS = 4_000
EARLY_SECONDS = 300.0
# An accounts service that is down is asked after 1 s, 2 s, 4 s ... 5 min.
LONGEST_BACK_OFF_SECONDS = 300.0
_DELETE_IF_SAME = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class Tokens:
    """Holds no token itself, so none shows in a `repr`, a stack trace or a log line.

    In Redis, under a name that other credentials do not share: the token, whether it is still `fresh` (to be renewed
    only when that is over: the old one serves until then), the renewer's lock, a back-off, and a refusal that stops
    all calls.
    """

    def __init__(
        self,
        client: redis.Redis,
        transport: requests.Session,
        *,
        url: str,
        client_id: str,
        client_secret: str,
        timeouts: tuple[float, float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = client
        self._transport = transport
        self._url = f"{url}/api/token"
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._timeouts = timeouts
        self._sleep = sleep
        whose = hashlib.sha256(f"{self._url} {self._basic}".encode()).hexdigest()[:16]
        self.key, self._fresh, self._lock, self._back_off, self._failures, self._refusal = (
            f"{PREFIX}:{whose}:{name}" for name in ("value", "fresh", "lock", "back_off", "failures", "refusal")
        )

    def current(self) -> str:
        """A token that Spotify should accept. Raises Refused or Unavailable."""
        for _ in range(200):
            token, fresh, back_off, refusal = (
                str(value or "") for value in self._redis.mget(self.key, self._fresh, self._back_off, self._refusal)
            )
            if refusal:
                raise failures.CREDENTIALS.because(refusal)
            if token and (fresh or back_off):
                return token
            if back_off:
                left = max(1, int(self._redis.pttl(self._back_off))) / 1000
                raise failures.ACCOUNTS.because("Spotify's account service does not answer.", left)
            mine = uuid.uuid4().hex
            if self._redis.set(self._lock, mine, nx=True, px=LOCK_MS):
                try:
                    # Somebody may have renewed it between our look and our lock.
                    now_there, now_fresh = (str(value or "") for value in self._redis.mget(self.key, self._fresh))
                    return now_there if now_there and now_fresh else self._renew(old=token)
                finally:
                    self._redis.eval(_DELETE_IF_SAME, 1, self._lock, mine)
            if token:
                return token
            self._sleep(0.05)
        raise failures.ACCOUNTS.because("Another worker has been renewing the token for too long.")

    def refuse(self, token: str) -> None:
        """Spotify did not accept this one: forget it, unless somebody has renewed it meanwhile."""
        self._redis.eval(_DELETE_IF_SAME, 1, self.key, token)

    def stop_calls(self, why: str, seconds: float) -> None:
        """The account is not accepted: nobody gets a token for so long."""
        self._redis.set(self._refusal, why, px=int(seconds * 1000))

    def resume(self) -> bool:
        """Forget a refusal and a back-off by hand; was there one?"""
        return bool(self._redis.delete(self._refusal, self._back_off))

    def refusal(self) -> tuple[str, float]:
        """Why all calls are stopped, and for how many seconds more; ("", 0) where they are not."""
        why = str(self._redis.get(self._refusal) or "")
        return (why, max(0, int(self._redis.pttl(self._refusal))) / 1000) if why else ("", 0.0)

    def _renew(self, old: str) -> str:
        try:
            token, seconds = self._fetch()
        except SpotifyError as error:
            if error.failure is not failures.ACCOUNTS:
                self.stop_calls(error.detail, 60)
                raise
            wait = self._wait_longer(getattr(error, "retry_after", 0.0))
            if old:
                _log.warning("no new token (%s); the old one serves, next try in %.0f s", error.detail, wait)
                return old
            raise failures.ACCOUNTS.because(error.detail, wait) from None
        # Five minutes early; short-lived ones after nine tenths. The old one serves to its end.
        early = max(seconds - EARLY_SECONDS, seconds * 0.9 if seconds < 2 * EARLY_SECONDS else 0)
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(self.key, token, px=max(1, int(max(early, seconds - 10) * 1000)))
        pipe.set(self._fresh, "1", px=max(1, int(early * 1000)))
        pipe.delete(self._back_off, self._failures)
        pipe.execute()
        _log.info("renewed Spotify's access token, good for %d s", seconds)
        return token

    def _wait_longer(self, said: float) -> float:
        """Seconds until the accounts service may be asked again: what it said, or twice the last wait."""
        count = int(self._redis.incr(self._failures))
        self._redis.expire(self._failures, int(2 * LONGEST_BACK_OFF_SECONDS))
        wait = min(LONGEST_BACK_OFF_SECONDS, max(said, 2.0 ** min(count - 1, 10)))
        self._redis.set(self._back_off, "1", px=int(wait * 1000))
        return wait

    def _fetch(self) -> tuple[str, float]:
        """A new token and its life in seconds. Raises the table's CREDENTIALS or ACCOUNTS."""
        try:
            answer = self._transport.post(
                self._url,
                data={"grant_type": "client_credentials"},
                headers={"Authorization": f"Basic {self._basic}"},
                timeout=self._timeouts,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # `from None`, and the type only: the request inside the exception holds the secret.
            name = type(error).__name__
            raise failures.ACCOUNTS.because(f"Spotify's account service does not answer ({name}).", 0) from None
        if answer.status_code in (400, 401, 403):
            raise failures.CREDENTIALS.because("Spotify does not accept SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET.")
        if answer.status_code != 200:
            said = read_retry_after(answer.headers.get("Retry-After"), time.time()) or 0.0
            raise failures.ACCOUNTS.because(f"Spotify's account service answered {answer.status_code}.", said)
        try:
            body = answer.json()
            token, seconds = body["access_token"], float(body["expires_in"])
        except (ValueError, KeyError, TypeError):
            token, seconds = "", 0.0
        if not isinstance(token, str) or not token or not 0 < seconds < float("inf"):
            raise failures.ACCOUNTS.because("Spotify's account service sent no usable token.", 0)
        return token, seconds
