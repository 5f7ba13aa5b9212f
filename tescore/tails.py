"""The end of a stream of bytes, as text."""


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
