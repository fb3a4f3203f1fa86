"""What the deployment files promise, as far as it can be checked without a Docker daemon."""

import json
import re
import subprocess
import sys

import yaml

from songranker.runner import procfile
from tests.processes import ROOT

PROCESSES = procfile.read(ROOT / "Procfile")


def test_compose_runs_each_process_of_the_procfile_in_a_service_of_its_own():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(services) == {*PROCESSES, "redis", "postgres"}
    for name in PROCESSES:
        assert services[name]["command"] == f"python -m songranker.runner {name}"
        assert services[name]["image"] == "songranker"
        assert services[name]["env_file"] == ".env"


def test_heroku_starts_them_all():
    assert set(json.loads((ROOT / "app.json").read_text())["formation"]) == set(PROCESSES) - {"release"}


def test_there_is_one_spotify_worker_with_one_process():
    assert "-Q spotify " in PROCESSES["worker_spotify"]
    assert "--concurrency=1 " in PROCESSES["worker_spotify"]


def test_every_queue_has_a_worker():
    from songranker.redis import QUEUES

    assert {
        re.search(r"-Q (\w+)", command)[1] for name, command in PROCESSES.items() if name.startswith("worker")
    } == set(QUEUES)


def test_the_image_is_small_and_not_root():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER songranker" in dockerfile
    assert "HEALTHCHECK" in dockerfile
    assert "requirements-dev" not in dockerfile
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".env", ".data", "tests"} <= set(ignored)


def test_every_requirement_is_pinned_exactly():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = [
            line.strip()
            for line in (ROOT / name).read_text().splitlines()
            if line.strip() and not line.strip().startswith("#")
        ]
        assert lines
        assert all(re.match(r"[\w.\[\]-]+==[\w.]+( ;.*)?$", line) for line in lines), name


def test_a_process_that_is_not_there():
    done = subprocess.run(
        [sys.executable, "-m", "songranker.runner", "nope"], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 2
    assert "worker_spotify" in done.stderr


def test_one_process_of_the_procfile():
    done = subprocess.run(
        [sys.executable, "-m", "songranker.runner", "release"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert "Running migrations" in done.stdout
