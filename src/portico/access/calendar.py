"""The days and months that budgets are for: UTC's."""

import time
from calendar import monthrange
from datetime import UTC, datetime

DAY = 86_400


class Calendar:
    """
    Numbers days and months, at the price of a comparison while neither ends.

    `day` and `month` begin at `day_began` and `month_began` (epoch seconds) and end at `day_ends`
    and `month_ends`. Time that goes back changes nothing: what was spent stays spent.
    """

    def __init__(self) -> None:
        self.day_began = self.day_ends = 0.0
        self.month_began = self.month_ends = 0.0

    def turn(self, now: float) -> None:
        """Make the day and the month those of *now*, unless that is in the past."""
        if now < self.day_ends:
            return
        self.day_began = float(now // DAY * DAY)
        self.day_ends = self.day_began + DAY
        if now >= self.month_ends:
            year, month = time.gmtime(now)[:2]
            self.month_began = datetime(year, month, 1, tzinfo=UTC).timestamp()
            self.month_ends = self.month_began + monthrange(year, month)[1] * DAY
