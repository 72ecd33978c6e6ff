"""Pages of push configs: complete, bounded, and of one list only."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.errors import InvalidParamsError
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.paging import page, place_of, token_of
from relay.domain.push_config import Dialect, PushConfig

TASK = TaskKey("owner", "default", "", "t")
IDS = st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), max_size=20)


def configs(*config_ids: str) -> list[PushConfig]:
    return [PushConfig(ConfigKey(TASK, config_id), url="https://x.example", dialect=Dialect.A2A_V10) for config_id in config_ids]


def numbered(count: int) -> list[PushConfig]:
    return configs(*(f"{number:03d}" for number in range(count)))


def wrong_field(page_size: int, page_token: str = "", binding: str = TASK.partition) -> str:
    with pytest.raises(InvalidParamsError) as raised:
        page(numbered(9), page_size, page_token=page_token, binding=binding)
    return raised.value.field


def first_token(binding: str = TASK.partition) -> str:
    return page(numbered(9), 3, page_token="", binding=binding)[1]


def test_fifty_is_the_default() -> None:
    told, token = page(numbered(60), 0, page_token="", binding=TASK.partition)
    assert len(told) == 50
    assert token


def test_a_page_may_have_a_hundred() -> None:
    assert len(page(numbered(120), 100, page_token="", binding=TASK.partition)[0]) == 100


def test_without_pages_everything_is_told() -> None:
    told, token = page(numbered(250), None, page_token="", binding=TASK.partition)
    assert len(told) == 250
    assert not token


def test_a_list_that_fits_has_no_next_page() -> None:
    assert page(numbered(3), 3, page_token="", binding=TASK.partition) == (numbered(3), "")
    assert page([], 3, page_token="", binding=TASK.partition) == ([], "")


@pytest.mark.parametrize("page_size", [-1, 101, 2**31])
def test_another_size_of_a_page_is_refused(page_size: int) -> None:
    assert wrong_field(page_size) == "pageSize"


@pytest.mark.parametrize("token", ["x", "!", "ü", "====", "AAAA", "A" * 40, base64.urlsafe_b64encode(b"\xff" * 20).decode()])
def test_a_token_nobody_gave_is_refused(token: str) -> None:
    assert wrong_field(3, token) == "pageToken"


def test_a_token_that_was_changed_is_refused() -> None:
    token = first_token()
    assert wrong_field(3, token[:-1] + ("A" if token[-1] != "A" else "B")) == "pageToken"
    assert wrong_field(3, token + "=") == "pageToken"


def test_a_token_of_another_caller_or_task_is_refused() -> None:
    for other in (TASK._replace(owner="other"), TASK._replace(task_id="u"), TASK._replace(tenant="x")):
        assert wrong_field(3, first_token(other.partition)) == "pageToken"


def test_pages_go_on_after_the_last_config_told_even_when_it_is_gone() -> None:
    told, token = page(numbered(9), 3, page_token="", binding=TASK.partition)
    left = [config for config in numbered(9) if config != told[-1]]
    assert page(left, 3, page_token=token, binding=TASK.partition)[0] == numbered(9)[3:6]


def test_a_config_added_between_two_pages_repeats_nothing() -> None:
    _, token = page(numbered(9), 3, page_token="", binding=TASK.partition)
    more = configs("000a") + numbered(9)
    assert page(more, 3, page_token=token, binding=TASK.partition)[0] == numbered(9)[3:6]


@given(IDS, st.integers(1, 7))
def test_all_pages_together_tell_every_config_once(config_ids: set[str], page_size: int) -> None:
    told: list[str] = []
    token = ""
    for _ in range(max(1, -(-len(config_ids) // page_size))):
        items, token = page(configs(*config_ids), page_size, page_token=token, binding=TASK.partition)
        told += [config.key.config_id for config in items]
    assert not token
    assert sorted(told) == sorted(config_ids)


@given(st.text())
def test_any_token_is_taken_or_refused(token: str) -> None:
    try:
        page(numbered(9), 3, page_token=token, binding=TASK.partition)
    except InvalidParamsError as error:
        assert error.field == "pageToken"  # noqa: PT017


def test_an_empty_token_leads_to_the_beginning() -> None:
    assert place_of("", "a list") == ""


def test_a_token_leads_to_its_place_in_its_list_alone() -> None:
    token = token_of("place", "a list")
    assert place_of(token, "a list") == "place"
    with pytest.raises(InvalidParamsError):
        place_of(token, "another list")


def test_a_token_may_stand_in_a_url_and_is_taken_only_as_it_was_given() -> None:
    for number in range(40):
        token = token_of("x" * number + "?>~", "list")
        assert not set(token) & set("=+/")
        assert place_of(token, "list") == "x" * number + "?>~"
        for changed in (token + "=", "\n" + token, token + "*"):
            with pytest.raises(InvalidParamsError):
                place_of(changed, "list")
