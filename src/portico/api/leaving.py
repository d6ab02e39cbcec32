"""Going down without losing an answer: what runs ends, what is new is told to go elsewhere."""

import signal
import time
from types import FrameType

from uvicorn import Config, Server

from portico.api.deps import Lobby


class DrainingServer(Server):
    """
    A uvicorn server that, told to stop, first lets the requests under way end.

    While it waits, for *drain* seconds at most, the address still answers: new chats get 503 with
    `Retry-After`, `/readyz` says that it drains. Told a second time it stops at once.
    """

    def __init__(self, config: Config, lobby: Lobby, drain: float) -> None:
        super().__init__(config)
        self._lobby = lobby
        self._drain = drain
        self._until: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Close the door to new requests; a second signal is obeyed at once."""
        if self._until is not None or not self.started:
            super().handle_exit(sig, frame)
            return
        self._until = time.monotonic() + self._drain
        self._lobby.draining = True
        if sig == signal.SIGINT:
            self._captured_signals.append(sig)

    async def on_tick(self, counter: int) -> bool:
        """Stop once nothing is under way, or when the time is up."""
        if self._until is not None:
            late = time.monotonic() >= self._until
            self.should_exit = self.should_exit or late or self._lobby.under_way == 0
        return await super().on_tick(counter)
