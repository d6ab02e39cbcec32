"""
Every exception this gateway raises on purpose.

* GatewayError             - what a caller may get to see: status, code, whose fault
  x CallerError              - the caller can mend this one; nobody was contacted (4xx)
    + MalformedRequest         400  malformed_request
    + Unauthenticated          401  unauthenticated
    + Forbidden                403  forbidden
    + NotAllowed               403  model_not_allowed
    + ModelNotFound            404  model_not_found
    + NotFound                 404  not_found
    + EventGone                410  event_gone
    + RequestTooLarge          413  request_too_large
    + NoCapableTarget          422  no_capable_target
    + KeyReused                422  idempotency_key_reused
    + QuotaExceeded            429  quota_exceeded
    + ConfigRefused            422  config_refused
  x Unanswered               - nobody we may ask answered; status and code from the attempts
  x StreamBroken             - lost the upstream after the first delta went out (no status)
  x Overloaded               503  gateway_overloaded
  x TargetParked             503  target_parked
  x StoreUnavailable         503  store_unavailable
  x EgressUnavailable        503  egress_unavailable
* ConfigError              - raised while starting or reloading, with every problem found

What an upstream does to us is a value (`routing.attempts.Failure`), not an exception; it turns
into one of the above once, where `dispatch` gives up.
"""

from dataclasses import dataclass


class GatewayError(Exception):
    """Base of everything a caller may get to see."""

    status = 500
    code = "internal_error"
    source = "gateway"
    type = "api_error"

    def __init__(
        self, message: str, *, param: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.param = param
        self.retry_after = retry_after


class CallerError(GatewayError):
    """The caller can mend this one; no upstream was contacted."""

    status = 400
    code = "malformed_request"
    source = "client"
    type = "invalid_request_error"


class MalformedRequest(CallerError):
    """Not JSON, or not a chat body; `param` names the place."""


class Unauthenticated(CallerError):
    """No key, or a key we do not know."""

    status = 401
    code = "unauthenticated"
    type = "authentication_error"


class Forbidden(CallerError):
    """The caller is known, and this is for operators."""

    status = 403
    code = "forbidden"
    type = "permission_error"


class NotAllowed(Forbidden):
    """`model` is something that the caller may not use."""

    code = "model_not_allowed"


class ModelNotFound(CallerError):
    """`model` names neither a role nor a target."""

    status = 404
    code = "model_not_found"


class NotFound(CallerError):
    """There is nothing at this address."""

    status = 404
    code = "not_found"


class EventGone(CallerError):
    """The stream is known, but what was asked of it is older than what is kept."""

    status = 410
    code = "event_gone"


class KeyReused(CallerError):
    """An Idempotency-Key came with another request than before; 409 would be retried."""

    status = 422
    code = "idempotency_key_reused"


class RequestTooLarge(CallerError):
    """The body is over the configured limit."""

    status = 413
    code = "request_too_large"


class NoCapableTarget(CallerError):
    """Nobody in the chain takes what the request carries, or nobody's window holds it."""

    status = 422
    code = "no_capable_target"


class ContextTooLong(NoCapableTarget):
    """No candidate's window is large enough."""

    status = 413
    code = "context_length_exceeded"


class QuotaExceeded(CallerError):
    """The caller has used up its own allowance."""

    status = 429
    code = "quota_exceeded"
    type = "rate_limit_error"


class ConfigRefused(CallerError):
    """A reload found problems; the old catalog stays."""

    status = 422
    code = "config_refused"


class Overloaded(GatewayError):
    """Every place and the queue for one are taken."""

    status = 503
    code = "gateway_overloaded"


class TargetParked(GatewayError):
    """Whoever could answer is not to be asked: an operator has said so."""

    status = 503
    code = "target_parked"


class StoreUnavailable(GatewayError):
    """One of our own stores did not answer."""

    status = 503
    code = "store_unavailable"


class EgressUnavailable(GatewayError):
    """All tunnels of a path are down, and its requests are to go no other way."""

    status = 503
    code = "egress_unavailable"

    def __init__(
        self, message: str, *, param: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, param=param, retry_after=retry_after)
        self.attempts: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of the configuration: where it stands and how to mend it."""

    message: str
    file: str = ""
    line: int | None = None
    key: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        parts = [place, self.key, self.message]
        told = ": ".join(part for part in parts if part)
        return f"{told} ({self.remedy})" if self.remedy else told


class ConfigError(Exception):
    """The configuration contradicts itself; the gateway does not start, a reload is refused."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Asked:
    """What one attempt came to, as the caller is told. `status` is the upstream's."""

    target: str
    kind: str
    status: int | None
    message: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class Resting:
    """A target that was not asked, until when (ISO 8601, UTC; None: until a person acts), why."""

    target: str
    until: str | None
    reason: str


class Unanswered(GatewayError):
    """Nobody answered. The first attempt's cause leads the message; all attempts are told."""

    source = "upstream"

    def __init__(self, message: str, *, status: int = 502, code: str = "unanswered") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.attempts: tuple[Asked, ...] = ()
        self.resting: tuple[Resting, ...] = ()


class StreamBroken(GatewayError):
    """The upstream was lost after the first delta had been relayed; there is no status left."""

    status = 502
    code = "stream_broken"
    source = "upstream"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.attempts: tuple[Asked, ...] = ()
