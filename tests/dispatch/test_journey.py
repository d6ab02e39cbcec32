"""What a request is called."""

import time

from portico.dispatch.journey import new_id
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
