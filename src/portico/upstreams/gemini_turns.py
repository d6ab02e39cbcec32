"""OpenAI's messages as Gemini's system instruction and contents. Pure."""

from msgspec import DecodeError, Raw
from msgspec.json import Decoder

from portico.chat.messages import Message, Modality, Part, ToolCall
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import Ask, UpstreamFailed
from portico.upstreams.gemini_media import Object, rejected, translate
from portico.upstreams.gemini_models import THREE, generation
from portico.upstreams.signatures import DUMMY, Signatures

_OBJECT = Decoder(dict[str, Raw])


def turns(ask: Ask, signatures: Signatures) -> tuple[list[Object], list[Object]]:
    """
    Return the parts of the system instruction, and the contents.

    Gemini knows two speakers: what one of them says in a row is one content, and so are the
    results of one batch of calls. System messages are gathered wherever they stand, as Gemini
    has one place for them.

    Raises:
        UpstreamFailed: rejected or incapable, naming the message.
    """
    gathered = _Turns(ask, signatures)
    for at, message in enumerate(ask.request.messages):
        gathered.add(f"messages[{at}]", message)
    return gathered.system, gathered.contents


def owner(ask: Ask) -> str:
    """Return whose signatures these are: nobody else accepts them."""
    return f"{ask.target.upstream}/{ask.target.model}"


class _Turns:
    def __init__(self, ask: Ask, signatures: Signatures) -> None:
        self.system: list[Object] = []
        self.contents: list[Object] = []
        self._owner = owner(ask)
        self._generation = generation(ask.target.model)
        self._signatures = None if "signatures" in ask.mend else signatures
        self._names: dict[str, str] = {}  # of the functions called, by call id
        self._speaker = ""
        self._parts: list[Object] = []  # of the last content

    def add(self, place: str, message: Message) -> None:
        match message.role:
            case "system" | "developer":
                self.system += self._instruction(place, message)
            case "assistant":
                said = self._said(place, message.parts)
                self._say("model", said + self._calls(place, message.tool_calls or []))
            case "tool" | "function":
                # Apart from what the user says next: a content of results holds nothing else.
                self._say("tool", self._result(place, message))
            case "user":
                said = self._said(place, _picture_first(message.parts))
                # Gemini has no names for speakers; a part of its own leaves the text untouched.
                named: list[Object] = [{"text": f"{message.name}:"}] if message.name else []
                self._say("user", named + said)

    def _say(self, speaker: str, parts: list[Object]) -> None:
        if not parts:
            return  # Gemini refuses a content without parts
        if speaker == self._speaker:
            self._parts += parts
            return
        self._speaker, self._parts = speaker, parts
        role = "model" if speaker == "model" else "user"
        self.contents.append({"role": role, "parts": parts})

    def _said(self, place: str, parts: list[Part]) -> list[Object]:
        said = (
            translate(part, f"{place}.content[{at}]", self._generation)
            for at, part in enumerate(parts)
        )
        return [part for part in said if part]

    def _instruction(self, place: str, message: Message) -> list[Object]:
        if any(part.modality is not Modality.TEXT for part in message.parts):
            what = f"{place}.content: a system message of this model holds only text"
            raise UpstreamFailed(Failure(Kind.INCAPABLE, what))
        return self._said(place, message.parts)

    def _calls(self, place: str, calls: list[ToolCall]) -> list[Object]:
        found: list[Object] = []
        for at, call in enumerate(calls):
            self._names[call.id] = call.function.name
            arguments = _object(call.function.arguments.strip() or "{}")
            if arguments is None:
                where = f"{place}.tool_calls[{at}].function.arguments"
                raise rejected(where, "is not a JSON object")
            named: Object = {"name": call.function.name, "args": arguments}
            part: Object = {"functionCall": _identified(named, call.id)}
            if signature := self._signature(call.id, first=at == 0):
                part["thoughtSignature"] = signature
            found.append(part)
        return found

    def _signature(self, call_id: str, *, first: bool) -> str | None:
        """Only the first call of a batch must have one: its own, or the dummy."""
        own = None
        if self._signatures is not None:
            own = self._signatures.recall(self._owner, call_id)
        return own or (DUMMY if first and self._generation >= THREE else None)

    def _result(self, place: str, message: Message) -> list[Object]:
        call_id = message.tool_call_id or ""
        name = self._names.get(call_id) or message.name
        if not name:
            raise rejected(f"{place}.tool_call_id", "names no earlier tool call")
        answer = _object(message.text)
        result = {"result": message.text} if answer is None else answer
        response = _identified({"name": name, "response": result}, call_id)
        seen = [part for part in message.parts if part.modality is not Modality.TEXT]
        pictures = self._said(place, seen)
        if pictures and self._generation >= THREE:
            response["parts"] = pictures
            pictures = []
        # Earlier models take no pictures inside a result, but look at those beside it.
        return [{"functionResponse": response}, *pictures]


def _picture_first(parts: list[Part]) -> list[Part]:
    """One picture at the end goes before its text, as Google asks (upstream-wire §2.1)."""
    kinds = [part.modality for part in parts]
    if kinds[-1:] == [Modality.IMAGE] and set(kinds[:-1]) <= {Modality.TEXT}:
        return [parts[-1], *parts[:-1]]
    return parts


def _object(text: str) -> Raw | None:
    """Return JSON *text* as it is if it holds an object, else None."""
    try:
        _OBJECT.decode(text)
    except (DecodeError, RecursionError):
        return None
    return Raw(text)


def _identified(body: Object, call_id: str) -> Object:
    return {**body, "id": call_id} if call_id else body
