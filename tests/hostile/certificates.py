"""Certificates of a certificate authority of our own, good ones and bad ones."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

HOSTS = ("127.0.0.1", "localhost")
_PAST = datetime(2020, 1, 1, tzinfo=UTC)


class Authority:
    """Made anew each time; nothing is kept but what `write` writes."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def write(self, path: Path) -> None:
        """Its own certificate, in PEM: for clients that shall trust it."""
        self._ca.cert_pem.write_to_path(str(path))

    def context(self, name: str) -> ssl.SSLContext:
        """A server's side of TLS with the certificate of that name. Raises: KeyError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates = {
            "good": lambda: self._ca.issue_cert(*HOSTS),
            "old-tls": lambda: self._ca.issue_cert(*HOSTS),
            "expired": lambda: self._ca.issue_cert(*HOSTS, not_before=_PAST, not_after=_PAST + timedelta(days=30)),
            "wrong-name": lambda: self._ca.issue_cert("other.example"),
            "unknown-authority": lambda: trustme.CA().issue_cert(*HOSTS),
        }
        certificates[name]().configure_cert(context)
        if name == "old-tls":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        return context
