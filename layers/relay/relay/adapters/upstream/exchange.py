"""One HTTP request to an agent and its answer, whole and bounded, or one of the relay's errors.

The errors say nothing an agent or httpx has said: either may quote a credential. Where the agent is stands in a note on the exception.
An answer that quotes what is `hidden`, the operator's credential, loses it here: to callers, receivers and the table it would be news.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpcore
import httpx

from relay.adapters.upstream.transport import deadline
from relay.adapters.upstream.turns import await_turn
from relay.domain.errors import InvalidAgentResponseError, UpstreamTimeoutError, UpstreamTooLargeError, UpstreamUnavailableError
from relay.domain.masking import without

MAX_ANSWER_BYTES = 5 * 1024 * 1024  # of an answer on its way to a caller
# The relay's own question: a task may be 10 MB as JSON to be told whole, and is told without its artifacts' contents beyond that.
MAX_TASK_ANSWER_BYTES = 16 * 1024 * 1024

_NOT_SENT = {"outcome": "not-sent"}
_UNKNOWN = {"outcome": "unknown"}


@dataclass(frozen=True)
class Exchange:
    """What came back. Header names are in lower case; `asked_at` and `arrived_at` are around the whole exchange."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    asked_at: datetime
    arrived_at: datetime


class ConnectionLostError(UpstreamUnavailableError):
    """The connection ended before the answer did: what the agent made of the request is not known."""


def exchange(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    hidden: Collection[str] = (),
    content: bytes | None = None,
    max_answer_bytes: int = MAX_ANSWER_BYTES,
    timeout: timedelta,
    now: Callable[[], datetime],
) -> Exchange:
    """One request, once, from the name's lookup to the answer's last byte within `timeout`.

    Raises: UpstreamUnavailableError, UpstreamTimeoutError, UpstreamTooLargeError; the metadata's `outcome` says whether the agent may have
    got the request.
    """
    asked_at = now()
    with translated(url), deadline(timeout):
        request = client.build_request(method, url, headers=dict(headers), content=content)
        response = client.send(request, stream=True)
        try:
            body = without(hidden, body_of(response, max_answer_bytes))
        finally:
            response.close()
    received = {name.lower(): value for name, value in response.headers.items()}
    return Exchange(response.status_code, received, body, asked_at=asked_at, arrived_at=now())


def body_of(response: httpx.Response, max_answer_bytes: int) -> bytes:
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise InvalidAgentResponseError("The agent's answer is compressed, though the relay asked for it as it is.")
    body, size = bytearray(), 0  # not a list of its pieces: they may be single bytes, each a hundred as an object
    for piece in response.iter_raw():
        size += len(piece)
        if size > max_answer_bytes:
            raise UpstreamTooLargeError(
                f"The agent's answer is larger than {max_answer_bytes} bytes, the most the relay takes.", metadata=_UNKNOWN
            )
        await_turn(size, is_whole=False)
        body += piece
    await_turn(size, is_whole=True)
    return bytes(body)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """`from None` where the outside error's text could hold a header's value or the URL."""
    try:
        yield
    except (httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
        raise _noted(
            UpstreamTimeoutError("The agent could not be reached in time; nothing was sent to it.", metadata=_NOT_SENT), url
        ) from error
    except httpcore.TimeoutException as error:
        told = "The agent did not answer in time; whether it does what it was asked is not known."
        raise _noted(UpstreamTimeoutError(told, metadata=_UNKNOWN), url) from error
    except httpcore.ConnectError as error:
        raise _noted(UpstreamUnavailableError("The agent cannot be reached; nothing was sent to it.", metadata=_NOT_SENT), url) from error
    except (httpx.InvalidURL, httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, UnicodeError):
        raise _noted(UpstreamUnavailableError("The agent's address or a header for it is not valid.", metadata=_NOT_SENT), url) from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        told = "The agent ended the connection before it had answered; whether it does what it was asked is not known."
        raise _noted(ConnectionLostError(told, metadata=_UNKNOWN), url) from error


def _noted(error: UpstreamUnavailableError | UpstreamTimeoutError, url: str) -> UpstreamUnavailableError | UpstreamTimeoutError:
    """For the log; a URL may hold a credential, so only its host is told."""
    try:
        address = httpx.URL(url)
        error.add_note(f"agent: {address.scheme}://{address.netloc.decode('ascii')}")
    except (httpx.InvalidURL, UnicodeError):
        error.add_note("agent: an address that is none")
    return error
