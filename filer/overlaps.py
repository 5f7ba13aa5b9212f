"""Which paths or URLs are, or may be, in each other's way."""


class Overlaps:
    """Places that were taken: each may be a file, or a folder with all that is below it."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._above: set[str] = set()

    def take(self, place: str) -> bool:
        """Takes a place; whether it is one that was taken already, or above or below such a one."""
        place = _plain(place)
        above = _leading_to(place)
        met = place in self._taken or place in self._above or not self._taken.isdisjoint(above)
        self._taken.add(place)
        self._above.update(above)
        return met

    def clear(self) -> None:
        self._taken.clear()
        self._above.clear()


def _plain(place: str) -> str:
    """Without what does not count, such as a second slash."""
    return "/".join(part for part in place.split("/") if part not in {"", "."})


def _leading_to(place: str) -> list[str]:
    parts = place.split("/")
    return ["/".join(parts[:number]) for number in range(len(parts))]
