"""The soak in small: `make soak` runs the whole of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def soak(*arguments: str) -> dict[str, Any]:
    """Run the soak and return its report."""
    line = [sys.executable, "-m", "scripts.soak", "--json", *arguments]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, report
    return report


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_thousand_requests_among_failing_upstreams_are_answered_or_told_why() -> None:
    report = soak("--requests", "1000", "--in-flight", "100")
    assert report["answered"] + report["honest error"] == 1000
    assert report["answered"] > 700


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_memory_stays_flat_while_streams_break() -> None:
    report = soak("--memory", "--requests", "3000", "--warm-up", "1000", "--in-flight", "100")
    assert report["drift_percent"] <= 10
