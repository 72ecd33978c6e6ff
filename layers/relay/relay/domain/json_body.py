"""JSON as it arrives from a stranger: strict UTF-8, bounded in size and depth, finite numbers, valid Unicode.

Source: RFC 8259. What it leaves open is decided here: of duplicate keys the last wins, a byte order mark is skipped, and a document nested
deeper than `MAX_DEPTH`, or with more than `MAX_COLLECTIONS`, is refused before it is parsed, so that no input can exhaust the stack, or a
function's memory.
"""

import json
import math
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from relay.domain.errors import BodyTooLargeError, ParseError

MAX_DEPTH = 64
MAX_COLLECTIONS = 1_000_000  # objects and arrays: as Python's, the emptiest takes seventy bytes, one of 8 bytes of JSON 250
MAX_PUSH_CONFIG_BODY_BYTES = 64 * 1024
MAX_FORWARDED_BODY_BYTES = 4 * 1024 * 1024

# Possessive, and with the closing quote optional: one pass over any input, an unterminated string included.
# In pieces that end outside of strings, for `sub` remembers 90 bytes for each match: of `[1],[1],…` 80 times the body.
_PIECE = re.compile(rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^"]{1,4096}+){1,16}+', re.DOTALL)
_ALL_BUT_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^\[\]{}"]++', re.DOTALL)
_STEPS = [(byte in b"[{") - (byte in b"]}") for byte in range(256)]
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def is_json(content_type: str | None) -> bool:
    """Whether a content type names JSON: `application/json`, any `+json` (such as `application/a2a+json`), or nothing at all."""
    media_type = (content_type or "").split(";")[0].strip().lower()
    return not media_type or media_type == "application/json" or media_type.endswith("+json")


def check_size(body: bytes, limit_bytes: int) -> None:
    """Raises: BodyTooLargeError that says the limit."""
    if len(body) > limit_bytes:
        raise BodyTooLargeError(f"The body has {len(body)} bytes; at most {limit_bytes} are taken here.")


def parse_json(body: bytes) -> Any:
    """The document, of plain Python values; every number in it is finite and every text can be written as UTF-8.

    Raises: ParseError.
    """
    return _parsed(body, None)


def parse_noting_repeats(body: bytes) -> tuple[Any, bool]:
    """The document as `parse_json` has it, and whether a name is there twice in one of its objects. Raises: ParseError."""
    repeats: list[int] = []

    def noted(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            repeats.append(len(members))
        return found

    return _parsed(body, noted), bool(repeats)


def _parsed(body: bytes, hook: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None) -> Any:
    _check_brackets(body)
    try:
        text = body.decode("utf-8-sig")
        document = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite_float, object_pairs_hook=hook)
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8: byte {error.start} cannot be decoded.") from error
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}.") from error
    except ValueError as error:  # a number out of range, or Python's limit of 4,300 digits
        raise ParseError("The body is not valid JSON: a number in it cannot be represented.") from error
    if _SURROGATE_ESCAPE.search(body):
        _refuse_lone_surrogates(document)
    return document


def _check_brackets(body: bytes) -> None:
    """Raises: ParseError when the document is too deep, or of too many parts, to be parsed at all."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = opened = 0
    for piece in _PIECE.finditer(body):
        brackets = _ALL_BUT_BRACKETS.sub(b"", piece.group())
        levels = list(accumulate(map(_STEPS.__getitem__, brackets), initial=depth))
        if max(levels) > MAX_DEPTH:
            raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")
        depth, opened = levels[-1], opened + brackets.count(b"[") + brackets.count(b"{")
        if opened > MAX_COLLECTIONS:
            raise ParseError(f"The body has more than {MAX_COLLECTIONS} objects and arrays.")


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _refuse_lone_surrogates(document: Any) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ParseError("The body holds half of a surrogate pair, which is no character.") from error
