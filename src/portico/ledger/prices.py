"""What an attempt cost: exact, or unknown."""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from portico.chat.reply import Usage
from portico.routing.tiers import Price

MILLION = Decimal(1_000_000)
NANO = Decimal("1e-9")

COSTLIEST = Decimal(1_000_000_000)
"""US dollars; one attempt that costs more is a mistake, and would overflow a store's sums."""


def cost(usage: Usage | None, price: Price | None) -> Decimal | None:
    """
    Return US dollars, exact to the nano-dollar (half-even), or None if anything is unknown.

    More than COSTLIEST is not believed and so unknown.
    `output` includes reasoning and `input` includes cached tokens, so neither is paid for twice.
    """
    if usage is None or price is None:
        return None
    cached = min(usage.cached, usage.input)
    cached_price = price.input if price.cached_input is None else price.cached_input
    total = (
        _exact(price.input) * (usage.input - cached)
        + _exact(cached_price) * cached
        + _exact(price.output) * usage.output
    )
    usd = total / MILLION
    return usd.quantize(NANO, ROUND_HALF_EVEN) if usd <= COSTLIEST else None


def to_nano(usd: str) -> int:
    """Return a decimal of at most nine places as nano-dollars."""
    return int(Decimal(usd).scaleb(9))


def from_nano(nano: int) -> str:
    """Return nano-dollars as a decimal without exponent or idle zeros."""
    return plain(Decimal(nano).scaleb(-9))


def plain(usd: Decimal) -> str:
    """Return *usd* without exponent or idle zeros: `0.0123`, `0`, `100`."""
    return f"{usd.normalize():f}" if usd else "0"


@lru_cache(1024)
def _exact(price: float) -> Decimal:
    # The shortest decimal that reads back as this float is what the configuration said.
    return Decimal(str(price))
