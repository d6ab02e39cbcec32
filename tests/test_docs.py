"""The documentation names what there is: every code, kind, metric, field, word and target."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import portico
from portico.errors import GatewayError
from portico.routing.attempts import Kind
from portico.simulator.control import control
from portico.simulator.state import Simulator
from portico.telemetry.logs import request_fields
from portico.telemetry.metrics import Metrics
from portico.telemetry.observation import Observation, Tokens, Try
from portico.telemetry.spans import request_attributes, try_attributes

ROOT = Path(__file__).parent.parent
SOURCE = Path(portico.__file__).parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))
FAILURES = (ROOT / "docs/operations/failures.md").read_text()
TELEMETRY = (ROOT / "docs/operations/telemetry.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
TRY = Try("req_1-1", "t", "m", "p", 0.0, 1.0, "answered", first_delta=0.5, tokens=Tokens(1, 1))
SEEN = Observation(
    "req_1", 0.0, 1.0, "answered", role="code", target="t", degraded="d", tries=(TRY,)
)


def rows(page: str, heading: str) -> list[str]:
    """Return the first cells of the table below *heading*, without their quotes."""
    below = page.split(f"\n{heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in below.splitlines() if line.startswith("|")]
    return [name for cell in cells[2:] for name in re.findall(r"`([^`]+)`", cell)]


def codes() -> set[str]:
    """Return every error code: those of the exceptions, and those that are set on one later."""
    found = {error.code for error in _family(GatewayError)}
    for path in (SOURCE / "errors.py", *SOURCE.glob("api/*.py"), *SOURCE.glob("dispatch/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            found.update(_codes(node))
    return found


def _family(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def _codes(node: ast.AST) -> Iterator[str]:
    """`error.code = "…"`, `error.status, error.code = 405, "…"` and `return 413, "…"`."""
    if isinstance(node, ast.Tuple) and _status(node.elts[0] if node.elts else None):
        yield from _texts(node)
    if isinstance(node, ast.Assign) and any(_is_code(target) for target in node.targets):
        yield from _texts(node.value)


def _status(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, int) and 400 <= node.value < 600
    )


def _is_code(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "code"


def _texts(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def test_the_scan_for_codes_finds_those_that_no_exception_declares() -> None:
    undeclared = {"upstream_rejected", "upstream_rate_limited", "method_not_allowed"}
    assert undeclared <= codes()


def test_every_error_code_is_documented_and_no_other() -> None:
    assert set(rows(FAILURES, "## Error codes")) == codes() | {"unanswered"}


def test_every_kind_of_failure_is_documented_and_no_other() -> None:
    assert rows(FAILURES, "## Kinds of failure") == [kind.value for kind in Kind]


def test_every_metric_is_documented_and_no_other() -> None:
    metrics = Metrics()
    metrics.observe(SEEN)
    families = re.findall(r"^# TYPE (\w+) \w+$", metrics.render().decode(), re.MULTILINE)
    told = [name for name in families if not name.endswith("_created")]
    assert sorted(set(rows(TELEMETRY, "## Metrics")) & set(told)) == sorted(told)
    documented = {name for name in rows(TELEMETRY, "## Metrics") if name.startswith("portico_")}
    assert documented == set(told)


def test_every_field_of_the_request_log_is_documented_and_no_other() -> None:
    assert set(rows(TELEMETRY, "## Logs")) == set(request_fields(SEEN))


def test_every_span_attribute_is_documented() -> None:
    spans = TELEMETRY.split("\n## Spans\n")[1]
    for name in (*request_attributes(SEEN), *try_attributes(SEEN, TRY)):
        assert f"`{name}`" in spans


def test_every_make_target_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z0-9]+):.*## ", makefile, re.MULTILINE)
    assert rows(CONTRIBUTING, "## Commands") == [f"make {name}" for name in targets]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"`([\w/.-]+/[\w.-]+\.(?:py|yaml|sh))`", page.read_text()))
    places = (ROOT, ROOT / "src", SOURCE)
    assert [name for name in named if not any((at / name).is_file() for at in places)] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_context_choice_and_price_on_one_page(page: Path) -> None:
    text = page.read_text()
    number = page.name.split("-")[0]
    assert text.startswith(f"# {number}: ")
    assert re.findall(r"^## (\w+)", text, re.MULTILINE)[:3] == ["Context", "Choice", "Price"]
    assert text.count("\n") <= 100


def test_decisions_are_numbered_once() -> None:
    numbers = [page.name.split("-")[0] for page in DECISIONS]
    assert len(set(numbers)) == len(numbers)


def test_the_orders_for_the_simulator_in_the_pages_are_taken() -> None:
    """Whoever pastes a line from the documentation must not be told that it is wrong."""
    orders = [
        order
        for page in PAGES
        for order in re.findall(r"_control -d (?:\\\n\s+)?'([^']+)'", page.read_text())
    ]
    assert orders
    for order in orders:
        simulator = Simulator()
        control(simulator, "POST", order.encode())
        assert len(simulator.faults) == 1, order
