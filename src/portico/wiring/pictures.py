"""What takes pictures in, shows them to models, and keeps them."""

from portico.artifacts.pictures import Limits
from portico.artifacts.taking import Intake
from portico.settings import Settings


def _intake(settings: Settings) -> Intake:
    given = settings.pictures
    limits = Limits(bytes=int(given.largest), pixels=given.megapixels * 1_000_000)
    return Intake(None, None, hands=given.workers, room=16_000_000, limits=limits)
