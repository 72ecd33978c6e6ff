"""One POST through libcurl: what is asked of it, which addresses it may dial, and what its end means.

An answer counts from the moment its final status line and headers are in: then the status decides, whatever happens to the body (cut at
64 KiB, hanging until the deadline, broken off, badly chunked). The receiver has said what it thinks of the notification; to POST it again
because of the body would only repeat what it has taken.
"""

import re
import socket
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pycurl

from relay import __version__
from relay.domain.addresses import is_public
from relay.domain.outcome import MAX_ANSWER_BYTES, Outcome, OutcomeKind, Phases, classify, parse_retry_after
from relay.domain.webhook_hosts import DENIES
from relay.domain.webhook_url import EXEMPTS

MAX_BODY_BYTES = 64 * 1024  # read of an answer's body; what is beyond is not waited for
MAX_HEAD_BYTES = 64 * 1024  # of all status lines and headers of an answer, interim answers included
MAX_IDLE_SECONDS = 60  # a kept connection that idled longer is not used again

_URL = re.compile(r"https?://[!-~]+", re.ASCII | re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS_LINE = re.compile(rb"HTTP/[0-9.]+ +([0-9]{3})")
_UNPRINTABLE = re.compile(r"[^ -~]+")

_OPTIONS: tuple[tuple[int, Any], ...] = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.PROXY, ""),  # set, and empty: nothing is taken from the environment
    (pycurl.NOPROXY, "*"),
    (pycurl.NETRC, 0),
    (pycurl.PATH_AS_IS, 1),
    (pycurl.HTTP_CONTENT_DECODING, 0),
    (pycurl.HTTP09_ALLOWED, 0),
    (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),  # or newer
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
    (pycurl.MAXAGE_CONN, MAX_IDLE_SECONDS),
    (pycurl.USERAGENT, f"a2a-push-relay/{__version__}"),
)

_TLS_ERRORS = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_INVALIDCERTSTATUS,
    }
)
_BROKEN_OFF = frozenset({pycurl.E_GOT_NOTHING, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_PARTIAL_FILE})
_TOO_LARGE = 100  # CURLE_TOO_LARGE, which pycurl does not name: libcurl's own limits, such as 5,000 headers
_OUR_FAULTS = frozenset(
    {
        pycurl.E_BAD_FUNCTION_ARGUMENT,
        pycurl.E_FAILED_INIT,
        pycurl.E_OUT_OF_MEMORY,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_ENGINE_INITFAILED,
        pycurl.E_UNKNOWN_OPTION,
    }
)


