"""A page for people made of the OpenAPI document; it needs nothing from anywhere else."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code,pre{font:14px/1.45 ui-monospace,monospace;background:#f3f3f3;border-radius:3px}code{padding:.1em .3em}
pre{padding:.6rem;overflow-x:auto}h2{border-bottom:1px solid #ccc;margin-top:2.5rem}h3{margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #ddd;padding:.3rem .5rem;text-align:left;
vertical-align:top}.text{white-space:pre-line}.method{text-transform:uppercase;font-weight:bold;color:#0b5394}
nav a{display:inline-block;margin-right:1rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code,pre{background:#2a2a2a}
td,th,h2{border-color:#444}a,.method{color:#7ab7f5}}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Content-Security-Policy of the page."""
_FENCE = re.compile(r"```\n?(.*?)```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def page(document: Mapping[str, Any]) -> str:
    """The document as HTML."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    operations = list(_operations(document))
    links = "".join(f'<a href="#{escape(o["operationId"])}">{escape(o["summary"])}</a>' for _, _, o in operations)
    schemas = "".join(_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items()))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f'<p>The same as a document for programs: <a href="openapi.json">openapi.json</a></p><nav>{links}</nav>'
        f"{_text(document['info']['description'])}<h2>Requests</h2>"
        f"{''.join(_operation(path, method, o, document) for path, method, o in operations)}"
        f"<h2>Schemas</h2>{schemas}</body></html>"
    )


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each with its path from the root, and its method."""
    for path, item in document["paths"].items():
        server = item.get("servers", document["servers"])[0]["url"].rstrip("/")
        yield from ((server + path, method, operation) for method, operation in item.items() if method != "servers")


def _operation(path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parameters = [_resolved(parameter, document) for parameter in operation.get("parameters", [])]
    rows = [
        (f"<code>{escape(p['name'])}</code>", escape(p["in"]), _type(p["schema"]), _text(p.get("description", "")))
        for p in parameters
    ]
    body = operation.get("requestBody")
    answers = [
        (f"<code>{code}</code>", _content(answer), _text(answer["description"]))
        for code, answer in operation["responses"].items()
    ]
    return (
        f'<h3 id="{escape(operation["operationId"])}"><span class="method">{method}</span> '
        f"<code>{escape(path)}</code></h3><p><b>{escape(operation['summary'])}</b>"
        f"{' (deprecated)' if operation.get('deprecated') else ''}</p>{_text(operation.get('description', ''))}"
        f"{_table(('Parameter', 'in', 'type', ''), rows) if rows else ''}"
        f"{f'<p>Body: {_content(body)}</p>' if body else ''}{_table(('Answer', 'content', ''), answers)}"
    )


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    properties = {k: v for part in [schema, *schema.get("allOf", [])] for k, v in part.get("properties", {}).items()}
    needed = {name for part in [schema, *schema.get("allOf", [])] for name in part.get("required", [])}
    bases = [_type(part) for part in schema.get("allOf", []) if "$ref" in part]
    rows = [
        (
            f"<code>{escape(key)}</code>{' *' if key in needed else ''}",
            _type(value),
            _text(value.get("description", "")),
        )
        for key, value in properties.items()
    ]
    values = ", ".join(f"<code>{escape(value)}</code>" for value in schema.get("enum", []))
    return (
        f'<h3 id="{escape(name)}">{escape(name)}</h3>{f"<p>All of {bases[0]}, and:</p>" if bases else ""}'
        f"{_text(schema.get('description', ''))}{f'<p>One of {values}</p>' if values else ''}"
        f"{_table(('Field (* required)', 'type', ''), rows) if rows else ''}"
    )


def _content(part: Mapping[str, Any]) -> str:
    return "<br>".join(f"{escape(kind)}: {_type(given['schema'])}" for kind, given in part.get("content", {}).items())


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type(schema['additionalProperties'])}"
    return escape(schema.get("type", "object"))


def _resolved(parameter: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in parameter:
        return parameter
    found: Mapping[str, Any] = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return found


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{cells}</table>"


def _text(markdown: str) -> str:
    """The little of Markdown that the standard uses: headings and code; its lines stay as they are."""
    parts = _FENCE.split(markdown)
    shown = [f"<pre>{escape(part)}</pre>" if i % 2 else _prose(part) for i, part in enumerate(parts) if part.strip()]
    return "".join(shown)


def _prose(text: str) -> str:
    marked = _CODE.sub(r"<code>\1</code>", escape(text.strip()))
    headed = _HEADING.sub(r"<b>\1</b>", marked)
    return f'<div class="text">{headed}</div>'
