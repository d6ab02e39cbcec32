"""Artifacts over HTTP: put here once, given back to whoever may, and to nobody else."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from portico.access.gate import Gate, Rule
from portico.api import artifacts, problems
from portico.api.artifacts import Conditions
from portico.artifacts.archive import Archive, open_archive
from tests.access import keys
from tests.api.wires import enveloped
from tests.artifacts import odd
from tests.artifacts.shelves import JPEG, PACE, PNG, Kept, kept_in, opened
from tests.serving import served

pytestmark = pytest.mark.anyio

LIMIT = 1_000_000
PLACE = "/v1/artifacts"
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
)
SHA = hashlib.sha256(PNG).hexdigest()


@dataclass
class Desk:
    """An application with nothing but artifacts, and two who have keys."""

    ann: httpx.AsyncClient
    bob: httpx.AsyncClient
    nobody: httpx.AsyncClient
    archive: Archive
    kept: Kept
    remembered: "Remembered"

    async def put(self, data: bytes = PNG, **more: Any) -> dict[str, Any]:
        answer = await self.ann.post(PLACE, content=data, **more)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told


@dataclass
class Remembered:
    """What the memory is told of artifacts."""

    told: list[tuple[str, ...]] = field(default_factory=list)

    async def shared(self, artifact: str, reader: str, *, seen: bool) -> None:
        self.told.append(("shown" if seen else "hidden", artifact, reader))

    async def forget(self, artifact: str) -> None:
        self.told.append(("forgotten", artifact))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    texts = [keys.text(), keys.text()]
    gate = Gate(Rule(required=True))
    names = ("ann", "bob")
    known = [(text, keys.key(name, id=name)) for text, name in zip(texts, names, strict=True)]
    gate.know(keys.roster(*known))
    app = FastAPI()
    app.include_router(artifacts.router)
    problems.install(app)
    async with kept_in(tmp_path) as kept, open_archive(kept.shelf, opened, pace=PACE) as archive:
        memory = Remembered()
        recalling = SimpleNamespace(remembering=memory)
        serving = SimpleNamespace(gate=gate, archive=archive, max_body=LIMIT, recalling=recalling)
        app.state.lobby = SimpleNamespace(serving=serving)
        async with served(app) as url:
            ann, bob, nobody = (
                httpx.AsyncClient(
                    base_url=url, headers=headers, trust_env=False, verify=False, timeout=30
                )
                for headers in (*({"authorization": f"Bearer {text}"} for text in texts), {})
            )
            async with ann, bob, nobody:
                yield Desk(ann, bob, nobody, archive, kept, memory)


def refused(answer: httpx.Response, status: int, code: str = "malformed_request") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error = enveloped(status, answer.headers, answer.json())
    assert error["code"] == code
    return error


async def test_what_is_sent_is_told_and_given_back(desk: Desk) -> None:
    answer = await desk.ann.post(PLACE, content=PNG, params={"name": "Экран 1.png"})
    told = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, told["url"])
    assert answer.headers["x-portico-request-id"].startswith("req_")
    pixels = (await desk.archive.find(told["id"], "ann")).pixels
    assert told == {
        "id": told["id"],
        "object": "artifact",
        "kind": "image/png",
        "bytes": len(PNG),
        "width": 120,
        "height": 80,
        "sha256": SHA,
        "pixels_sha256": pixels,
        "name": "Экран 1.png",
        "created_at": "2026-09-21T14:13:20+00:00",
        "url": f"/v1/artifacts/{told['id']}",
    }
    assert (await desk.ann.get(f"{told['url']}/info")).json() == told
    given = await desk.ann.get(told["url"])
    assert (given.status_code, given.content) == (200, PNG)
    assert {name: given.headers[name] for name in HEADERS} == HEADERS
    assert given.headers["content-disposition"] == (
        "inline; filename=\"_____ 1.png\"; filename*=UTF-8''%D0%AD%D0%BA%D1%80%D0%B0%D0%BD%201.png"
    )


HEADERS = {
    "content-type": "image/png",
    "content-length": str(len(PNG)),
    "etag": f'"{SHA}"',
    "cache-control": "private, immutable, max-age=31536000",
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
}


@pytest.mark.parametrize("kind", ["application/json", "text/html", "image/jpeg", ""])
async def test_the_type_is_what_the_bytes_say(desk: Desk, kind: str) -> None:
    told = await desk.put(headers={"content-type": kind})
    assert told["kind"] == "image/png"
    assert (await desk.ann.get(told["url"])).headers["content-type"] == "image/png"


async def test_a_form_brings_a_file_and_its_name(desk: Desk) -> None:
    files = {"other": ("x", b"no"), "file": ("C:\\pictures\\a b.png", PNG, "text/html")}
    answer = await desk.ann.post(PLACE, files=files, data={"purpose": "vision"})
    told = answer.json()
    assert (answer.status_code, told["name"], told["kind"]) == (201, "a b.png", "image/png")
    assert (await desk.ann.get(told["url"])).content == PNG


@pytest.mark.parametrize("data", [SVG, pytest.param(odd.saved(odd.screen(), "PDF"), id="pdf")])
async def test_what_may_hold_a_program_is_downloaded(desk: Desk, data: bytes) -> None:
    told = await desk.put(data)
    given = await desk.ann.get(told["url"])
    assert given.content == data
    end = "svg" if data is SVG else "pdf"
    assert given.headers["content-disposition"].startswith(
        f'attachment; filename="{told["id"]}.{end}"'
    )
    assert given.headers["content-security-policy"] == HEADERS["content-security-policy"]


async def test_a_name_cannot_break_out_of_its_header(desk: Desk) -> None:
    told = await desk.put(params={"name": 'a";\r\nset-cookie: x=1;"b'})
    given = await desk.ann.get(told["url"])
    assert "set-cookie" not in given.headers
    assert given.headers["content-disposition"].startswith('inline; filename="a__set-cookie_ x_1__')


@pytest.mark.parametrize("tags", [f'"{SHA}"', f'W/"{SHA}"', f'"x", "{SHA}"', "*"])
async def test_what_the_caller_has_is_not_sent_again(desk: Desk, tags: str) -> None:
    told = await desk.put()
    given = await desk.ann.get(told["url"], headers={"if-none-match": tags})
    assert (given.status_code, given.content) == (304, b"")
    assert given.headers["etag"] == f'"{SHA}"'
    assert given.headers["cache-control"] == HEADERS["cache-control"]


async def test_another_tag_gets_the_bytes(desk: Desk) -> None:
    told = await desk.put()
    given = await desk.ann.get(told["url"], headers={"if-none-match": '"another"'})
    assert (given.status_code, given.content) == (200, PNG)


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1-3", 1, 4),
        ("bytes=10-", 10, None),
        ("bytes=-5", -5, None),
        ("bytes=0-999999999", 0, None),
        ("BYTES=2-4", 2, 5),
    ],
)
async def test_a_part_is_given_where_a_part_is_asked_for(
    desk: Desk, asked: str, first: int, end: int | None
) -> None:
    told = await desk.put()
    given = await desk.ann.get(told["url"], headers={"range": asked})
    assert (given.status_code, given.content) == (206, PNG[first:end])
    begin = first % len(PNG)
    last = begin + len(given.content) - 1
    assert given.headers["content-range"] == f"bytes {begin}-{last}/{len(PNG)}"
    assert given.headers["etag"] == f'"{SHA}"'


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=5-2", "bytes=-", "lines=1-2", "bytes=x"])
async def test_what_is_no_single_range_gets_everything(desk: Desk, asked: str) -> None:
    told = await desk.put()
    given = await desk.ann.get(told["url"], headers={"range": asked})
    assert (given.status_code, given.content) == (200, PNG)


@pytest.mark.parametrize("asked", [f"bytes={len(PNG)}-", "bytes=999999-9999999", "bytes=-0"])
async def test_a_range_behind_the_end_is_told_so(desk: Desk, asked: str) -> None:
    told = await desk.put()
    given = await desk.ann.get(told["url"], headers={"range": asked})
    assert refused(given, 416)["param"] == "Range"
    assert given.headers["content-range"] == f"bytes */{len(PNG)}"


@pytest.mark.parametrize(("tag", "status"), [(f'"{SHA}"', 206), ('"old"', 200)])
async def test_a_part_of_something_else_is_not_given(desk: Desk, tag: str, status: int) -> None:
    told = await desk.put()
    headers = {"range": "bytes=0-3", "if-range": tag}
    assert (await desk.ann.get(told["url"], headers=headers)).status_code == status


async def test_without_a_key_nothing_is_taken_or_given(desk: Desk) -> None:
    told = await desk.put()
    for answer in (
        await desk.nobody.post(PLACE, content=PNG),
        await desk.nobody.get(told["url"]),
        await desk.nobody.get(f"{told['url']}/info"),
        await desk.nobody.delete(told["url"]),
    ):
        refused(answer, 401, "unauthenticated")


async def test_somebody_elses_is_as_unknown_as_none(desk: Desk) -> None:
    told = await desk.put()
    unknown = f"{PLACE}/art_{'a' * 26}"
    for url in (told["url"], unknown, f"{PLACE}/{SHA}", f"{PLACE}/..%2f..%2fetc"):
        for answer in (
            await desk.bob.get(url),
            await desk.bob.get(url, headers={"if-none-match": f'"{SHA}"'}),
            await desk.bob.get(f"{url}/info"),
            await desk.bob.delete(url),
        ):
            error = refused(answer, 404, "not_found")
            if url != f"{PLACE}/..%2f..%2fetc":
                assert error["message"] == "There is no such artifact."
    assert (await desk.ann.get(told["url"])).status_code == 200


async def test_an_answer_does_not_tell_that_the_bytes_were_there(desk: Desk) -> None:
    first = await desk.ann.post(PLACE, content=PNG)
    second = await desk.bob.post(PLACE, content=PNG)
    assert first.status_code == second.status_code == 201
    own = {"id": "", "url": ""}
    assert first.json() | own == second.json() | own
    assert set(first.headers) == set(second.headers)
    assert len(await desk.kept.listed()) == 1


async def test_what_is_deleted_is_gone(desk: Desk) -> None:
    told = await desk.put()
    answer = await desk.ann.delete(told["url"])
    assert (answer.status_code, answer.content) == (204, b"")
    refused(await desk.ann.get(told["url"]), 404, "not_found")
    refused(await desk.ann.delete(told["url"]), 404, "not_found")
    assert desk.remembered.told == [("forgotten", told["id"])]


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", PNG[:60]])
async def test_what_is_no_picture_is_refused(desk: Desk, data: bytes) -> None:
    refused(await desk.ann.post(PLACE, content=data), 400)
    assert await desk.kept.listed() == []


async def test_too_much_is_refused_before_it_is_read(desk: Desk) -> None:
    refused(await desk.ann.post(PLACE, content=b"x" * (LIMIT + 1)), 413, "request_too_large")


FORMS = {
    "no boundary": ("multipart/form-data", b"--x--"),
    "no form": ("multipart/form-data; boundary=x", b"hello"),
    "cut off": (
        "multipart/form-data; boundary=x",
        b'--x\r\ncontent-disposition: form-data; name="file"\r\n\r\nabc',
    ),
    "no file": (
        "multipart/form-data; boundary=x",
        b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nabc\r\n--x--\r\n',
    ),
    "nothing": ("multipart/form-data; boundary=x", b""),
    "a long boundary": (f"multipart/form-data; boundary={'x' * 5000}", b"--x--"),
}


@pytest.mark.parametrize("name", FORMS)
async def test_what_is_no_form_with_a_file_is_refused(desk: Desk, name: str) -> None:
    kind, body = FORMS[name]
    refused(await desk.ann.post(PLACE, content=body, headers={"content-type": kind}), 400)


async def test_a_store_that_is_away_is_503_with_a_time(desk: Desk) -> None:
    told = await desk.put()
    desk.kept.blobs.away = True
    for answer in (await desk.ann.post(PLACE, content=JPEG), await desk.ann.get(told["url"])):
        refused(answer, 503, "store_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    cached = await desk.ann.get(told["url"], headers={"if-none-match": f'"{SHA}"'})
    assert cached.status_code == 304


async def test_bytes_that_somebody_took_out_are_not_found(desk: Desk) -> None:
    told = await desk.put()
    for key in await desk.kept.listed():
        await desk.kept.blobs.delete(key)
    refused(await desk.ann.get(told["url"]), 404, "not_found")


@given(
    asked=st.one_of(
        st.text(max_size=30), st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True)
    ),
    size=st.integers(0, 100),
)
def test_a_span_is_within_the_file_or_nothing(asked: str, size: int) -> None:
    span = Conditions(None, None, asked).span('"x"', size)
    assert span is None or span[0] >= span[1] or 0 <= span[0] < span[1] <= size


def test_artifacts_are_documented() -> None:
    app = FastAPI()
    app.include_router(artifacts.router)
    problems.install(app)
    paths = app.openapi()["paths"]
    below = ("", "/{ident}", "/{ident}/info", "/{ident}/grants/{to}")
    assert set(paths) == {PLACE + path for path in below}
    assert {"201", "400", "401", "413", "503"} <= set(paths[PLACE]["post"]["responses"])
    given = paths[f"{PLACE}/{{ident}}"]["get"]
    assert {"200", "206", "304", "404", "416"} <= set(given["responses"])
    assert {one["name"] for one in given["parameters"]} == {
        *("ident", "if-none-match", "if-range", "range"),
    }


async def test_an_artifact_is_seen_by_whomever_it_was_granted_to_and_by_nobody_else(
    desk: Desk,
) -> None:
    told = await desk.put()
    refused(await desk.bob.get(told["url"]), 404, "not_found")
    refused(await desk.bob.put(f"{told['url']}/grants/bob"), 404, "not_found")
    granted = await desk.ann.put(f"{told['url']}/grants/bob")
    assert (granted.status_code, granted.content) == (204, b"")
    assert (await desk.bob.get(told["url"])).content == PNG
    refused(await desk.bob.put(f"{told['url']}/grants/carl"), 404, "not_found")
    assert (await desk.bob.delete(told["url"])).status_code == 204
    refused(await desk.bob.get(told["url"]), 404, "not_found")
    assert (await desk.ann.get(told["url"])).status_code == 200
