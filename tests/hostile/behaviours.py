"""What a hostile receiver can do, by name, and what the relay must make of it.

An answer counts from the moment its final status and headers are in: then the status decides, whatever happens to the body.
Sources: RFC 9112 (HTTP/1.1 messages), RFC 9110 §15 (1xx, redirects), RFC 8446 (TLS).
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from relay.domain.outcome import OutcomeKind
from tests.hostile.line import Line

DELIVERED, REFUSED, TIMEOUT = OutcomeKind.DELIVERED, OutcomeKind.REFUSED, OutcomeKind.TIMEOUT
BROKEN, BAD_TLS = OutcomeKind.PROTOCOL_ERROR, OutcomeKind.TLS_ERROR

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
METADATA = b"http://169.254.169.254/latest/meta-data/iam/security-credentials/"
_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_BLOCK = b"x" * 65536


@dataclass(frozen=True)
class Behaviour:
    """`serve` is called with each connection, again until it raises. `kind` and `status` are what the relay must record of an attempt.

    `certificate` names one of `certificates.py`; without it the server speaks no TLS at all.
    """

    about: str
    serve: Callable[[Line], None]
    kind: OutcomeKind
    status: int | None = None
    certificate: str = ""
    is_https: bool = False  # the client speaks TLS though the server does not


def _acts(*acts: Callable[[Line], object]) -> Callable[[Line], None]:
    def serve(line: Line) -> None:
        for act in acts:
            act(line)

    return serve


def _after_request(*acts: Callable[[Line], object]) -> Callable[[Line], None]:
    return _acts(lambda line: line.read(), *acts)


def _says(data: bytes) -> Callable[[Line], None]:
    return lambda line: line.say(data)


def _drips(data: bytes) -> Callable[[Line], None]:
    return lambda line: line.drip(data)


def _pours(data: bytes) -> Callable[[Line], None]:
    return lambda line: line.pour(data)


def _answers(data: bytes, *then: Callable[[Line], object]) -> Callable[[Line], None]:
    return _after_request(_says(data), *then)


def _redirects(location: bytes, status: int) -> Callable[[Line], None]:
    away = b'Location: %b\r\nRefresh: 0; url=%b\r\nAlt-Svc: http/1.1="169.254.169.254:80"\r\n' % (location, location)
    return _answers(b"HTTP/1.1 %d Elsewhere\r\n%bContent-Length: 0\r\n\r\n" % (status, away))


def _bomb() -> bytes:
    """One gigabyte of zeros, as one megabyte of gzip; made when it is first thrown."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(1024)] + [packer.flush()])


def _throws_bomb(encoding: bytes) -> Callable[[Line], None]:
    def serve(line: Line) -> None:
        line.read()
        line.say(_HEAD + encoding + b": gzip\r\nConnection: close\r\n\r\n")
        line.say(_bomb())
        line.hang_up()

    return serve


