"""One part of a message or artifact: read in whatever spelling an agent uses, written as 0.3 or 1.0 has it.

Source: A2A 0.3 `TextPart`, `FilePart`, `DataPart`; A2A 1.0 `Part` (one flat message with `text`, `raw`, `url` or `data`). Odd spellings
that are read: no `kind` (PraisonAI), `type` for `kind` (Evo AI), `fileWithBytes` and `fileWithUri` (1.0's release candidates, PraisonAI).
"""

import base64
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from relay.domain.lenient import filled, mapping, text
from relay.domain.task import Json, ProtocolVersion

# 0.3's data is an object; 1.0's may be any value. The wrapping and its mark are a2a-sdk's own (compat/v0_3/conversions.py).
_WRAPPED = "data_part_compat"
_URL_SAFE = str.maketrans("-_", "+/")


class _Content(StrEnum):
    """1.0's names for what a part holds."""

    TEXT = "text"
    RAW = "raw"
    URL = "url"
    DATA = "data"


_FILE_NAMES = {_Content.RAW: ("raw", "bytes", "fileWithBytes"), _Content.URL: ("url", "uri", "fileWithUri")}


@dataclass(frozen=True)
class _Part:
    """A part in no version. `filename` and `media_type` are for files in 0.3, for every part in 1.0."""

    content: _Content
    value: Any
    metadata: Json = field(default_factory=dict)
    filename: str = ""
    media_type: str = ""


def convert_part(part: Json, to: ProtocolVersion) -> dict[str, Any]:
    """The part in the other version, or mended in its own; one that holds nothing known becomes data, so that nothing is lost."""
    read = _read(part)
    return _as_03(read) if to is ProtocolVersion.V03 else _as_10(read)


def holds_content(part: Json) -> bool:
    """Whether there is something in it that the versions know."""
    return "data" in part or isinstance(part.get("text"), str) or _file(part) is not None


def _read(part: Json) -> _Part:
    kind = part.get("kind") or part.get("type")
    if kind == "data" and "data" in part:
        return _data(part)
    if isinstance(part.get("text"), str) and kind != "file":
        return _described(part, _Content.TEXT, part["text"])
    if file := _file(part):
        return file
    return _data(part) if "data" in part else _Part(_Content.DATA, dict(part))


def _file(part: Json) -> _Part | None:
    file = part["file"] if isinstance(part.get("file"), dict) else part
    for content, names in _FILE_NAMES.items():
        for name in names:
            if isinstance(file.get(name), str):
                return _described({**part, **file}, content, file[name])
    return None


def _described(part: Json, content: _Content, value: Any) -> _Part:
    return _Part(
        content,
        value,
        metadata=mapping(part.get("metadata")),
        filename=text(part.get("filename")) or text(part.get("name")),
        media_type=text(part.get("mediaType")) or text(part.get("mimeType")),
    )


def _data(part: Json) -> _Part:
    read = _described(part, _Content.DATA, part["data"])
    is_wrapped = part.get("kind") == "data" and read.metadata.get(_WRAPPED) is True and mapping(read.value).keys() == {"value"}
    if not is_wrapped:
        return read
    metadata = {name: value for name, value in read.metadata.items() if name != _WRAPPED}
    return _Part(_Content.DATA, read.value["value"], metadata=metadata, filename=read.filename, media_type=read.media_type)


def _as_10(part: _Part) -> dict[str, Any]:
    value = _base64(part.value) if part.content is _Content.RAW else part.value
    described = filled([("filename", part.filename), ("mediaType", part.media_type), ("metadata", part.metadata)])
    return {part.content.value: value, **described}


def _as_03(part: _Part) -> dict[str, Any]:
    metadata: Json = part.metadata
    written: dict[str, Any]
    if part.content is _Content.TEXT:
        written = {"kind": "text", "text": part.value}
    elif part.content is _Content.DATA:
        written = {"kind": "data", "data": part.value}
        if not isinstance(part.value, dict):
            written["data"] = {"value": part.value}
            metadata = {**metadata, _WRAPPED: True}
    else:
        content = "bytes" if part.content is _Content.RAW else "uri"
        written = {"kind": "file", "file": {content: part.value, **filled([("mimeType", part.media_type), ("name", part.filename)])}}
    return {**written, **filled([("metadata", metadata)])}


def _base64(value: str) -> str:
    """1.0's strict readers refuse what is no base64; an agent that forgot to encode is taken at its word."""
    compact = "".join(value.split())
    padded = compact + "=" * (-len(compact) % 4)
    try:
        base64.b64decode(padded.translate(_URL_SAFE), validate=True)
    except ValueError:
        return base64.b64encode(value.encode()).decode()
    return padded
