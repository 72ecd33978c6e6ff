"""What an agent says is told on without the credentials it was shown, in whichever way its JSON writes them."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relay.domain.json_body import parse_json
from relay.domain.masking import MASK, without

KEY = "sk+live/0123456789AbCd"

_CHARACTERS = st.characters(codec="utf-8")
_PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
_SHORT = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(_CHARACTERS)
DOCUMENTS = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(_CHARACTERS), inner, max_size=4), max_leaves=12
)


def escaped(character: str, *, upper: bool) -> str:
    """As four hexadecimal digits, twice for what is beyond the first plane."""
    units = character.encode("utf-16-be").hex()
    return "".join("\\u" + (digits.upper() if upper else digits) for digits in (units[at : at + 4] for at in range(0, len(units), 4)))


@st.composite
def spelt(draw: st.DrawFn, text: str) -> str:
    """One of the ways in which JSON may write the text."""
    written = []
    for character in text:
        ways = [escaped(character, upper=True), escaped(character, upper=False)]
        if character in _SHORT:
            ways.append(_SHORT[character])
        if character not in '"\\' and character >= " ":
            ways.append(character)
        written.append(draw(st.sampled_from(ways)))
    return '"' + "".join(written) + '"'


def strings(document: Any) -> Iterator[str]:
    """All strings of a document, names too."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        yield from (each for inner in document for each in strings(inner))
    elif isinstance(document, dict):
        yield from (each for inner in (*document, *document.values()) for each in strings(inner))


def read(body: bytes) -> Any:
    return json.loads(body)


@given(st.data())
def test_no_spelling_of_a_credential_stays_and_all_else_does(data: st.DataObject) -> None:
    text = data.draw(st.text(_PRINTABLE, min_size=16, max_size=30) | st.text(_CHARACTERS, min_size=16, max_size=20))
    document = data.draw(DOCUMENTS)
    before, after = data.draw(st.text(_CHARACTERS, max_size=3)), data.draw(st.text(_CHARACTERS, max_size=3))
    said = data.draw(spelt(before + text + after))
    rest = json.dumps(document, ensure_ascii=data.draw(st.booleans()))
    assume(all(text not in each for each in (rest, *strings(document))))
    body = f'{{"rest": {rest}, "said": {said}, {said}: 1}}'.encode()
    loses = (before + text + after).replace(text, MASK)
    assert read(without({text}, body)) == {"rest": document, "said": loses, loses: 1}


@given(DOCUMENTS, st.booleans())
def test_a_document_without_it_stays_as_it_came(document: Any, ascii_only: bool) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert without({KEY, f"Bearer {KEY}"}, body) is body or without({KEY}, body) == body


@given(st.binary())
def test_anything_may_come(body: bytes) -> None:
    assert KEY.encode() not in without({KEY}, body + KEY.encode())


@pytest.mark.parametrize(
    "said",
    [KEY, KEY.replace("+", "\\u002B"), KEY.replace("+", "\\u002b"), KEY.replace("/", "\\/"), "".join(escaped(c, upper=True) for c in KEY)],
)
def test_spellings_that_agents_use(said: str) -> None:
    body = f'{{"a": 1.50, "text": "got Bearer {said}, {said}\\n", "a": 12345678901234567890123}}'.encode()
    expected = b'{"a": 1.50, "text": "got [credential], [credential]\\n", "a": 12345678901234567890123}'
    assert without({KEY, f"Bearer {KEY}"}, body) == expected


def test_a_character_beyond_the_first_plane_is_found_as_a_pair() -> None:
    text = "a-key-with-\N{GRINNING FACE}-in-it"
    body = b'["a-key-with-\\ud83d\\uDE00-in-it"]'
    assert (without({text}, body), without({KEY}, body)) == (b'["[credential]"]', body)


def test_what_only_looks_like_an_escape_is_none() -> None:
    body = b'["sk\\\\u002Blive/0123456789AbCd"]'
    assert without({KEY}, body) is body


def test_a_name_that_is_there_twice_is_masked_both_times() -> None:
    body = b'{"a": "sk\\u002blive\\/0123456789AbCd", "a": 1}'
    assert without({KEY}, body) == b'{"a": "[credential]", "a": 1}'


def test_a_credential_of_digits_is_found_as_a_number_and_the_answer_stays_json() -> None:
    assert parse_json(without({"1234567890123456"}, b'{"n": 1234567890123456, "m": 12}')) == {"n": MASK, "m": 12}


def test_a_body_that_hides_nothing_or_has_no_such_escape_is_not_copied() -> None:
    for hidden, body in (((), b'"\\u0041"'), ((KEY,), b'"a\\n\\"b\\u4e2d"'), ((KEY,), b"")):
        assert without(hidden, body) is body


def test_what_is_looked_through_is_not_remembered() -> None:
    """An agent that writes `\\/` for a slash, and a credential that has one: each token of each answer is looked at."""
    body = json.dumps([{"n": n, "s": "a/b"} for n in range(20_000)]).replace("/", "\\/").encode()
    tracemalloc.start()
    try:
        assert without({KEY}, body) == body
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body)
    finally:
        tracemalloc.stop()
