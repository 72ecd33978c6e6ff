"""What an agent says, without the credentials that it was shown: to callers, receivers and the table they would be news.

JSON can write every character of a text in several ways (RFC 8259 §7), so its strings and member names are compared as they read, not as
they are written. What holds no credential stays as it came, byte for byte: numbers, spaces and names that are there twice too.
"""

import json
import re
from collections.abc import Collection, Iterable

MASK = "[credential]"  # shorter than any text that is looked for: a body only gets smaller

# Possessive, and with the closing quote optional: one pass over any input. What is outside strings are numbers and words.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^"\s,:\[\]{}]++', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_SHORT_ESCAPES = {rb"\"": '"', rb"\\": "\\", rb"\/": "/", rb"\b": "\b", rb"\f": "\f", rb"\n": "\n", rb"\r": "\r", rb"\t": "\t"}


def without(hidden: Collection[str], body: bytes) -> bytes:
    """A JSON document without the texts that are `hidden`, however it writes them; the same object when it holds none."""
    texts = sorted(hidden, key=len, reverse=True)  # the longest first: it may hold another
    plain = [_utf8(text) for text in texts]
    if not any(text in body for text in plain) and not _may_spell(texts, body):
        return body
    pieces, end = list[bytes](), 0  # only what changes: `sub` would remember every token, forty times the body
    for match in _TOKEN.finditer(body):
        token = match.group()
        if b"\\" not in token and not any(text in token for text in plain):
            continue
        masked = _masked(texts, token)
        if masked is not token:
            pieces += (body[end : match.start()], masked)
            end = match.end()
    return b"".join((*pieces, body[end:])) if pieces else body


def _may_spell(texts: Iterable[str], body: bytes) -> bool:
    """Whether an escape in it stands for a character of the texts: most bodies with escapes have line ends and quotes only."""
    if b"\\" not in body:
        return False
    units = {unit for text in texts for unit in _units(text)}
    return any(_unit(escape) in units for escape in {match.group() for match in _ESCAPE.finditer(body)})


def _units(text: str) -> Iterable[int]:
    """In UTF-16, as JSON's escapes have them."""
    encoded = text.encode("utf-16-be", "surrogatepass")
    return (int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2))


def _unit(escape: bytes) -> int | None:
    if escape[1:2] == b"u":
        return int(escape[2:], 16) if len(escape) == len(rb"\u0000") else None
    return ord(_SHORT_ESCAPES[escape]) if escape in _SHORT_ESCAPES else None


def _masked(texts: Iterable[str], token: bytes) -> bytes:
    """A token that is no JSON loses what it quotes as well, though nothing is told of a body that is none."""
    try:
        read = json.loads(token.decode()) if token.startswith(b'"') else token.decode()
    except ValueError:
        return _replaced(texts, token.decode(errors="replace")).encode()
    masked = _replaced(texts, read)
    return token if masked == read else _utf8(json.dumps(masked if token.startswith(b'"') else MASK, ensure_ascii=False))


def _replaced(texts: Iterable[str], said: str) -> str:
    for text in texts:
        said = said.replace(text, MASK)
    return said


def _utf8(text: str) -> bytes:
    """Half of a surrogate pair is refused where the document is parsed, not here."""
    return text.encode("utf-8", "surrogatepass")
