"""The end of a stream of bytes, as text."""

from collections.abc import Iterable


def of(chunks: Iterable[bytes], size: int) -> str:
    """The last `size` bytes of what comes in chunks, with a mark where at least something before them was left out."""
    tail, cut = b"", 0
    for chunk in chunks:
        tail += chunk
        cut += max(0, len(tail) - size)
        tail = tail[-size:]
    return text(tail, cut, exact=False)


def of_the_pod(stdout: str, stderr: str) -> str:
    """Which stream an executor's pod has in its log, where these paths say what goes to files.

    With neither it is both in one, and with both nothing, as stdout; with only stdout in a file stderr is left.
    """
    return "stderr" if stdout and not stderr else "stdout"


def text(end: bytes, before: int, *, exact: bool = True) -> str:
    """The end of a text of which `before` bytes, or at least so many, are left out; that is told in a line of its own.

    What was cut in the middle of a character starts with the next one.
    """
    if not before:
        return end.decode(errors="replace")
    # In UTF-8 the first byte of a character is followed by at most three that begin with the bits 10.
    skipped = next((i for i, byte in enumerate(end[:4]) if byte & 0xC0 != 0x80), 0)
    count = f"{'' if exact else 'at least '}{before + skipped}"
    return f"… ({count} bytes before this)\n{end[skipped:].decode(errors='replace')}"
