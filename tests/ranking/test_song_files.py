"""Files of songs: what a row may lack, what makes a file unusable, and `group_songs`."""

import contextlib
import json
from io import StringIO

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from ranking import song_files
from songranker.textfiles import Unusable


def run(path, *args):
    """(exit status, standard output, standard error) of `group_songs`."""
    out, err = StringIO(), StringIO()
    try:
        call_command("group_songs", str(path), *args, stdout=out, stderr=err)
    except SystemExit as stop:
        return stop.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_columns_in_any_order_and_under_usual_names():
    (entry,) = song_files.parse(
        "Track_Name,isrc,Artist_Name,duration_ms,explicit\nSong,us-cjy-06-03001,Zedd & X,1000.0,true\n"
    ).entries
    assert (entry.title, entry.artist, entry.credits) == ("Song", "zedd", "Zedd & X")
    assert (entry.isrc, entry.duration_ms, entry.explicit) == ("USCJY0603001", 1000, True)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("A,,1,", "title is empty"),
        ("A,Song,long,", "duration_ms must be milliseconds, not 'long'"),
        ("A,Song,-1,", "duration_ms must be milliseconds, not '-1'"),
        ("A,Song,nan,", "duration_ms must be milliseconds, not 'nan'"),
        ("A,Song,,12", "isrc must be twelve letters and digits, not '12'"),
        ("A,Song", "2 columns missing"),
        ("A,Song,,,x", "1 columns too many"),
    ],
)
def test_what_cannot_be_used_is_named_by_line_and_the_row_stays(row, says):
    read = song_files.parse(f"artist,title,duration_ms,isrc\nA,One,,\n{row}\n")
    assert [(bad.line, bad.reason) for bad in read.bad_rows] == [(3, says)]
    assert len(read.entries) == 2


def test_lines_are_counted_with_the_line_breaks_inside_of_quotes():
    read = song_files.parse('artist,title,duration_ms\n"A\nB",One,\n\nC,,\n')
    assert [(bad.line, bad.reason) for bad in read.bad_rows] == [(5, "title is empty")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header"),
        ("winner,loser\nA,B\n", "missing: artist, title"),
        ("artist,title\n", "no rows"),
        ("artist\nA\n", "missing: title"),
    ],
)
def test_unusable_files(text, says, tmp_path):
    with pytest.raises(Unusable, match=says):
        song_files.parse(text)
    (tmp_path / "x.csv").write_text(text)
    status, _, err = run(tmp_path / "x.csv")
    assert (status, says in err) == (2, True)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    assert run(tmp_path / "none.csv")[0] == 2
    (tmp_path / "x.csv").write_bytes(b"artist,title\nA,\xff\n")
    assert run(tmp_path / "x.csv") == (2, "", f"{tmp_path / 'x.csv'}: line 2: not UTF-8 (byte 0xff)\n")


def test_group_songs(tmp_path):
    path = tmp_path / "songs.csv"
    path.write_text(
        "artist,title\nA,Style - Remastered 2009\nA,Blank Space\nA,Style\nB,Style\nA,Style (Live)\nA,\nA,Blank Space Live\n"
    )
    status, out, err = run(path, "--json")
    answer = json.loads(out)
    assert status == 0
    assert [(one["song"], one["rows"]) for one in answer["groups"]] == [
        ("Style", [0, 2, 4]),
        ("Blank Space", [1]),
        ("Style", [3]),
        ("", [5]),
        ("Blank Space Live", [6]),
    ]
    assert "another copy of the recording (remaster)" in answer["groups"][0]["reason"]
    assert [one["rows"] for one in answer["proposals"]] == [[1, 6]]
    assert err == "line 7: title is empty\n"
    kept = json.loads(run(path, "--json", "--versions", "keep")[1])["groups"]
    assert [one["rows"] for one in kept] == [[0, 2], [1], [3], [4], [5], [6]]
    status, out, _ = run(path)
    assert "7 rows, 5 songs, 1 of them more than once" in out
    assert "to decide: 'Blank Space' and 'Blank Space Live'" in out


@given(st.text(alphabet='artisle,"\n\r\x00;é', max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(Unusable):
        read = song_files.parse(f"artist,title,isrc\n{text}")
        assert [entry.id for entry in read.entries] == list(range(len(read.entries)))
