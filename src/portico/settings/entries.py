"""The entries of the catalog's sections: upstreams, targets, roles, egress paths."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field, SecretStr

from portico.settings.fields import (
    NAME,
    NAMED,
    Amount,
    Count,
    Delay,
    Seconds,
    Secret,
    Section,
    Switch,
    Tier,
)

type Accepted = Literal["text", "image", "audio", "video", "document"]
type Boxes = Literal[
    "none", "gemini", "qwen2-vl", "qwen2.5-vl", "qwen3-vl", "ui-tars", "omniparser"
]
type Feature = Literal["tools", "json_schema", "json_object", "thinking", "prefill"]

ADDRESSES = {
    ("gemini", "generic"): "https://generativelanguage.googleapis.com/v1beta",
    ("openai", "siliconflow"): "https://api.siliconflow.com/v1",
    ("openai", "deepseek"): "https://api.deepseek.com",
    ("openai", "dashscope"): "https://dashscope.aliyuncs.com/compatible-mode/v1",
}
"""Where the providers are (upstream-wire §2)."""

KEYLESS = frozenset(
    {"ollama", "ollama_chat", "lm_studio", "llamafile", "hosted_vllm", "xinference"}
    | {"bedrock", "sagemaker", "vertex_ai"}
)
"""LiteLLM providers that want no key, or find their credentials by themselves."""


class Upstream(Section):
    """An account at a provider."""

    dialect: Literal["gemini", "openai", "litellm"] = Field(
        default="openai", description="The wire format it speaks."
    )
    flavour: Literal["generic", "siliconflow", "deepseek", "dashscope"] = Field(
        default="generic", description="Whose quirks and errors to expect of the `openai` dialect."
    )
    provider: str | None = Field(
        default=None, description="LiteLLM's name of the provider; for the `litellm` dialect only."
    )
    base_url: str | None = Field(
        default=None,
        description="Its address; known for `gemini` and for every flavour but `generic`.",
    )
    api_key: Secret = Field(default=SecretStr(""), description="The key of the account.")
    project: str | None = Field(
        default=None,
        pattern=NAME,
        description="Whose quotas it shares: upstreams of one project are counted together;"
        " null: nobody's.",
    )
    egress: str = Field(default="direct", description="The egress path that its packets take.")
    headers: Mapping[str, Secret] = Field(
        default_factory=dict, description="Further headers to send with every request."
    )
    simulate: Switch = Field(
        default="auto",
        description="Answer from the simulator: `auto` does so while there is no key.",
    )

    @property
    def address(self) -> str:
        """The base URL without a trailing slash; empty where only LiteLLM knows it."""
        known = ADDRESSES.get((self.dialect, self.flavour), "")
        return (self.base_url or known).rstrip("/")

    @property
    def keyed(self) -> bool:
        """True if there is a key."""
        return bool(self.api_key.get_secret_value())

    @property
    def simulated(self) -> bool:
        """True if no real provider is asked."""
        if self.simulate == "auto":
            return not self.keyed and self.provider not in KEYLESS
        return self.simulate


class Price(Section):
    """USD per million tokens."""

    input: Amount = Field(description="USD per million tokens of input.")
    output: Amount = Field(description="USD per million tokens of output, thoughts included.")
    cached_input: Amount | None = Field(
        default=None, description="USD per million tokens of cached input; null: as `input`."
    )


class Patience(Section):
    """How long a target may take, in seconds."""

    connect: Seconds = Field(
        default=5.0, description="Seconds to connect, tunnel and TLS included."
    )
    first_delta: Seconds = Field(
        default=20.0, description="Seconds to the first delta of a stream."
    )
    idle: Seconds = Field(default=15.0, description="Seconds between two deltas of a stream.")
    total: Seconds = Field(default=300.0, description="Seconds for an answer that is not streamed.")


class Breaker(Section):
    """When a target is left alone, and for how long."""

    failures: Count = Field(default=3, description="Failures in a row after which a target rests.")
    recovery: Seconds = Field(
        default=5.0,
        description="Seconds until one probing request is let through; doubles each time.",
    )
    max_recovery: Seconds = Field(
        default=30.0, description="Seconds beyond which it does not double."
    )


class Target(Section):
    """One model at one upstream. Its name is a public model name."""

    upstream: str = Field(description="The upstream it is at.")
    model: str = Field(min_length=1, description="The provider's own id of the model.")
    kind: Literal["chat", "embedding"] = Field(default="chat", description="What it is for.")
    dimensions: Count | None = Field(
        default=None, description="Numbers in a vector that it makes; null: not known."
    )
    space: str | None = Field(
        default=None,
        description="Whose vectors can be compared with its own: embedding targets of one space"
        " stand in for each other; null: those of the same `model`.",
    )
    tier: Tier = Field(
        default=2, description="1 primary reasoning, 2 deep code, 3 devops workhorse."
    )
    accepts: tuple[Accepted, ...] = Field(default=("text",), description="The modalities it takes.")
    features: tuple[Feature, ...] = Field(
        default=(), description="What it can do beyond plain answers."
    )
    context_window: Count = Field(
        default=128_000, description="Tokens of input and output together."
    )
    max_output: Count | None = Field(
        default=None, description="Tokens of output at most; null: not known."
    )
    price: Price | None = Field(default=None, description="What it costs; null: not known.")
    boxes: Boxes = Field(
        default="none", description="The convention in which it writes bounding boxes."
    )
    patience: Patience = Field(default_factory=Patience, description="How long it may take.")
    breaker: Breaker | None = Field(
        default=None, description="What differs from the global `breaker` for this target."
    )
    max_concurrency: Count = Field(default=64, description="Requests it may have at the same time.")
    scarce: Switch = Field(
        default=False, description="Its quota is scarce: it is never asked only to be faster."
    )


class Role(Section):
    """A public model name for a kind of work."""

    description: str = Field(default="", description="What it is for, in the words of its users.")
    targets: tuple[str, ...] = Field(
        min_length=1, description="Who may play it, in the order of asking."
    )
    max_attempts: Count = Field(default=4, description="Targets asked for one request at most.")
    rescue: Literal["off", "continue"] = Field(
        default="continue", description="What to do when a stream breaks after its first delta."
    )
    hedge_after: Delay | None = Field(
        default=None,
        description="Seconds without a first delta before a second target is asked as well;"
        " `learned`: when it is slower than 19 of 20 of its own answers; null: never.",
    )
    refused: Literal["stop", "next"] = Field(
        default="stop", description="What follows when a provider refuses for policy."
    )
    old_pictures: Literal["keep", "last_n", "stub"] = Field(
        default="keep",
        description="Pictures of earlier turns: `keep` sends them all, `last_n` the last ones,"
        " `stub` a note in place of each.",
    )
    last_n: Count = Field(default=4, description="Pictures that `old_pictures: last_n` keeps.")
    hand_down: bool = Field(
        default=False,
        description="Where nobody who sees is alive, tell a text model what an earlier answer said"
        " of the picture; the caller is told.",
    )


class Expected(Section):
    """Where a tunnel should come out; what is empty is not looked at."""

    regions: tuple[str, ...] = Field(
        default=(), description="Regions as the page of `exit_url` writes them, such as `SG`."
    )
    networks: tuple[str, ...] = Field(
        default=(), description="Addresses and networks, such as `203.0.113.0/24`."
    )


class EgressPath(Section):
    """A way for packets to leave."""

    kind: Literal["direct", "tunnel"] = Field(description="A `tunnel` fails closed.")
    via: tuple[Secret, ...] = Field(
        default=(),
        description="The proxies of a tunnel, in the order of trying: socks5h:// or http://, with"
        " a name after `#` if you like.",
    )
    tunnels: str = Field(
        default="",
        description="In place of `via`: a file of tunnels (`portico egress import` makes it), which"
        " an engine of the gateway's own carries.",
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Further hosts that belong to this path, and leave by no other; those of its"
        " upstreams' addresses do anyway.",
    )
    on_down: Literal["reroute", "fail"] = Field(
        default="reroute",
        description="What becomes of requests while all tunnels are down: `reroute` asks targets on"
        " other paths and says so, `fail` refuses those that would have gone by this one.",
    )
    panic: bool = Field(
        default=False,
        description="Close the path while a leak is possible; that is looked at every minute.",
    )
    exit_url: str = Field(
        default="",
        description="A page that says where a request comes from (`ip=` and `loc=`, or JSON with"
        " `ip` and `country`); asked through each tunnel once a minute.",
    )
    expect: Mapping[str, Expected] = Field(
        default_factory=dict,
        description="Where tunnels should come out, by name or number; one that does not is not"
        " used.",
        json_schema_extra=NAMED,
    )

    def by(self, via: Iterable[str]) -> "EgressPath":
        """Return this tunnelled path by way of the proxies *via*, whoever runs them."""
        secrets = tuple(SecretStr(url) for url in via)
        return self.model_copy(update={"via": secrets, "tunnels": ""})

    def carried_from(self, file: str) -> "EgressPath":
        """Return this path as one that our own engine carries, unless it is direct or says so."""
        if self.kind == "direct" or self.tunnels:
            return self
        return self.model_copy(update={"via": (), "tunnels": file})
