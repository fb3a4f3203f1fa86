"""What can go wrong with a session, as domain errors; `ranking/apps.py` says which problem documents they are."""


class RankingError(Exception):
    """`detail` is fit for a person."""

    code = "conflict"

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class Missing(RankingError):
    code = "not_found"


class Unauthorized(RankingError):
    code = "unauthorized"


class Invalid(RankingError):
    """Wrong input, about one field."""

    code = "invalid"

    def __init__(self, field: str, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.rule = field, rule


class NotEnoughSongs(RankingError):
    code = "not_enough_songs"


class RankingComplete(RankingError):
    code = "ranking_complete"


class IdempotencyMismatch(RankingError):
    code = "idempotency_mismatch"


class NotComputedYet(RankingError):
    code = "broker_unavailable"
