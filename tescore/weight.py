"""How much work a document is, known before it is parsed."""

import re

from tescore.errors import InvalidTask

MOST_VALUES = 250_000
"""Of each a hundred bytes are kept while a document is checked, and checking takes some microseconds."""
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""One without its end too: who looked for that again at each quote would never be done."""


def check(text: str) -> None:
    """Raises InvalidTask for a JSON text of so many values that checking it would keep a server busy."""
    outside = _STRING.sub("", text)
    if outside.count(",") + outside.count("[") + outside.count("{") > MOST_VALUES:
        raise InvalidTask([f"the document has more than {MOST_VALUES} values"])
