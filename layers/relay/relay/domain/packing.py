"""A task as bytes for the table: compressed JSON, within DynamoDB's item limit or beside it in S3.

DynamoDB: an item is at most 400 KB; 350 KB leave room for the keys and the rest.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any

from relay.domain.task import Json

MAX_ITEM_BYTES = 350_000
MAX_TASK_BYTES = 10_000_000  # as JSON; beyond it the contents of artifacts are left out


@dataclass(frozen=True)
class Packed:
    """`is_cut`: the contents of artifacts were left out; the notification says so in a header."""

    data: bytes
    is_cut: bool = False

    @property
    def fits_item(self) -> bool:
        return len(self.data) <= MAX_ITEM_BYTES


def pack(document: Json) -> Packed:
    """The same document always gives the same bytes."""
    text = _encode(document)
    if len(text) <= MAX_TASK_BYTES:
        return Packed(zlib.compress(text, 6))
    return Packed(zlib.compress(_encode(_without_contents(document)), 6), is_cut=True)


def unpack(data: bytes) -> dict[str, Any]:
    document = json.loads(zlib.decompress(data))
    if not isinstance(document, dict):
        raise TypeError("a packed task is a JSON object")
    return document


def _encode(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _without_contents(document: Json) -> Json:
    artifacts = document.get("artifacts") or []
    cut = [{**artifact, "parts": []} for artifact in artifacts if isinstance(artifact, dict)]
    return {**document, "artifacts": cut, "history": []}
