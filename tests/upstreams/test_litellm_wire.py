import itertools
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.clients import ConnectFailed, ConnectionLost, TunnelDown
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.litellm_providers import signs
from portico.upstreams.litellm_wire import CUT, Place, Witness, unseen

NOW = 1_800_000_000.0
OPENAI = Place("openai", tunnelled=False)
SOUND = Failure(Kind.UNAVAILABLE, "empty answer")

SPOKE = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
ENDED = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'


class Odd(Exception):
    """What a library may raise: anything, with anything on it."""

    def __init__(self, text: str = "", **more: object) -> None:
        super().__init__(text)
        self.__dict__ |= more


def witness(
    *pieces: bytes, status: int | None = 200, place: Place = OPENAI, pictures: Sequence[bytes] = ()
) -> Witness:
    found = Witness(place, signs(place.provider), tuple(pictures))
    if status is not None:
        found.answered(status, {"retry-after": "3"})
    for piece in pieces:
        found.heard(piece)
    return found


def caused(*chain: Exception) -> Exception:
    """Return an exception with the others as its causes."""
    for later, earlier in itertools.pairwise(chain):
        later.__cause__ = earlier
    return chain[0]


@given(st.lists(st.integers(0, len(SPOKE + ENDED)), max_size=12))
def test_an_end_is_seen_however_it_is_cut(cuts: list[int]) -> None:
    whole, at = SPOKE + ENDED, sorted({0, *cuts, len(SPOKE + ENDED)})
    found = witness(*(whole[a:b] for a, b in itertools.pairwise(at)))
    assert found.finished
    assert found.counted


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_no_bytes_are_too_strange(pieces: list[bytes]) -> None:
    found = witness(*pieces)
    assert found.failure(NOW, SOUND).kind in Kind
    assert found.raised(Odd(), NOW).kind in Kind


def test_without_an_end_nothing_is_finished() -> None:
    found = witness(SPOKE)
    assert not found.finished
    assert not found.counted
    assert found.raised(Odd(), NOW) == CUT


def test_of_an_unknown_provider_everything_is_believed() -> None:
    found = witness(SPOKE, place=Place("whoever", tunnelled=False))
    assert found.finished
    assert found.counted
    assert found.failure(NOW, SOUND) == SOUND


def test_a_sound_answer_leaves_the_failure_as_it_was() -> None:
    assert witness(SPOKE + ENDED).failure(NOW, SOUND) == SOUND


def test_an_answer_that_litellm_cannot_read_is_garbled() -> None:
    failure = witness(SPOKE + ENDED).raised(Odd("the caller's text"), NOW)
    assert failure.kind is Kind.GARBLED
    assert "caller" not in failure.detail


def test_an_error_status_is_read_from_the_wire() -> None:
    found = witness(b'{"error":{"message":"Slow down","type":"x"}}', status=429)
    failure = found.raised(Odd("LiteLLM's own words", status_code=500), NOW)
    assert (failure.kind, failure.detail, failure.delay) == (Kind.RATE_LIMITED, "Slow down", 3.0)


def test_an_error_inside_a_stream_is_the_providers_word() -> None:
    error = b'data: {"error":{"message":"Invalid key","code":401}}\n\n'
    failure = witness(SPOKE + error).raised(Odd(), NOW)
    assert (failure.kind, failure.detail) == (Kind.ACCOUNT, "Invalid key")


def test_what_an_answer_quotes_is_no_error() -> None:
    quoted = b'data: {"choices":[{"delta":{"content":"{\\"error\\": 1}"}}]}\n\n'
    assert witness(quoted).raised(Odd(), NOW) == CUT


@pytest.mark.parametrize(("tunnelled", "kind"), [(False, Kind.GARBLED), (True, Kind.REGION)])
def test_a_page_is_told_by_where_it_was_met(tunnelled: bool, kind: Kind) -> None:
    page = b"<html><title>Sign in</title></html>"
    found = witness(page, place=Place("openai", tunnelled))
    assert found.failure(NOW, SOUND).kind is kind


def test_a_loss_is_what_the_path_said() -> None:
    lost = witness(SPOKE)
    lost.lost(ConnectionLost("midway"))
    assert lost.raised(Odd(), NOW).kind is Kind.UNAVAILABLE
    down = witness(status=None)
    down.lost(TunnelDown("refused"))
    assert down.raised(Odd(status_code=500), NOW).kind is Kind.UNREACHABLE
    away = witness(status=None)
    away.lost(ConnectFailed("refused"))
    assert away.raised(Odd(status_code=500), NOW).kind is Kind.UNREACHABLE


def test_a_request_without_its_picture_is_not_sent() -> None:
    found = witness(status=None, pictures=[b"iVBORw0K", b"R0lGODlh"])
    found.sending(b'{"a":"iVBORw0KGgo","b":"R0lGODlhAQ"}')
    with pytest.raises(UpstreamFailed):
        found.sending(b'{"a":"iVBORw0KGgo"}')
    assert found.raised(Odd(status_code=500), NOW).kind is Kind.INCAPABLE


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (httpx.ConnectError("x"), Kind.UNREACHABLE),
        (httpx.ConnectTimeout("x"), Kind.UNREACHABLE),
        (httpx.ProxyError("x"), Kind.UNREACHABLE),
        (httpx.ReadTimeout("x"), Kind.SILENT),
        (httpx.ReadError("x"), Kind.UNAVAILABLE),
        (httpx.RemoteProtocolError("x"), Kind.UNAVAILABLE),
        (TimeoutError(), Kind.SILENT),
        (ConnectionRefusedError(), Kind.UNREACHABLE),
    ],
)
def test_the_cause_counts_and_not_the_status(cause: Exception, kind: Kind) -> None:
    error = caused(Odd("x", status_code=500), Odd(), cause)
    assert unseen(error, OPENAI, NOW).kind is kind


def test_an_exception_that_is_wrapped_without_being_a_cause_is_found() -> None:
    error = Odd(status_code=503, original_exception=httpx.ReadTimeout("x"))
    assert unseen(error, OPENAI, NOW).kind is Kind.SILENT


def test_a_providers_answer_that_was_not_seen_is_read_from_the_exception() -> None:
    error = Odd("Too many", status_code=429, litellm_response_headers={"Retry-After": "7"})
    failure = unseen(error, OPENAI, NOW)
    assert (failure.kind, failure.delay, failure.detail) == (Kind.RATE_LIMITED, 7.0, "Too many")


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Kind.INCAPABLE), (401, Kind.ACCOUNT), (500, Kind.UNAVAILABLE)]
)
def test_what_litellm_would_not_ask_is_not_quoted(status: int, kind: Kind) -> None:
    failure = unseen(Odd("invalid message: the caller's text", status_code=status), OPENAI, NOW)
    assert failure.kind is kind
    assert "caller" not in failure.detail


def test_an_exception_that_says_nothing_is_still_a_failure() -> None:
    failure = unseen(Odd("the caller's text"), OPENAI, NOW)
    assert failure.kind is Kind.UNAVAILABLE
    assert "caller" not in failure.detail


def test_causes_that_go_round_in_a_circle_end() -> None:
    first, second = Odd(), Odd()
    first.__cause__, second.__cause__ = second, first
    assert unseen(first, OPENAI, NOW).kind is Kind.UNAVAILABLE
