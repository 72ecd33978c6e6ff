"""Where an agent is, as operators write it: `relay agents add NAME URL` and `relay dev --upstream [NAME=]URL`."""

import argparse

import pytest

from relay_dev.arguments import agent_url
from relay_dev.failure import DevError
from relay_dev.upstreams import UpstreamOption, default_upstream, upstream_option


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://agent.example", "https://agent.example"),
        ("HTTP://agent.example/", "HTTP://agent.example"),
        ("http://127.0.0.1:9999/a/?k=v", "http://127.0.0.1:9999/a/?k=v"),
        ("http://[::1]:9999/", "http://[::1]:9999"),
    ],
)
def test_a_url_is_kept_as_it_is(text: str, kept: str) -> None:
    assert agent_url(text) == kept
    assert upstream_option(text) == UpstreamOption("", kept)
    assert upstream_option(f"mine={text}") == UpstreamOption("mine", kept)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        *(
            (text, "is http or https with a host")
            for text in (
                *(
                    "",
                    "agent.example",
                    "ftp://agent.example",
                    "http://",
                    "http:///path",
                    "http://:80",
                    "https:agent.example",
                    "//agent.example",
                ),
                *("http://[::1", "http://agent.example:port", "http://agent.example:99999", "http://agent.example:0", "file:///etc/passwd"),
                *(
                    "http://agent.example/a b",
                    "http://agent.example\\\\@other.example",
                    "http://ag\u00ebnt.example",
                    "http://agent.example/\x00",
                    "http://a\n.b",
                ),
            )
        ),
        ("https://user:hunter2@agent.example/", "names no user and password"),
        ("https://@agent.example/", "names no user and password"),
        ("https://agent.example/#part", "has no fragment"),
        ("https://agent.example#", "has no fragment"),
    ],
)
def test_any_other_is_refused_in_a_sentence_that_does_not_quote_it(text: str, complaint: str) -> None:
    for read, given in ((agent_url, text), (upstream_option, text), (upstream_option, f"mine={text}")):
        with pytest.raises(argparse.ArgumentTypeError, match=complaint) as raised:
            read(given)
        assert "hunter2" not in str(raised.value)


def test_two_agents_of_one_name_are_refused() -> None:
    options = [UpstreamOption(name, f"http://127.0.0.1:{port}") for port, name in enumerate(("a", "b", "a"), start=9000)]
    with pytest.raises(DevError, match="Two agents are named a: give each --upstream a name of its own"):
        default_upstream(options)
    assert default_upstream(options[:2]) == options[0]
