"""What tells the OpenAI-shaped upstreams apart, as data (upstream-wire §2.2 to §2.4)."""

from dataclasses import dataclass

from portico.simulator.problems import dashscope, openai, siliconflow
from portico.simulator.problems.base import Problems


@dataclass(frozen=True, slots=True)
class Flavour:
    """
    One provider's way with OpenAI's dialect.

    `usage` says where a stream carries it: on `each` chunk, on the `finish` chunk when it was not
    asked for, or only when `asked` (a last chunk without choices).
    """

    name: str
    problems: Problems
    usage: str = "asked"  # each | finish | asked
    null_reasoning: bool = False  # every delta has both content and reasoning_content
    empty_finish: bool = False  # now and then a finish_reason of ""
    trace_header: str = ""
    thinks: str = "never"  # never | default | enable_thinking
    keep_alive: bool = False  # comments and blank lines while the caller waits


FLAVOURS = {
    "openai": Flavour("openai", openai.PROBLEMS),
    "siliconflow": Flavour(
        "siliconflow",
        siliconflow.PROBLEMS,
        usage="each",
        null_reasoning=True,
        empty_finish=True,
        trace_header="x-siliconcloud-trace-id",
        thinks="enable_thinking",
    ),
    "deepseek": Flavour(
        "deepseek", openai.DEEPSEEK, usage="finish", thinks="default", keep_alive=True
    ),
    "dashscope": Flavour("dashscope", dashscope.PROBLEMS, thinks="enable_thinking"),
}
