"""Secrets that are planted, and found again wherever they come up: as they are, in base64, in hexadecimal, compressed, in parts."""

import base64
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

_WINDOW = 16  # characters: half of what each planted secret has of its own; a cut one is found too


def planted(name: str) -> str:
    """A secret of that name: no part of it is anybody else's. It fits a header, a URL, a key."""
    return f"{name}.{hashlib.sha256(name.encode()).hexdigest()[:32]}"


@dataclass
class Planted:
    """Secrets by name. `found_in` names those that some bytes hold."""

    secrets: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.secrets.setdefault(name, planted(name))

    def add(self, name: str, text: str) -> None:
        """One that the relay or AWS has made."""
        self.secrets[name] = text

    def found_in(self, data: bytes) -> set[str]:
        layers = list(_layers(data))
        return {name for name, text in self.secrets.items() if any(needle in layer for needle in _needles(text) for layer in layers)}


def _layers(data: bytes) -> Iterator[bytes]:
    """The bytes, and what they hold compressed."""
    yield data
    try:
        yield zlib.decompress(data, wbits=47)  # zlib or gzip
    except zlib.error:
        return


@cache
def _needles(text: str) -> frozenset[bytes]:
    own = text.rpartition(".")[2]
    return frozenset(form for start in {0, len(own) - _WINDOW} for form in _forms(own[start : start + _WINDOW].encode()))


def _forms(part: bytes) -> Iterator[bytes]:
    """In base64 a text looks in three ways, by where it begins."""
    yield part
    yield part.hex().encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + part)
        yield encoded[4 if before else 0 : -4]
