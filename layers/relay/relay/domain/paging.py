"""Pages of a list: a task's push configs, or an agent's tasks.

Source: A2A 1.0 §3.1.4 and §3.1.9, design §7: `pageSize` 1 to 100, default 50; `pageToken` opaque, bound to caller and task.
"""

import hashlib
from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from relay.domain.errors import InvalidParamsError
from relay.domain.push_config import PushConfig

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
_DIGEST_BYTES = 12

T = TypeVar("T")


def page(configs: Sequence[PushConfig], page_size: int | None, *, page_token: str, binding: str) -> tuple[Sequence[PushConfig], str]:
    """The page after `page_token` (the first when it is empty), and the token of the next one, empty when there is none.

    `binding` says whose list it is: the task's partition, which holds owner, agent, tenant and task. A `page_size` of 0 is the default,
    None is everything. Pages stay stable when configs come and go between two calls: a token remembers the last config told, no count.

    Raises: InvalidParamsError naming pageSize or pageToken.
    """
    return page_by(_place, configs, page_size=page_size, page_token=page_token, binding=binding)


def page_by(
    place: Callable[[T], str], items: Sequence[T], *, page_size: int | None, page_token: str, binding: str
) -> tuple[Sequence[T], str]:
    """As `page`, of anything: `place` is where an item stands in the list. Raises: InvalidParamsError."""
    check_page_size(page_size)
    ordered = sorted(items, key=place)
    start = bisect_right(ordered, place_of(page_token, binding), key=place) if page_token else 0
    end = len(ordered) if page_size is None else start + (page_size or DEFAULT_PAGE_SIZE)
    told = ordered[start:end]
    return told, token_of(place(told[-1]), binding) if end < len(ordered) else ""


def check_page_size(page_size: int | None) -> None:
    """Raises: InvalidParamsError."""
    if page_size is not None and not 0 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidParamsError(f"pageSize must be 1 to {MAX_PAGE_SIZE}.", field="pageSize")


def _place(config: PushConfig) -> str:
    """Where a config stands in the table: the order of the pages is the order of the items."""
    return config.key.push


def token_of(place: str, binding: str) -> str:
    """The page token that leads on from a place in the list of `binding`."""
    return urlsafe_b64encode(_digest(place, binding) + place.encode()).decode().rstrip("=")


def place_of(page_token: str, binding: str) -> str:
    """The place that a token leads on from; empty for an empty one. Raises: InvalidParamsError for one that this list has not given."""
    if not page_token:
        return ""
    try:
        content = b64decode(page_token + "=" * (-len(page_token) % 4), altchars=b"-_", validate=True)
        place = content[_DIGEST_BYTES:].decode()
    except ValueError:
        place = ""
    if not place or page_token != token_of(place, binding):
        raise InvalidParamsError("pageToken is not one this list has given: leave it out to begin again.", field="pageToken")
    return place


def _digest(place: str, binding: str) -> bytes:
    # Not a secret: it detects a token of another list. Access to a task is checked on every call, whatever the token says.
    return hashlib.sha256(f"{binding}\n{place}".encode()).digest()[:_DIGEST_BYTES]
