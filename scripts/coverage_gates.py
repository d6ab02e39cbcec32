"""
The two bounds of coverage, over what `tests/measuring.py` left: `python -m scripts.coverage_gates`.

Lines of everything, executed by any test; and every branch of the hot rooms, executed by their own
tests. Prints what is missing; exits 1 if a bound is not kept.
"""

import sys
from glob import glob

from coverage import Coverage, CoverageData

LINES = 96.0
"""Percent of all lines; 97.16 were executed when branches ceased to be measured everywhere."""
HOT = ["src/portico/routing/*", "src/portico/dispatch/*", "src/portico/upstreams/faults*"]
"""Where every line and every branch is to be executed."""


def branches() -> Coverage:
    """Put together what was measured with branches."""
    coverage = Coverage(data_file=".coverage.branches")
    coverage.combine(glob(".coverage.branches.*"), keep=True)
    return coverage


def lines(hot: Coverage) -> Coverage:
    """Put together all lines: those measured as such, and those of *hot*."""
    together = CoverageData(".coverage")
    together.erase()
    parts = [CoverageData(name) for name in glob(".coverage.lines.*")]
    for part in parts:
        part.read()
    for part in (*parts, hot.get_data()):
        for file in part.measured_files():
            together.add_lines({file: part.lines(file) or []})
    together.write()
    coverage = Coverage(branch=False)
    coverage.load()
    return coverage


def main() -> int:
    """Print both reports; return what to exit with."""
    hot = branches()
    share = lines(hot).report(skip_covered=True)
    print(f"Of all lines {share:.2f} % are executed; {LINES:.0f} are asked for.\n")
    every = hot.report(skip_covered=True, include=HOT)
    print(f"Of the hot rooms' lines and branches {every:.2f} %; all are asked for.")
    return int(share < LINES or every < 100)


if __name__ == "__main__":
    sys.exit(main())
