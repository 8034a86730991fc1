"""The OpenAPI document as one page for people: no script, nothing loaded from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

__all__ = ["docs_page"]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --mark: #2f6fb2; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0;
 padding: .4rem .8rem; }
summary { cursor: pointer; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; border-radius: .3rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
 padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
.method { display: inline-block; width: 4.5rem; font-weight: 700; color: var(--mark); }
.scope { float: right; opacity: .7; }
"""
_HOST = "http://localhost:8000"


def docs_page(document: Mapping[str, Any]) -> str:
    """The page.

    Parameters
    ----------
    document
        The OpenAPI document.
    """
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = operation.get("tags", ["other"])[0]
            groups.setdefault(tag, []).append(_operation(document, method, path, operation))
    info = document["info"]
    jump = " · ".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in groups)
    body = "".join(
        f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>{"".join(parts)}</section>'
        for tag, parts in groups.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>"
        f"<p>{_prose(info['description'])}</p><p>{jump}</p>"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>{body}</body></html>\n'
    )


def _operation(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> str:
    security = operation.get("security") or [{}]
    scope = ", ".join(next(iter(security[0].values()), [])) or "no key"
    head = (
        f'<span class="scope">{escape(scope)}</span><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code> {escape(operation['summary'])}"
    )
    parts = [
        f"<summary>{head}</summary>",
        f"<p>{_prose(operation.get('description', ''))}</p>",
        _parameters(operation.get("parameters", ())),
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body: {escape(kind)}</h4>{_fields(document, content['schema'])}")
    parts.append(f"<pre>{escape(_curl(method, path, operation))}</pre>")
    parts.append(_answers(document, operation["responses"]))
    return f"<details>{''.join(parts)}</details>"


def _parameters(parameters: Any) -> str:
    rows = [
        (
            f"{each['name']} ({each['in']})",
            _type(each["schema"]),
            each.get("description") or each["schema"].get("description", ""),
        )
        for each in parameters
    ]
    return f"<h4>Parameters</h4>{_table(rows)}" if rows else ""


def _answers(document: Mapping[str, Any], responses: Mapping[str, Any]) -> str:
    rows, shown = [], ""
    for status, answer in sorted(responses.items()):
        rows.append((status, "", answer.get("description", "")))
        for content in answer.get("content", {}).values():
            if status == "200":
                shown += _fields(document, content.get("schema", {}))
                if "example" in content:
                    shown += f"<pre>{escape(json.dumps(content['example'], indent=2))}</pre>"
    return f"<h4>Answers</h4>{_table(rows)}{shown}"


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    found = _resolved(document, schema)
    required = found.get("required", ())
    rows = [
        (name + (" *" if name in required else ""), _type(part), part.get("description", ""))
        for name, part in found.get("properties", {}).items()
    ]
    return _table(rows)


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _type(schema: Mapping[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_types(schema)))


def _types(schema: Mapping[str, Any]) -> Iterator[str]:
    for part in schema.get("anyOf", ()):
        yield from _types(part)
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    elif "enum" in schema:
        yield from map(str, schema["enum"])
    elif schema.get("type") == "array":
        yield f"list of {_type(schema.get('items', {}))}"
    elif isinstance(schema.get("type"), list):
        yield from schema["type"]
    elif "type" in schema:
        yield schema.get("format", schema["type"])


def _curl(method: str, path: str, operation: Mapping[str, Any]) -> str:
    lines = [f"curl -X {method.upper()} {_HOST}{path}"]
    if operation.get("security"):
        lines.append('  -H "Authorization: Bearer $LAGMARK_KEY"')
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(f"  -H 'Content-Type: {kind}'")
        example = content.get("example")
        if isinstance(example, str):
            lines.append("  --data-binary @labels.csv")
        elif example is not None:
            lines.append(f"  -d '{json.dumps(example)}'")
    return " \\\n".join(lines)


def _table(rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td><td>{_prose(text)}</td></tr>"
        for name, kind, text in rows
    )
    return f"<table>{cells}</table>"


def _prose(text: str) -> str:
    """Text with its code between back-ticks, its bold and its paragraphs."""
    made = escape(text).replace("\n\n", "</p><p>")
    for mark, tag in (("**", "strong"), ("`", "code")):
        pieces = made.split(mark)
        made = "".join(
            f"<{tag}>{piece}</{tag}>" if index % 2 else piece for index, piece in enumerate(pieces)
        )
    return made
