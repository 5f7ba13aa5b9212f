"""Texts of 128 KiB of the kinds that users put into tasks."""

import os
from collections.abc import Callable, Iterable
from itertools import count, cycle
from pathlib import Path

SIZE = 128 * 1024
_ROOT = Path(__file__).parents[1]


def prose() -> str:
    """English: this project's documents, the first ones again after the last."""
    return _filled(path.read_text() for path in cycle(sorted(_ROOT.glob("docs/**/*.md"))))


def source() -> str:
    """Python: this project's tests."""
    return _filled(path.read_text() for path in cycle(sorted(_ROOT.glob("tests/*.py"))))


def table() -> str:
    """Rows of tab-separated numbers that are drawn."""
    numbers = (memoryview(os.urandom(12)).cast("I") for _ in count())
    return _filled(f"chr{a % 22 + 1}\t{a % 30_000}\t{b % 200_000_000}\t{c / 2**32:.6f}\n" for a, b, c in numbers)


def reads() -> str:
    """FASTQ with qualities that are drawn, each as often as another: real ones are gzipped better."""
    qualities = "".join(map(chr, range(33, 75)))
    return _filled(f"@read.{i}\n{_drawn('ACGT')}\n+\n{_drawn(qualities)}\n" for i in count())


def digests() -> str:
    """Lines as sha256sum prints them."""
    return _filled(f"{os.urandom(32).hex()}  data/{i}\n" for i in count())


KINDS: list[Callable[[], str]] = [prose, source, table, reads, digests]


def _filled(pieces: Iterable[str]) -> str:
    """So many of the pieces as SIZE bytes can hold, the last one cut off."""
    text = b""
    for piece in pieces:
        text += piece.encode()
        if len(text) >= SIZE:
            break
    return text[:SIZE].decode(errors="ignore")


def _drawn(letters: str) -> str:
    """A hundred of these letters."""
    return "".join(letters[byte % len(letters)] for byte in os.urandom(100))
