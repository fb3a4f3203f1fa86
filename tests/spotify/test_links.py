"""What people paste."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify.links import NotALink, is_id, resolve

ID = "06HL4z0CvFAxyc27GXpf02"


@pytest.mark.parametrize(
    "text",
    [
        f"https://open.spotify.com/artist/{ID}",
        f"https://open.spotify.com/artist/{ID}?si=abc&utm=x",
        f"http://open.spotify.com/artist/{ID}/",
        f"open.spotify.com/artist/{ID}#top",
        f"https://open.spotify.com/intl-de/artist/{ID}",
        f"https://open.spotify.com/intl-pt-br/artist/{ID}",
        f"https://open.spotify.com/embed/artist/{ID}",
        f"https://play.spotify.com/artist/{ID}",
        f"https://open.spotify.com/artist/{ID}/discography/all",
        f"spotify:artist:{ID}",
        f"  <https://open.spotify.com/artist/{ID}> ",
        f'"{ID}"',
    ],
)
def test_an_artist_in_every_dress(text):
    assert (resolve(text).kind, resolve(text).id) == ("artist", ID)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"https://open.spotify.com/album/{ID}", "album"),
        (f"spotify:track:{ID}", "track"),
        (f"https://open.spotify.com/user/some.body/playlist/{ID}?si=1", "playlist"),
        (f"spotify:user:somebody:playlist:{ID}", "playlist"),
    ],
)
def test_other_kinds(text, kind):
    assert resolve(text).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "", "taylor swift", "https://example.org/artist/" + ID, "https://open.spotify.com.evil.org/artist/" + ID,
        "https://open.spotify.com/episode/" + ID, "https://open.spotify.com/artist/short", "spotify:artist:" + "z" * 22 + "1",
        "7N42dgm5tFLK9N8MT7fHC8", "https://spotify.link/abcdef", "https://open.spotify.com/s/abc",
    ],
)  # fmt: skip
def test_what_it_is_not(text):
    with pytest.raises(NotALink):
        resolve(text)


def test_short_links_say_what_to_paste_instead():
    with pytest.raises(NotALink, match=r"open\.spotify\.com"):
        resolve("https://spotify.link/abcdef")


def test_highest_id():
    assert is_id("7N42dgm5tFLK9N8MT7fHC7")
    assert is_id("7pyhre5oEEFMqcgMEvJY7q")  # a real one: small letters are lower digits than capitals
    assert not is_id("7N42dgm5tFLK9N8MT7fHC8")


@given(st.text(max_size=80))
def test_never_fails_in_another_way(text):
    try:
        link = resolve(text)
    except NotALink:
        return
    assert is_id(link.id)
