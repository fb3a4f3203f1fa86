"""`manage.py spotify_status`: what an operator looks at first."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from songranker import heartbeat, tables
from songranker.redis import Unreachable, queue_lengths
from spotify import gateway
from spotify.models import Lookup


class Command(BaseCommand):
    help = "Budget, pause, queues, workers and the last errors. Status 3 where Redis cannot be asked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="JSON instead of tables")
        parser.add_argument("--resume", action="store_true", help="lift a pause by hand, and let what waits go on")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["resume"]:
                lifted = gateway.resume()
                self.stderr.write("the pause is lifted" if lifted else "there was no pause")
            status = collect()
        except Unreachable as error:
            self.stderr.write(f"Redis cannot be asked ({type(error).__name__}): is REDIS_URL right, and does it run?")
            raise SystemExit(tables.NOT_AVAILABLE) from None
        if options["json"]:
            tables.show_json(self.stdout, status)
        else:
            self.show(status)

    def show(self, status: dict[str, Any]) -> None:
        budget, pause = status["budget"], status["pause"]
        paused = f"{pause['seconds']:.0f} s left ({pause['kind']})" if pause["seconds"] else "none"
        tables.show(
            self.stdout,
            "Budget",
            ("what", "#used", "#of", "#left"),
            [
                ("window", budget["used"], budget["limit"], budget["left"]),
                ("24 hours", budget["used_today"], budget["daily_limit"] or "no limit", budget["left_today"]),
            ],
        )
        self.stdout.write(f"pause: {paused}\n")
        tables.show(self.stdout, "Queues", ("queue", "#waiting"), status["queues"].items())
        self.stdout.write("")
        workers = [
            (w["queue"], w["name"], w["pid"], f"{w['age_seconds']:.0f} s ago", w["state"]) for w in status["workers"]
        ]
        tables.show(self.stdout, "Processes", ("queue", "name", "#pid", "#last seen", "state"), workers)
        self.stdout.write("")
        errors = [(e["at"].strftime("%H:%M:%S"), e["what"], e["code"], e["detail"]) for e in status["errors"]]
        tables.show(self.stdout, "Last errors" if errors else "No errors", ("at", "what", "code", "detail"), errors)


def collect() -> dict[str, Any]:
    """Everything that the command shows. Raises redis' errors."""
    usage = gateway.throttle().look()
    failed = Lookup.objects.exclude(error_code="").exclude(started_at=None).order_by("-started_at")[:10]
    return {
        "budget": {
            "used": usage.used,
            "limit": usage.limit,
            "left": max(0, usage.limit - usage.used),
            "used_today": usage.used_today,
            "daily_limit": usage.daily_limit,
            "left_today": max(0, usage.daily_limit - usage.used_today) if usage.daily_limit else None,
        },
        "pause": {"seconds": usage.pause_seconds, "kind": usage.pause_kind},
        "queues": queue_lengths(),
        "workers": [
            {
                "queue": beat.queue,
                "name": beat.name,
                "pid": beat.pid,
                "age_seconds": round(beat.age_seconds, 1),
                "state": "alive" if beat.alive else "dead",
            }
            for beat in heartbeat.read()
        ],
        "errors": [
            {"at": e.started_at or timezone.now(), "what": str(e), "code": e.error_code, "detail": e.error_detail}
            for e in failed
        ],
    }
