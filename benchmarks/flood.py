"""Callers with screenshots, each in a closed loop until standard input ends; others go first."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from itertools import count, islice, repeat
from pathlib import Path
from threading import Event, Thread

from benchmarks.answers import SHORT, WORD
from benchmarks.screens import Shot, shot

_NICE = 10
_PATIENCE = 60.0  # seconds that an answer may take


class Flood:
    """What the callers share. A caller waits in the kernel nearly always: it takes no core."""

    def __init__(self, port: int, sent: Shot, numbers: Iterator[int]) -> None:
        self.port = port
        self.sent = sent
        self.numbers = numbers  # itertools' own, which threads may share
        self.over = Event()
        self.answered = 0
        self.wrong: Counter[str] = Counter()

    def call(self) -> None:
        """Ask until it is over, or the numbers are; what goes wrong ends this caller."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            for number in self.numbers:
                if self.over.is_set():
                    return
                if trouble := self._asked(connection, number):
                    self.wrong[trouble] += 1
                    return
                self.answered += 1
        except (OSError, HTTPException) as error:
            self.wrong[f"{type(error).__name__} before the answer's end"] += 1
        finally:
            connection.close()

    def _asked(self, connection: HTTPConnection, number: int) -> str | None:
        before = self.sent.before(number)
        length = str(len(before) + len(self.sent.rest))
        headers = {"content-type": "application/json", "content-length": length}
        path = "/v1/chat/completions"
        connection.request("POST", path, iter((before, self.sent.rest)), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return f"status {answer.status}"
        words = body.count(WORD.encode())
        return None if words == SHORT else f"{words} of {SHORT} words"


def _main(chosen: argparse.Namespace) -> None:
    os.nice(_NICE)
    numbers: Iterator[int] = count(chosen.number) if chosen.fresh else repeat(chosen.number)
    if chosen.count:
        numbers = islice(numbers, chosen.count)
    flood = Flood(chosen.port, shot(chosen.picture.read_bytes()), numbers)
    print(json.dumps({"bytes": flood.sent.size}), flush=True)
    callers = [Thread(target=flood.call) for _ in range(chosen.callers)]
    for caller in callers:
        caller.start()
    if not chosen.count:
        sys.stdin.read()
        flood.over.set()
    for caller in callers:
        caller.join()
    print(json.dumps({"answered": flood.answered, "wrong": dict(flood.wrong)}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--picture", type=Path, required=True, help="a PNG of 24 bits")
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--count", type=int, default=0, help="requests of all callers; 0: no end")
    parser.add_argument("--number", type=int, default=0, help="the first screenshot's")
    parser.add_argument("--fresh", action="store_true", help="never the same screenshot twice")
    _main(parser.parse_args())
