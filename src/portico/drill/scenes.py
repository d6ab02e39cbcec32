"""The drill's list: what goes wrong, scene by scene."""

from portico.drill.base import Ask, By, Order, Scene, Wait, Way
from portico.simulator.faults import GEMINI, SHAPED

MIDWAY = {"after": 9}
"""Deltas that get through before an answer breaks: enough of them to be spliced."""

SPARED = Ask(calls=1)
"""Answered by another, and the one who failed is left alone."""

BACK = By.PRIMARY

FLAPS = (3.0, 5.0, 7.0, 5.0) * 3
"""A minute of seconds down and seconds up; neither divides the intervals of a breaker."""

SCENES = (
    Scene("undisturbed", "nothing", Way.CLEAR, asks=(Ask(BACK, 1), Ask(BACK, 1, stream=False))),
    Scene(
        "limited",
        "429, with Retry-After: 2",
        Way.ELSEWHERE,
        (Order("rate_limited_header", params={"delay": 2}),),
        (Ask(), SPARED, Ask(BACK, 1, pause=2.5)),
    ),
    Scene(
        "limited-no-word",
        "429, without Retry-After",
        Way.ELSEWHERE,
        (Order("rate_limited_bare"),),
        (Ask(), SPARED),
        SHAPED,
    ),
    Scene(
        "daily-quota",
        "429, a day's quota whose body says: retry in 1 s",
        Way.ELSEWHERE,
        (Order("rate_limited_day", params={"delay": 1}),),
        (Ask(), Ask(calls=1, pause=1.5)),
        GEMINI,
    ),
    Scene(
        "error-once",
        "500, once",
        Way.FAILOVER,
        (Order("internal"),),
        (Ask(), Ask(By.ANYBODY, 1)),
        SHAPED,
    ),
    Scene(
        "unavailable",
        "503, for as long as it is asked",
        Way.FAILOVER,
        (Order("overloaded", None),),
        (Ask(),) * 6,
    ),
    Scene(
        "reset",
        "the connection is reset before the headers",
        Way.FAILOVER,
        (Order("cut", params={"before_headers": True}),),
        prefers=SHAPED,
    ),
    Scene(
        "connect-hang",
        "nobody accepts the connection",
        Way.FAILOVER,
        asks=(Ask(calls=1),),
        wait=Wait.CONNECT,
        hangs=True,
    ),
    Scene(
        "silent",
        "accepted, and then not a byte",
        Way.FAILOVER,
        (Order("silent"),),
        wait=Wait.FIRST_DELTA,
        prefers=SHAPED,
    ),
    Scene(
        "late",
        "headers at once, the first token after the patience",
        Way.FAILOVER,
        (Order("slow_first", params={"seconds": 60, "headers": True}),),
        wait=Wait.FIRST_DELTA,
    ),
    Scene(
        "cut-reset",
        "a reset in the middle of the stream",
        Way.RESCUE,
        (Order("cut", params=MIDWAY),),
        prefers=SHAPED,
    ),
    Scene(
        "cut-clean",
        "a clean close in the middle of the stream",
        Way.RESCUE,
        (Order("truncated", params=MIDWAY),),
    ),
    Scene(
        "stall",
        "silence in the middle of the stream",
        Way.RESCUE,
        (Order("stall", params=MIDWAY | {"seconds": 60}),),
        wait=Wait.IDLE,
        prefers=SHAPED,
    ),
    Scene(
        "error-event",
        "an error event in the middle of the stream",
        Way.RESCUE,
        (Order("error_in_stream", params=MIDWAY),),
    ),
    Scene(
        "malformed-event",
        "half an event in the middle of the stream",
        Way.RESCUE,
        (Order("malformed_event", params=MIDWAY),),
        prefers=SHAPED,
    ),
    Scene(
        "malformed-first",
        "half an event before anything else",
        Way.FAILOVER,
        (Order("malformed_event", params={"after": 0}),),
    ),
    Scene(
        "no-done",
        "the whole stream, without [DONE]",
        Way.CLEAR,
        (Order("missing_done"),),
        (Ask(BACK, 1),),
        SHAPED,
    ),
    Scene(
        "no-finish",
        "every word of the stream, and no finish",
        Way.NONE,
        (Order("truncated", params={"after": 10_000}),),
        (Ask(By.ANYBODY, None),),
        SHAPED,
    ),
    Scene(
        "whole-cut",
        "a reset in the middle of an answer that is not streamed",
        Way.FAILOVER,
        (Order("cut"),),
        (Ask(stream=False),),
    ),
    Scene("too-long", "the context is too long", Way.LARGER, (Order("too_long"),)),
    Scene(
        "blocked",
        "the provider's policy blocks the prompt",
        Way.POLICY,
        (Order("blocked_prompt"), Order("data_inspection_failed")),
        (Ask(By.ANYBODY),),
    ),
    Scene(
        "stopped",
        "the provider's policy stops the answer midway",
        Way.RULED,
        (Order("safety_mid_stream"), Order("content_filter")),
        (Ask(By.ANYBODY, 1),),
    ),
    Scene("empty", "an empty answer", Way.FAILOVER, (Order("empty_answer"),)),
    Scene(
        "page",
        "a portal's page with status 200",
        Way.FAILOVER,
        (Order("html_200"),),
        prefers=SHAPED,
    ),
    Scene(
        "all-down",
        "503 from everybody, then from nobody",
        Way.NONE,
        (Order("overloaded", None),),
        (Ask(By.ANYBODY, None), Ask(By.ANYBODY, None, mended=True)),
        everybody=True,
    ),
    Scene(
        "outage",
        "503 from everybody, for ten requests",
        Way.NONE,
        (Order("overloaded", None),),
        (Ask(By.ANYBODY, None),) * 10,
        everybody=True,
    ),
    Scene(
        "flapping",
        "up and down for a minute, five requests a second",
        Way.FAILOVER,
        (Order("overloaded", None),),
        (Ask(By.ANYBODY),),
        SHAPED,
        flaps=FLAPS,
    ),
)
