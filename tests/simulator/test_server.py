import asyncio
import logging
import signal

import httpx
import pytest

from portico.simulator.app import create_simulator
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator

from .conftest import question

pytestmark = pytest.mark.anyio

KEY = {"authorization": "Bearer a-key"}


async def test_leaving_ends_open_streams_and_frees_the_port() -> None:
    simulator = Simulator()
    simulator.fault("openai", "*", "stall", seconds=600)
    path, body = question("openai", "hello", stream=True)
    async with httpx.AsyncClient(headers=KEY, trust_env=False) as client:
        async with serve_simulator(simulator) as url:
            request = client.build_request("POST", url + path, json=body)
            response = await client.send(request, stream=True)
        with pytest.raises(httpx.HTTPError):
            await response.aread()
        await response.aclose()
        with pytest.raises(httpx.ConnectError):
            await client.get(url)
    assert [bill.status for bill in simulator.bills] == ["abandoned"]
    port = int(url.rpartition(":")[2])
    async with serve_simulator(simulator, port=port) as again:
        assert again == url


async def test_signals_and_logging_are_left_alone() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    level = logging.getLogger("uvicorn.error").level
    async with serve_simulator(Simulator()):
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
        assert logging.getLogger("uvicorn.error").level == level


@pytest.mark.parametrize("params", [{"before_headers": True}, {"after": 0}, {"after": 1}])
async def test_a_reset_logs_nothing(
    caplog: pytest.LogCaptureFixture, params: dict[str, int]
) -> None:
    simulator = Simulator()
    simulator.fault("openai", "*", "cut", **params)
    path, body = question("openai", "hello", stream=True)
    async with serve_simulator(simulator) as url, httpx.AsyncClient(headers=KEY) as client:
        with pytest.raises(httpx.ReadError):
            await client.post(url + path, json=body)
    assert not caplog.records


async def test_a_caller_that_leaves_while_sending_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve_simulator(Simulator()) as url:
        port = int(url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient(headers=KEY) as client:
            assert (await client.get(url + "/v1/models")).is_success
    assert not caplog.records


async def test_two_simulators_stand_side_by_side() -> None:
    async with serve_simulator(Simulator()) as one, serve_simulator(Simulator()) as other:
        assert one != other


async def test_an_application_without_our_server_raises_what_it_cannot_do() -> None:
    simulator = Simulator()
    simulator.fault("openai", "*", "cut", before_headers=True)
    transport = httpx.ASGITransport(create_simulator(simulator))  # type: ignore[arg-type]
    path, body = question("openai", "hello", stream=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://sim", headers=KEY) as client:
        with pytest.raises(ConnectionResetError):
            await client.post(path, json=body)
        assert (await client.post(path, json=body)).is_success