@dataclass(frozen=True)
class Post:
    """One POST to send. `timeout` spans everything, from the name lookup to the last byte; `allow_private` lifts the guard on addresses.

    Raises: ValueError for a URL or header that would be more than one line of a request; the text never repeats a value.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    timeout: timedelta
    allow_private: bool = False

    def __post_init__(self) -> None:
        if not _URL.fullmatch(self.url):
            raise ValueError("the URL of a POST is http or https, in printable ASCII")
        for name, value in self.headers:
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError("the name of a header is a token")
            if _CONTROL.search(value):
                raise ValueError(f"the value of {name} holds a control character")


class Transfer:
    """One POST under way. `outcome` is what the job waits for; an exception in it is a fault of ours, never of the receiver."""

    def __init__(self, post: Post, *, ca_file: str, is_denied: Callable[[str, int], bool], now: Callable[[], datetime]) -> None:
        self.post = post
        self.outcome: Future[Outcome] = Future()
        self.is_lookup_hanging = False  # at the end: a thread of libcurl's still waits for the name, and closing the lane waits for it
        self._is_denied = is_denied
        self._now = now
        self._blocked = ""  # why the last address was not dialled
        self._head_bytes = 0
        self._is_head_complete = False
        self._status = 0
        self._retry_after = ""
        self._body_bytes = 0
        self._body = bytearray()
        self.curl = self._prepare(ca_file)

    def finish(self, code: int, message: str) -> None:
        """The transfer has ended with libcurl's `code` (0 is success); the curl handle is spent."""
        try:
            if code in _OUR_FAULTS:
                self.outcome.set_exception(RuntimeError(f"libcurl cannot POST (error {code}): {message}"))
            else:
                self.outcome.set_result(self._told(code, message))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Frees the curl handle, and the job if it still waits: the run ended before the transfer did."""
        self.curl.close()
        if not self.outcome.done():
            self.outcome.set_exception(RuntimeError("the run ended before the POST did"))

    def _prepare(self, ca_file: str) -> pycurl.Curl:
        curl = pycurl.Curl()
        milliseconds = max(1, round(self.post.timeout.total_seconds() * 1000))
        for option, value in (
            *_OPTIONS,
            (pycurl.URL, self.post.url),
            (pycurl.POSTFIELDS, self.post.body),
            (pycurl.HTTPHEADER, _header_lines(self.post.headers)),
            (pycurl.TIMEOUT_MS, milliseconds),
            (pycurl.CONNECTTIMEOUT_MS, milliseconds),
            (pycurl.CAINFO, ca_file),
            (pycurl.OPENSOCKETFUNCTION, self._open_socket),
            (pycurl.HEADERFUNCTION, self._take_header),
            (pycurl.WRITEFUNCTION, self._take_body),
        ):
            curl.setopt(option, value)
        return curl

    def _open_socket(self, _purpose: int, address: Any) -> Any:
        """The guard: libcurl dials no address but those that pass here, literal or looked up, at every new connection."""
        if address.family not in (socket.AF_INET, socket.AF_INET6):
            return pycurl.SOCKET_BAD
        host, port = str(address.addr[0]), int(address.addr[1])
        if not self.post.allow_private and not is_public(host):
            self._blocked = f"{host}, which is not a public address, and {EXEMPTS} does not exempt the host"
            return pycurl.SOCKET_BAD
        if self._is_denied(host, port):
            self._blocked = f"{host}, which {DENIES} has"
            return pycurl.SOCKET_BAD
        try:
            return socket.socket(address.family, address.socktype, address.protocol)
        except OSError:  # no IPv6 here: libcurl goes on to the next address
            return pycurl.SOCKET_BAD

    def _take_header(self, line: bytes) -> int | None:
        """Every line of status, headers and trailers; 0 breaks the transfer off."""
        self._head_bytes += len(line)
        if self._head_bytes > MAX_HEAD_BYTES:
            return 0
        if self._is_head_complete:
            return None  # a trailer
        if match := _STATUS_LINE.match(line):
            self._status, self._retry_after = int(match[1]), ""
        elif not line.strip():
            self._is_head_complete = self._status >= 200  # 1xx: the final answer is still to come
        elif line[:12].lower() == b"retry-after:":
            self._retry_after = line[12:].decode("latin-1")
        return None

    def _take_body(self, part: bytes) -> int | None:
        self._body_bytes += len(part)
        self._body += part[: MAX_ANSWER_BYTES - len(self._body)]
        return None if self._body_bytes < MAX_BODY_BYTES else 0

    def _told(self, code: int, message: str) -> Outcome:
        kind, detail = self._answered(code) if self._is_head_complete else self._failed(code, message)
        is_refusal = self._is_head_complete and kind is not OutcomeKind.DELIVERED
        return Outcome(
            kind=kind,
            status=self._status if self._is_head_complete else None,
            retry_after=parse_retry_after(self._retry_after, self._now()) if is_refusal else None,
            phases=_phases(self.curl),
            answer=self._body.decode("utf-8", "replace"),
            detail=detail,
        )

    def _answered(self, code: int) -> tuple[OutcomeKind, str]:
        remark = "; redirects are not followed" if 300 <= self._status <= 399 else ""
        if code != pycurl.E_OK and self._body_bytes < MAX_BODY_BYTES:
            remark += "; the body of the answer did not come in full"
        return classify(self._status), f"The receiver answered {self._status}{remark}."

    def _failed(self, code: int, message: str) -> tuple[OutcomeKind, str]:
        """Without a final status. libcurl's own words are kept for TLS only: others may quote what was sent or answered."""
        if code == pycurl.E_OPERATION_TIMEDOUT:
            stage = self._stage()
            self.is_lookup_hanging = stage is _Stage.NAME_LOOKUP
            return OutcomeKind.TIMEOUT, f"No answer within {self.post.timeout.total_seconds():g} s: {stage}."
        if code == pycurl.E_COULDNT_CONNECT and self._blocked:
            return OutcomeKind.BLOCKED_ADDRESS, f"The host leads to {self._blocked}; it was not dialled."
        if code == pycurl.E_COULDNT_CONNECT:
            return OutcomeKind.CONNECT_ERROR, "The receiver did not accept the connection."
        if code == pycurl.E_COULDNT_RESOLVE_HOST:
            return OutcomeKind.CONNECT_ERROR, "The name of the host leads to no address."
        if code in _TLS_ERRORS:
            return OutcomeKind.TLS_ERROR, f"TLS failed: {_UNPRINTABLE.sub(' ', message)[:200]}."
        return OutcomeKind.PROTOCOL_ERROR, self._broken(code)

    def _broken(self, code: int) -> str:
        if self._head_bytes > MAX_HEAD_BYTES or code == _TOO_LARGE:
            return "The headers of the answer are too long or too many."
        if code in _BROKEN_OFF:
            return "The connection ended before an answer was complete."
        return f"The answer is not proper HTTP (libcurl error {code})."

    def _stage(self) -> "_Stage":
        """How far the POST came."""
        if self.curl.getinfo(pycurl.REQUEST_SIZE):
            return _Stage.ANSWER
        if self.curl.getinfo(pycurl.CONNECT_TIME_T):
            return _Stage.TLS
        return _Stage.CONNECT if self.curl.getinfo(pycurl.NAMELOOKUP_TIME_T) else _Stage.NAME_LOOKUP


