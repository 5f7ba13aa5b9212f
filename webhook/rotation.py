"""By which steps the webhook's certificate becomes another one, so that what replicas serve is always trusted."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tescore.errors import Misconfigured
from webhook.certs import Make, Pair

RENEWED = timedelta(days=30)
"""Before its end a pair gets its successor."""
SETTLED = timedelta(seconds=15)
"""For so long a new pair is trusted before it is served: all API servers and replicas have seen it by then."""
FORGOTTEN = timedelta(hours=1)
"""After that no replica serves the pair before."""
PATHS = "paths.key"
_NEEDED = ("tls.crt", "tls.key", "ca.crt")
_NAMES = (*_NEEDED, "next.crt", "next.key", PATHS)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the replicas share."""

    served: Pair
    trusted: bytes
    """Authorities, PEM."""
    coming: Pair | None
    """Trusted, and served soon."""
    paths: bytes
    """The secret that the webhook's paths are made from. It stays."""


def begun(make: Make) -> Kept:
    """Where there is nothing yet."""
    pair, authority = make()
    return Kept(pair, authority, None, _paths(pair))


def renewed(kept: Kept, make: Make) -> Kept:
    """With another pair that is to be served soon."""
    pair, authority = make()
    return replace(kept, trusted=kept.trusted + authority, coming=pair)


def following(kept: Kept, now: datetime, make: Make) -> Kept | None:
    """The next step, if one is due; none for what others made, who renew it themselves.

    A pair is trusted first, then served, and its predecessor trusted no more when nobody serves that.
    """
    if not kept.served.is_own:
        return None
    if kept.coming is not None:
        is_due = now - kept.coming.begins >= SETTLED
        return replace(kept, served=kept.coming, coming=None) if is_due else None
    if kept.served.ends - now < RENEWED:
        return renewed(kept, make)
    needed = kept.served.authority_among(kept.trusted)
    is_early = now - kept.served.begins < FORGOTTEN
    return None if is_early or needed in {b"", kept.trusted} else replace(kept, trusted=needed)


def read(data: Mapping[str, str]) -> Kept:
    """From the data of a Secret, which cert-manager may have made. Raises Misconfigured where it is not whole."""
    found = {name: base64.b64decode(data[name]) for name in _NAMES if data.get(name)}
    if missing := [name for name in _NEEDED if name not in found]:
        raise Misconfigured(f"The Secret with the webhook's certificate has no {' and no '.join(missing)}.")
    served = Pair(found["tls.crt"], found["tls.key"])
    if not served.is_readable:
        raise Misconfigured("The webhook's certificate, in its Secret, cannot be read.")
    coming = Pair(found["next.crt"], found["next.key"]) if "next.crt" in found else None
    return Kept(served, found["ca.crt"], coming, found.get(PATHS) or _paths(served))


def data(kept: Kept) -> dict[str, str | None]:
    """For the Secret; None is for what is not to be there."""
    next_crt, next_key = (kept.coming.certificate, kept.coming.key) if kept.coming else (None, None)
    parts = (kept.served.certificate, kept.served.key, kept.trusted, next_crt, next_key, kept.paths)
    return {name: base64.b64encode(part).decode() if part else None for name, part in zip(_NAMES, parts, strict=True)}


def _paths(pair: Pair) -> bytes:
    """The same from all replicas that begin with the same pair."""
    return hashlib.sha256(pair.key).digest()
