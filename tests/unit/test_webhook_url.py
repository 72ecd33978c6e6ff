from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.errors import InvalidParamsError
from relay.domain.webhook_url import check_webhook_url, is_allowed_host, origin

FIELD = "pushNotificationConfig.url"

GOOD = [
    "https://receiver.example",
    "https://receiver.example/",
    "https://receiver.example/hook?task=1&x=[a]{b}|c",
    "https://receiver.example?x=https://127.0.0.1/",
    "https://receiver.example#fragment",
    "https://receiver.example/a@b:c",
    "https://receiver.example:8443/hook",
    "HTTPS://Receiver.Example/Hook",
    "https://xn--bcher-kva.example/",
    "https://my_receiver.example/",
    "https://a.b.c.d.e.example/%2e%2e/..;/",
    "https://localhost.example/",
    "https://internal.example/",
    "https://not.localx/",
    "https://1.2.3.4.example/",
    "https://0x7f.example/",
    "https://8.8.8.8/hook",
    "https://8.8.8.8:65535/hook",
    "https://[2606:4700:4700::1111]/hook",
    "https://[2606:4700:4700:0:0:0:0:1111]:8443/hook",
    "https://[::ffff:8.8.8.8]/",
]

NOT_A_URL: list[Any] = [
    None,
    7,
    b"https://receiver.example/",
    ["https://receiver.example/"],
    "",
    "receiver.example/hook",
    "//receiver.example/hook",
    "https:receiver.example",
    "https:/receiver.example",
    "https://",
    "https:///hook",
    "https://?x",
    "https://:443/",
    "https://receiver.example/" + "x" * 2048,
    " https://receiver.example/",
    "https://receiver.example/ ",
    "https://receiver.example/a b",
    "https://receiver.example/\tx",
    "https://receiver.example/\r\nX-Injected: 1",
    "https://rece\niver.example/",
    "https://receiver.example/\x00",
    "https://receiver.example/\x7f",
    "https://receiver.example/ü",
    "https://bücher.example/",
    "https://receiver。example/",  # an ideographic full stop, which IDNA takes for a dot
    "https://①②⑦.⓪.⓪.①/",  # digits in circles, which IDNA takes for digits
    "https://ｒeceiver.example/",
    "ftp://receiver.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "javascript://receiver.example/",
    "wss://receiver.example/",
    "https+unix://receiver.example/",
    "https://user@receiver.example/",
    "https://user:password@receiver.example/",
    "https://@receiver.example/",
    "https://receiver.example@127.0.0.1/",
    "https://127.0.0.1\\@receiver.example/",
    "https://receiver.example\\.attacker.example/",
    "https:\\\\receiver.example/",
    "https://receiver.example/\\x",
    "https://receiver.example%2f@127.0.0.1/",
    "https://127.0.0.1%2f.receiver.example/",
    "https://%6c%6f%63alhost/",
    "https://receiver.example%00.attacker.example/",
    "https://receiver.example:0/",
    "https://receiver.example:65536/",
    "https://receiver.example:99999999999999999999/",
    "https://receiver.example:/",
    "https://receiver.example:0443/",
    "https://receiver.example:+443/",
    "https://receiver.example:443:443/",
    "https://receiver.example:https/",
    "https://receiver.example./",
    "https://receiver.example../",
    "https://.receiver.example/",
    "https://receiver..example/",
    "https://-receiver.example/",
    "https://receiver-.example/",
    "https://receiver!.example/",
    "https://receiver,example/",
    "https://(receiver).example/",
    "https://*.example/",
    "https://" + "x" * 64 + ".example/",
    "https://" + "x." * 127 + "example/",
    "https://[::1",
    "https://::1/",
    "https://[]/",
    "https://[::1]x/",
    "https://[v1.x]/",
    "https://[1.2.3.4]/",
    "https://[::1::2]/",
]

