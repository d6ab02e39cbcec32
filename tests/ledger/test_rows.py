"""An entry's rows: cost worked out, free text masked and cut, no bodies."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portico.chat.reply import Usage
from portico.ledger.rows import BELIEVED, row_of
from portico.routing.attempts import Abandoned, Answered, Broken, Failed, Failure, Kind, Passage
from portico.routing.tiers import Price, Target
from tests.ledger.entries import GEMINI, LIMITED, PRETEND, QWEN, USAGE, attempt, entry


def test_every_attempt_has_its_own_tokens_cost_and_failure() -> None:
    row = row_of(entry(attempt(QWEN, LIMITED), attempt(GEMINI)))
    failed, answered = row.attempts
    assert (failed.outcome, failed.kind, failed.status) == ("failed", "rate_limited", 429)
    assert (failed.input, failed.cost_usd, failed.detail) == (None, None, "slow down")
    assert (answered.outcome, answered.kind, answered.detail) == ("answered", None, "")
    assert (answered.input, answered.cached) == (1000, 400)
    assert (answered.output, answered.reasoning) == (200, 50)
    assert answered.cost_usd == "0.00092"  # 600 x 0.5 + 400 x 0.05 + 200 x 3, per million


@pytest.mark.parametrize("outcome", [Broken(Failure(Kind.SILENT), USAGE), Abandoned(USAGE)])
def test_what_was_counted_before_a_cut_is_paid_for(outcome: Broken | Abandoned) -> None:
    assert row_of(entry(attempt(GEMINI, outcome))).attempts[0].cost_usd == "0.00092"


def test_an_attempt_tells_its_tunnel_and_where_that_was_seen_to_come_out() -> None:
    verified = Passage("sg1", "203.0.113.7", "SG", 12.5)
    seen, unseen, direct = row_of(
        entry(attempt(passage=verified), attempt(passage=Passage("us1")), attempt(QWEN))
    ).attempts
    assert (seen.egress, seen.tunnel, seen.exit) == ("google", "sg1", "203.0.113.7")
    assert (seen.exit_region, seen.exit_age) == ("SG", 12.5)
    assert (unseen.tunnel, unseen.exit, unseen.exit_region) == ("us1", None, None)
    assert (direct.egress, direct.tunnel) == ("direct", None)


def test_without_a_price_the_cost_is_unknown_and_the_tokens_are_not() -> None:
    (row,) = row_of(entry(attempt(QWEN))).attempts
    assert (row.input, row.cost_usd) == (1000, None)


def test_a_simulated_attempt_says_so_and_costs_nothing_that_is_known() -> None:
    row = row_of(entry(attempt(PRETEND)))
    assert row.simulated
    assert (row.attempts[0].simulated, row.attempts[0].cost_usd) == (True, None)


def test_a_request_is_not_simulated_because_somebody_it_asked_in_vain_was() -> None:
    assert not row_of(entry(attempt(PRETEND, LIMITED), attempt(GEMINI))).simulated
    assert row_of(entry(attempt(GEMINI, LIMITED), attempt(PRETEND))).simulated
    assert row_of(entry(attempt(PRETEND, LIMITED))).simulated


def test_the_first_delta_is_counted_from_the_request_not_from_the_attempt() -> None:
    row = row_of(entry(attempt(QWEN, LIMITED), attempt(GEMINI, started=3.0, first_delta=0.5)))
    assert row.first_delta == 3.5


@pytest.mark.parametrize("count", [-1, BELIEVED + 1, 2**63])
def test_a_count_that_nobody_believes_is_unknown(count: int) -> None:
    (row,) = row_of(entry(attempt(GEMINI, Answered(Usage(input=count))))).attempts
    assert (row.input, row.cost_usd) == (None, None)


def test_a_cost_that_fits_no_integer_is_unknown() -> None:
    dear = Target("dear", "google", "dear", price=Price(1e30, 1e30))
    (row,) = row_of(entry(attempt(dear))).attempts
    assert row.cost_usd is None


def test_neither_keys_nor_bodies_in_an_error_reach_a_row() -> None:
    detail = "401 for Bearer sk-canary-1234567890 with data:image/png;base64," + "iVBOR" * 99_999
    failed = Failed(Failure(Kind.ACCOUNT, detail))
    row = row_of(entry(attempt(QWEN, failed), asked="sk-canary-0987654321", caller="x" * 10**6))
    written = msgspec.json.encode(row)
    assert b"canary" not in written
    assert b"iVBOR" not in written
    assert len(written) < 2048


@given(st.text(max_size=50))
@example("half an emoji \ud83d and a \x00")
def test_any_text_becomes_one_that_every_store_takes(text: str) -> None:
    row = row_of(entry(asked=text, caller=text, task=text))
    assert "\x00" not in row.asked
    assert row.asked.encode() == (row.caller or "").encode()
