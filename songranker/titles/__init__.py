"""What a song or an album is called, and what is only said about the version. Pure.

Shared, because albums (`spotify.editions`) and songs (`ranking.duplicates`) follow the same grammar.
"""

from songranker.titles.grammar import SAME_RECORDING, Piece, Title, forget, parse
from songranker.titles.parts import Part
from songranker.titles.suffixes import NAMED_KINDS, Mark
from songranker.titles.text import artist_keys, fold, name_key, normalise

__all__ = [
    "NAMED_KINDS",
    "SAME_RECORDING",
    "Mark",
    "Part",
    "Piece",
    "Title",
    "artist_keys",
    "fold",
    "forget",
    "name_key",
    "normalise",
    "parse",
]
