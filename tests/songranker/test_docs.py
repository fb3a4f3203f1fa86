"""The documents cannot drift: settings, errors, metrics, commands and files that they name are there, and the other way round."""

import re

import pytest

from songranker.metrics import DECLARED
from songranker.problems import CODES
from tests.processes import ROOT

README = (ROOT / "README.md").read_text()
SETTINGS = set(re.findall(r'env(?:_number|_int|_bool|\.str)?\(\s*"([A-Z_]+)"', (ROOT / "songranker/settings.py").read_text())) | {
    "WEB_HOST", "DEFAULT_CONCURRENCY", "LEADERBOARD_CONCURRENCY",
}  # fmt: skip


def test_every_setting_is_in_the_readme_and_in_the_example():
    assert len(SETTINGS) > 25
    table = set(re.findall(r"`([A-Z][A-Z_]+)`", README))
    assert table >= SETTINGS
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert SETTINGS - {"DEFAULT_CONCURRENCY", "LEADERBOARD_CONCURRENCY"} <= example
    assert example - SETTINGS == {"POSTGRES_PASSWORD"}


def test_every_error_code_is_explained():
    documented = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))
    assert documented == {code: str(status) for code, (status, _) in CODES.items()}


def test_every_metric_is_explained():
    operations = (ROOT / "docs/operations.md").read_text()
    assert all(f"songranker_{name}" in operations for name in DECLARED)


def test_every_command_is_in_the_readme():
    commands = {path.stem for path in ROOT.glob("*/management/commands/*.py")} - {"__init__"}
    assert len(commands) == 8
    assert all(f"`{command}" in README for command in commands)


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        *(f"docs/{name}.md" for name in ("architecture", "decisions", "operations", "simulator")),
    ],
)
def test_files_that_are_named_are_there(document):
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([\w/.-]+)\)", text):
        assert (ROOT / document).parent.joinpath(target).exists(), target
    for path in re.findall(r"`((?:songranker|spotify|ranking|leaderboard|docs|tests)/[\w/.]+\.(?:py|md|lua))`", text):
        assert (ROOT / path).exists(), path


def test_the_repository_stands_alone():
    import subprocess

    found = subprocess.run(
        ["git", "grep", "-lE", r"\.\./(shared|\.library)", "--", ":!tests/songranker/test_docs.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""


def test_the_table_of_failures_is_the_one_in_the_code():
    from spotify.failures import TABLE

    def row(failure):
        code = failure.error.code
        believed = f"{failure.believed.total_seconds():.0f} s" if failure.believed else "its own time"
        answer = f"{CODES[code][0]} `{code}`"
        return f"| `{failure.name}` | {failure.seen} | {failure.tries} | {believed} | {answer} |"

    text = (ROOT / "docs/spotify.md").read_text()
    documented = re.findall(r"^\| `\w+` \| .* \| \d \| .*$", text, re.MULTILINE)
    assert documented == [row(failure) for failure in TABLE]


def test_every_alarm_is_explained():
    from spotify.status import ALARMS

    operations = (ROOT / "docs/operations.md").read_text()
    assert all(f"`{name}`" in operations for name in ALARMS)
