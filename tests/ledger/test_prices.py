"""What an attempt cost: exact, or unknown."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.chat.reply import Usage
from portico.ledger.prices import cost, from_nano, plain, to_nano
from portico.routing.tiers import Price

counts = st.integers(0, 10**9)
prices = st.integers(0, 10**9).map(lambda micro: micro / 10**6)


def test_output_and_uncached_input_and_cached_input_each_have_their_price() -> None:
    price = Price(input=0.5, output=3.0, cached_input=0.05)
    usage = Usage(input=1_000_000, output=100_000, cached=400_000, reasoning=90_000)
    assert cost(usage, price) == Decimal("0.30") + Decimal("0.02") + Decimal("0.30")


def test_cached_input_costs_as_input_where_no_price_is_given() -> None:
    assert cost(Usage(1000, 0, cached=1000), Price(0.27, 1.1)) == Decimal("0.00027")


def test_cached_input_that_is_free_is_free() -> None:
    assert cost(Usage(1000, 0, cached=1000), Price(0.27, 1.1, cached_input=0.0)) == 0


@pytest.mark.parametrize(
    ("usage", "price"), [(None, Price(1, 1)), (Usage(1, 1), None), (None, None)]
)
def test_what_is_unknown_has_no_cost_rather_than_none(
    usage: Usage | None, price: Price | None
) -> None:
    assert cost(usage, price) is None


def test_half_a_nano_dollar_is_rounded_to_the_even_one() -> None:
    assert cost(Usage(1, 0), Price(0.0005, 0)) == Decimal("0E-9")
    assert cost(Usage(3, 0), Price(0.0005, 0)) == Decimal("0.000000002")


def test_more_cached_than_input_never_makes_a_request_cheaper_than_its_input() -> None:
    assert cost(Usage(10, 0, cached=10**6), Price(1, 1, cached_input=0.5)) == Decimal("0.000005")


@given(counts, counts, counts, st.tuples(prices, prices, prices))
def test_the_cost_is_within_half_a_nano_dollar_of_the_exact_fraction(
    fresh: int, cached: int, output: int, price: tuple[float, float, float]
) -> None:
    usage = Usage(input=fresh + cached, output=output, cached=cached)
    exact = sum(
        Fraction(str(per_million)) * tokens
        for per_million, tokens in zip(price, (fresh, output, cached), strict=True)
    ) / Fraction(10**6)
    found = cost(usage, Price(*price))
    assert found is not None
    assert abs(Fraction(found) - exact) <= Fraction(1, 2 * 10**9)


@given(st.integers(0, 10**18))
def test_nano_dollars_survive_being_written_and_read(nano: int) -> None:
    written = from_nano(nano)
    assert "E" not in written
    assert to_nano(written) == nano


def test_decimals_are_written_without_exponent_or_idle_zeros() -> None:
    written = [plain(Decimal(text)) for text in ("0.010000", "100", "0E-9", "1E-9")]
    assert written == ["0.01", "100", "0", "0.000000001"]
