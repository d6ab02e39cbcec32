"""The OpenAPI document says what is served, and what is served is as it says."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from portico.api import shapes
from portico.api.deps import Serving
from portico.app import create_app
from portico.chat.request import ChatBody
from tests.serving import house

DESIGNED = {
    "/v1/chat/completions": {"post"},
    "/v1/models": {"get"},
    "/v1/models/{name}": {"get"},
    "/v1/route/explain": {"post"},
    "/v1/design/elements": {"post"},
    "/v1/design/elements/schema": {"get"},
    "/v1/design/diff": {"post"},
    "/v1/design/audit": {"post"},
    "/v1/feedback": {"post"},
    "/v1/artifacts": {"post"},
    "/v1/artifacts/{ident}": {"get", "delete"},
    "/v1/artifacts/{ident}/info": {"get"},
    "/v1/artifacts/{ident}/grants/{to}": {"put"},
    "/api/artifacts/sweep": {"post"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
    "/api/egress": {"get"},
    "/api/standing": {"get"},
    "/api/standing/{name}/clear": {"post"},
    "/api/requests": {"get"},
    "/api/requests/{request_id}": {"get"},
    "/api/requests/{request_id}/trace": {"get"},
    "/api/requests/{request_id}/flag": {"post", "delete"},
    "/api/requests/{request_id}/pin": {"post", "delete"},
    "/api/traces": {"get"},
    "/api/usage": {"get"},
    "/api/keys": {"get", "post"},
    "/api/keys/{ident}": {"get", "patch", "delete"},
    "/api/keys/{ident}/rotate": {"post"},
    "/api/people": {"get"},
    "/api/people/{ident}": {"get", "put", "delete"},
    "/api/teams": {"get"},
    "/api/teams/{ident}": {"get", "put", "delete"},
    "/api/audit": {"get"},
    "/api/catalog/reload": {"post"},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A house in a thread of its own: schemathesis asks synchronously."""
    told: list[str] = []
    ready, done = threading.Event(), threading.Event()

    async def live(folder: Path) -> None:
        async with house(folder, access={"required": False}) as lab:
            await lab.chat()  # so that there is a request to list
            await lab.requests()
            told.append(lab.url)
            ready.set()
            await asyncio.to_thread(done.wait)

    folder = tmp_path_factory.mktemp("openapi")
    thread = threading.Thread(target=lambda: asyncio.run(live(folder)))
    thread.start()
    assert ready.wait(30)
    yield told[0]
    done.set()
    thread.join(30)


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/openapi.json", trust_env=False).json()
    return found


def walk(node: Any) -> Iterator[Mapping[str, Any]]:
    """Give every object in *node*."""
    if isinstance(node, Mapping):
        yield node
    children = node.values() if isinstance(node, Mapping) else node
    for child in children if isinstance(node, Mapping | list) else ():
        yield from walk(child)


def test_every_route_of_the_design_is_documented(document: dict[str, Any]) -> None:
    told = {path: set(operations) for path, operations in document["paths"].items()}

    assert document["openapi"].startswith("3.1")
    assert {path: told.get(path, set()) & methods for path, methods in DESIGNED.items()} == DESIGNED


def test_every_reference_leads_somewhere_and_every_schema_is_one(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for node in walk(document):
        if isinstance(place := node.get("$ref"), str):
            assert place.removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_error_is_documented_as_the_envelope(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            errors = {status for status in operation["responses"] if int(status) >= 400}
            assert "400" in errors
            for status in errors:
                content = operation["responses"][status]["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}
    envelope = document["components"]["schemas"]["Envelope"]
    assert {"message", "type", "param", "code", "source", "request_id"} <= set(envelope["required"])


def test_every_answer_that_is_json_has_a_schema(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            given = [told for status, told in operation["responses"].items() if int(status) < 300]
            assert given
            for kind, content in given[0].get("content", {}).items():
                assert content["schema"], f"{operation['operationId']} says nothing of {kind}"


def test_the_documented_chat_body_has_the_fields_we_read() -> None:
    assert shapes.ChatBody.__struct_fields__ == ChatBody.__struct_fields__


def test_no_parameter_is_written_as_what_only_shares_its_name() -> None:
    document = create_app(never_opened).openapi()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for one in operation.get("parameters", ()):
                place = one["schema"].get("$ref", "").rpartition("/")[2]
                meant = document["components"]["schemas"].get(place, one["schema"])
                assert meant.get("type") != "object", f"{path}: {one['name']}"
    sources = document["components"]["schemas"]["Source"]["enum"]
    assert set(sources) == {"client", "gateway", "upstream"}


def never_opened() -> AbstractAsyncContextManager[Serving]:
    raise AssertionError("nothing is opened for its document")


api = schemathesis.openapi.from_dict(create_app(never_opened).openapi())


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


LEFT_OUT = {
    # A chat that fits its schema can still want for what a schema does not say: a tool's result
    # has a call to belong to (400), a chain has somebody who takes it all (422).
    "/v1/chat/completions": [checks.positive_data_acceptance],
    "/v1/route/explain": [checks.positive_data_acceptance],
    # 3.0 is an integer to JSON Schema, and a float to us.
    "/v1/embeddings": [checks.positive_data_acceptance],
    # What fits the schema can still name what is not there, or be no id.
    "/api/keys": [checks.positive_data_acceptance],
    "/api/keys/{ident}": [checks.positive_data_acceptance],
    "/api/people/{ident}": [checks.positive_data_acceptance],
    "/api/teams/{ident}": [checks.positive_data_acceptance],
    # What fits the schema can still be no picture.
    "/v1/design/elements": [checks.positive_data_acceptance],
    "/v1/design/diff": [checks.positive_data_acceptance],
    "/v1/design/audit": [checks.positive_data_acceptance],
    "/v1/design/search": [checks.positive_data_acceptance],
    "/v1/artifacts": [checks.positive_data_acceptance],
}


EXAMPLES = int(os.environ.get("PORTICO_EXAMPLES", "15"))
"""Chance requests to each operation, besides those its schema asks for; `make soak` has more."""


@api.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_what_is_served_is_as_documented(
    case: schemathesis.Case, url: str, session: requests.Session
) -> None:
    left_out = LEFT_OUT.get(case.operation.path, [])
    case.call_and_validate(base_url=url, session=session, excluded_checks=left_out)
