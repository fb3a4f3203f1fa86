"""The lock that puts everything that changes a session in order."""

from ranking.errors import Missing
from ranking.models import Session


def lock(session: Session) -> Session:
    """The session's row, locked until the transaction ends: votes from two tabs count in some order."""
    locked = (
        Session.objects.select_for_update(of=("self",)).select_related("current_pair").filter(pk=session.pk).first()
    )
    if locked is None:
        raise Missing("There is no such session.")
    return locked


def touch(session: Session) -> None:
    """The ranking has to be computed anew. The caller holds the lock."""
    session.revision += 1
    session.save(update_fields=["revision"])
