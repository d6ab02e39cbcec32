"""Keys as people read and write them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.access.base import Terms
from portico.access.words import LONGEST, issued, lifetime, moment, table

from .keys import key


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)]
)
def test_lifetimes_are_written_with_their_unit(text: str, seconds: int) -> None:
    assert lifetime(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5h", "30 d", "1y", "٣d", "36601d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 90m"):
        lifetime(text)


@given(st.text("0123456789mhdw -", max_size=12))
def test_a_lifetime_always_fits_a_date(text: str) -> None:
    try:
        seconds = lifetime(text)
    except ValueError:
        return
    assert 0 < seconds <= LONGEST
    moment(4e9 + seconds)


def test_the_table_is_aligned_and_shows_no_more_than_the_end_of_a_key() -> None:
    terms = Terms(roles=frozenset({"design"}), usd_per_day=Decimal("2.50"))
    more: dict[str, Any] = {"admin": True, "team": "lab", "terms": terms}
    rows = [
        key("anna", id="key_1", created=0.0, last4="wxyz"),
        key("somebody else", id="key_2", created=60.0, expires=120.0, last4="abcd", **more),
        key("bert", id="key_3", created=60.0, revoked=90.0, last4="1234"),
    ]
    assert table(rows, 180.0).splitlines() == [
        "ID     NAME           KEY       CREATED (UTC)     EXPIRES (UTC)     STATE    MAY",
        "key_1  anna           pk-…wxyz  1970-01-01 00:00  never             live     ask",
        "key_2  somebody else  pk-…abcd  1970-01-01 00:01  1970-01-01 00:02  expired"
        "  admin, of lab, roles design, usd-per-day 2.50",
        "key_3  bert           pk-…1234  1970-01-01 00:01  never             revoked  ask",
    ]


def test_a_new_key_is_told_with_what_it_changes() -> None:
    before, after = issued(key("anna", expires=60.0), "auto")
    assert "anna), good until 1970-01-01 00:01 UTC" in before
    assert "refused from now on" in after
    before, after = issued(key(), False)
    assert "until it is revoked" in before
    assert "access.required is false" in after
    assert "false" not in issued(key(), True)[1]
