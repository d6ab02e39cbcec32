"""A reloaded page or a dropped connection loses nothing of a stream that was asked for so."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.wiring import keyring
from tests.e2e.test_streams import abandon, said, until
from tests.serving import House, house

pytestmark = pytest.mark.anyio

RESUMABLE = {"x-portico-resumable": "true"}
EVENT = re.compile(rb"id: (\d+)\ndata: (.*)\n\n")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("resume")) as opened:
        yield opened


def body(text: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "qwen3-coder", "messages": messages, "stream": True, **fields}


async def whole(lab: House, text: str, **fields: Any) -> httpx.Response:
    """Return a resumable stream, read to its end."""
    sent = body(text, **fields)
    return await lab.client.post("/v1/chat/completions", json=sent, headers=RESUMABLE)


async def resumed(lab: House, ident: str, after: int | None = None) -> httpx.Response:
    headers = {} if after is None else {"last-event-id": str(after)}
    return await lab.client.get(f"/v1/streams/{ident}", headers=headers)


class Page:
    """
    A page that shows a stream: it loses its connection, and takes the stream up again.

    It keeps whole events only, as an EventSource does, each under its id.
    """

    def __init__(self, lab: House, text: str) -> None:
        self.events: dict[int, bytes] = {}
        self.ident = ""
        self._lab = lab
        self._text = text

    async def look(self, size: int | None) -> None:
        """Read about *size* bytes (None: to the end) from where it was, and drop out."""
        async with self._asking() as answer:
            assert answer.status_code in (200, 204)
            self.ident = answer.headers["x-portico-request-id"]
            held, read = b"", 0
            async for data in answer.aiter_raw(1 if size is None or size < 64 else 64):
                held, read = held + data, read + len(data)
                *done, held = held.split(b"\n\n")
                self._keep(done)
                if size is not None and read >= size:
                    return

    def _asking(self) -> Any:
        client = self._lab.client
        if not self.ident:
            url = "/v1/chat/completions"
            return client.stream("POST", url, json=body(self._text), headers=RESUMABLE)
        last = max(self.events, default=0)
        url = f"/v1/streams/{self.ident}"
        return client.stream("GET", url, headers={"last-event-id": str(last)} if last else {})

    def _keep(self, events: list[bytes]) -> None:
        for event in events:
            if found := EVENT.fullmatch(event + b"\n\n"):
                number = int(found[1])
                assert number not in self.events, "what was received is not sent again"
                self.events[number] = found[2]

    @property
    def shown(self) -> list[str]:
        """The data of all events, in order, none missing."""
        assert sorted(self.events) == list(range(1, len(self.events) + 1))
        return [self.events[number].decode() for number in sorted(self.events)]


TEXT = " ".join(f"word{number}" for number in range(60))


@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    drops=st.lists(st.integers(0, 4000), min_size=1, max_size=5),
    delay=st.sampled_from([0, 2]),
    pause=st.sampled_from([0, 0.02]),
)
async def test_wherever_it_drops_everything_arrives_once_for_one_bill(
    lab: House, drops: list[int], delay: int, pause: float
) -> None:
    lab.simulator.reset()
    page = Page(lab, f"SAY: {TEXT} DELAY {delay}")
    for size in drops:
        await page.look(size)
        await asyncio.sleep(pause)
    await page.look(None)

    assert page.shown[-1] == "[DONE]"
    assert said(page.shown) == f"{TEXT} DELAY {delay}"
    assert page.shown.count("[DONE]") == 1
    assert {json.loads(chunk)["id"] for chunk in page.shown[:-1]} == {f"chatcmpl-{page.ident}"}
    assert [bill.status for bill in lab.simulator.bills] == ["finished"]
    assert lab.serving.gateway.in_flight == 0


async def test_the_events_are_those_of_a_plain_stream_with_ids(lab: House) -> None:
    options = {"include_usage": True}
    plain = await lab.chat("SAY: a b c", model="qwen3-coder", stream=True, stream_options=options)
    marked = await whole(lab, "SAY: a b c", stream_options=options)

    def likened(text: str) -> str:
        return re.sub(r'req_\w+|"created":\d+', "", re.sub(r"^id: \d+\n", "", text, flags=re.M))

    assert "id: " not in plain.text
    assert likened(marked.text) == likened(plain.text)
    ids = [int(found) for found in re.findall(r"^id: (\d+)$", marked.text, re.M)]
    assert ids == list(range(1, len(ids) + 1))
    assert {"x-portico-target", "cache-control", "x-portico-attempts"} <= set(marked.headers)


async def test_openais_client_reads_events_with_ids(lab: House) -> None:
    async with openai.AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="any") as client:
        stream = await client.chat.completions.create(
            model="qwen3-coder",
            messages=[{"role": "user", "content": "SAY: as ever"}],
            stream=True,
            extra_headers=RESUMABLE,
        )
        text = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]

    assert "".join(text) == "as ever"


async def test_a_reloaded_page_gets_it_all_from_the_beginning(lab: House) -> None:
    first = await whole(lab, "LONG 20")
    ident = first.headers["x-portico-request-id"]
    again, rest = await resumed(lab, ident), await resumed(lab, ident, after=5)
    by_query = await lab.client.get(f"/v1/streams/{ident}?after=5")
    both = await lab.client.get(f"/v1/streams/{ident}?after=5", headers={"last-event-id": "7"})

    assert again.text == first.text
    assert dict(again.headers) | {"date": ""} == dict(first.headers) | {"date": ""}
    assert rest.text == first.text[first.text.index("id: 6\n") :] == by_query.text
    assert both.text == first.text[first.text.index("id: 8\n") :], "a browser's own header is newer"


async def test_several_readers_follow_one_stream(lab: House) -> None:
    lab.simulator.reset()
    page = Page(lab, "LONG 60 DELAY 5")
    await page.look(500)
    answers = await asyncio.gather(*(resumed(lab, page.ident) for _ in range(4)))

    assert len({answer.text for answer in answers}) == 1
    assert answers[0].text.endswith("data: [DONE]\n\n")
    assert len(lab.simulator.bills) == 1


async def test_whoever_has_everything_is_told_that_there_is_no_more(lab: House) -> None:
    """204 is how an EventSource is told not to come back."""
    first = await whole(lab, "SAY: all")
    last = int(re.findall(r"^id: (\d+)$", first.text, re.M)[-1])
    answer = await resumed(lab, first.headers["x-portico-request-id"], after=last)

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 40])
async def test_an_id_that_is_none_is_refused(last: str, lab: House) -> None:
    first = await whole(lab, "SAY: all")
    url = f"/v1/streams/{first.headers['x-portico-request-id']}"
    by_header = await lab.client.get(url, headers={"last-event-id": last})
    by_query = await lab.client.get(url, params={"after": last})

    for answer, param in ((by_header, "last-event-id"), (by_query, "after")):
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param


async def test_an_event_that_is_yet_to_come_is_refused(lab: House) -> None:
    page = Page(lab, "LONG 100 DELAY 5")
    await page.look(300)
    answer = await resumed(lab, page.ident, after=5000)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "Last-Event-ID"


async def test_there_is_nothing_to_take_up_where_nobody_asked_for_it(lab: House) -> None:
    plain = await lab.chat("hi", model="qwen3-coder", stream=True)
    refused = await whole(lab, "hi", model="nobody")
    ids = [answer.headers["x-portico-request-id"] for answer in (plain, refused)]
    answers = [await resumed(lab, ident) for ident in (*ids, "req_none", "..", "%00")]

    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "model_not_found"
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["error"]["code"] for answer in answers} == {"not_found"}


async def test_a_failure_before_the_first_delta_is_an_error_as_ever(lab: House) -> None:
    lab.simulator.fault("siliconflow", "*", "overloaded", times=1)
    answer = await whole(lab, "hi")
    later = await resumed(lab, answer.headers["x-portico-request-id"])

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "unanswered"
    assert later.status_code == 404


async def test_a_stream_that_broke_is_broken_for_whoever_comes_later_too(lab: House) -> None:
    lab.simulator.fault("siliconflow", "*", "cut", times=1, after=3)
    first = await whole(lab, "LONG 40")
    again = await resumed(lab, first.headers["x-portico-request-id"])

    assert again.text == first.text
    assert json.loads(first.text.rpartition("data: ")[2])["error"]["code"] == "stream_broken"
    assert "[DONE]" not in again.text


async def test_a_client_who_leaves_without_asking_for_this_hangs_up(lab: House) -> None:
    lab.simulator.reset()
    await abandon(lab, "LONG 500 DELAY 20", 3, model="qwen3-coder")
    await until(lambda: [bill.status for bill in lab.simulator.bills] == ["abandoned"])


async def test_a_client_who_cannot_know_its_streams_id_hangs_up_too(tmp_path: Path) -> None:
    patient = {"qwen3-coder": {"patience": {"first_delta": 60}}}
    async with house(tmp_path, targets=patient) as lab:
        lab.simulator.fault("siliconflow", "*", "silent", times=None)
        asking = asyncio.create_task(whole(lab, "hi"))
        await until(lambda: any(call.work == "chat" for call in lab.simulator.calls))
        asking.cancel()
        await until(lambda: [bill.status for bill in lab.simulator.bills] == ["abandoned"])
        await until(lambda: lab.serving.gateway.in_flight == 0)


async def test_a_stream_nobody_comes_back_for_is_given_up_and_says_so(tmp_path: Path) -> None:
    async with house(tmp_path, server={"resume_patience": 0.2}) as lab:
        page = Page(lab, "LONG 500 DELAY 20")
        await page.look(1000)
        await until(lambda: [bill.status for bill in lab.simulator.bills] == ["abandoned"])
        await until(lambda: lab.serving.gateway.in_flight == 0)
        (row,) = await lab.requests()
        await page.look(None)

    assert row["outcome"] == "abandoned"
    assert json.loads(page.shown[-1])["error"]["code"] == "stream_broken"
    assert "[DONE]" not in page.shown


async def test_what_has_left_the_buffer_is_410_and_the_rest_is_there(tmp_path: Path) -> None:
    async with house(tmp_path, server={"resume_per_stream": 8000}) as lab:
        first = await whole(lab, "LONG 100 DELAY 1")
        ident = first.headers["x-portico-request-id"]
        gone = await resumed(lab, ident)
        oldest = int(re.findall(r"id (\d+)\.", gone.json()["error"]["message"])[0])
        there = await resumed(lab, ident, after=oldest - 1)

    assert first.text.endswith("data: [DONE]\n\n"), "who keeps up gets everything"
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "event_gone")
    assert there.text == first.text[first.text.index(f"id: {oldest}\n") :]


async def test_a_stream_is_kept_for_a_window(tmp_path: Path) -> None:
    async with house(tmp_path, server={"resume_window": 0.1}) as lab:
        ident = (await whole(lab, "hi")).headers["x-portico-request-id"]
        await asyncio.sleep(0.2)
        answer = await resumed(lab, ident)

    assert answer.status_code == 404


async def test_a_stream_is_its_callers_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    keys = keyring(tmp_path / "home")
    ann, ben = [await keys.issue(name) for name in ("ann", "ben")]
    async with house(tmp_path) as lab:
        lab.client.headers["authorization"] = f"Bearer {ann.text}"
        first = await whole(lab, "hi")
        ident = first.headers["x-portico-request-id"]
        mine = await resumed(lab, ident)
        lab.client.headers["authorization"] = f"Bearer {ben.text}"
        theirs = await resumed(lab, ident)
        del lab.client.headers["authorization"]
        nobodys = await resumed(lab, ident)

    assert mine.text == first.text
    assert (theirs.status_code, nobodys.status_code) == (404, 401)


async def test_a_waiting_reader_is_told_that_the_connection_lives(tmp_path: Path) -> None:
    async with house(tmp_path, server={"keep_alive": 0.2}) as lab:
        lab.simulator.fault("siliconflow", "*", "slow_first", seconds=0.9)
        answer = await whole(lab, "LONG 3")
        again = await resumed(lab, answer.headers["x-portico-request-id"])

    assert answer.text.count(": keep-alive\n\n") >= 2
    assert answer.text.replace(": keep-alive\n\n", "") == again.text, "comments are not kept"


async def test_stopping_ends_a_stream_that_nobody_reads(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        page = Page(lab, "LONG 500 DELAY 20")
        await page.look(500)
        gateway = lab.serving.gateway
        assert gateway.in_flight == 1

    assert gateway.in_flight == 0
