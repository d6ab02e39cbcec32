"""How each store is, and what is wrong with it: gathered from whoever asked it last."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portico.access.gate import Gate
from portico.artifacts.archive import Archive
from portico.ledger.late import LateLedger
from portico.ledger.writer import Ledger
from portico.shared.sharing import Sharing
from portico.stores.guard import Guard
from portico.traces.recorder import Recorder

LATE = "it did not answer when it was last asked"
"""What is said where nobody knows more."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Asks no store; reasons are our own words, and name no place but `$PORTICO_HOME`."""

    gate: Gate
    archive: Archive
    store: LateLedger
    ledger: Ledger
    memory: Guard
    recorder: Recorder
    home: Path
    sharing: Sharing | None

    def __call__(self) -> Mapping[str, str]:
        """Return why each store is away, by its name; "" for those that are there."""
        ledger = self.store.away or self.ledger.store_away
        found = {
            "access": self._why(self.gate.store_away, self.gate.why),
            "artifacts": self._why(self.archive.store_away, self.archive.why),
            "ledger": self._why(ledger, self.store.why or self.ledger.why),
            "memory": self._why(self.memory.away, self.memory.why),
            "traces": self._why(self.recorder.store_away, self.recorder.why),
        }
        if self.sharing is not None:
            found["shared"] = self._why(self.sharing.away, self.sharing.guard.why)
        return found

    def _why(self, away: bool, said: str) -> str:
        if not away:
            return ""
        return (said or LATE).replace(str(self.home), "$PORTICO_HOME")