# The relay may be told to accept the plain spelling of these, see `allowed_hosts`.
NOT_PUBLIC = [
    "https://127.0.0.1/",
    "https://127.255.255.254/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::FFFF:7F00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://a.localhost/",
    "https://printer.local/",
    "https://ip-10-0-0-1.eu-west-1.compute.internal/",
    "https://metadata.google.internal/",
    "https://localhost.localdomain/",
    "https://nas.home.arpa/",
    "https://receiver/",
    "https://com/",
]

# Spellings of 127.0.0.1 and others that some parser somewhere understands: never accepted, whoever is allowed.
ODD_ADDRESSES = [
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0127.0.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.0x1/",
    "https://0x/",
    "https://0/",
    "https://00/",
    "https://127.0.0.1./",
    "https://127.0.0.1../",
    "https://2130706433./",
    "https://127.0.0.1.2/",
    "https://256.0.0.1/",
    "https://4294967297/",
    "https://receiver.1/",
    "https://8.8.2056/",
    "https://134744072/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[::1%251]/",
    "https://[::127.0.0.01]/",
]


def problem_of(url: Any, *allowed: str) -> str:
    """The sentence the caller is told, or empty if the URL is accepted."""
    try:
        check_webhook_url(url, allowed, field=FIELD)
    except InvalidParamsError as error:
        return error.message
    return ""


@pytest.mark.parametrize("url", GOOD)
def test_public_https_url_is_accepted(url: str) -> None:
    assert problem_of(url) == ""


@pytest.mark.parametrize("url", NOT_A_URL + NOT_PUBLIC + ODD_ADDRESSES)
def test_everything_else_is_refused(url: Any) -> None:
    assert problem_of(url).startswith("The webhook URL ")


@pytest.mark.parametrize("url", NOT_A_URL + ODD_ADDRESSES)
def test_odd_url_is_refused_even_where_local_hosts_are_allowed(url: Any) -> None:
    assert problem_of(url, "localhost", "127.0.0.1", "[::1]", "0.0.0.0", "0", "127.1", "[fe80::1]")


def test_refusal_names_the_field_as_the_caller_wrote_it() -> None:
    with pytest.raises(InvalidParamsError) as refused:
        check_webhook_url("http://receiver.example/", (), field=FIELD)
    assert refused.value.field == FIELD


@pytest.mark.parametrize("url", GOOD)
def test_plain_http_is_refused_unless_the_host_is_allowed(url: str) -> None:
    plain = url.lower().replace("https://", "http://", 1)
    assert problem_of(plain) == "The webhook URL must begin with https://."
    host = urlsplit(plain).hostname or ""
    assert problem_of(plain, host) == ""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "must be a string that is not empty"),
        ("https://receiver.example/" + "x" * 2048, "must not be longer than 2048 characters"),
        ("https://bücher.example/", "must be ASCII: write the host in punycode (xn--…) and percent-encode the rest"),
        ("https://receiver.example/a b", "must not contain spaces, control characters or backslashes"),
        ("receiver.example", "must have the form https://host/path"),
        ("ftp://receiver.example/", "must begin with https://"),
        ("https:///path", "has no host"),
        ("https://user:hunter2@receiver.example/", "must not contain a user name or password"),
        ("https://receiver.example:0/", "has a port that is not a number from 1 to 65535"),
        ("https://[::1/", "has a host that is neither a name nor an address"),
        ("https://[::1::]/", "has a host in brackets that is not an IPv6 address"),
        ("https://receiver.example./", "must not have a host that ends in a dot"),
        ("https://127.1/", "must have an IPv4 address written as four decimal numbers, as 192.0.2.1"),
        ("https://-.example/", "has a host that is not a DNS name"),
        ("https://10.0.0.1/", "must not lead to a private or reserved address"),
        ("https://printer.local/", "must not lead to a name of the local host or a private network"),
    ],
)
def test_refusal_says_what_is_wrong(url: Any, words: str) -> None:
    assert problem_of(url) == f"The webhook URL {words}."


def test_url_and_host_may_be_as_long_as_they_are_allowed_to_be() -> None:
    url, host = "https://receiver.example/", ".".join([*["x" * 49] * 5, "abc"])
    assert problem_of(url + "x" * (2048 - len(url))) == ""
    assert (len(host), problem_of(f"https://{host}/")) == (253, "")
    assert problem_of(f"https://a{host}/") == "The webhook URL has a host that is not a DNS name."


