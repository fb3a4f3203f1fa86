"""The grammar of titles: what is the song's name, what is said about the version, and that nothing is lost."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songranker import titles
from songranker.titles import parse

LABELS = Path(__file__).parents[1] / "ranking" / "data" / "labels"
WORDS = [
    *(
        "Song",
        "Live",
        "Remix",
        "Demo",
        "Acoustic",
        "Intro",
        "Pt. 2",
        "Part II",
        "II",
        "No. 3",
        "feat. X",
        "with You",
        "1999",
    ),
    *(
        "Remastered 2009",
        "Taylor's Version",
        "10 Minute Version",
        "radio edit",
        "en vivo",
        "ライブ",
        "版",
        "라이브",
        "é",
        "??",
        "🔥",
    ),
]
GLUE = [" ", " - ", " (", ")", " [", "]", "（", "）", " ~", "~", "/", ", ", ": ", " – ", "　", "'"]
LIKE_TITLES = st.lists(st.sampled_from(WORDS + GLUE), max_size=9).map("".join)


def said(text):
    return [(mark.kind, mark.detail) for mark in parse(text).marks]


@pytest.mark.parametrize(
    ("text", "base", "marks"),
    [
        ("Let It Be - Remastered 2009", "Let It Be", [("remaster", "2009")]),
        ("Song - 2011 - Remaster", "Song", [("edition", "2011"), ("remaster", "")]),
        ("Style (Live at Wembley / 2011)", "Style", [("live", "at wembley"), ("edition", "2011")]),
        ("Blank Space (Taylor’s Version) [From The Vault]", "Blank Space", [("rerecording", "taylors"), ("edition", "from the vault")]),
        ("All Too Well (10 Minute Version)", "All Too Well", [("edit", "10 minute")]),
        ("Blue Jeans - Kris Di Angelis 'Love Below' Remix", "Blue Jeans", [("remix", "kris di angelis love below")]),
        ("Cruel Summer (sped up)", "Cruel Summer", [("remix", "sped up")]),
        ("Song - Single Remix / Commentary", "Song", [("remix", "single"), ("commentary", "")]),
        ("Song Radio Edit", "Song", [("edit", "radio")]),
        ("Song (feat. X) Remix", "Song", [("remix", "")]),
        ("[Live] Song", "Song", [("live", "")]),
        ("夜に駆ける -Live ver.-", "夜に駆ける", [("live", "")]),
        ("年少有為 (國語版)", "年少有為", [("alternate", "國語")]),
        ("Song (Live", "Song", [("live", "")]),
        ("Live Forever", "Live Forever", []),
        ("Remix to Ignition", "Remix to Ignition", []),
        ("Acoustic", "Acoustic", []),
        ("Demons", "Demons", []),
        ("Long Live", "Long Live", []),
        ("ドライブ", "ドライブ", []),
        ("Symphony No. 5: II. Allegro", "Symphony No. 5: II. Allegro", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_base_and_marks(text, base, marks):
    parsed = parse(text)
    assert (parsed.base, said(text)) == (base, marks)


@pytest.mark.parametrize(
    "text",
    [
        "(Live Forever)",
        "(Long Live)",
        "(In the Mix)",
        "(Live in the Moment)",
        "(With You)",
        "(From Me to You)",
        "（ドライブ）",
    ],
)
def test_a_bracket_that_only_sounds_like_a_mark_is_a_subtitle(text):
    parsed = parse(f"Song {text}")
    assert (parsed.base, parsed.marks, parsed.featured, len(parsed.subtitles)) == ("Song", (), (), 1)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Another Brick in the Wall, Pt. 2", ["part 2"]),
        ("Another Brick in the Wall (Part Two)", ["part 2"]),
        ("Shine On (Pts. 1-5)", ["part 1 5"]),
        ("Interlude II", ["2"]),
        ("Interlude 1", ["1"]),
        ("Waltz №3", ["no 3"]),
        ("Hamlet - Act I", ["act 1"]),
        ("Liability (Reprise)", ["reprise"]),
        ("Melodrama - Interlude 2", ["interlude 2"]),
        ("Abend Teil 2", ["part 2"]),
        ("Сказка (Часть 2)", ["part 2"]),
        ("物語 第二章", ["part 2"]),
        ("江湖 (上)", ["part 上"]),
        ("ليلة الجزء ٢", ["part 2"]),
        ("Malcolm X", []),
        ("You and I", []),
        ("1999", []),
    ],
)
def test_parts(text, parts):
    assert [str(part) for part in parse(text).parts] == parts


@pytest.mark.parametrize(
    ("text", "guests"),
    [
        ("exile (feat. Bon Iver)", ("Bon Iver",)),
        ("No Guidance ft. Drake - Live", ("Drake",)),
        ("STAY (with Justin Bieber)", ("Justin Bieber",)),
        ("Song (feat. X) [Remix]", ("X",)),
        ("Coração (part. Anitta)", ("Anitta",)),
        ("Сердце (при участии Земфиры)", ("Земфиры",)),
        ("Feat of Strength", ()),
    ],
)
def test_guests(text, guests):
    assert parse(text).featured == guests


@given(st.one_of(st.text(max_size=60), LIKE_TITLES))
def test_not_a_character_is_lost(text):
    assert "".join(piece.text for piece in parse(text).pieces) == text
    assert parse(text).text == text


@given(LIKE_TITLES)
def test_parsing_what_is_left_finds_nothing_more(text):
    parsed = parse(text)
    again = parse(parsed.base)
    assert (again.base, again.marks, again.featured, again.parts, again.subtitles) == (parsed.base, (), (), (), ())


@given(st.one_of(st.text(max_size=60), LIKE_TITLES))
def test_keys_do_not_change_when_they_are_folded_again(text):
    assert titles.fold(titles.fold(text)) == titles.fold(text)
    assert titles.normalise(titles.normalise(text)) == titles.normalise(text)


@given(LIKE_TITLES)
def test_case_and_outer_spaces_say_nothing(text):
    assert parse(f"  {text} ").key == parse(text).key
    assert titles.fold(text.upper()) == titles.fold(text.lower())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Florence + The Machine", "florence and the machine", True),
        ("Florence & the Machine", "Florence + The Machine", True),
        ("The Beatles", "beatles", True),
        ("Beyoncé", "BEYONCE", True),
        ("Ke$ha", "Kesha", True),
        ("Дай", "Даи", False),
        ("ガ", "カ", False),
    ],
)
def test_artists_names(one, other, same):
    assert (titles.name_key(one) == titles.name_key(other)) is same


def test_the_artists_of_a_line_of_credits():
    assert titles.artist_keys("Zedd & Alessia Cara feat. The Knocks") == ("zedd", "alessia cara", "knocks")


def _rows(name):
    with (LABELS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_canonical_titles_of_a_maintained_catalogue():
    """One of 375 differs: a guest that the catalogue names without "feat."."""
    different = [
        row["spotify_title"]
        for row in _rows("taylor_canonical_titles")
        if parse(row["spotify_title"]).key != parse(row["canonical_title"]).key
    ]
    assert different == ["Snow On The Beach (feat. More Lana Del Rey)"]


def test_cases_of_another_cleaner():
    rows = [row for row in _rows("title_cleaning") if not row["rule"].startswith("replace")]
    assert len(rows) > 40
    assert [row["input"] for row in rows if parse(row["input"]).base != parse(row["expected"]).base] == []
