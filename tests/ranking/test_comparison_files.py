"""Files of comparisons: three layouts, bad rows by line, unusable files, and the command."""

import gzip
import json
import time
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from ranking import comparison_files as files
from songranker.textfiles import Unusable


def table(read):
    """{(winner, loser): wins} of what was read."""
    counts, found = read.counts, {}
    for first, second, won, lost in zip(
        counts.first, counts.second, counts.first_wins, counts.second_wins, strict=True
    ):
        found |= {(read.items[first], read.items[second]): won} if won else {}
        found |= {(read.items[second], read.items[first]): lost} if lost else {}
    return found


@pytest.mark.parametrize(
    ("text", "wins"),
    [
        ("winner,loser\nA,B\nA,B\nB,A\n", {("A", "B"): 2, ("B", "A"): 1}),
        ("Winner, Loser ,count\nA,B,2.5\nB,A,0\n", {("A", "B"): 2.5}),
        ("left,right,winner\nA,B,left\nA,B,tie\nB,A,RIGHT\n", {("A", "B"): 2.5, ("B", "A"): 0.5}),
        ("judge,left,right,winner,seconds\n1,A,B,right,\n", {("B", "A"): 1}),
        ("item_i,item_j,wins_i,wins_j,ties\nA,B,3,1,2\n", {("A", "B"): 4, ("B", "A"): 2}),
        ("item_i,item_j,wins_i,wins_j\nA,B,3,1\n", {("A", "B"): 3, ("B", "A"): 1}),
        ("home_team,away_team,home_wins,away_wins\nA,B,3,1\n", {("A", "B"): 3, ("B", "A"): 1}),
        ("\ufeffwinner_id,loser_id\r\n A ,B\r\n", {("A", "B"): 1}),
        ('winner,loser\n"Tyler, the Creator","say ""hi"""\n', {("Tyler, the Creator", 'say "hi"'): 1}),
        ("winner,loser\n椎名林檎,방탄소년단", {("椎名林檎", "방탄소년단"): 1}),
    ],
)
def test_layouts(text, wins):
    assert table(files.parse(text)) == wins


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("winner,loser\nA,B\nA\nA,B,C\n\nB,A\n", [(3, "2 columns expected, 1 found"), (4, "2 columns expected, 3 found")]),
        ("winner,loser\nA,B\n,A\nA, \n", [(3, "winner is empty"), (4, "loser is empty")]),
        ("winner,loser\nA,B\nA, A\n", [(3, "an item is compared with itself")]),
        ("winner,loser,count\nA,B,1\nA,B,x\nA,B,-1\nA,B,nan\nA,B,inf\nA,B,\n",
         [(line, f"count must be a number, not negative, not '{text}'") for line, text in ((3, "x"), (4, "-1"), (5, "nan"), (6, "inf"), (7, ""))]),
        ("left,right,winner\nA,B,left\nA,B,both\n", [(3, "winner must be left, right or tie, not 'both'")]),
        ('winner,loser\nA,B\n"C,A\nB,A\n', [(3, "broken quotes (unexpected end of data)")]),
        ('winner,loser\n"A\nB",C\nD,D\n', [(4, "an item is compared with itself")]),  # a quoted line break
    ],
)  # fmt: skip
def test_bad_rows_are_named_by_line_and_left_out(text, bad):
    read = files.parse(text)
    assert [(one.line, one.reason) for one in read.bad_rows] == bad
    assert "" not in read.items
    assert "D" not in read.items


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty"),
        (b"winner,loser\n", "no row"),
        (b"A,B\nA,B\n", "line 1: the header"),
        (b"winner,loser\nA,A\n", r"no row can be used \(line 2: an item is compared with itself"),
        (b"winner,loser\nA,B\nC\xff,B\n", "line 3: not UTF-8"),
        (b'winner,loser\n"A,B\n', r"no row can be used \(line 2: broken quotes"),
    ],
)
def test_unusable(tmp_path, raw, says):
    path = tmp_path / "file.csv"
    path.write_bytes(raw)
    with pytest.raises(Unusable, match=says):
        files.read(str(path))


