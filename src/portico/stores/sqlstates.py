"""What Postgres's error codes mean to an operator, and how to mend it. Pure."""

from collections.abc import Mapping

TOLD: Mapping[str, str] = {
    "08": "the connection broke",
    "0A": "it is too old: Portico needs Postgres 13 or newer",
    "22": "it refused a value",
    "23": "it refused a row",
    "25006": "it takes no writes: it is a replica, or set to read only",
    "26": "a pooler before it mixes sessions: connect to Postgres itself",
    "28": "it does not accept our user or password: mend the address",
    "3D": "it has no such database: create it, or mend the address",
    "3F": "its schema `portico` is missing",
    "40": "two transactions were in each other's way",
    "42501": "our user has no rights there: make it the owner of the database",
    "42P01": "its tables are not there any more",
    "42": "its tables are not as this version made them",
    "53100": "its disk is full",
    "53200": "it has no memory left",
    "53300": "it has no connection left: raise max_connections",
    "53": "it is short of something",
    "54": "something is too large for it",
    "55": "something else holds it",
    "57014": "it took too long",
    "57P01": "it was shut down",
    "57P02": "it broke down",
    "57P03": "it is starting or stopping",
    "57": "an operator stopped it",
    "58": "its disk or system fails",
    "F0": "its configuration is broken",
    "XX": "it broke inside: its log says how",
}
"""By code, else by class (the first two characters); what is in no row is told by its code."""


def told(code: str) -> str:
    """Return what the error *code* means. Never quotes what the server said: it might quote us."""
    return TOLD.get(code) or TOLD.get(code[:2]) or f"it answered with an error ({code[:5]})"
