"""A signing secret that was replaced signs on for a while, beside the new one: receivers need not change at the same moment.

Source: Standard Webhooks 1.0.0, "Webhook headers": `webhook-signature` is a list, for "zero downtime secret rotation".
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

MAX_RETIRED = 4  # each adds 47 characters to a header, and servers take some 8 KB of headers


@dataclass(frozen=True)
class RetiredSecret:
    """A secret that was replaced; it signs before `until`."""

    text: str = field(repr=False)
    until: datetime


def retired(kept: tuple[RetiredSecret, ...], *, replaced: str, new: str, now: datetime, overlap: timedelta) -> tuple[RetiredSecret, ...]:
    """Those beside `new`, the latest first, each once: the secret that it replaces, and those retired before that are not over yet.

    To set the same secret again retires nothing and makes nothing last longer; without a new secret, or an overlap, nothing is kept.
    """
    if not new or not overlap:
        return ()
    found = kept if replaced in ("", new) else (RetiredSecret(replaced, now + overlap), *kept)
    return tuple(each for each in found if each.text != new and each.until > now)[:MAX_RETIRED]
