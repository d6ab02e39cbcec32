"""What a target is asked about a picture, and what its answer comes to. Pure, but hard work."""

import io
from collections.abc import Sequence
from typing import Any

import msgspec
import pybase64
from msgspec import Raw
from msgspec.structs import replace

from portico.artifacts.pictures import PictureRefused, Prepared
from portico.chat.aside import ticketed
from portico.chat.messages import Link, Message, Part
from portico.chat.reply import Choice
from portico.chat.request import ChatBody, ChatRequest
from portico.routing.tiers import Target
from portico.vision.conventions import CONVENTIONS, NONE, Convention
from portico.vision.elements import Box, Elements, Notice, Picture, Seen
from portico.vision.merging import merge
from portico.vision.reading import MISMATCH, Glance, read

CUT = "answer_cut"
HERE = "Boxes are relative to the picture that is shown here, not to the whole page."
"""Said of a tile: its note tells where on the page it lies, and no box is meant so."""


def convention_of(target: Target) -> Convention:
    """Return how *target* is asked for boxes, and how it writes them."""
    return CONVENTIONS.get(target.boxes, NONE)


def probe(model: str) -> ChatRequest:
    """Return a request that needs the same of a target as looking at a picture; never sent."""
    parts = [Part("text", NONE.prompt), Part("image_url", image_url=Link(""))]
    return ChatRequest(model, [Message("user", parts)])


def pages_of(views: Sequence[Prepared], page: int | None) -> tuple[Prepared, ...]:
    """
    Return the views of one page, the first unless *page* (from 1) says which.

    Raises:
        PictureRefused: there is no such page; `param` is `page`.
    """
    count = 1 + max(view.sheet for view in views)
    if page is not None and page > count:
        told = f"from 1 to {count}" if count > 1 else "1: there is one page"
        raise PictureRefused(f"`page` is {told}.", param="page")
    return tuple(view for view in views if view.sheet == (page or 1) - 1)


def notices(views: Sequence[Prepared], shown: Sequence[Prepared], page: int | None) -> list[Notice]:
    """Return what the caller should know of *shown*, the page of *views* that is looked at."""
    told = [Notice("note", shown[0].note)] if shown[0].note else []
    if page is None and len(views) > len(shown):
        told.append(first_page())
    return told


def first_page() -> Notice:
    """Return the warning for a picture of several pages of which nobody chose one."""
    return Notice("first_page", "this is the first of several pages; `page` asks for another")


def question(target: Target, view: Prepared, detail: str | None, mark: str) -> ChatRequest:
    """
    Return the request that puts *view* before *target*.

    The picture is laid aside under *mark*: 32 hexadecimal digits that nobody else knows.
    """
    said = [convention_of(target).prompt, view.note, HERE if view.part == "tile" else ""]
    ticket = ticketed(mark, 0)
    link = {"url": f"data:{view.mime};base64,{ticket}"}
    if detail is not None:
        link["detail"] = detail
    content = [
        {"type": "text", "text": "\n\n".join(filter(None, said))},
        {"type": "image_url", "image_url": link},
    ]
    messages = [{"role": "user", "content": content}]
    body = ChatBody(target.name, _typed(messages), stream=True, temperature=0.0)
    fields = {"temperature": Raw(b"0"), "messages": Raw(msgspec.json.encode(messages))}
    aside = {ticket: pybase64.b64encode(view.content)}
    return ChatRequest.of(body, fields, aside=aside)


def reminded(request: ChatRequest, answer: str, target: Target) -> ChatRequest:
    """Return the dialogue of *request* and *answer*, gone on with by the convention's reminder."""
    added = [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": convention_of(target).reminder},
    ]
    came = msgspec.json.decode(request.fields["messages"], type=list[Raw])
    fields = {**request.fields, "messages": Raw(msgspec.json.encode([*came, *added]))}
    return replace(request, messages=[*request.messages, *_typed(added)], fields=fields)


def _typed(messages: list[dict[str, Any]]) -> list[Message]:
    return msgspec.convert(messages, list[Message])


def told(answer: Choice, target: Target, view: Prepared) -> Elements:
    """Return the elements that *answer* tells of *view*, in pixels of the upright original."""
    from PIL import Image  # with the first picture, as NumPy

    from portico.vision.fitting import Edges
    from portico.vision.pixels import pixels_of

    image = Picture(*view.original, view.raw, view.pixels)
    seen = Seen.padded((view.width, view.height), Box(*view.box), view.scale)
    with Image.open(io.BytesIO(view.content)) as sent:
        edges = Edges.of(pixels_of(sent))
    found = read(answer.text, Glance(target.name, target.boxes, image, seen, edges))
    return replace(found, warnings=_warned(found, answer))


def _warned(found: Elements, answer: Choice) -> tuple[Notice, ...]:
    """What only the way in which the answer ended tells."""
    if answer.finish == "content_filter" and not answer.text:
        refused = "the provider's policy refused to look at this picture"
        return (Notice("refused", answer.refusal or refused),)
    if answer.finish == "length" and not found.warned(CUT):
        cut = Notice(CUT, "the answer was too long; the elements after that are missing")
        return (*found.warnings, cut)
    return found.warnings


def better(first: Elements, second: Elements) -> Elements:
    """Return the one that fits its convention better, and of equals the one that tells more."""

    def faults(found: Elements) -> tuple[bool, int, int]:
        accused = sum(notice.code == MISMATCH for notice in found.warnings)
        return not found.elements, accused, -len(found.elements)

    return min(first, second, key=faults)


def page(found: Sequence[Elements], missing: int, noticed: Sequence[Notice]) -> Elements:
    """Return what the views of one page tell together; of *missing* views nobody told anything."""
    whole = merge(found) if len(found) > 1 else found[0]
    warnings = [*noticed, *whole.warnings]
    if missing:
        detail = f"{missing} of {missing + len(found)} parts were not looked at: nobody answered"
        warnings.append(Notice("tile_missing", detail))
    return replace(whole, warnings=tuple(warnings))
