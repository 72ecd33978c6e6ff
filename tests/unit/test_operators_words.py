"""What an operator's command says of an argument that it cannot use: what is wrong, and what it takes."""

from argparse import ArgumentTypeError
from collections.abc import Callable

import pytest

from relay_dev import arguments, operate


@pytest.mark.parametrize(
    ("parse", "given", "said"),
    [
        (arguments.moment, "1h", "'1h' is no ISO 8601 time such as 2026-12-31T18:00Z"),
        (arguments.end, "90", "'90' is no ISO 8601 time such as 2026-12-31T18:00Z, and no length of time such as 30m, 24h or 90d"),
        (arguments.length, "tomorrow", "'tomorrow' is no length of time such as 30m, 24h or 90d"),
        (operate.receiver, "127.0.0.1:9900", "'127.0.0.1:9900' is no receiver's origin, such as https://you.example"),
        (operate.receiver, "foo", "'foo' is no receiver's origin, such as https://you.example"),
    ],
)
def test_a_refused_argument_says_what_would_do(parse: Callable[[str], object], given: str, said: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        parse(given)
    assert str(refused.value) == said


def test_a_receiver_may_be_given_as_any_url_of_it() -> None:
    assert operate.receiver("https://You.example:443/webhook") == "https://you.example"
    assert operate.receiver("") == ""
