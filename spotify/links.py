"""What people paste: links, URIs and ids of Spotify. Pure; nothing is ever fetched."""

import re
from dataclasses import dataclass

KINDS = ("artist", "album", "playlist", "track")
_ID = r"[0-9A-Za-z]{22}"
HIGHEST_ID = "7N42dgm5tFLK9N8MT7fHC7"  # 128 bits in base 62, whose digits here are 0-9, a-z, A-Z
_PATH = re.compile(
    rf"(?:https?://)?(?:open|play)\.spotify\.com/(?:intl-[a-z]{{2}}(?:-[a-z]{{2}})?/)?(?:embed/)?(?:user/[^/]+/)?"
    rf"(?P<kind>{'|'.join(KINDS)})/(?P<id>{_ID})(?:/.*)?",
    re.IGNORECASE,
)
_URI = re.compile(rf"spotify:(?:user:[^:]+:)?(?P<kind>{'|'.join(KINDS)}):(?P<id>{_ID})", re.IGNORECASE)
_SHORT = re.compile(r"(?:https?://)?(?:spotify\.link|spotify\.app\.link|open\.spotify\.com/s)/", re.IGNORECASE)


class NotALink(ValueError):
    """Says what to paste instead."""


@dataclass(frozen=True, slots=True)
class Link:
    """A thing on Spotify."""

    kind: str
    id: str


def is_id(text: str) -> bool:
    """Has it the form of a Spotify id? (Whether there is such a thing, only Spotify knows.)"""
    # swapcase: in ASCII capitals come first, in these digits last.
    return re.fullmatch(_ID, text, re.ASCII) is not None and text.swapcase() <= HIGHEST_ID.swapcase()


def resolve(text: str, default_kind: str = "artist") -> Link:
    """Artist, album, playlist or track behind a URL, URI or bare id (whose kind can only be assumed).

    Raises NotALink, with what to paste instead.
    """
    trimmed = text.strip().strip("<>\"'“”‘’ \t\r\n")
    if _SHORT.match(trimmed):
        raise NotALink("short links cannot be read; open it and paste the full open.spotify.com address")
    bare = re.split(r"[?#]", trimmed, maxsplit=1)[0].rstrip("/")
    match = _PATH.fullmatch(bare) or _URI.fullmatch(bare)
    if match and is_id(match["id"]):
        return Link(match["kind"].lower(), match["id"])
    if is_id(bare):
        return Link(default_kind, bare)
    raise NotALink(
        "paste an address such as https://open.spotify.com/artist/..., a spotify: URI, or an id of 22 characters"
    )
