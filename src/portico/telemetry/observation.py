"""What logs, counters and spans see of one finished request: plain values, no bodies, no keys."""

from msgspec import Struct


class Tokens(Struct, frozen=True, gc=False):
    """Tokens as the provider counted them; `output` includes `reasoning`, `input` `cached`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


class Try(Struct, frozen=True):
    """
    One call to one target.

    `started` is in seconds since the request came in, `took` and `first_delta` since the call
    began. `failure` is the kind of failure, or None where the target answered or the caller left.
    `provider` is OpenTelemetry's `gen_ai.provider.name`.
    """

    id: str
    target: str
    model: str
    provider: str
    started: float
    took: float
    ending: str  # answered | abandoned | the kind of failure
    address: str | None = None
    failure: str | None = None
    first_delta: float | None = None
    tokens: Tokens | None = None
    simulated: bool = False


class Observation(Struct, frozen=True):
    """
    One finished request. `started` is in epoch seconds, every other time in seconds.

    `role` is a name of the catalog, never what the caller wrote: it becomes a label.
    """

    id: str
    started: float
    took: float
    outcome: str
    role: str | None = None
    operation: str = "chat"
    status: int | None = None
    target: str | None = None
    first_delta: float | None = None
    degraded: str | None = None
    simulated: bool = False
    tries: tuple[Try, ...] = ()
    traceparent: str | None = None

    @property
    def tokens(self) -> Tokens | None:
        """The tokens of all tries together, or None where no provider counted any."""
        counted = [one.tokens for one in self.tries if one.tokens]
        if len(counted) < 2:
            return counted[0] if counted else None
        return Tokens(
            input=sum(tokens.input for tokens in counted),
            output=sum(tokens.output for tokens in counted),
            cached=sum(tokens.cached for tokens in counted),
            reasoning=sum(tokens.reasoning for tokens in counted),
        )
