"""What a request is called."""

import time

from portico.api.wire import parse
from portico.dispatch.journey import Journey, new_id
from portico.ledger.rows import SHORT, clean, ident


def test_ids_are_all_different_and_in_the_order_of_their_seconds() -> None:
    before, found, after = int(time.time()), [new_id() for _ in range(1000)], int(time.time())
    assert len(set(found)) == len(found)
    assert {len(one) for one in found} == {28}
    assert all(f"req_{before:08x}" <= one[:12] <= f"req_{after:08x}" for one in found)


def test_the_ledger_knows_ids_of_ours_and_looks_through_all_others() -> None:
    ours = f"{new_id()}-2"
    assert ident(ours) == ours == clean(ours, SHORT)
    assert "sk-" not in ident("req_ sk-abcdefghijklmnop")
    assert "sk-" not in ident(f"{ours} sk-abcdefghijklmnop")


def test_a_journey_that_is_printed_tells_its_id_alone() -> None:
    request = parse(b'{"model": "auto", "messages": [{"role": "user", "content": "a plan"}]}')
    journey = Journey("req_1", request, 0.0, 0.0, headers={b"authorization": b"Bearer sk-1"})
    assert f"{journey!r} {journey}" == "Journey('req_1') Journey('req_1')"


def test_what_one_journey_meets_is_not_another_ones() -> None:
    request = parse(b'{"model": "auto", "messages": [{"role": "user", "content": "hello"}]}')
    one, other = (Journey(ident, request, 0.0, 0.0) for ident in ("req_1", "req_2"))
    one.degrade("less")
    one.brought["link"] = b"picture"
    assert (other.degraded, other.brought) == ([], {})
