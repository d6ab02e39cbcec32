"""The simulator's memory: what it was asked, what it billed, what it was told to get wrong."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from portico.simulator.calls import Bill, Call
from portico.simulator.faults import Fault, check

CATALOG: Mapping[str, tuple[str, ...]] = {
    "gemini": ("gemini-3-flash-preview", "gemini-embedding-001"),
    "siliconflow": (
        "Qwen/Qwen3-VL-32B-Instruct",
        "Qwen/Qwen2-VL-72B-Instruct",
        "deepseek-ai/DeepSeek-V3",
        "Qwen/Qwen3-Coder-480B-A35B-Instruct",
        "BAAI/bge-m3",
    ),
    "deepseek": ("deepseek-flash", "deepseek-v4-pro"),
}
"""The ids an upstream lists; the ones not named here list all of them."""

WINDOWS = {
    "gemini-3-flash-preview": 1_048_576,
    "Qwen/Qwen3-VL-32B-Instruct": 262_144,
    "Qwen/Qwen2-VL-72B-Instruct": 32_768,
    "deepseek-ai/DeepSeek-V3": 163_840,
    "Qwen/Qwen3-Coder-480B-A35B-Instruct": 262_144,
    "deepseek-flash": 1_048_576,
    "deepseek-v4-pro": 1_048_576,
}

SIGHTLESS = frozenset(
    {"deepseek-ai/DeepSeek-V3", "Qwen/Qwen3-Coder-480B-A35B-Instruct", "deepseek-v4-pro"}
)
RETIRED = frozenset({"deepseek-chat", "deepseek-reasoner"})  # switched off 2026-07-24

KEPT_CALLS = 1_000
KEPT_BILLS = 100_000


class Simulator:
    """
    The state of all simulated upstreams, and the way to script them from code.

    `calls` and `blind` keep the last calls (`blind`: those that brought pictures to a model that
    cannot see), `counts` all of them per (upstream, model), `bills` the last bills. `models` are
    listed by every upstream besides its own; ids in `gone` are refused and not listed.
    `sizes` are the numbers in a vector, by model, where they are not the usual 256.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, back to the state of a new simulator."""
        self.calls: list[Call] = []
        self.blind: list[Call] = []
        self.bills: list[Bill] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.faults: list[Fault] = []
        self.models: set[str] = set()
        self.gone: set[str] = set(RETIRED)
        self.windows: dict[str, int] = dict(WINDOWS)
        self.sightless: set[str] = set(SIGHTLESS)
        self.sizes: dict[str, int] = {}
        self.serial = 0

    def fault(
        self, upstream: str, model: str, name: str, times: int | None = 1, **params: Any
    ) -> None:
        """
        Get the next *times* calls (None: all) to *model* at *upstream* wrong; "*" is any.

        Orders queue up. `skip` among *params* lets that many calls pass first; for the others
        see `portico.simulator.faults`.

        Raises:
            ValueError: there is no such fault.
        """
        order = Fault(upstream, model, name, times, int(params.pop("skip", 0)), params)
        check(order)
        self.faults.append(order)

    def take(self, call: Call) -> Fault | None:
        """Return the fault *call* is to meet, and count it down."""
        for fault in self.faults:
            if not fault.concerns(call):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
            return fault
        return None

    def note(self, call: Call) -> None:
        """Remember that *call* arrived."""
        self.serial += 1
        self.calls.append(call)
        self.counts[call.upstream, call.model] += 1
        del self.calls[:-KEPT_CALLS]

    def book(self, bill: Bill) -> None:
        """Remember *bill*."""
        self.bills.append(bill)
        del self.bills[:-KEPT_BILLS]

    def listed(self, upstream: str) -> list[str]:
        """Return the ids that *upstream* says it has."""
        every = dict.fromkeys(name for names in CATALOG.values() for name in names)
        own = CATALOG.get(upstream, tuple(every))
        return [name for name in (*own, *sorted(self.models - set(own))) if name not in self.gone]

    def sums(self) -> list[dict[str, str | int]]:
        """Add up the bills, one sum for each upstream, model and status."""
        sums: dict[tuple[str, str, str], list[int]] = {}
        for bill in self.bills:
            sum_ = sums.setdefault((bill.upstream, bill.model, bill.status), [0, 0, 0, 0])
            for at, amount in enumerate((1, bill.input, bill.cached, bill.output)):
                sum_[at] += amount
        names = ("calls", "input", "cached", "output")
        return [
            {"upstream": key[0], "model": key[1], "status": key[2]}
            | dict(zip(names, sums[key], strict=True))
            for key in sorted(sums)
        ]
