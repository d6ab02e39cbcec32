"""The signs by which an error answer is told: every provider's own, then everybody's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portico.routing.attempts import Kind
from portico.upstreams.faults_complaint import Complaint


@dataclass(frozen=True, slots=True)
class Sign:
    """
    A name or a wording that tells what happened.

    It counts where one of `names` is among the complaint's, or `says` is found in its message,
    and the status is one of `statuses` (empty: any). An error inside a 200 stream may have no
    status and passes as any.
    """

    kind: Kind
    says: re.Pattern[str] | None = None
    names: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    mend: str = ""

    def fits(self, complaint: Complaint, status: int | None) -> bool:
        """Return whether this is what *complaint* is about."""
        if status is not None and self.statuses and status not in self.statuses:
            return False
        if self.names & complaint.names:
            return True
        return self.says is not None and self.says.search(complaint.message) is not None


def first(flavour: str, complaint: Complaint, status: int | None) -> Sign | None:
    """Return the first sign that fits, the flavour's own before everybody's."""
    signs = (*OWN.get(flavour, ()), *EVERYBODY)
    return next((sign for sign in signs if sign.fits(complaint, status)), None)


def _says(*wordings: str) -> re.Pattern[str]:
    return re.compile("|".join(wordings), re.IGNORECASE)


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)


REQUEST = frozenset({400, 404, 413, 422})
"""Statuses under which a wording is about the request, not about load or credentials."""

PERMISSION = REQUEST | {403, 410}
"""The same, and what some providers answer where the account may not see a model."""

_ABILITY = r"(?:images?|vision|audio|video|tools?|function|json mode)"

EVERYBODY = (
    Sign(
        Kind.REGION,
        _says(
            r"location is not supported",
            r"(?:country|region),? (?:\w+,? )*not supported",
            r"not available in your (?:country|region|location)",
        ),
        _names("unsupported_country_region_territory"),
        PERMISSION | {401, 451},
    ),
    Sign(
        Kind.TRANSLATION,
        _says(r"reasoning_content\b.*\bpassed back"),
        statuses=REQUEST,
        mend="reasoning",
    ),
    Sign(
        Kind.TRANSLATION,
        _says(
            r"response_format type is unavailable",
            r"(?:json_schema|response_format)\W[^.]{0,60}(?:not supported|unsupported|unavailable)",
            r"does not support[^.]{0,40}json_schema",
        ),
        statuses=REQUEST,
        mend="json_schema",
    ),
    Sign(
        Kind.TOO_LONG,
        _says(
            r"maximum context length",
            r"exceeds? the (?:maximum|model's) (?:number of tokens|context|input)",
            r"less than max_seq_len",
            r"range of input length",
            r"(?:prompt|input) is too long",
            r"maximum prompt length",
            r"context (?:window|length|size)[^.]{0,30}exceed",
            r"exceeds?[^.]{0,30} context (?:window|length|size)",
            r"greater than the context (?:window|length|size)",
            r"inputs` tokens \+ `max_new_tokens` must be",
        ),
        _names("context_length_exceeded", "string_above_max_length"),
        REQUEST,
    ),
    Sign(
        Kind.REFUSED,
        _says(
            r"sensitive (?:words|content|information)",
            r"inappropriate content",
            r"content[ _](?:management )?policy",
            r"content exists risk",
            r"(?:input|prompt|content) (?:was |has been |is )?flagged",
        ),
        _names(
            "content_filter",
            "content_policy_violation",
            "data_inspection_failed",
            "datainspectionfailed",
            "responsibleaipolicyviolation",
        ),
        PERMISSION | {451},
    ),
    Sign(
        Kind.INCAPABLE,
        _says(
            rf"(?:does not|doesn't|cannot|can't) (?:support|accept)[^.]{{0,40}}\b{_ABILITY}",
            rf"\b{_ABILITY}(?:[ _](?:input|url|content|calling|calls?|choice|use))?s? "
            r"(?:is|are) (?:not (?:currently )?|un)(?:supported|available)",
            r"support(?:s|ed)? (?:image|audio|video) input",
            r"unknown variant `(?:image|video|audio|file)_?\w*`",
            r"not a VLM",
            r"only supported by certain models",
            r"un(?:supported|recognized) (?:request )?(?:parameter|argument)",
            r"does not support parameter",
        ),
        _names("20041"),
        REQUEST,
    ),
    Sign(
        Kind.MODEL_GONE,
        _says(
            r"model (?:does )?not exist",
            r"models?[ :/]+\S{1,100} (?:does not exist|(?:is |was )?not found)",
            r"model(?: \S{1,100})? (?:is|was|has been) "
            r"(?:deprecated|decommissioned|retired|discontinued|taken offline|disabled)",
            r"supported API model names",
            r"not have access to (?:the )?model",
            r"(?:no such|unknown|invalid) model\b",
            r"no endpoints found",
            r"model disabled",
        ),
        _names("model_not_found", "modelnotfound", "model_decommissioned", "20012"),
        PERMISSION,
    ),
    Sign(
        Kind.ACCOUNT,
        _says(
            r"api key (?:is |has )?(?:not valid|invalid|expired|not found|been reported)",
            r"(?:insufficient|not enough|no) (?:account )?(?:balance|credits?|funds)",
            r"balance is (?:insufficient|not enough|too low)|余额不足",
            r"\bout of credits",
            r"prepayment credits",
            r"spending cap|billing hard limit",
            r"account[^.]{0,40} (?:suspended|deactivated|disabled|arrears|overdue)",
        ),
        _names(
            "insufficient_quota",
            "invalid_api_key",
            "invalidapikey",
            "api_key_invalid",
            "consumer_suspended",
            "service_disabled",
            "arrearage",
            "billing_hard_limit_reached",
            "account_deactivated",
        ),
    ),
    # A route that the front door does not know: the base URL is wrong, a person must mend it.
    Sign(
        Kind.ACCOUNT,
        _says(r"^invalid url \(", r"no route matched"),
        statuses=frozenset({404, 405}),
    ),
)

OWN: Mapping[str, tuple[Sign, ...]] = {
    # wire §3.2
    "gemini": (
        Sign(
            Kind.TRANSLATION,
            _says(r"thought[_ ]?signature"),
            statuses=REQUEST,
            mend="signatures",
        ),
    ),
    # wire §3.3; 403 is what rate limits used to be there
    "siliconflow": (
        Sign(Kind.RATE_LIMITED, _says(r"rate limit"), _names("50602")),
        Sign(
            Kind.UNAVAILABLE,
            _says(r"service overloaded", r"system is too busy"),
            _names("50505", "50508"),
        ),
    ),
    # wire §3.5: despite its name `insufficient_quota` is tokens a minute, and comes back
    "dashscope": (
        Sign(
            Kind.RATE_LIMITED,
            names=_names("insufficient_quota", "limit_requests", "throttling"),
            statuses=frozenset({429}),
        ),
        # One model is not sold to this workspace; the others are.
        Sign(Kind.MODEL_GONE, names=_names("model.accessdenied")),
    ),
}
