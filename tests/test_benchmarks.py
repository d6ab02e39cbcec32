"""The benchmark measures what it says: whole answers only, whole process trees, nothing left."""

import asyncio
import base64
import io
import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from xml.etree import ElementTree

import pytest
from benchmarks.altered import Watched
from benchmarks.houses import flood, flooded, flooding
from benchmarks.load import Punctual, Tally, request_bytes, trouble
from benchmarks.measure import Plan, WrongAnswers, measured, press
from benchmarks.peers import drawn
from benchmarks.pictures import Late, added, held, rise
from benchmarks.processes import (
    Command,
    DidNotStart,
    cpu_seconds,
    free_port,
    peak_megabytes,
    rss_megabytes,
    running,
    wait_until_serving,
)
from benchmarks.report import BEGIN, END, PAGE, Row, as_json, drawing, table
from benchmarks.scenes import idle_streams
from benchmarks.screens import Shot, screen, shot
from benchmarks.subjects import Subject, bench_config, hung_config, pictures_config, upstream
from benchmarks.tails import LOOP, Looks, Sampler, taken_apart
from benchmarks.workloads import DONE, Question, brief_stream, png, workloads
from PIL import Image

from portico.settings.model import Settings

DIRECT = "nginx"  # a plain proxy is asked what the upstream itself is asked
ANSWER = Question("/", b"", 2, DONE)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with upstream(tmp_path_factory.mktemp("upstream")) as port:
        yield port


@pytest.mark.parametrize("name", workloads())
def test_every_workload_is_answered_whole_by_the_upstream_itself(name: str, port: int) -> None:
    report = press(Subject(DIRECT, port, 0), workloads()[name], 3, 30)
    assert (report["answered"], report["unanswered"], report["wrong"]) == (3, 0, {})


def test_a_shorter_answer_than_promised_is_wrong(port: int) -> None:
    # The gateway's question for a burst, asked of an address that answers in 20 words.
    with pytest.raises(WrongAnswers, match="20 of 200 words"):
        press(Subject("gateway", port, 0), workloads()["burst"], 3, 30)


def test_nobody_there_is_wrong_and_not_free() -> None:
    row = measured(
        workloads()["2kb"], [Subject(DIRECT, free_port(), os.getpid())], Plan(1, 0.001, 5)
    )
    assert (row.verdict, row.nginx) == ("failed", [])
    assert "could not connect" in row.trouble


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"lorem lorem " + DONE, None),
        (200, b"lorem lorem ", "no ending"),
        (200, b"lorem " + DONE, "1 of 2 words"),
        (502, b"lorem lorem " + DONE, "status 502"),
    ],
)
def test_an_answer_is_checked(status: int, body: bytes, said: str | None) -> None:
    assert trouble(status, body, ANSWER) == said


def test_idle_streams_are_held_while_memory_is_read(port: int) -> None:
    row = idle_streams([Subject(DIRECT, port, os.getpid())], 20)
    assert (row.trouble, len(row.nginx)) == ("", 1)


def test_a_stream_that_ends_was_not_idle(port: int) -> None:
    row = idle_streams([Subject("gateway", port, os.getpid())], 20)
    assert row.verdict == "failed"


def test_the_picture_is_a_real_png_in_a_body_of_a_megabyte() -> None:
    body = json.loads(workloads()["1mb"].asked.body)
    url = body["messages"][1]["content"][0]["image_url"]["url"]
    assert base64.b64decode(url.removeprefix("data:image/png;base64,")) == png(500, 500)
    assert 1_000_000 <= len(workloads()["1mb"].asked.body) < 1_100_000
    assert 1900 <= len(workloads()["2kb"].asked.body) <= 2100
    assert 60_000 <= len(workloads()["64kb"].asked.body) <= 68_000
    assert 8_000_000 <= len(workloads()["8mb"].asked.body) <= 8_500_000
    packed = png(4, 3).partition(b"IDAT")[2]
    assert len(zlib.decompressobj().decompress(packed)) == 3 * (1 + 4 * 3)


