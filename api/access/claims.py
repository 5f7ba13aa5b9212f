"""From the claims of an identity provider to a user."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.access.settings import NO_PREFIX
from api.access.user import EVERYONE, User
from tescore.errors import Unauthenticated

_RESERVED = ("system:", "tesk:", "basic:")
"""Beginnings of names that no identity provider can give: Kubernetes' own, and the service's."""
_LONGEST = 512
"""Characters of a user's name, which is kept in each of their tasks."""


@dataclass(frozen=True, slots=True)
class Names:
    """Where the names are in a token, and what is put before them."""

    user: str
    groups: str
    prefix: str

    def before(self, issuer: str) -> str:
        return "" if self.prefix == NO_PREFIX else self.prefix.replace("{issuer}", issuer)


def user(claims: Mapping[str, Any], issuer: str, names: Names) -> User:
    """Raises Unauthenticated where the claims name no user, or one that would pass for another's."""
    name = claim(claims, names.user)
    if not isinstance(name, str) or not name:
        raise Unauthenticated(f"The token has no claim {names.user!r} that names a user.")
    prefix = names.before(issuer)
    full = prefix + name
    if len(full) > _LONGEST:
        raise Unauthenticated(f"The user's name has more than {_LONGEST} characters.")
    if full.startswith(_RESERVED):
        raise Unauthenticated("The token names a user as only Kubernetes and the service may.")
    groups = [prefix + group for group in _texts(claim(claims, names.groups)) if group]
    return User(full, (*(group for group in groups if not group.startswith(_RESERVED)), EVERYONE))


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name, which may be a URL with dots in it; else the one that its parts lead to; or None."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _texts(value: Any) -> list[str]:
    """A list of texts, or a single one."""
    found = value if isinstance(value, list) else [value]
    return [text for text in found if isinstance(text, str)]
