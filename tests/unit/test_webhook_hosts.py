"""The operator's lists of hosts: what each spelling means, and which list is the stronger."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.errors import InvalidParamsError, WebhookHostError
from relay.domain.host_list import NO_HOSTS, HostList
from relay.domain.webhook_hosts import WebhookHosts

FIELD = "pushNotificationConfig.url"


def problem_of(url: str, hosts: WebhookHosts) -> str:
    """The sentence the caller is told, or empty if the URL is accepted."""
    try:
        hosts.check(url, field=FIELD)
    except InvalidParamsError as error:
        return error.message
    return ""


def listed(*entries: str) -> HostList:
    return HostList.parse(entries)


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("receiver.example", "receiver.example", 443),
        (" Receiver.EXAMPLE ", "receiver.example", 443),
        ("receiver.example:8443", "receiver.example", 8443),
        (".example.com", "example.com", 443),
        (".example.com", "a.b.example.com", 443),
        ("*.example.com", "example.com", 443),
        ("*.example.com", "a.b.example.com", 443),
        ("*.example.com:8443", "a.example.com", 8443),
        ("8.8.8.8", "8.8.8.8", 443),
        ("8.8.8.8:80", "8.8.8.8", 80),
        ("8.8.8.8", "::ffff:8.8.8.8", 443),
        ("8.8.8.8", "64:ff9b::808:808", 443),
        ("::ffff:8.8.8.8", "8.8.8.8", 443),
        ("64:ff9b::808:808", "8.8.8.8", 443),
        ("[2606:4700::1111]", "2606:4700::1111", 443),
        ("2606:4700:0:0:0:0:0:1111", "2606:4700::1111", 443),
        ("[2606:4700::1111]:80", "2606:4700::1111", 80),
        ("fe80::1", "fe80::1%eth0", 443),
        ("8.8.0.0/16", "8.8.255.255", 443),
        ("8.8.8.8/16", "8.8.0.1", 443),
        ("8.8.0.0/16", "::ffff:8.8.1.1", 443),
        ("::ffff:8.8.0.0/112", "8.8.1.1", 443),
        ("::ffff:0.0.0.0/96", "8.8.8.8", 443),
        ("::/0", "2606:4700::1111", 443),
        ("::/0", "::ffff:8.8.8.8", 443),
        ("2606:4700::/32", "2606:4700::1111", 443),
    ],
)
def test_host_is_listed(entry: str, host: str, port: int) -> None:
    assert listed("unused.example", entry).has(host, port)


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("receiver.example", "a.receiver.example", 443),
        ("receiver.example", "xreceiver.example", 443),
        ("receiver.example", "receiver.example.attacker.example", 443),
        ("receiver.example:8443", "receiver.example", 443),
        (".example.com", "xexample.com", 443),
        ("*.example.com", "example.com.attacker.example", 443),
        ("*.example.com:8443", "a.example.com", 443),
        ("8.8.8.8", "8.8.4.4", 443),
        ("8.8.8.8:80", "8.8.8.8", 443),
        ("8.8.0.0/16", "8.9.0.0", 443),
        ("8.8.0.0/16", "a.example", 443),
        ("2606:4700::/32", "2606:4701::1", 443),
        ("0.0.0.0/0", "2606:4700::1111", 443),
    ],
)
def test_other_host_is_not_listed(entry: str, host: str, port: int) -> None:
    assert not listed(entry).has(host, port)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        ".",
        "*",
        "*.",
        "a.*.example",
        "*a.example",
        "https://a.example",
        "a.example/hook",
        "a@b.example",
        "127.1",
        "8.8.8.8/33",
        "*.8.8.8.8",
        "[::1",
        "a b",
    ],
)
def test_entry_that_means_nothing_is_an_error_that_names_it(entry: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        listed("receiver.example", entry)


def test_empty_list_has_nothing() -> None:
    assert not NO_HOSTS
    assert not NO_HOSTS.has("receiver.example", 443)
    assert listed("receiver.example")


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://receiver.example/hook", "receiver.example"),
        ("https://Receiver.Example:8443/hook", "receiver.example"),
        ("https://a.receiver.example/hook", "*.receiver.example"),
        ("https://8.8.8.8/hook", "8.8.0.0/16"),
        ("https://[::ffff:8.8.8.8]/hook", "8.8.8.8"),
    ],
)
def test_denied_host_is_no_webhook(url: str, entry: str) -> None:
    assert problem_of(url, WebhookHosts()) == ""
    assert "denies" in problem_of(url, WebhookHosts(denied=listed(entry)))


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        (WebhookHosts(denied=listed("10.0.0.1")), "must not lead to a private or reserved address."),
        (WebhookHosts(("10.0.0.1",), denied=listed("10.0.0.1")), "must not lead to a host that this relay's operator denies."),
        (WebhookHosts(("10.0.0.1",), only=listed("10.0.0.2")), "must lead to one of the hosts that this relay's operator has named."),
    ],
    ids=["not public", "denied", "not named"],
)
def test_refusal_names_the_field_as_the_caller_wrote_it_and_the_rule(hosts: WebhookHosts, told: str) -> None:
    with pytest.raises(InvalidParamsError) as refused:
        hosts.check("https://10.0.0.1/", field=FIELD)
    assert (refused.value.field, refused.value.message) == (FIELD, f"The webhook URL {told}")


def test_an_entry_with_a_port_is_about_that_port_alone() -> None:
    entry = listed("receiver.example:8443", "8.8.8.8:8443")
    denying, naming = WebhookHosts(denied=entry), WebhookHosts(only=entry)
    assert problem_of("https://receiver.example:8443/", denying)
    assert not problem_of("https://receiver.example/", denying)
    assert not problem_of("https://receiver.example:8443/", naming)
    assert problem_of("https://receiver.example/", naming)
    assert denying.denies_address("8.8.8.8", 8443)
    assert not denying.denies_address("8.8.8.8", 443)


def test_denied_is_stronger_than_allowed_and_only() -> None:
    hosts = WebhookHosts(("receiver.example",), denied=listed(".example"), only=listed("receiver.example"))
    assert "denies" in problem_of("https://receiver.example/", hosts)


def test_where_only_names_any_nothing_else_is_a_webhook() -> None:
    hosts = WebhookHosts(only=listed("*.example.com", "8.8.8.8"))
    assert problem_of("https://a.example.com/", hosts) == ""
    assert problem_of("https://8.8.8.8/", hosts) == ""
    assert "named" in problem_of("https://receiver.example/", hosts)
    assert "named" in problem_of("https://8.8.4.4/", hosts)


def test_exempt_host_must_be_among_the_only_ones_too() -> None:
    hosts = WebhookHosts(("localhost",), only=listed("receiver.example"))
    assert hosts.is_exempt("http://localhost/")
    assert "named" in problem_of("http://localhost/", hosts)


def test_naming_a_host_exempts_it_from_no_rule() -> None:
    hosts = WebhookHosts(only=listed("localhost", "127.0.0.1", "receiver.example"))
    assert problem_of("https://localhost/", hosts)
    assert problem_of("https://127.0.0.1/", hosts)
    assert problem_of("http://receiver.example/", hosts)
    assert not hosts.is_exempt("https://localhost/")


def test_address_that_a_name_led_to_is_denied_by_number() -> None:
    hosts = WebhookHosts(denied=listed("8.8.0.0/16", "receiver.example"))
    assert hosts.denies_address("8.8.8.8", 443)
    assert hosts.denies_address("::ffff:8.8.8.8", 443)
    assert not hosts.denies_address("8.9.0.1", 443)


@given(st.text(max_size=40) | st.text(alphabet=".*:/[]a18", max_size=20))
def test_any_entry_is_read_or_refused(entry: str) -> None:
    with suppress(ValueError):
        assert listed(entry)


@pytest.mark.parametrize(
    ("url", "hosts", "parameter"),
    [
        ("http://receiver.example/", WebhookHosts(), "AllowedWebhookHosts"),
        ("https://10.0.0.1/", WebhookHosts(), "AllowedWebhookHosts"),
        ("https://receiver.internal/", WebhookHosts(), "AllowedWebhookHosts"),
        ("https://receiver.example/", WebhookHosts(denied=listed("receiver.example")), "DeniedWebhookHosts"),
        ("https://receiver.example/", WebhookHosts(only=listed("other.example")), "OnlyWebhookHosts"),
    ],
)
def test_refusal_knows_the_operators_parameter_and_tells_the_caller_nothing_of_it(url: str, hosts: WebhookHosts, parameter: str) -> None:
    with pytest.raises(WebhookHostError) as refused:
        hosts.check(url, field=FIELD)
    assert refused.value.parameter == parameter
    assert parameter not in f"{refused.value} {refused.value.metadata}"


def test_no_parameter_lets_an_odd_url_in() -> None:
    for odd in ("ftp://receiver.example/", "http://a b/", "https://127.1/", 1):
        with pytest.raises(InvalidParamsError) as refused:
            WebhookHosts().check(odd, field=FIELD)
        assert not isinstance(refused.value, WebhookHostError)
