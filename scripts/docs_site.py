"""
What the site has that no file holds: every HTTP path, and the list of decisions.

A hook of MkDocs (`mkdocs.yml`): a page that says `<!-- http -->` or `<!-- decisions -->` gets them
there when the site is built, so that neither can be out of date.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from portico.api.deps import Serving
from portico.app import create_app

HTTP, DECISIONS = "<!-- http -->", "<!-- decisions -->"
RECORDS = Path(__file__).resolve().parents[1] / "docs/decisions"

type JSON = Mapping[str, Any]


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill the places of a page; MkDocs calls this for every page."""
    if HTTP in markdown:
        return markdown.replace(HTTP, "\n".join(http(document())))
    if DECISIONS in markdown:
        return markdown.replace(DECISIONS, "\n".join(decisions(RECORDS)))
    return markdown


def document() -> JSON:
    """Return what the application says of itself."""

    @asynccontextmanager
    async def nothing() -> AsyncIterator[Serving]:
        raise RuntimeError("documentation is not served")
        yield  # pragma: no cover - makes it a generator

    said: JSON = create_app(nothing).openapi()
    return said


def http(said: JSON) -> Iterator[str]:
    """Tell every operation of an OpenAPI document: what it takes, and what it answers."""
    for path, operations in said["paths"].items():
        for method, operation in operations.items():
            yield f"\n## {method.upper()} {path}\n"
            yield operation.get("description") or operation.get("summary", "")
            yield from _parameters(operation.get("parameters", ()))
            yield from _body(operation.get("requestBody"), said)
            yield from _answers(operation.get("responses", {}))


def _parameters(given: Any) -> Iterator[str]:
    if given:
        yield "\n| parameter | in | meaning |\n|---|---|---|"
    for one in given:
        name = f"`{one['name']}`" + (" (required)" if one.get("required") else "")
        yield f"| {name} | {one['in']} | {_line(one.get('description', ''))} |"


def _body(given: JSON | None, said: JSON) -> Iterator[str]:
    for kind, content in (given or {}).get("content", {}).items():
        schema = _resolved(content.get("schema", {}), said)
        yield f"\nBody: `{kind}`"
        fields = schema.get("properties", {})
        if fields:
            yield "\n| field | meaning |\n|---|---|"
        for name, field in fields.items():
            must = " (required)" if name in schema.get("required", ()) else ""
            yield f"| `{name}`{must} | {_line(_resolved(field, said).get('description', ''))} |"


def _answers(given: JSON) -> Iterator[str]:
    yield "\n| status | answer |\n|---|---|"
    for status, answer in given.items():
        yield f"| {status} | {_line(answer.get('description', ''))} |"


def _resolved(schema: JSON, said: JSON) -> JSON:
    if "$ref" not in schema:
        return schema
    found: Any = said
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def decisions(folder: Path) -> Iterator[str]:
    """List the records of *folder*, by their own titles."""
    for file in sorted(folder.glob("[0-9]*.md")):
        title = file.read_text().partition("\n")[0].lstrip("# ")
        yield f"- [{title}]({file.name})"