def test_gzip(tmp_path):
    path = tmp_path / "file.csv.gz"
    path.write_bytes(gzip.compress(b"winner,loser\nA,B\n"))
    assert table(files.read(str(path))) == {("A", "B"): 1}
    path.write_bytes(b"winner,loser\nA,B\n")
    with pytest.raises(Unusable, match="gzip"):
        files.read(str(path))


@given(
    st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters=',"\r\n\0'), max_size=3)] * 2), max_size=8
    )
)
def test_the_fast_way_reads_what_the_csv_module_reads(rows):
    """One quoted header is enough to send the same text the other way."""
    body = "".join(f"{a},{b}\n" for a, b in rows)
    both = []
    for header in ("winner,loser\n", '"winner",loser\n'):
        try:
            read = files.parse(header + body)
            both.append((table(read), read.items, read.bad_rows))
        except Unusable as error:
            both.append(str(error))
    assert both[0] == both[1]


def run(*args):
    out, err, status = StringIO(), StringIO(), 0
    try:
        call_command("rank_comparisons", *args, stdout=out, stderr=err)
    except SystemExit as end:
        status = end.code
    return status, out.getvalue(), err.getvalue()


class TestCommand:
    def test_json(self, tmp_path):
        path = tmp_path / "games.csv"
        path.write_text("winner,loser\nA,B\nA,B\nB,A\nB,C\nC,A\noops\n")
        status, out, err = run(str(path), "--json", "--prior-sd", "none")
        answer = json.loads(out)
        assert status == 0
        assert [one["item"] for one in answer["results"]] == sorted(
            "ABC", key=lambda item: -{one["item"]: one["strength"] for one in answer["results"]}[item]
        )
        assert [one["rank"] for one in answer["results"]] == [1, 2, 3]
        assert sum(one["strength"] for one in answer["results"]) == pytest.approx(0, abs=1e-9)
        assert (answer["converged"], answer["components"], answer["bad_rows"]) == (True, 1, 1)
        assert "line 7: 2 columns expected, 1 found" in err

    def test_table(self, tmp_path):
        path = tmp_path / "games.csv"
        path.write_text("winner,loser\nAbba,Blur\n")
        status, out, _ = run(str(path))
        assert status == 0
        assert out.index("Abba") < out.index("Blur")
        assert "2 strongly connected components" in out

    def test_no_finite_estimate_is_said(self, tmp_path):
        path = tmp_path / "games.csv"
        path.write_text("winner,loser\nA,B\nB,C\n")
        status, out, err = run(str(path), "--json", "--prior-sd", "none")
        assert status == 1
        assert "no finite estimate" in err
        assert (json.loads(out)["results"], json.loads(out)["converged"], json.loads(out)["components"]) == (
            [],
            False,
            3,
        )
        assert run(str(path))[0] == 0  # with a prior there is one

    def test_unusable_files_have_their_own_status(self, tmp_path):
        path = tmp_path / "games.csv"
        path.write_text("nothing\n")
        assert run(str(path))[0] == 2
        assert run(str(tmp_path / "missing.csv"))[0] == 2

    def test_a_million_rows_within_seconds(self, tmp_path):
        random = np.random.default_rng(1)
        first = random.integers(0, 3000, 1_000_000)
        second = (first + random.integers(1, 3000, 1_000_000)) % 3000
        path = tmp_path / "games.csv"
        path.write_text("winner,loser\n" + "".join(f"song {a},song {b}\n" for a, b in zip(first, second, strict=True)))
        started = time.monotonic()
        assert run(str(path), "--json")[0] == 0
        assert time.monotonic() - started < 15  # 3 s here; the figure itself is in the benchmarks
