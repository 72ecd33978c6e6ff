import pytest

from relay.domain.keys import MAX_ID_LENGTH
from relay.domain.path_ids import delivered, is_delivered_as_sent, sent_as


@pytest.mark.parametrize(
    ("name", "arrives"),
    [("a", "a"), ("a?b", "a"), ("?", ""), ("a%2Fb", "a/b"), ("a%2fb", "a/b"), ("a%252Fb", "a%2Fb"), ("a%3Fb", "a?b"), ("a%", "a%")],
)
def test_an_id_arrives_cut_at_a_question_mark_and_decoded_once_more(name: str, arrives: str) -> None:
    assert delivered(name) == arrives


def test_only_letters_digits_and_four_marks_hide_nothing() -> None:
    assert is_delivered_as_sent("aZ0-._~")
    assert not any(is_delivered_as_sent(name) for name in ("a/b", "a b", "a%b", "a?b", "a+b", "é"))


def test_an_id_may_have_been_sent_in_its_encoded_forms() -> None:
    assert sent_as("task-1") == ("task-1",)
    assert sent_as("a b") == ("a b", "a%20b")
    assert sent_as("a/b") == ("a/b", "a%2Fb", "a%2fb")
    assert all(delivered(name) == "a/é" for name in sent_as("a/é"))


def test_an_encoded_form_that_is_too_long_for_an_id_is_none() -> None:
    slashes = "/" * MAX_ID_LENGTH
    assert "%2F" * MAX_ID_LENGTH not in sent_as(slashes)
