"""What waiting costs: what the gateway adds to answers and first words, and a mixture of work."""

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from time import monotonic

from benchmarks.measure import QUIET, Plan, WrongAnswers, press, settle
from benchmarks.processes import cpu_seconds
from benchmarks.report import Row
from benchmarks.subjects import Subject
from benchmarks.workloads import Workload, brief_stream, workloads

MIXTURE = {"2kb-auto": 10, "64kb": 3, "gemini": 2, "burst": 2, "1mb": 1}
"""Of each workload how many requests there are: small ones mostly, as in a lab."""

_LOAD = 0.5  # of what the gateway can carry
_SECONDS = 6.0  # of one round


class Latency:
    """
    The gateway beside its upstream, asked directly in the same rounds and at the same pace.

    Half of what the gateway carries in a closed loop is asked of each, in an open loop: whoever
    is slow gets a queue. It carries what it has also recorded: for a while a closed loop is
    answered faster than that, and what is to be recorded piles up. The same is asked of nginx,
    where there is one: what it adds is the machine's, with three processes on its cores.
    """

    def __init__(
        self, gateway: Subject, upstream: Subject, plan: Plan, nginx: Subject | None = None
    ) -> None:
        self._gateway = gateway
        self._upstream = upstream
        self._plan = plan
        self._asked = [gateway, upstream] if nginx is None else [gateway, nginx, upstream]

    def scenes(self) -> dict[str, Callable[[], Row]]:
        """Return each row's scene, by name; what is measured once serves two of them."""
        return {
            "added-p50": partial(self._row, "added-p50", "p50_ms", (1.0, 0.5)),
            "added-p99": partial(self._row, "added-p99", "p99_ms", (8.0, 4.0)),
            "first-word": self._first_word,
            "mixed": partial(mixed, [self._gateway], self._plan),
        }

    def _row(self, name: str, part: str, bounds: tuple[float, float]) -> Row:
        says = f"{part[:3]} that is added to 2 KB at half load, 64 connections"
        told: dict[str, object] = {}
        try:
            rate, rounds = self._rounds
        except (WrongAnswers, subprocess.TimeoutExpired) as error:
            return Row(name, says, "ms", trouble=str(error))
        told["rate"] = round(rate)
        ours, *others = zip(*([_of(one, part) for one in each] for each in rounds), strict=True)
        added = [
            [one - past for one, past in zip(some, others[-1], strict=True)]
            for some in (ours, *others[:-1])
        ]
        plain = added[1] if len(added) > 1 else ()
        return Row(name, says, "ms", added[0], plain, bounds[0], "", told, bounds[1])

    @cached_property
    def _rounds(self) -> tuple[float, list[list[dict[str, object]]]]:
        work = workloads()["2kb"]
        press(self._gateway, work, self._plan.count(work, self._plan.share / 2), self._plan.seconds)
        rate = _LOAD * carried(self._gateway, work, self._plan)
        some = max(64, round(rate * _SECONDS * self._plan.share))
        paced = ("--rate", str(rate))
        rounds = []
        for _ in range(self._plan.rounds):
            settle(self._gateway)
            rounds.append(
                [press(subject, work, some, self._plan.seconds, *paced) for subject in self._asked]
            )
        return rate, rounds

    def _first_word(self) -> Row:
        """How much later than from the upstream itself the first word of a small stream is."""
        work, says = brief_stream(), "first word of a small stream, p50 that is added"
        count = self._plan.count(work)
        samples: list[float] = []
        trouble = ""
        try:
            for _ in range(self._plan.rounds):
                through, past = (
                    press(subject, work, count, self._plan.seconds, "--times")["begun_ms"]
                    for subject in (self._gateway, self._upstream)
                )
                samples.append(_middle(through) - _middle(past))
        except (WrongAnswers, subprocess.TimeoutExpired) as error:
            trouble = str(error)
        return Row("first-word", says, "ms", samples, trouble=trouble)


def carried(subject: Subject, work: Workload, plan: Plan) -> float:
    """Return how many requests a second *subject* answers in a closed loop, and has recorded."""
    settle(subject)
    count = plan.count(work)
    report = press(subject, work, count, plan.seconds)
    ended = monotonic()
    settle(subject)
    return count / (_of(report, "seconds") + max(0.0, monotonic() - ended - QUIET))


def mixed(subjects: Sequence[Subject], plan: Plan) -> Row:
    """Return what a request costs when all kinds are asked at once."""
    known = workloads()
    works = [(known[name], _some(known[name], share, plan)) for name, share in MIXTURE.items()]
    total = sum(count for _, count in works)
    samples: list[float] = []
    trouble = ""
    try:
        for subject in subjects:
            for _ in range(plan.rounds + 1):
                settle(subject)
                before = cpu_seconds(subject.pid)
                _together(subject, works, plan.seconds)
                settle(subject)
                samples.append((cpu_seconds(subject.pid) - before) * 1000 / total)
    except (WrongAnswers, subprocess.TimeoutExpired) as error:
        trouble = str(error)
    told = dict[str, object]({"of": dict(MIXTURE)})
    return Row(
        "mixed", "of a mixture, each request", "CPU ms", samples[1:], trouble=trouble, extra=told
    )


def _together(subject: Subject, works: Sequence[tuple[Workload, int]], seconds: float) -> None:
    with ThreadPoolExecutor(len(works)) as threads:
        asked = [threads.submit(press, subject, work, count, seconds) for work, count in works]
        for one in asked:
            one.result()


def _some(work: Workload, share: int, plan: Plan) -> int:
    return max(1, round(100 * share * plan.share))


def _of(report: dict[str, object], part: str) -> float:
    value = report[part]
    assert isinstance(value, float | int)
    return float(value)


def _middle(times: object) -> float:
    assert isinstance(times, list)
    return float(sorted(times)[len(times) // 2])
