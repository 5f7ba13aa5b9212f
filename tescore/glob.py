"""Matching of texts with wildcards in linear time.

Users and tenants write the patterns. Python's regular expressions try again for each star, which takes hours for some
patterns, and hold the interpreter meanwhile.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_HELD = 256
"""Characters of which it is known where they lead: a text may have any number of others."""


@dataclass(frozen=True, slots=True)
class Star:
    """Any text without these characters."""

    but: str = ""


Element = str | re.Pattern[str] | Star
"""A character, or an expression for one character, or a star."""


class Glob:
    """Some patterns, each a sequence of elements.

    All places that the patterns may have come to are held at once, as the bits of a number (Baeza-Yates and Gonnet's
    shift-and): each character of a text is looked at once.
    """

    def __init__(self, *patterns: Iterable[Element]) -> None:
        size, begins, ends, at = 0, list[int](), list[int](), dict[Element, list[int]]()
        for pattern in patterns:
            begins.append(size)
            for element in pattern:
                at.setdefault(element, []).append(size)
                size += not isinstance(element, Star)
            ends.append(size)
            size += 1
        self._begins, self._ends = _bits(begins, size), _bits(ends, size)
        self._at = {element: _bits(places, size) for element, places in at.items()}
        self._of_many = [element for element in at if not isinstance(element, str)]
        self._moves: dict[str, tuple[int, int]] = {}

    def matches(self, text: str) -> bool:
        """Whether one of the patterns stands for the whole text."""
        places = self._begins
        for character in text:
            if not places:
                return False
            goes, stays = self._moves.get(character) or self._move(character)
            places = (places & goes) << 1 | places & stays
        return bool(places & self._ends)

    def _move(self, character: str) -> tuple[int, int]:
        """The places from which a character leads to the next one, and those that it does not lead away from."""
        goes, stays = self._at.get(character, 0), 0
        for element in self._of_many:
            if isinstance(element, Star):
                stays |= self._at[element] * (character not in element.but)
            elif isinstance(element, re.Pattern) and element.fullmatch(character):
                goes |= self._at[element]
        if len(self._moves) >= _HELD:
            self._moves.clear()
        self._moves[character] = goes, stays
        return goes, stays


def _bits(places: Iterable[int], size: int) -> int:
    bits = bytearray(size // 8 + 1)
    for place in places:
        bits[place // 8] |= 1 << place % 8
    return int.from_bytes(bits, "little")
