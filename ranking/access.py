"""Who may do what: a session's token is the right to write, and to read what is private."""

import hashlib
import hmac
import secrets

from django.http import HttpRequest

from ranking.errors import Missing, Unauthorized
from ranking.models import Session

SCHEME = "Session"


def new_token() -> tuple[str, str]:
    """A token of 192 bits, and what is stored of it. A fast hash is enough for random bits: nobody can guess them."""
    token = secrets.token_urlsafe(24)
    return token, hash_token(token)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def holds_token(request: HttpRequest, session: Session) -> bool:
    """Is it `Authorization: Session TOKEN` with this session's token? Compared in constant time."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == SCHEME.lower() and hmac.compare_digest(hash_token(token.strip()), session.token_hash)


def for_reading(request: HttpRequest, session_id: str) -> Session:
    """Raises Missing, also for a private session without its token: who has no right learns nothing."""
    session = Session.objects.filter(pk=session_id).first()
    if session is None or (session.visibility == Session.Visibility.PRIVATE and not holds_token(request, session)):
        raise Missing("There is no such session.")
    return session


def for_writing(request: HttpRequest, session_id: str) -> Session:
    """Raises Missing or Unauthorized."""
    session = for_reading(request, session_id)
    if not holds_token(request, session):
        raise Unauthorized("Send the session's token: 'Authorization: Session TOKEN'.")
    return session
