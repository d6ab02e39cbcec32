"""Questions in other words: who watches them, and whether their answers may be given again."""

import logging
import os
from pathlib import Path

import msgspec

from portico.dispatch.errands import Errands
from portico.dispatch.likely import LEAST, Likely
from portico.dispatch.meaning import Meaning, embedder, space_of
from portico.errors import Problem
from portico.memory.base import Space
from portico.memory.gate import Report, against
from portico.settings import Settings, catalog

log = logging.getLogger(__name__)

REMEDY = "run `portico memory report pairs.jsonl` on 200 labelled pairs or more"


def report_file(home: Path) -> Path:
    """Return where the last report is."""
    return home / "similar-report.json"


def keep_report(home: Path, report: Report) -> None:
    """Keep *report*, good or not; raises OSError."""
    file = report_file(home)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft.write_bytes(msgspec.json.encode(report))
    draft.replace(file)


def likely_of(
    settings: Settings, home: Path, meaning: Meaning | None, errands: Errands
) -> Likely | None:
    """Return who watches, and serves if the last report allows it; None where nobody is to."""
    wished = settings.cache.similar
    if wished == "ignore" or meaning is None:
        if wished == "on":
            log.error("similar questions are not answered again: nothing embeds them")
        return None
    report = _report(home)
    why = against(report, meaning.space)
    if wished == "on" and why:
        log.error("similar questions are only observed: %s; %s", why, REMEDY)
    allowed = wished == "on" and report is not None and not why
    least = max(LEAST, report.cosine) if allowed and report is not None else LEAST
    return Likely(meaning, errands, least, serving=allowed)


def similar_trouble(settings: Settings, home: Path) -> Problem | None:
    """Return why `cache.similar: on` is not; None if it is, or is not wished."""
    if settings.cache.similar != "on":
        return None
    target = embedder(catalog(settings), settings.memory.embedder)
    space: Space | None = space_of(target) if target else None
    why = "nothing embeds questions" if space is None else against(_report(home), space)
    return Problem(f"{why}: it only observes", key="cache.similar", remedy=REMEDY) if why else None


def _report(home: Path) -> Report | None:
    try:
        return msgspec.json.decode(report_file(home).read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
