"""What the throttle must not forget, as one row: an emptied or lost Redis must not unleash calls."""

from dataclasses import asdict

from spotify.models import ThrottleSnapshot
from spotify.throttle import Snapshot


class DatabaseMemory:
    """The `Memory` of every process. The last who writes is right: each snapshot holds all that Redis knew."""

    def load(self) -> Snapshot:
        """Raises django.db.OperationalError where the database cannot be asked: then no call is made either."""
        row = ThrottleSnapshot.objects.filter(pk=ThrottleSnapshot.ONLY).first()
        return Snapshot(**row.data) if row else Snapshot()

    def save(self, snapshot: Snapshot) -> None:
        ThrottleSnapshot.objects.update_or_create(pk=ThrottleSnapshot.ONLY, defaults={"data": asdict(snapshot)})