def test_every_asked_model_is_in_a_configuration_that_the_gateway_takes() -> None:
    settings = Settings.model_validate(bench_config(9900))
    asked = {json.loads(workload.asked.body)["model"] for workload in workloads().values()}
    assert asked - {"auto"} <= settings.targets.keys()
    assert not any(upstream.simulated for upstream in settings.upstreams.values())
    assert all(
        "/hang/" in up.address for up in Settings.model_validate(hung_config(1)).upstreams.values()
    )


BURN = "import time\nwhile time.process_time() < 0.2: pass"
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.read(1) or child.wait()
print(flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    "child", [BURN, f"{BURN}\nprint(flush=True); time.sleep(60)"], ids=["ended", "alive"]
)
def test_cpu_of_a_child_counts(child: str, tmp_path: Path) -> None:
    command = Command("parent", (sys.executable, "-c", PARENT, child), tmp_path)
    with running(command) as process:
        while not command.log.stat().st_size:
            assert process.poll() is None
        assert cpu_seconds(process.pid) >= 0.2


def test_a_strange_command_name_does_not_shift_the_fields(tmp_path: Path) -> None:
    strange = tmp_path / "odd) R 1 (nam"
    strange.symlink_to("/bin/sleep")
    with running(Command("strange", (str(strange), "60"), tmp_path)) as process:
        assert 0 < rss_megabytes(process.pid) < 50
        assert cpu_seconds(process.pid) < 1


def test_a_block_that_is_left_leaves_no_process(tmp_path: Path) -> None:
    command = Command(
        "family", ("sh", "-c", "trap '' TERM; sleep 60 & echo $!; exec sleep 1"), tmp_path
    )
    with running(command) as process:
        while not command.log.read_text().strip():
            assert process.poll() is None
    child = Path("/proc") / command.log.read_text().strip() / "stat"
    while _alive(child):  # killed, and a moment from being gone
        sleep(0.01)


