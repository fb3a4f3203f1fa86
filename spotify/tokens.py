"""The client-credentials token: one for all workers, renewed once, early."""

import base64
import logging
import time
import uuid
from collections.abc import Callable

import redis
import requests

from spotify.errors import Malformed, Refused, Unavailable

_log = logging.getLogger(__name__)

KEY = "spotify:token"
LOCK = "spotify:token:lock"
# A token call takes a fraction of a second. Who dies in the middle of one must not keep the others waiting.
LOCK_MS = 4_000
EARLY_SECONDS = 300.0
_DELETE_IF_SAME = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class Tokens:
    """Holds no token itself, so none shows in a `repr`, a stack trace or a log line."""

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

    def current(self) -> str:
        """A token that is good for a while yet. Raises Refused, Unavailable or Malformed."""
        for _ in range(200):
            token = self._redis.get(KEY)
            if token:
                return str(token)
            mine = uuid.uuid4().hex
            if self._redis.set(LOCK, mine, nx=True, px=LOCK_MS):
                try:
                    return self._fetch()
                finally:
                    self._redis.eval(_DELETE_IF_SAME, 1, LOCK, mine)
            self._sleep(0.05)
        raise Unavailable("another worker has been renewing the token for too long")

    def refuse(self, token: str) -> None:
        """Spotify did not accept this one: forget it, unless somebody has renewed it meanwhile."""
        self._redis.eval(_DELETE_IF_SAME, 1, KEY, token)

    def _fetch(self) -> str:
        try:
            answer = self._transport.post(
                self._url,
                data={"grant_type": "client_credentials"},
                headers={"Authorization": f"Basic {self._basic}"},
                timeout=self._timeouts,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unavailable(f"Spotify's account service does not answer ({type(error).__name__})") from None
        if answer.status_code in (400, 401, 403):
            raise Refused("Spotify does not accept SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET.")
        if answer.status_code != 200:
            raise Unavailable(f"Spotify's account service answered {answer.status_code}")
        try:
            body = answer.json()
            token, seconds = str(body["access_token"]), float(body["expires_in"])
        except (ValueError, KeyError, TypeError):
            raise Malformed("Spotify's account service sent no usable token") from None
        # Five minutes early; short-lived ones after nine tenths.
        good_for = max(seconds - EARLY_SECONDS, seconds * 0.9 if seconds < 2 * EARLY_SECONDS else 0)
        self._redis.set(KEY, token, px=max(1, int(good_for * 1000)))
        _log.info("renewed Spotify's access token, good for %d s", seconds)
        return token