SLOW = {
    "silent": Behaviour("takes the request and says nothing", _after_request(Line.hold), TIMEOUT),
    "never-reads": Behaviour("takes the connection and reads nothing", Line.hold, TIMEOUT),
    "slow-status-line": Behaviour("a byte of the status line now and then", _answers(b"HTTP/1.1 2", _drips(b"0")), TIMEOUT),
    "slow-headers": Behaviour("a byte of a header now and then", _answers(_HEAD + b"X: ", _drips(b"x")), TIMEOUT),
    "slow-body": Behaviour("200, then a byte of the body now and then", _answers(_HEAD + b"\r\n", _drips(b"x")), DELIVERED, 200),
    "slow-body-of-a-503": Behaviour("likewise after 503", _answers(b"HTTP/1.1 503 No\r\n\r\n", _drips(b"x")), REFUSED, 503),
    "slow-1xx": Behaviour("an interim answer now and then", _after_request(_drips(b"HTTP/1.1 102 Processing\r\n\r\n")), TIMEOUT),
    "slow-tls": Behaviour("takes the connection and never shakes hands", Line.hold, TIMEOUT, is_https=True),
}
ENDLESS = {
    "endless-body": Behaviour("200, then a body without end", _answers(_HEAD + b"\r\n", _pours(_BLOCK)), DELIVERED, 200),
    "endless-chunks": Behaviour("likewise in chunks", _answers(_CHUNKED, _pours(b"10000\r\n" + _BLOCK + b"\r\n")), DELIVERED, 200),
    "endless-chunk-extension": Behaviour("a chunk whose extension has no end", _answers(_CHUNKED + b"1;", _pours(_BLOCK)), DELIVERED, 200),
    "endless-trailers": Behaviour("trailers without end", _answers(_CHUNKED + b"0\r\n", _pours(b"X: y\r\n" * 999)), DELIVERED, 200),
    "endless-headers": Behaviour("headers without end", _answers(_HEAD, _pours(b"X: y\r\n" * 999)), BROKEN),
    "endless-header": Behaviour("one header without end", _answers(_HEAD + b"X: ", _pours(_BLOCK)), BROKEN),
    "endless-status-line": Behaviour("a status line without end", _answers(b"HTTP/1.1 200 ", _pours(_BLOCK)), BROKEN),
    "endless-1xx": Behaviour("interim answers without end", _after_request(_pours(b"HTTP/1.1 100 Continue\r\n\r\n" * 99)), BROKEN),
    "huge-headers": Behaviour("ten megabytes of headers", _answers(_HEAD + b"X: y\r\n" * 1_700_000 + b"\r\n", Line.hang_up), BROKEN),
    "gzip-bomb": Behaviour("a gigabyte, gzipped to one megabyte", _throws_bomb(b"Content-Encoding"), DELIVERED, 200),
    "gzip-transfer-bomb": Behaviour("likewise as a transfer encoding", _throws_bomb(b"Transfer-Encoding"), BROKEN),
}
BROKEN_HTTP = {
    "length-too-long": Behaviour(
        "promises 100 bytes and gives 5", _answers(_HEAD + b"Content-Length: 100\r\n\r\nshort", Line.hang_up), DELIVERED, 200
    ),
    "length-not-a-number": Behaviour("a length that is none", _answers(_HEAD + b"Content-Length: minus\r\n\r\n", Line.hang_up), BROKEN),
    "length-beyond-all": Behaviour(
        "a length of 2^80", _answers(_HEAD + b"Content-Length: %d\r\n\r\nx" % 2**80, Line.hang_up), DELIVERED, 200
    ),
    "two-answers": Behaviour(
        "500, and behind it a 200 that nobody asked for", _answers(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" + OK), REFUSED, 500
    ),
    "half-closed": Behaviour("closes its side and listens on", _after_request(Line.half_close), BROKEN),
    "half-closed-in-headers": Behaviour("likewise within the headers", _answers(_HEAD + b"X: ", Line.half_close), BROKEN),
    "half-closed-in-body": Behaviour(
        "likewise within the body", _answers(_HEAD + b"Content-Length: 9\r\n\r\nx", Line.half_close), DELIVERED, 200
    ),
    "reset": Behaviour("resets instead of an answer", _after_request(Line.reset), BROKEN),
    "reset-in-headers": Behaviour("resets within the headers", _answers(_HEAD, Line.reset), BROKEN),
    "reset-in-body": Behaviour(
        "resets within the body of a 500", _answers(b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nx", Line.reset), REFUSED, 500
    ),
    "http-1.0": Behaviour("an answer of HTTP/1.0", _answers(b"HTTP/1.0 200 OK\r\n\r\nok", Line.hang_up), DELIVERED, 200),
    "http-0.9": Behaviour("an answer without status or headers", _answers(b"<html>ok</html>\r\n", Line.hang_up), BROKEN),
    "http-2": Behaviour("HTTP/2, which nobody offered", _after_request(_says(b"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\1"), Line.hang_up), BROKEN),
    "not-http": Behaviour("another protocol", _answers(b"SSH-2.0-OpenSSH_9.2\r\n", Line.hang_up), BROKEN),
    "upgrade": Behaviour(
        "switches protocols", _answers(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Line.hang_up), BROKEN
    ),
    "bad-chunks": Behaviour("a chunk whose size is none", _answers(_CHUNKED + b"5\r\nshort\r\nzz\r\n", Line.hang_up), DELIVERED, 200),
    "bad-chunks-of-a-500": Behaviour(
        "likewise after 500", _answers(_CHUNKED.replace(b"200", b"500") + b"zz\r\n", Line.hang_up), REFUSED, 500
    ),
    "huge-chunk": Behaviour("a chunk of 2^72 bytes", _answers(_CHUNKED + b"f" * 18 + b"\r\nx", Line.hang_up), DELIVERED, 200),
    "nul-in-headers": Behaviour("a NUL in a header", _answers(_HEAD + b"X: \0\r\n\r\n", Line.hang_up), BROKEN),
}
AWAY = {
    "redirect-to-metadata": Behaviour("302 to the metadata of EC2", _redirects(METADATA, 302), REFUSED, 302),
    "redirect-307-to-metadata": Behaviour("307, which asks for the same POST there", _redirects(METADATA, 307), REFUSED, 307),
    "redirect-to-file": Behaviour("301 to a file", _redirects(b"file:///etc/passwd", 301), REFUSED, 301),
    "redirect-to-itself": Behaviour("308 to itself, for ever", _redirects(b"/", 308), REFUSED, 308),
    "asks-for-a-password": Behaviour(
        "401, and asks for NTLM, Negotiate and Basic",
        _answers(
            b"HTTP/1.1 401 No\r\n"
            + b"WWW-Authenticate: %b\r\n" * 3 % (b"NTLM", b"Negotiate", b'Basic realm="x"')
            + b"Content-Length: 0\r\n\r\n"
        ),
        REFUSED,
        401,
    ),
    "retry-after-for-ever": Behaviour(
        "503, and asks to be left alone for 30 years",
        _answers(b"HTTP/1.1 503 No\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n"),
        REFUSED,
        503,
    ),
}
TLS = {
    "good-tls": Behaviour("TLS as it should be, for comparison", _answers(OK), DELIVERED, 200, certificate="good"),
    "no-tls": Behaviour("plain HTTP where TLS is spoken", _acts(_says(OK), Line.hang_up), BAD_TLS, is_https=True),
    "bad-tls": Behaviour("noise instead of a handshake", _acts(_says(b"\x16\x03\x03" + _BLOCK), Line.hang_up), BAD_TLS, is_https=True),
    "old-tls": Behaviour("TLS 1.1 at most", _answers(OK), BAD_TLS, certificate="old-tls"),
    "expired-certificate": Behaviour("a certificate that has expired", _answers(OK), BAD_TLS, certificate="expired"),
    "wrong-name-certificate": Behaviour("a certificate for another name", _answers(OK), BAD_TLS, certificate="wrong-name"),
    "unknown-authority": Behaviour("a certificate that nobody vouches for", _answers(OK), BAD_TLS, certificate="unknown-authority"),
}
BEHAVIOURS = {
    "good": Behaviour("200 at once, for comparison", _answers(OK), DELIVERED, 200),
    **SLOW,
    **ENDLESS,
    **BROKEN_HTTP,
    **AWAY,
    **TLS,
}
