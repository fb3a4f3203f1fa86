"""`manage.py spotify_status`: what an operator looks at first."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from songranker import tables
from songranker.redis import Unreachable
from spotify import gateway, status
from spotify.status import ALARMS, Status

CLEAR = "\x1b[H\x1b[2J"


class Command(BaseCommand):
    help = "Budget, pause, queues, workers, alarms and the last errors. Status 3 where Redis cannot be asked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="JSON instead of tables")
        parser.add_argument("--resume", action="store_true", help="lift a pause by hand, and let what waits go on")
        parser.add_argument(
            "--watch",
            type=float,
            nargs="?",
            const=2.0,
            metavar="SECONDS",
            help="again every so many seconds (2), until Ctrl-C",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["resume"]:
                lifted = gateway.resume()
                self.stderr.write("the pause is lifted" if lifted else "there was no pause")
            self.once(options)
            while options["watch"]:
                time.sleep(max(0.1, options["watch"]))
                self.once(options)
        except KeyboardInterrupt:
            return
        except Unreachable as error:
            self.stderr.write(f"Redis cannot be asked ({type(error).__name__}): is REDIS_URL right, and does it run?")
            raise SystemExit(tables.NOT_AVAILABLE) from None

    def once(self, options: dict[str, Any]) -> None:
        now = status.collect()
        if options["watch"] and self.stdout.isatty():
            self.stdout.write(CLEAR, ending="")
        if options["json"]:
            tables.show_json(self.stdout, now.as_json())
        else:
            self.show(now)
        self.stdout.flush()

    def show(self, now: Status) -> None:
        limits = [
            (
                limit.name,
                limit.used,
                limit.limit or "no limit",
                limit.left,
                limit.setting or "none",
                limit.refused_above,
            )
            for limit in now.limits
        ]
        tables.show(self.stdout, "Budget", ("what", "#used", "#of", "#left", "#setting", "#refused above"), limits)
        paused = f"{now.pause_seconds:.0f} s left ({now.pause_kind})" if now.pause_seconds else "none"
        self.stdout.write(f"pause: {paused}\n")
        if now.refused:
            self.stdout.write(f"refused: {now.refused} ({now.refused_seconds:.0f} s left)\n")
        for name in now.alarms:
            self.stdout.write(f"alarm: {name}: {ALARMS[name]}\n")
        queues = [
            (queue.name, queue.waiting, f"{queue.oldest_seconds:.0f} s" if queue.waiting else "")
            for queue in now.queues
        ]
        tables.show(self.stdout, "Queues", ("queue", "#waiting", "#oldest"), queues)
        self.stdout.write("")
        workers = [
            (b.queue, b.name, b.pid, f"{b.age_seconds:.0f} s ago", "alive" if b.alive else "dead") for b in now.workers
        ]
        tables.show(self.stdout, "Processes", ("queue", "name", "#pid", "#last seen", "state"), workers)
        self.stdout.write("")
        errors = [(error.at.strftime("%H:%M:%S"), error.what, error.code, error.detail) for error in now.errors]
        tables.show(self.stdout, "Last errors" if errors else "No errors", ("at", "what", "code", "detail"), errors)
