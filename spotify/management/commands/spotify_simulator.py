"""`manage.py spotify_simulator`: the simulator alone."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from spotify.simulator.__main__ import add_arguments, serve


class Command(BaseCommand):
    help = "Spotify's Web API, simulated, on loopback. Uses neither database nor Redis."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(serve(argparse.Namespace(**options)))