class _Stage(StrEnum):
    """Where a POST hung, in words for the operator."""

    NAME_LOOKUP = "the name lookup did not end"
    CONNECT = "no connection was made"
    TLS = "the TLS handshake did not end"
    ANSWER = "the request was sent"


def _header_lines(headers: tuple[tuple[str, str], ...]) -> list[bytes]:
    """In libcurl's notation: `Name;` sends an empty header, `Name:` sends none though libcurl has one of its own."""
    lines = [f"{name}: {value}" if value.strip() else f"{name};" for name, value in headers]
    names = {name.lower() for name, _ in headers}
    lines += [f"{name}:" for name in ("Expect", "Content-Type") if name.lower() not in names]
    return [line.encode() for line in lines]


def _phases(curl: pycurl.Curl) -> Phases:
    """libcurl's times count from the start, in microseconds, and are 0 for what was not reached."""
    lookup, connect, tls, sent, answered, total = (
        curl.getinfo(info)
        for info in (
            pycurl.NAMELOOKUP_TIME_T,
            pycurl.CONNECT_TIME_T,
            pycurl.APPCONNECT_TIME_T,
            pycurl.PRETRANSFER_TIME_T,
            pycurl.STARTTRANSFER_TIME_T,
            pycurl.TOTAL_TIME_T,
        )
    )
    return Phases(
        name_lookup_ms=_milliseconds(0, lookup),
        connect_ms=_milliseconds(lookup, connect),
        tls_ms=_milliseconds(connect, tls),
        first_byte_ms=_milliseconds(sent, answered),
        total_ms=_milliseconds(0, total),
    )


def _milliseconds(since: int, until: int) -> int:
    return max(0, round((until - since) / 1000))
