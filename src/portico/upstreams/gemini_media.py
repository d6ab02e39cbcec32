"""Parts of OpenAI's messages as Gemini's parts: text, pictures, sound, video, files."""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from portico.chat.messages import File, Modality, Part
from portico.routing.attempts import Failure, Kind
from portico.upstreams.base import UpstreamFailed
from portico.upstreams.gemini_models import THREE

type Object = dict[str, object]

RESOLUTIONS: Mapping[str, str] = {
    "low": "MEDIA_RESOLUTION_LOW",
    "medium": "MEDIA_RESOLUTION_MEDIUM",
    "high": "MEDIA_RESOLUTION_HIGH",
}
"""OpenAI's `detail`; `auto` leaves the choice to Google."""

DEFAULTS: Mapping[Modality, str] = {
    Modality.IMAGE: "image/jpeg",
    Modality.AUDIO: "audio/wav",
    Modality.VIDEO: "video/mp4",
    Modality.DOCUMENT: "application/pdf",
}

# Our own table: the standard library's answers differ from machine to machine.
ENDINGS: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "mp4": "video/mp4",
    "mov": "video/mov",
    "webm": "video/webm",
    "mpeg": "video/mpeg",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/md",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
}


def rejected(place: str, why: str) -> UpstreamFailed:
    """Return the failure for a request that cannot be said in Gemini's words."""
    return UpstreamFailed(Failure(Kind.REJECTED, f"{place} {why}"))


def translate(part: Part, place: str, generation: tuple[int, int]) -> Object | None:
    """
    Return *part* as Gemini's part, or None where it says nothing.

    Base64 is cut out of its data URI and passed on without being decoded. *place* names the part
    in errors.

    Raises:
        UpstreamFailed: rejected; the part holds nothing that could be sent.
    """
    if part.modality is Modality.TEXT:
        return {"text": part.text} if part.text else None
    if part.input_audio is not None:
        sound = part.input_audio
        return inline(f"audio/{sound.format}", sound.data)
    if part.file is not None:
        return _file(part.file, f"{place}.file")
    link = part.link
    if link is None:
        raise rejected(place, f"has no {part.type}")
    translated = _linked(link.url, f"{place}.{part.type}", DEFAULTS[part.modality])
    level = RESOLUTIONS.get(link.detail or "")
    if level and generation >= THREE:  # earlier models refuse a resolution for a single part
        translated["media_resolution"] = {"level": level}
    return translated


def inline(mime: str, data: str) -> Object:
    """Return base64 *data* as a part."""
    return {"inline_data": {"mime_type": mime, "data": data}}


def _file(file: File, place: str) -> Object:
    default = _guess(file.filename or "", DEFAULTS[Modality.DOCUMENT])
    if file.file_data is None:
        if (file.file_id or "").startswith("https://"):
            return _linked(file.file_id or "", place, default)
        raise rejected(place, "must hold its data: files uploaded elsewhere cannot be read")
    if file.file_data.startswith(("data:", "https://", "http://")):
        return _linked(file.file_data, place, default)
    return inline(default, file.file_data)


def _linked(url: str, place: str, default: str) -> Object:
    if not url.startswith("data:"):
        path = url.partition("#")[0].partition("?")[0]
        return {"file_data": {"mime_type": _guess(path, default), "file_uri": url}}
    comma = url.find(",")
    if comma < 0:
        raise rejected(place, "is not a data URI")
    mime, *flags = url[5:comma].split(";")
    if "base64" in flags:
        return inline(mime or default, url[comma + 1 :])
    return inline(mime or default, b64encode(unquote_to_bytes(url[comma + 1 :])).decode())


def _guess(name: str, default: str) -> str:
    return ENDINGS.get(name.rpartition(".")[2].lower(), default)
