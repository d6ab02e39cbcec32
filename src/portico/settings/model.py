"""The whole configuration, as frozen values."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ByteSize, Field, PrivateAttr, SecretStr

from portico.settings.entries import Breaker, EgressPath, Role, Target, Upstream
from portico.settings.fields import (
    NAMED,
    Bytes,
    Count,
    Days,
    Seconds,
    Secret,
    Section,
    Share,
    Switch,
    Whole,
)
from portico.settings.places import Source


class Access(Section):
    """Who may ask."""

    required: Switch = Field(
        default="auto",
        description="Whether callers need a key; `auto`: unless bound to loopback while no key"
        " exists yet.",
    )
    user_jwt_secret: Secret | None = Field(
        default=None,
        description="What Open WebUI signs its users with"
        " (`FORWARD_USER_INFO_HEADER_JWT_SECRET`); null: only keys of front ends are believed.",
    )


def _store(default: str, description: str) -> Any:
    # The default is no secret, though what replaces it may hold one.
    return Field(
        default=SecretStr(default),
        description=description,
        json_schema_extra={"default": default},
    )


class Stores(Section):
    """Where things are kept. The defaults are embedded and live under `$PORTICO_HOME`."""

    ledger: Secret = _store(
        "sqlite:///.portico/ledger.db", "Who and how much: sqlite:// or postgresql://."
    )
    traces: Secret = _store(
        "sqlite:///.portico/traces.db", "What was said: sqlite://, mongodb:// or postgresql://."
    )
    artifacts: Secret = _store(
        "file:///.portico/artifacts", "Pictures and files: file:// or s3://."
    )
    memory: Secret = _store(
        "local:///.portico/memory", "What is found by meaning: local://, or http(s):// (Qdrant)."
    )
    retry: Seconds = Field(
        default=5.0,
        ge=0.1,
        description="Seconds between two attempts to bring rows and traces to a store that is"
        " away.",
    )
    shared: Secret | None = Field(
        default=None,
        description="What several gateways count together: valkey:// or redis:// (valkeys://,"
        " rediss://: with TLS); null: only the workers of one gateway do, without a server.",
    )


class Boundary(Section):
    """What keeps traffic in its tunnels besides the gateway, and how that is seen."""

    closed: Switch = Field(
        default="auto",
        description="This process is meant to have no way out of its own: `true` looks at that"
        " all the time, `auto` where `egress check` asks and a path says `panic`, `false` does not"
        " mind.",
    )
    outside: tuple[str, ...] = Field(
        default=("1.1.1.1:443", "[2606:4700:4700::1111]:443"),
        description="Addresses and ports that must not be reached directly.",
    )
    control: str = Field(
        default="",
        description="Where `portico egress control` runs that can reach them, as host:port.",
    )
    counters: tuple[str, ...] = Field(
        default=(),
        description="Files in which the sidecars' firewalls count what they held back.",
    )
    every: Seconds = Field(
        default=60.0, ge=1, description="Seconds between two looks of the gateway's own."
    )


class Pictures(Section):
    """How pictures are taken in."""

    fetch: bool = Field(default=True, description="Read linked pictures (http:// and https://).")
    egress: str = Field(
        default="direct", description="The egress path by which linked pictures are read."
    )
    inside: tuple[str, ...] = Field(
        default=(),
        description="Addresses and ports inside your network that links may lead to; else none"
        " does.",
    )
    fetch_within: Seconds = Field(
        default=10.0, description="Seconds in which a linked picture must have come."
    )
    largest: Bytes = Field(
        default=ByteSize(50_000_000), description="Bytes of one picture at most."
    )
    megapixels: Count = Field(default=50, description="Millions of pixels of one picture at most.")
    workers: Count = Field(default=2, description="Pictures that are prepared at the same time.")
    memory: Bytes = Field(
        default=ByteSize(128_000_000), description="Bytes of prepared pictures that are remembered."
    )
    keep: bool = Field(
        default=True, description="Keep the pictures of chats, and what models saw, as artifacts."
    )
    keep_days: Count = Field(default=30, description="Days that pictures of chats are kept.")


class Feedback(Section):
    """Thumbs that are fetched from Open WebUI."""

    url: str | None = Field(
        default=None, description="Open WebUI's address, as `http://open-webui:8080`; null: none."
    )
    api_key: Secret = Field(
        default=SecretStr(""), description="The API key of one of its administrators."
    )
    every: Seconds = Field(default=60.0, description="Seconds between two looks.")

    @property
    def address(self) -> str:
        """Its address without a trailing slash; empty for none."""
        return (self.url or "").rstrip("/")


class Cache(Section):
    """Answers that are given again to exactly the same question."""

    analyses: bool = Field(
        default=True,
        description="Give analyses of the same picture again (`/v1/design/elements`) to the same"
        " caller; chats only where they ask for it.",
    )
    similar: Literal["ignore", "observe", "on"] = Field(
        default="ignore",
        description="Questions in other words: `observe` logs which would have been answered"
        " again, beside the real answers; `on` answers them again, if `portico memory report` has"
        " shown that this is right with the embedding model of today, and observes otherwise.",
    )
    keep: Seconds = Field(default=3600.0, description="Seconds that an answer is kept.")
    memory: Bytes = Field(
        default=ByteSize(64_000_000), description="Bytes of all answers that are kept."
    )


class Memory(Section):
    """What can be found again."""

    remember: bool = Field(
        default=True,
        description="Remember what was asked and said of the pictures that are kept, for"
        " `/v1/design/search`.",
    )
    embedder: str | None = Field(
        default=None,
        description="The embedding target whose vectors texts are found by; null: the first that"
        " is not simulated and says its `dimensions`.",
    )


class KeepDays(Section):
    """Days that traces are kept, by what they are of. A pinned one is kept for ever."""

    background: Days = Field(default=3.0, description="Background tasks of chat UIs.")
    interactive: Days = Field(default=30.0, description="What people asked.")
    flagged: Days = Field(default=180.0, description="What failed, and what somebody flagged.")


class Traces(Section):
    """What is kept of what is said."""

    capture: Literal["full", "no-media", "metadata-only"] = Field(
        default="full",
        description="The most that is kept: everything, texts without pictures and files, or"
        " nothing that was said. A caller's own level may be less.",
    )
    keep_days: KeepDays = Field(
        default_factory=KeepDays, description="Days that traces are kept, by what they are of."
    )
    spool: Bytes = Field(
        default=ByteSize(256_000_000),
        description="Bytes on this disk for traces whose store is away.",
    )
    memory: Bytes = Field(
        default=ByteSize(64_000_000), description="Bytes of traces that may wait to be written."
    )


class Server(Section):
    """How requests are served."""

    max_body: Bytes = Field(
        default=ByteSize(50_000_000), description="Bytes of a request's body at most (`50MB`)."
    )
    keep_alive: Seconds = Field(
        default=10.0, description="Seconds between the comments that keep a silent stream alive."
    )
    drain: Seconds = Field(
        default=90.0, description="Seconds that running requests are given when the server stops."
    )
    share_within: Seconds = Field(
        default=0.01,
        description="Seconds that a request waits at most to hear what other processes have used;"
        " then its own has to know.",
    )
    max_waiting: Whole = Field(
        default=256, description="Requests that may wait for a target with a free place."
    )
    hedge_share: Share = Field(
        default=0.05, description="Share of the latest requests that may be hedged at most."
    )
    answer_within: Seconds = Field(
        default=290.0,
        description="Seconds to the first delta of a stream, or to a whole answer, all attempts"
        " together; keep it under your callers' own timeout.",
    )
    max_per_caller: Count | None = Field(
        default=None, description="Requests that one caller may have under way; null: any number."
    )
    replay_window: Seconds = Field(
        default=600.0, description="Seconds that the answer to an `Idempotency-Key` is kept."
    )
    replay_memory: Bytes = Field(
        default=ByteSize(64_000_000), description="Bytes of all answers that are kept so."
    )
    resume_window: Seconds = Field(
        default=300.0, description="Seconds that a resumable stream is kept after its end."
    )
    resume_patience: Seconds = Field(
        default=60.0, description="Seconds that a resumable stream goes on without a reader."
    )
    resume_per_stream: Bytes = Field(
        default=ByteSize(4_000_000),
        description="Bytes of one stream's latest events that are kept.",
    )
    resume_memory: Bytes = Field(
        default=ByteSize(64_000_000), description="Bytes of all streams that are kept."
    )


class Telemetry(Section):
    """What the gateway tells about itself."""

    log: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is logged."
    )
    format: Literal["json", "text"] = Field(default="text", description="The form of a log line.")


class Settings(Section):
    """
    Everything an operator can decide.

    `load_settings` makes it: it fills in the built-in catalog and checks what one value alone
    cannot tell. `source` says where every value came from.
    """

    extends: Literal["builtin"] | None = Field(
        default=None,
        description="`builtin` merges the file's catalog with the built-in one, by name.",
    )
    upstreams: Mapping[str, Upstream] = Field(
        default_factory=dict,
        description="Accounts at providers, by name.",
        json_schema_extra=NAMED,
    )
    targets: Mapping[str, Target] = Field(
        default_factory=dict,
        description="Models at upstreams, by public name.",
        json_schema_extra=NAMED,
    )
    roles: Mapping[str, Role] = Field(
        default_factory=dict,
        description="Kinds of work, by public name.",
        json_schema_extra=NAMED,
    )
    egress: Mapping[str, EgressPath] = Field(
        default_factory=dict,
        description="Ways for packets to leave, by name.",
        json_schema_extra=NAMED,
    )
    access: Access = Field(default_factory=Access, description="Who may ask.")
    stores: Stores = Field(default_factory=Stores, description="Where things are kept.")
    boundary: Boundary = Field(
        default_factory=Boundary, description="What keeps traffic in its tunnels besides us."
    )
    pictures: Pictures = Field(default_factory=Pictures, description="How pictures are taken in.")
    traces: Traces = Field(default_factory=Traces, description="What is kept of what is said.")
    cache: Cache = Field(
        default_factory=Cache, description="Answers that are given again to the same question."
    )
    feedback: Feedback = Field(
        default_factory=Feedback, description="Thumbs that are fetched from Open WebUI."
    )
    memory: Memory = Field(default_factory=Memory, description="What can be found again.")
    breaker: Breaker = Field(default_factory=Breaker, description="When a target is left alone.")
    server: Server = Field(default_factory=Server, description="How requests are served.")
    telemetry: Telemetry = Field(
        default_factory=Telemetry, description="What the gateway tells about itself."
    )

    _source: Source = PrivateAttr(default_factory=Source)

    def model_post_init(self, context: Any) -> None:
        """Take the source that validation was given as its context."""
        self._source = context if isinstance(context, Source) else Source()

    @property
    def source(self) -> Source:
        """What these settings were made from."""
        return self._source

    @property
    def paths_in_use(self) -> frozenset[str]:
        """The egress paths that have to work; a simulated upstream needs none."""
        used = {up.egress for up in self.upstreams.values() if not up.simulated}
        linked = {self.pictures.egress} if self.pictures.fetch else set()
        return frozenset(used | linked) - {"direct"}

    def breaker_of(self, target: str) -> Breaker:
        """The breaker of *target*: the global one, except for what the target says itself."""
        own = self.targets[target].breaker
        if own is None:
            return self.breaker
        return self.breaker.model_copy(update=own.model_dump(include=own.model_fields_set))
