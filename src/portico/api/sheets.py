"""Tables as CSV, for spreadsheets that take what they are given for formulas. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet would calculate."""


def sheet(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """
    Return *rows* under *names*, as RFC 4180 has it; None is an empty cell.

    A text that a spreadsheet would take for a formula is led by an apostrophe; numbers are not
    texts and stay as they are.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(ACTIVE):
        return f"'{value}"
    return value
