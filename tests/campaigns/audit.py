"""What the API server's audit log tells of pods, after they have gone."""

import json
from datetime import datetime
from pathlib import Path


def pods_made(log: Path, *, since: float) -> dict[str, float]:
    """When each pod was asked for by a taskmaster, in seconds since 1970, by its name."""
    made = {}
    for part in sorted(log.parent.glob("audit*.log")):
        if part.stat().st_mtime < since:
            continue
        for line in part.read_text().splitlines():
            if '"verb":"create"' not in line or '"resource":"pods"' not in line or "tesk-taskmaster" not in line:
                continue
            event = json.loads(line)
            at = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
            if at >= since and event.get("responseStatus", {}).get("code") == 201:
                made[event["objectRef"]["name"]] = at
    return made
