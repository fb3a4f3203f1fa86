"""`python -m spotify.simulator`, and behind `manage.py spotify_simulator`."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from spotify.simulator.catalogue import DATA
from spotify.simulator.quota import Config
from spotify.simulator.server import Server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8090, help="0 finds a free one (default 8090)")
    parser.add_argument(
        "--quota-mode", default="development", choices=["development", "development-legacy", "extended"]
    )
    parser.add_argument("--limit", type=int, help="calls in any rolling window; 0: none (30; extended: 90)")
    parser.add_argument("--window", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--daily-limit", type=int, help="calls in any rolling 24 hours; 0: none (4000; extended: 0)")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--catalogue", type=Path, default=DATA, metavar="DIR", help="folder of *.csv or *.csv.gz")


def serve(options: argparse.Namespace) -> int:
    """Run until SIGTERM or Ctrl-C."""
    extended = options.quota_mode == "extended"
    config = Config(
        quota_mode=options.quota_mode,
        limit=options.limit if options.limit is not None else (90 if extended else 30),
        window_seconds=options.window,
        daily_limit=options.daily_limit if options.daily_limit is not None else (0 if extended else 4000),
        latency_ms=options.latency_ms,
    )
    if not options.catalogue.is_dir():
        sys.stderr.write(f"--catalogue: {options.catalogue} is not a folder\n")
        return 2
    try:
        server = Server(options.port, config, options.catalogue)
    except OSError as error:
        sys.stderr.write(f"port {options.port}: {error.strerror}\n")
        return 1

    def stop(*_: object) -> None:
        # shutdown() waits for the loop that this very thread runs.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    catalogue = server.api.catalogue
    known = f"{len(catalogue.artists)} artists, {len(catalogue.albums)} albums, {len(catalogue.tracks)} tracks"
    address = f"http://127.0.0.1:{server.server_address[1]}"
    budget = f"{config.limit} calls in {config.window_seconds:g} s"
    sys.stdout.write(f"Spotify simulator on {address} ({config.quota_mode}): {known}; {budget}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="spotify-simulator", description="Spotify's Web API, simulated.")
    add_arguments(parser)
    return serve(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
