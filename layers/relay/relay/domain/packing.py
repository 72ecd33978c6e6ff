"""A task as bytes for the table: compressed JSON, within DynamoDB's item limit or beside it in S3.

DynamoDB: an item is at most 400 KB; 350 KB leave room for the keys and the rest.
"""

import json
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from relay.domain.task import Json, ProtocolVersion, RevisionHead

MAX_ITEM_BYTES = 350_000
MAX_TASK_BYTES = 10_000_000  # as JSON; beyond it history and the contents of artifacts are left out
LARGE_BYTES = 250_000  # as JSON; unpacked, a task takes up to twenty times its JSON


@dataclass(frozen=True)
class Packed:
    """`size` is that of its JSON. `is_cut`: the contents of artifacts were left out; the notification says so in a header."""

    data: bytes = field(repr=False)
    size: int
    is_cut: bool = False

    @property
    def fits_item(self) -> bool:
        return len(self.data) <= MAX_ITEM_BYTES


@dataclass(frozen=True)
class PackedRevision:
    """A revision as the table has it: what decisions need, and its task still packed, as `data` or under the name `stored_at`.

    A run may hold a hundred of these; unpacked, ten would fill a function's memory. `size` 0: not known.
    """

    head: RevisionHead
    version: ProtocolVersion
    asked_at: datetime
    learnt_by: str
    data: bytes = field(default=b"", repr=False)
    stored_at: str = ""
    size: int = 0
    is_cut: bool = False

    @property
    def number(self) -> int:
        return self.head.number

    @property
    def is_large(self) -> bool:
        return not 0 < self.size <= LARGE_BYTES


def pack(document: Json) -> Packed:
    """The same document always gives the same bytes."""
    text = _encode(document)
    if len(text) <= MAX_TASK_BYTES:
        return Packed(zlib.compress(text, 6), len(text))
    text = _encode(_without_contents(document))
    return Packed(zlib.compress(text, 6), len(text), is_cut=True)


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
