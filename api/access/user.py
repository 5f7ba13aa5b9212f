"""The user of a request, as Kubernetes' own authorization knows users: a name and groups."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A credential's user, and when the credential itself ends: seconds since 1970, infinite where it does not say."""

    user: User
    ends: float = float("inf")


ANONYMOUS = User("tesk:anonymous")
"""Everyone, where the service is open."""
EVERYONE = "system:authenticated"
"""The group that Kubernetes gives to all who have shown who they are."""
