"""An exit that the provider does not serve is the exit's trouble, while there is another."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portico.routing.attempts import Kind
from portico.upstreams.base import Account, Upstream, UpstreamFailed
from portico.upstreams.gemini import Gemini
from portico.upstreams.openai import OpenAI
from portico.upstreams.reasonings import Reasonings
from portico.upstreams.signatures import Signatures
from tests.egress.exits import Lab, lab
from tests.upstreams.gemini_asks import ask

pytestmark = pytest.mark.anyio

FIRST, SECOND = "127.0.0.11", "127.0.0.12"
HERE = Path(__file__).parents[1] / "egress/certificates"
GEMINI = b'{"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}'
OPENAI = b'{"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}'


@pytest.fixture
async def here() -> AsyncIterator[Lab]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(HERE / "certificate.pem", HERE / "key.pem")
    async with lab(tls, HERE / "certificate.pem") as opened:
        yield opened


def upstream(kind: str, here: Lab) -> Upstream:
    account = Account("google", "https://upstream.test/v1beta", here.pool, "k", tunnelled=True)
    here.provider.said = GEMINI if kind == "gemini" else OPENAI
    return Gemini(account, Signatures()) if kind == "gemini" else OpenAI(account, Reasonings())


@pytest.mark.parametrize("kind", ["gemini", "openai"])
async def test_the_same_request_is_answered_by_another_exit_and_charged_once(
    kind: str, here: Lab
) -> None:
    here.provider.abroad = {FIRST}
    async with upstream(kind, here).open(ask()) as batches:
        assert "".join([delta.text async for batch in batches for delta in batch]) == "hi"
    assert (here.provider.asked, here.provider.charged) == ([FIRST, SECOND], 1)
    assert here.states() == ["geo-blocked", "healthy"]


@pytest.mark.parametrize("kind", ["gemini", "openai"])
async def test_with_no_exit_left_the_path_is_to_blame(kind: str, here: Lab) -> None:
    here.provider.abroad = {FIRST, SECOND}
    with pytest.raises(UpstreamFailed) as caught:
        async with upstream(kind, here).open(ask()):
            pass
    assert caught.value.failure.kind is Kind.REGION
    assert here.provider.asked == [FIRST, SECOND]


async def test_the_list_of_models_comes_by_another_exit_as_well(here: Lab) -> None:
    google = upstream("gemini", here)
    here.provider.abroad, here.provider.said = {FIRST}, b'{"models": [{"name": "models/m"}]}'
    assert await google.models() == {"m"}
    assert here.provider.asked == [FIRST, SECOND]
