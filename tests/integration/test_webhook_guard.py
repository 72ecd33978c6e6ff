"""No way in: which addresses are dialled, whom TLS trusts, and what can never become part of a request."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pycurl
import pytest
import trustme

from relay.adapters.webhook import Post, WebhookClient
from relay.domain.host_list import HostList
from relay.domain.outcome import Outcome, OutcomeKind
from relay.domain.webhook_url import check_webhook_url, is_allowed_host
from tests.integration.loopback import OK, Receiver, says

LONG = timedelta(seconds=20)


@pytest.fixture
def client() -> Iterator[WebhookClient]:
    client = WebhookClient()
    yield client
    client.close()


def send(client: WebhookClient, url: str, *, allow_private: bool = False) -> Outcome:
    post = Post(url, (), b"{}", LONG, allow_private=allow_private)
    [outcome] = client.run([lambda: client.post(post)])
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "a.localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "0.0.0.0"],
)
def test_loopback_is_not_dialled(client: WebhookClient, host: str) -> None:
    with Receiver(says(OK)) as receiver:
        outcome = send(client, receiver.url(host=host))
        assert receiver.connections == 0
    assert (outcome.kind, outcome.status) == (OutcomeKind.BLOCKED_ADDRESS, None)
    assert "not a public address, and AllowedWebhookHosts does not exempt the host" in outcome.detail


@pytest.mark.parametrize(
    "host",
    ["[::1]", "[64:ff9b::7f00:1]", "[fd00:ec2::254]", "[fe80::1]", "10.0.0.1", "169.254.169.254", "192.168.0.1", "100.64.0.1", "224.0.0.1"],
)
def test_private_address_is_not_dialled(client: WebhookClient, host: str) -> None:
    assert send(client, f"http://{host}/latest/meta-data/").kind is OutcomeKind.BLOCKED_ADDRESS


def test_allowed_loopback_is_dialled_by_address_and_by_name(client: WebhookClient) -> None:
    with Receiver(says(OK)) as receiver:
        assert send(client, receiver.url(), allow_private=True).is_delivered
        assert send(client, receiver.url(host="localhost"), allow_private=True).is_delivered
    assert [request.headers["host"] for request in receiver.requests] == [f"127.0.0.1:{receiver.port}", f"localhost:{receiver.port}"]


def test_connection_opened_for_an_allowed_post_serves_no_other(client: WebhookClient) -> None:
    with Receiver(says(OK)) as receiver:
        assert send(client, receiver.url(), allow_private=True).is_delivered
        assert send(client, receiver.url()).kind is OutcomeKind.BLOCKED_ADDRESS
        assert send(client, receiver.url(), allow_private=True).is_delivered
    assert [request.connection for request in receiver.requests] == [1, 1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_denied_address_is_not_dialled_though_its_host_is_allowed(host: str) -> None:
    client = WebhookClient(is_denied=HostList.parse(["127.0.0.0/8", "::1"]).has)
    with Receiver(says(OK)) as receiver:
        outcome = send(client, receiver.url(host=host), allow_private=True)
        assert receiver.connections == 0
    client.close()
    assert (outcome.kind, outcome.status) == (OutcomeKind.BLOCKED_ADDRESS, None)
    assert "which DeniedWebhookHosts has" in outcome.detail


def test_address_is_denied_by_the_port_that_is_dialled() -> None:
    with Receiver(says(OK)) as denied, Receiver(says(OK)) as other:
        client = WebhookClient(is_denied=HostList.parse([f"127.0.0.1:{denied.port}"]).has)
        assert send(client, denied.url(), allow_private=True).kind is OutcomeKind.BLOCKED_ADDRESS
        assert send(client, other.url(), allow_private=True).is_delivered
        assert denied.connections == 0
    client.close()


@pytest.mark.parametrize("end", ["?x=@other.example/", "#@other.example/", "/@other.example", "/..//;", "/%00", "", "?"])
def test_libcurl_reads_the_host_that_was_checked(client: WebhookClient, end: str) -> None:
    with Receiver(says(OK)) as receiver:
        url = f"http://LocalHost:{receiver.port}{end}"
        check_webhook_url(url, (f"localhost:{receiver.port}",), field="url")
        assert is_allowed_host(url, (f"localhost:{receiver.port}",))
        assert send(client, url, allow_private=True).is_delivered


def test_netrc_of_the_user_is_ignored(client: WebhookClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login me password hunter2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with Receiver(says(OK)) as receiver:
        send(client, receiver.url(), allow_private=True)
    assert "authorization" not in receiver.requests[0].headers


class Authority:
    """A certificate authority of our own, trusted by `client`."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def trusting(authority: Authority) -> Iterator[WebhookClient]:
    client = WebhookClient(ca_file=str(authority.file))
    yield client
    client.close()