def _alive(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_does_not_start_tells_its_last_words(tmp_path: Path) -> None:
    command = Command("broken", ("sh", "-c", "echo no such target; exit 3"), tmp_path)
    with running(command) as process, pytest.raises(DidNotStart, match=r"3\n  no such target"):
        wait_until_serving(free_port(), "/healthz", command, process)


def test_a_row_is_judged_by_its_median() -> None:
    def row(*samples: float, limit: float | None = 0.6, trouble: str = "") -> str:
        return Row("2kb", "2 KB", "CPU ms", samples, (), limit, trouble, aim=0.2).verdict

    assert row(0.5, 0.6, 9.0) == "ok"
    assert row(0.1, 0.7, 0.7) == "over"
    assert row(0.2, 0.1, 0.7) == "aim"
    assert row(0.1, trouble="status 500") == "failed"
    assert row(0.1, limit=None) == row() == "–"


def test_the_table_and_the_json_say_the_same() -> None:
    rows = [Row("2kb", "2 KB", "CPU ms", [0.4, 0.5, 0.3], [0.1], 0.6)]
    assert "| 0.40 (0.30–0.50) | 0.10  | 4.0   | ≤ 0.6  | –   | ok      |" in table(rows)
    said = as_json(rows, "1.22.1")["rows"]
    assert json.loads(json.dumps(said))[0]["gateway"] == {"median": 0.4, "samples": [0.4, 0.5, 0.3]}


def test_the_page_has_a_place_for_the_table_and_the_drawing_tells_its_rows() -> None:
    page = PAGE.read_text()
    assert 0 < page.index(BEGIN) < page.index(END)
    rows = [
        Row("a", "A & B", "CPU ms", [0.4], (), 0.6, aim=0.3),
        Row("b", "over", "MB", [9.0], (), 6.0),
    ]
    root = ElementTree.fromstring(drawing(rows))
    said = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert said == ["A & B", "0.40 CPU ms", "over", "9.00 MB", "target"]


@pytest.fixture(scope="module")
def small_screen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("screens") / "small.png"
    file.write_bytes(screen((641, 120), 0.3))
    return file


def picture_in(shown: Shot, number: int) -> bytes:
    body = json.loads(shown.before(number) + shown.rest)
    head, _, held = body["messages"][0]["content"][0]["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    return base64.b64decode(held, validate=True)


def test_every_number_is_another_screenshot_whole_by_every_check_of_png(small_screen: Path) -> None:
    shown = shot(small_screen.read_bytes())
    seen = set()
    for number in (0, 1, 2, 77, 2**32 - 1):
        file = picture_in(shown, number)
        with Image.open(io.BytesIO(file)) as image:
            image.verify()  # each chunk's sum
        packed = file.partition(b"IDAT\x78\x9c")[2]
        rows = zlib.decompressobj(-15)
        pixels = rows.decompress(b"".join((packed[: 5 + 1 + 641 * 3], _rest_of(file))))
        assert rows.unused_data == zlib.adler32(pixels).to_bytes(4)
        with Image.open(io.BytesIO(file)) as image:
            assert (image.size, image.mode) == ((641, 120), "RGB")
            seen.add(image.tobytes())
    assert len(seen) == 5
    assert picture_in(shown, 77) == picture_in(shown, 77)
    assert shown.size == len(shown.before(3) + shown.rest)


def _rest_of(file: bytes) -> bytes:
    """Return what the last IDAT chunk of *file* holds."""
    at = file.rindex(b"IDAT")
    return file[at + 4 : at + 4 + int.from_bytes(file[at - 4 : at])]


def test_the_small_stream_is_answered_whole_and_its_first_word_is_timed(port: int) -> None:
    report = press(Subject("upstream", port, 0), brief_stream(), 3, 30, "--times")
    took, begun, ended = report["took_ms"], report["begun_ms"], report["ended_ms"]
    assert isinstance(took, list)
    assert isinstance(begun, list)
    assert isinstance(ended, list)
    assert len(took) == len(begun) == len(ended) == 3
    assert all(first < whole for first, whole in zip(begun, took, strict=True))


def test_an_open_loop_asks_at_its_pace_and_gets_every_answer_whole(port: int) -> None:
    subject = Subject("upstream", port, 0)
    report = press(subject, workloads()["2kb"], 40, 30, "--rate", "200")
    assert (report["answered"], report["wrong"]) == (40, {})
    assert float(str(report["seconds"])) > 39 / 200  # the last is not due before


def test_whoever_is_asked_nothing_new_waits_and_whoever_hangs_up_is_forgotten() -> None:
    tally = Tally(ANSWER, 2)
    caller = Punctual(tally, b"")
    caller.connection_made(Silent())
    assert list(tally.idle) == [caller]
    caller.connection_lost(None)
    assert not tally.idle
    assert tally.over.is_set()


def test_what_waits_in_an_open_loop_counts_from_when_it_was_due() -> None:
    tally = Tally(ANSWER, 2)
    tally.late.append(1.5)
    caller = Punctual(tally, b"")
    caller.connection_made(Silent())
    assert (caller._asked, list(tally.idle), list(tally.late)) == (1.5, [], [])


def test_a_head_can_have_more_lines() -> None:
    asked = request_bytes(ANSWER, 80, ["x-peer: one"])
    assert asked.endswith(b"content-length: 0\r\nx-peer: one\r\n\r\n")


def test_peers_are_told_as_multiples_and_wrong_answers_have_no_figure() -> None:
    row = {"Portico": [0.5, 0.4, 9.0], "LiteLLM": [20.0], "Portkey": []}
    said = drawn({"2kb": row})
    assert said.splitlines()[-1].endswith("| 0.50 | 20.00 (40 x) | wrong answers |")


class Silent(asyncio.Transport):
    """A connection into which one may speak."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        return None


def test_callers_with_pictures_ask_as_often_as_they_are_told(port: int, small_screen: Path) -> None:
    callers = flood(port, small_screen, "--fresh", "--count", "5", "--callers", "2")
    flooded(callers)
    assert callers.answered == 5


def test_callers_with_pictures_go_on_while_the_block_runs(port: int, small_screen: Path) -> None:
    callers = flood(port, small_screen, "--callers", "3")
    with flooding(callers):
        assert not callers.answered
    assert callers.answered > 3


def test_callers_whom_nobody_answers_prove_nothing(small_screen: Path) -> None:
    callers = flood(free_port(), small_screen, "--count", "2", "--callers", "1")
    with pytest.raises(WrongAnswers, match="ConnectionRefusedError"):
        flooded(callers)


def test_the_configuration_for_pictures_is_one_that_the_gateway_takes() -> None:
    settings = Settings.model_validate(pictures_config(9900, 9901))
    assert {"bench-brief", "bench-seen"} == settings.targets.keys()


def test_the_rise_is_that_of_the_worse_delay() -> None:
    assert rise((1.0, 4.0), (8.0, 5.0)) == 7
    assert rise((2.0, 4.0), (3.0, 40.0)) == 36


def test_what_the_upstream_itself_is_late_is_not_added_by_the_gateway() -> None:
    assert added(Late([1, 9], [3, 40]), Late([1, 2], [3, 33])) == (7, 7)


def test_a_loop_that_is_held_says_so_and_one_that_waits_does_not(tmp_path: Path) -> None:
    file = tmp_path / "held"

    async def hold() -> float:
        await asyncio.sleep(0.1)
        began = monotonic()
        sleep(0.05)  # noqa: ASYNC251 - this is what it is to be held
        await asyncio.sleep(0.01)
        return began

    with asyncio.Runner(loop_factory=lambda: Watched(file)) as runner:
        began = runner.run(hold())
    turns = list(held(file, began, monotonic()))
    assert max(turn.held for turn in turns) >= 45
    assert max(turn.worked for turn in turns) < 45  # it slept: somebody else's fault


def test_what_a_core_was_waited_for_is_not_held_against_the_loop(tmp_path: Path) -> None:
    file = tmp_path / "held"
    file.write_text("9.0 90000000 1 1\n10.5 21000000 4000000 8000000\n12.0 90000000 1 1\n")
    (turn,) = held(file, 10.0, 11.0)
    assert (turn.held, turn.worked) == (12.0, 4.0)


def test_memory_that_was_given_back_counts_in_the_peak(tmp_path: Path) -> None:
    code = "import time; x = bytearray(90_000_000); del x; print(flush=True); time.sleep(60)"
    command = Command("large", (sys.executable, "-c", code), tmp_path)
    with running(command) as process:
        while not command.log.stat().st_size:
            assert process.poll() is None
        assert peak_megabytes(process.pid) > 90
        assert rss_megabytes(process.pid) < 90


def test_a_late_request_is_divided_into_what_its_loop_did_meanwhile() -> None:
    seen = Sampler({LOOP: Path(), "recorder": Path()})
    # Four looks, a second apart: works, waits for a core, waits for the recorder.
    seen.at += [0.0, 1.0, 2.0, 3.0]
    seen.looks[LOOP] = Looks([0, 1000, 1000, 1000], [0, 0, 1000, 1000], [False, False, True, True])
    seen.looks["recorder"] = Looks([0, 0, 0, 700], [0, 0, 0, 300], [False] * 4)
    waits = taken_apart([(0.0, 3.0)], seen)
    assert (waits.took, waits.worked, waits.queued) == (3000, 1000, 1000)
    assert (waits.locked, waits.behind, waits.idle) == (1000, 300, 0)
    assert waits.others == {"recorder": 700}
    assert taken_apart([(0.25, 0.75)], seen).worked == pytest.approx(500)
