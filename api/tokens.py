"""Page tokens: Kubernetes' own, bound to the list that they are of."""

from tescore import naming
from tescore.errors import BadRequest

_MARK = 16


def sealed(continuation: str, listed: str) -> str:
    """The token of the next page of the list that the text `listed` stands for; empty after the last page."""
    return f"{_mark(continuation, listed)}.{continuation}" if continuation else ""


def opened(token: str, listed: str) -> str:
    """Kubernetes' token in one of ours. Raises BadRequest for one of another list, or none at all."""
    mark, _, continuation = token.partition(".")
    if token and mark != _mark(continuation, listed):
        raise BadRequest(
            "page_token is not of this list: it goes with the tenant and the filters that it was given for."
        )
    return continuation


def _mark(continuation: str, listed: str) -> str:
    return naming.hashed(f"{listed}\n{continuation}")[:_MARK]