@pytest.mark.parametrize("is_tls", [False, True])
def test_proxies_of_the_environment_are_ignored(
    authority: Authority, trusting: WebhookClient, monkeypatch: pytest.MonkeyPatch, is_tls: bool
) -> None:
    with Receiver(says(OK)) as proxy, Receiver(says(OK), tls=authority.server("localhost") if is_tls else None) as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert send(trusting, receiver.url(host="localhost"), allow_private=True).is_delivered
        assert proxy.connections == 0


def test_tls_receiver_is_called_by_its_name(authority: Authority, trusting: WebhookClient) -> None:
    names: list[str | None] = []
    context = authority.server("localhost")
    context.set_servername_callback(lambda _socket, name, _context: names.append(name))
    with Receiver(says(OK), tls=context) as receiver:
        outcome = send(trusting, receiver.url(host="localhost"), allow_private=True)
    assert outcome.kind is OutcomeKind.DELIVERED
    assert names == ["localhost"]
    assert receiver.requests[0].headers["host"] == f"localhost:{receiver.port}"


def test_certificate_for_another_name_is_a_tls_error(authority: Authority, trusting: WebhookClient) -> None:
    with Receiver(says(OK), tls=authority.server("other.example")) as receiver:
        outcome = send(trusting, receiver.url("/hook?key=hidden", host="localhost"), allow_private=True)
    assert (outcome.kind, outcome.status) == (OutcomeKind.TLS_ERROR, None)
    assert outcome.detail.startswith("TLS failed: ")
    assert "hidden" not in outcome.detail
    assert receiver.requests == []


def test_certificate_of_an_unknown_authority_is_a_tls_error(authority: Authority, client: WebhookClient) -> None:
    with Receiver(says(OK), tls=authority.server("localhost")) as receiver:
        outcome = send(client, receiver.url(host="localhost"), allow_private=True)
    assert outcome.kind is OutcomeKind.TLS_ERROR
    assert receiver.requests == []


def test_server_without_tls_is_a_tls_error(client: WebhookClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(OK)
                connection.recv(4096)

        thread = threading.Thread(target=answer)
        thread.start()
        outcome = send(client, f"https://127.0.0.1:{listener.getsockname()[1]}/", allow_private=True)
        thread.join()
    assert outcome.kind is OutcomeKind.TLS_ERROR


def test_handshake_that_hangs_is_a_timeout(client: WebhookClient) -> None:
    with Receiver(says(OK)) as receiver:
        post = Post(f"https://127.0.0.1:{receiver.port}/", (), b"", timedelta(milliseconds=500), allow_private=True)
        [outcome] = client.run([lambda: client.post(post)])
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.TIMEOUT, "No answer within 0.5 s: the TLS handshake did not end.")


def test_tls_below_1_2_is_refused(authority: Authority, trusting: WebhookClient) -> None:
    context = authority.server("localhost")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Receiver(says(OK), tls=context) as receiver:
        assert send(trusting, receiver.url(host="localhost"), allow_private=True).kind is OutcomeKind.TLS_ERROR


def test_missing_ca_file_is_our_fault_not_the_receivers(authority: Authority, tmp_path: Path) -> None:
    client = WebhookClient(ca_file=str(tmp_path / "missing.pem"))
    with Receiver(says(OK), tls=authority.server("localhost")) as receiver:
        post = Post(receiver.url(host="localhost"), (), b"", LONG, allow_private=True)
        [error] = client.run([lambda: client.post(post)])
    client.close()
    assert isinstance(error, RuntimeError)


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\x00b", "\x7f", "\x1b[0m"])
def test_header_value_with_a_control_character_is_never_sent(value: str) -> None:
    with pytest.raises(ValueError, match="X-Token") as refused:
        Post("https://receiver.example/", (("X-Token", value),), b"", LONG)
    assert value not in str(refused.value)


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nY", "X-\u00fc"])
def test_header_name_that_is_no_token_is_never_sent(name: str) -> None:
    with pytest.raises(ValueError, match="token"):
        Post("https://receiver.example/", ((name, "x"),), b"", LONG)


@pytest.mark.parametrize(
    "url", ["", "ftp://receiver.example/", "file:///etc/passwd", "https://a/\r\nX: y", "https://a/ b", "https://\u00fc/"]
)
def test_url_that_is_not_plain_http_is_never_sent(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Post(url, (), b"", LONG)


def test_secrets_of_a_post_are_not_in_its_repr() -> None:
    post: Any = Post("https://receiver.example/", (("Authorization", "Bearer hunter2"),), b'{"token": "hunter2"}', LONG)
    assert "hunter2" not in repr(post)


def test_libcurl_can_look_up_names_beside_transfers() -> None:
    assert pycurl.version_info()[4] & pycurl.VERSION_ASYNCHDNS, "a slow name server would stop every other POST"