@pytest.mark.parametrize("url", NOT_A_URL + NOT_PUBLIC + ODD_ADDRESSES)
def test_refusal_does_not_repeat_the_url(url: Any) -> None:
    assert "hunter2" not in problem_of("https://user:hunter2@receiver.example/?key=hunter2")
    assert not isinstance(url, str) or len(url) < 9 or url not in problem_of(url)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://localhost/hook", "localhost"),
        ("http://LocalHost:9000/hook", "LOCALHOST"),
        ("http://localhost:9000/hook", "localhost:9000"),
        ("http://localhost/hook", "localhost:80"),
        ("https://localhost/hook", "localhost:443"),
        ("http://127.0.0.1:9000/", "127.0.0.1"),
        ("http://127.0.0.1:9000/", " 127.0.0.1:9000 "),
        ("http://[::1]:9000/", "[::1]"),
        ("http://[::1]:9000/", "[::1]:9000"),
        ("http://[0:0:0:0:0:0:0:1]:9000/", "[::1]"),
        ("http://[::1]:9000/", "[0:0:0:0:0:0:0:1]"),
        ("http://[::1]:9000/", "::1"),
        ("http://receiver:9000/", "receiver"),
    ],
)
def test_allowed_host_may_be_plain_and_private(url: str, entry: str) -> None:
    assert is_allowed_host(url, ("unused.example", entry))
    assert problem_of(url, "unused.example", entry) == ""


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://localhost:9000/", "localhost:9001"),
        ("http://localhost/", "localhost:443"),
        ("http://a.localhost/", "localhost"),
        ("http://localhost.attacker.example/", "localhost"),
        ("http://xlocalhost/", "localhost"),
        ("http://127.0.0.2/", "127.0.0.1"),
        ("http://[::ffff:127.0.0.1]/", "127.0.0.1"),
        ("http://[::1]:9000/", "[::1]:9001"),
        ("http://receiver.example/?localhost", "localhost"),
        ("http://receiver.example/", ""),
        ("http://receiver.example/", "*"),
        ("http://receiver.example/", "http://receiver.example"),
        ("http://localhost@receiver.example/", "localhost"),
        ("http://receiver.example#@localhost/", "localhost"),
        ("http://receiver.example\\@localhost/", "localhost"),
        ("not a URL", "localhost"),
    ],
)
def test_other_hosts_than_the_allowed_are_not(url: str, entry: str) -> None:
    assert not is_allowed_host(url, (entry,))
    assert problem_of(url, entry)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://receiver.example", "https://receiver.example"),
        ("HTTPS://Receiver.EXAMPLE:443/Hook?x#y", "https://receiver.example"),
        ("https://receiver.example:8443/", "https://receiver.example:8443"),
        ("http://localhost:80/", "http://localhost"),
        ("http://localhost:443/", "http://localhost:443"),
        ("https://[2606:4700:4700:0:0:0:0:1111]:8443/", "https://[2606:4700:4700::1111]:8443"),
    ],
)
def test_origin_is_the_same_for_the_same_receiver(url: str, expected: str) -> None:
    assert origin(url) == expected


def test_origin_of_an_odd_url_is_an_error() -> None:
    with pytest.raises(ValueError, match="user name"):
        origin("https://user@receiver.example/")


@given(st.text(max_size=80) | st.text(alphabet="htps:/@[]%.#?\\0127fx-lA ", max_size=40).map("https://".__add__))
def test_any_text_is_accepted_or_refused_with_a_sentence(url: str) -> None:
    assert problem_of(url) == "" or problem_of(url).startswith("The webhook URL ")


@given(st.text(alphabet="htps:/@[]%.#?\\0127fx-lA", max_size=40).map("https://".__add__))
def test_accepted_url_has_the_host_that_python_reads_too(url: str) -> None:
    if problem_of(url) == "":
        assert urlsplit(url).hostname == urlsplit(origin(url)).hostname
        assert urlsplit(url).username is None
