"""How a campaign tells its figures."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def percentiles(seconds: Sequence[float]) -> str:
    """p50, p95 and the most of some measurements."""
    if not seconds:
        return "none"
    found = sorted(seconds)
    at = [found[min(len(found) - 1, int(len(found) * part))] for part in (0.5, 0.95)]
    return f"p50 {at[0]:.2f} s, p95 {at[1]:.2f} s, most {found[-1]:.2f} s (of {len(found)})"
