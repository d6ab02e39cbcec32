"""Observations, as the ledger's writer would make them."""

from msgspec.structs import replace

from portico.telemetry.observation import Observation, Tokens, Try

ANSWERED = Try(
    id="a2",
    target="gemini-3-flash",
    model="gemini-3-flash-preview",
    provider="gcp.gemini",
    address="generativelanguage.googleapis.com",
    started=0.5,
    took=1.25,
    ending="answered",
    first_delta=0.75,
    tokens=Tokens(1000, 200, 400, 50),
)
LIMITED = Try(
    id="a1",
    target="qwen3-coder",
    model="Qwen/Qwen3-Coder",
    provider="siliconflow",
    started=0.0,
    took=0.25,
    ending="rate_limited",
    failure="rate_limited",
)
SEEN = Observation(
    id="r1",
    started=1_790_000_000.0,
    took=2.0,
    outcome="answered",
    role="design",
    status=200,
    target="gemini-3-flash",
    first_delta=1.25,
    tries=(LIMITED, ANSWERED),
)
PRETENDED = replace(SEEN, simulated=True, tries=(replace(ANSWERED, simulated=True),))
