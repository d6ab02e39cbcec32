"""What is noted of a request on its way: references, which a recorder makes a trace of later."""

from portico.artifacts.pictures import Prepared
from portico.dispatch.journey import Journey
from portico.ledger.base import Entry
from portico.traces.base import Capture, Card
from portico.traces.recorder import Recorder
from portico.traces.tape import Take, View, begun


class Taping:
    """Notes as much as *most* allows, and as the caller does: whatever is less."""

    def __init__(self, recorder: Recorder, most: Capture = Capture.FULL) -> None:
        self._recorder = recorder
        # The stricter of both, by the caller's level.
        order = list(Capture)
        self._least: dict[str, Capture] = {
            one: order[max(order.index(one), order.index(most))] for one in order
        }

    def begin(self, journey: Journey) -> None:
        """Begin to note what is said, if any of it is to be kept."""
        level = journey.capture = self._least[journey.caller.capture]
        if level is not Capture.METADATA_ONLY:
            journey.tape = begun(journey.request, journey.headers, level)

    def end(self, journey: Journey, entry: Entry) -> None:
        """Hand over what was noted. Never waits, never raises."""
        self._recorder.record(
            Take(_card(journey, entry), entry.attempts, journey.route, journey.tape)
        )

    def tell(self, journey: Journey, entry: Entry) -> None:
        """Hand over that it was, and nothing of what was said. Never waits, never raises."""
        journey.capture = Capture.METADATA_ONLY
        self._recorder.record(Take(_card(journey, entry), entry.attempts, journey.route, None))


def _card(journey: Journey, entry: Entry) -> Card:
    failed = entry.outcome not in ("answered", "abandoned")
    return Card(
        id=entry.id,
        started=entry.started,
        took=entry.took,
        asked=entry.asked,
        operation=entry.operation,
        outcome=entry.outcome,
        status=entry.status,
        error=(journey.code or entry.outcome) if failed else None,
        degraded=entry.degraded,
        role=entry.role,
        target=entry.target,
        attempts=len(entry.attempts),
        simulated=any(attempt.target.simulated for attempt in entry.attempts),
        streamed=entry.streamed,
        modalities=entry.modalities,
        task=entry.task,
        caller=entry.caller,
        person=entry.person,
        team=entry.team,
        chat=entry.chat,
        message=entry.message,
        capture=journey.capture,
    )


def view(ticket: str, made: Prepared) -> View:
    """Return what a tape notes of a picture that was sent as *ticket*."""
    return View(
        ticket,
        made.mime,
        len(made.content),
        made.width,
        made.height,
        made.part,
        made.sheet,
        made.recipe,
        made.pixels,
    )
