"""From the query of a list request to what is asked of Kubernetes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.views import View
from tescore import naming, record
from tescore.errors import BadRequest, shortened
from tescore.states import State

_DEFAULT_PAGE = 256
_LARGEST_PAGE = 2047
_NUMBER = re.compile("[0-9]{1,9}")  # Python refuses to read one of thousands of digits
_KEY = re.compile("[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class ListQuery:
    view: View
    page_size: int
    page_token: str
    selector: str
    """Label selector: the filters by state, tags and owner."""
    name_prefix: str


def list_query(
    arguments: Mapping[str, str], tag_keys: Sequence[str], tag_values: Sequence[str], *, among: str = ""
) -> ListQuery:
    """What is asked for, among the tasks of a label selector.

    Raises BadRequest for a view, page size or state that there is not, and a name too long to be looked for.
    """
    state = arguments.get("state", "")
    if state and state not in State.__members__:
        raise BadRequest(f"state is {state!r}, which is none of {', '.join(State)}.")
    if len(arguments.get("name_prefix", "")) > record.NAME_LIMIT:
        raise BadRequest(f"name_prefix has more than {record.NAME_LIMIT} characters, by which names are found.")
    wanted = [naming.TASK_SELECTOR, *([among] if among else []), *([f"{naming.STATE}={state}"] if state else [])]
    for i, key in enumerate(tag_keys):
        value = tag_values[i] if i < len(tag_values) else ""
        wanted.append(naming.tag_label(key) + (f"={naming.hashed(value)}" if value else ""))
    return ListQuery(
        view=view(arguments),
        page_size=_page_size(arguments.get("page_size", "")),
        page_token=arguments.get("page_token", ""),
        selector=",".join(wanted),
        name_prefix=arguments.get("name_prefix", ""),
    )


def view(arguments: Mapping[str, str]) -> View:
    """MINIMAL unless another is asked for."""
    text = arguments.get("view", "") or View.MINIMAL
    if text not in View.__members__:
        raise BadRequest(f"view is {text!r}, which is none of {', '.join(View)}.")
    return View(text)


def idempotency_key(header: str | None) -> str:
    """The key that a client sends with a task so that sending it again makes no other; empty if it sends none."""
    if header is None:
        return ""
    if not _KEY.fullmatch(header):
        raise BadRequest(f"Idempotency-Key is {header[:300]!r}, which is not 1 to 255 visible characters of ASCII.")
    return header


def _page_size(text: str) -> int:
    if not text:
        return _DEFAULT_PAGE
    if not (_NUMBER.fullmatch(text) and 1 <= int(text) <= _LARGEST_PAGE):
        raise BadRequest(f"page_size is {shortened(text, 60)!r}, which is no whole number from 1 to {_LARGEST_PAGE}.")
    return int(text)
