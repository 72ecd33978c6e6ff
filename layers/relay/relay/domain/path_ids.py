"""What becomes of an id in a path.

An HTTP API does not hand a path over as it was sent: it decodes it, ends it at a question mark, and decodes it again.
Source: what hotsock/voker has captured on AWS (`vokerhttp/testdata/ingress-paths.json`, 2026).
"""

import re
from urllib.parse import quote, unquote

from relay.domain.keys import fits_key


def delivered(name: str) -> str:
    """What arrives of an id that a client has put into a path as it should, percent-encoded once."""
    return unquote(name.partition("?")[0])


def is_delivered_as_sent(name: str) -> bool:
    """Whether what arrives holds nothing that a client may have encoded, or that divides a path: letters, digits and `-._~` only."""
    return quote(name, safe="") == name


def sent_as(arrived: str) -> tuple[str, ...]:
    """Ids that arrive as this one: itself, and, as an id may be an encoded one in itself, its encoded forms in either case."""
    encoded = quote(arrived, safe="")
    small = re.sub("%..", lambda escape: escape[0].lower(), encoded)
    return tuple(dict.fromkeys(name for name in (arrived, encoded, small) if fits_key(name)))
