"""What a list of an agent's tasks means: which are asked for, from when on is listed, and which lists cannot be used."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.claim import Verdict
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.keys import AgentKey, ListKey, TaskKey
from relay.domain.listing import (
    MAX_LISTED,
    MAX_PAGES,
    MAX_TOKEN,
    OVERDUE,
    OVERLAP,
    Lister,
    Page,
    Round,
    question,
    read_page,
    reduce_calls,
    refused,
    selects,
)
from relay.domain.task import Ending, ProtocolVersion, RevisionHead, Snapshot, TaskState, View
from relay.domain.wakeup import ListWakeup, UnknownMessageError, WatchWakeup, load_watching
from relay.domain.watch import Watch

NOW = datetime(2026, 11, 27, 3, 0, 0, 250_000, tzinfo=UTC)
KEY = ListKey(AgentKey("default", "a"), "")
LISTER = Lister(KEY, wanted_until=NOW + timedelta(hours=1))
TASK = TaskKey("default", "a", "", "t1")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def snapshot(state: str = "WORKING", stamped: datetime | None = NOW, *, message: str = "") -> Snapshot:
    status = {"state": f"TASK_STATE_{state}", **({"timestamp": stamped.isoformat()} if stamped else {})}
    return Snapshot(ProtocolVersion.V10, {"id": "t1", "status": status | ({"message": {"messageId": message}} if message else {})})


def page(*stamped: datetime | None, token: str = "") -> Page:
    return Page(tuple(snapshot(stamped=each) for each in stamped), token, NOW)


def head(state: TaskState = TaskState.WORKING, stamped: datetime | None = NOW) -> RevisionHead:
    return RevisionHead(1, state, "digest", "status digest", NOW, stamped)


def watch(known: RevisionHead | None, *, lent: str = "") -> Watch:
    return Watch(TASK, deadline=NOW + timedelta(days=1), interval=timedelta(seconds=60), head=known, lent=lent)


# --- what is selected


@pytest.mark.parametrize(
    ("listed", "known"),
    [
        (snapshot("COMPLETED"), head()),
        (snapshot("COMPLETED", None), head()),
        (snapshot("WORKING", NOW + timedelta(seconds=1)), head()),
        (snapshot("WORKING"), head(stamped=None)),
        (snapshot("WORKING"), None),
    ],
)
def test_task_is_asked_for_when_the_list_says_something_new(listed: Snapshot, known: RevisionHead | None) -> None:
    assert selects(listed, watch(known))


@pytest.mark.parametrize(
    ("listed", "known"),
    [
        (snapshot("WORKING"), head()),
        (snapshot("WORKING", None), head()),
        (snapshot("WORKING", ago(1)), head()),
        (snapshot("WORKING", NOW + timedelta(microseconds=900)), head()),  # the table keeps milliseconds
        (snapshot("WORKING", message="as before, in a list that cuts messages"), head()),
        (snapshot("WORKING"), head(TaskState.COMPLETED)),
    ],
)
def test_task_is_left_alone_when_the_list_says_nothing_new(listed: Snapshot, known: RevisionHead) -> None:
    assert not selects(listed, watch(known))


def test_task_that_is_followed_with_a_callers_credential_is_left_alone() -> None:
    assert not selects(snapshot("COMPLETED"), watch(head(), lent="ann's"))


def test_head_remembers_a_status_that_was_stamped_anew() -> None:
    later = NOW + timedelta(seconds=5)
    assert head().seen_again(View(snapshot(stamped=later), NOW, NOW, "poll")).status_timestamp == later
    assert head().seen_again(View(snapshot(stamped=ago(5)), NOW, NOW, "poll")).status_timestamp == NOW
    assert head().seen_again(View(snapshot(stamped=None), NOW, NOW, "poll")).status_timestamp == NOW
    assert head(stamped=None).seen_again(View(snapshot(), NOW, NOW, "poll")).status_timestamp == NOW


# --- from when on


def test_first_round_begins_before_the_newest_task_of_the_agent() -> None:
    begun = LISTER.marked(page(ago(500), ago(100), None)).begun(NOW)
    assert begun.since == ago(100).replace(microsecond=0) - OVERLAP
    assert begun.is_first


def test_next_round_begins_before_the_newest_timestamp_of_the_rounds_before() -> None:
    lister = LISTER.marked(page(ago(100)))
    lister = lister.after(lister.begun(NOW).after(page(ago(100), ago(20), ago(60))))
    assert lister.begun(NOW).since == ago(20).replace(microsecond=0) - OVERLAP
    lister = lister.after(lister.begun(NOW).after(page(ago(70))))
    assert lister.begun(NOW).since == ago(20).replace(microsecond=0) - OVERLAP


def test_timestamp_that_is_to_come_moves_the_mark_to_now_at_most() -> None:
    lister = LISTER.marked(page(datetime(2099, 1, 1, tzinfo=UTC)))
    assert lister.mark == NOW
    lister = lister.after(lister.begun(NOW).after(page(datetime(2099, 1, 1, tzinfo=UTC))))
    assert lister.mark == NOW


def test_round_that_has_more_pages_goes_on_where_it_was() -> None:
    lister = LISTER.marked(page(ago(100)))
    under_way = lister.begun(NOW).after(page(ago(10), token="next"))
    assert not under_way.is_over
    lister = lister.after(under_way)
    assert lister.begun(NOW + timedelta(minutes=1)) == under_way
    assert lister.mark == ago(100), "what the pages to come hold is not known yet"
    lister = lister.after(lister.begun(NOW).after(page(ago(20))))
    assert (lister.round, lister.mark) == (None, ago(10))


def test_empty_round_begins_anew_with_what_the_agent_shows() -> None:
    lister = LISTER.marked(page(ago(100)))
    lister = lister.after(lister.begun(NOW).after(page(ago(100))))
    assert lister.after(lister.begun(NOW).after(page())).mark is None
    with pytest.raises(ValueError, match="no mark"):
        LISTER.begun(NOW)


# --- what it hides


@pytest.mark.parametrize(
    ("found", "hides"),
    [
        (head(TaskState.COMPLETED, ago(1000)), True),  # as it was stamped before
        (head(TaskState.COMPLETED, ago(400)), True),  # long passed by the rounds
        (head(TaskState.COMPLETED, ago(30)), False),  # may not have been listed yet
        (head(TaskState.COMPLETED, ago(600)), False),  # before the lister began
        (head(TaskState.COMPLETED, None), False),  # such a task is polled
        (head(TaskState.WORKING, ago(400)), False),  # the same state: artifacts have changed, or the message
        (replace(head(TaskState.UNKNOWN, ago(1000)), ending=Ending.VANISHED), False),
    ],
)
def test_state_that_a_poll_found_should_have_been_listed(found: RevisionHead, hides: bool) -> None:
    lister = replace(LISTER, covers_from=ago(500), mark=NOW)
    assert lister.hides(head(stamped=ago(1000)), found) is hides
    assert not lister.hides(None, found)
    assert not lister.hides(head(stamped=None), found)
    assert not lister.hides(replace(head(stamped=ago(1000)), ending=Ending.VANISHED), found)
    assert not LISTER.hides(head(stamped=ago(1000)), found)


@pytest.mark.parametrize(
    ("stamped", "doubted_at", "newest", "hides"),
    [
        (ago(10), ago(5), ago(100), True),
        (ago(10), ago(5), ago(10), False),
        (ago(10), ago(5), ago(9), False),
        (ago(10), NOW, ago(100), False),  # the round had begun: the next one says
        (NOW + timedelta(hours=1), ago(5), NOW + timedelta(hours=1), False),  # such a timestamp moves no mark
        (NOW + timedelta(hours=1), ago(5), ago(100), True),
    ],
)
def test_status_that_a_poll_found_is_listed_by_the_next_round(
    stamped: datetime, doubted_at: datetime, newest: datetime, *, hides: bool
) -> None:
    lister = replace(LISTER, mark=ago(200), doubt=stamped, doubted_at=doubted_at)
    read = lister.begun(NOW).after(page(newest))
    if hides:
        with pytest.raises(InvalidAgentResponseError, match="hides"):
            lister.after(read)
    else:
        assert (lister.after(read).doubt is None) is (doubted_at < NOW)


# --- what cannot be used


def test_agent_that_shows_no_timestamp_has_no_lists() -> None:
    for nothing in (page(), page(None)):
        with pytest.raises(InvalidAgentResponseError, match="timestamp"):
            LISTER.marked(nothing)


@pytest.mark.parametrize("none", [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_time_before_1970_is_none(none: datetime) -> None:
    with pytest.raises(InvalidAgentResponseError, match="timestamp"):
        LISTER.marked(page(none))
    assert LISTER.marked(page(none, ago(100))).mark == ago(100)
    assert Round(since=ago(10), began_at=NOW).after(page(none)).newest is None


def test_agent_that_hides_what_it_has_just_shown_has_no_lists() -> None:
    lister = LISTER.marked(page(ago(100)))
    with pytest.raises(InvalidAgentResponseError, match="shows nothing"):
        lister.after(lister.begun(NOW).after(page()))


def test_agent_that_lists_what_is_older_than_was_asked_for_has_no_lists() -> None:
    begun = Round(since=ago(10), began_at=NOW)
    begun.after(page(ago(11)))
    with pytest.raises(InvalidAgentResponseError, match="heed"):
        begun.after(page(NOW, ago(11) - OVERLAP))


def test_pages_that_do_not_end_are_no_lists() -> None:
    with pytest.raises(InvalidAgentResponseError, match="do not end"):
        Round(since=ago(10), began_at=NOW, token="same", pages=1).after(page(NOW, token="same"))
    with pytest.raises(InvalidAgentResponseError, match="do not end"):
        Round(since=ago(10), began_at=NOW, token="a", pages=MAX_PAGES - 1).after(page(NOW, token="b"))


@pytest.mark.parametrize("result", [None, [], "tasks", {"tasks": {"id": "t1"}}, {"tasks": [], "nextPageToken": "x" * (MAX_TOKEN + 1)}])
def test_answer_that_is_no_page_of_tasks_is_an_error(result: Any) -> None:
    with pytest.raises(InvalidAgentResponseError):
        read_page(result, NOW)


def test_page_far_longer_than_was_asked_for_is_an_error() -> None:
    tasks = [{"id": f"t{number}"} for number in range(MAX_LISTED + 1)]
    assert len(read_page({"tasks": tasks[1:]}, NOW).tasks) == MAX_LISTED
    with pytest.raises(InvalidAgentResponseError, match="pageSize"):
        read_page({"tasks": tasks}, NOW)


@pytest.mark.parametrize("odd", [None, "t2", {}, {"id": ""}, {"id": "x" * 5000}, {"id": 7}])
def test_what_cannot_be_a_task_is_left_out_of_a_page(odd: Any) -> None:
    found = read_page({"tasks": [odd, {"id": "t1", "status": "rubbish"}], "nextPageToken": None}, NOW)
    assert "t1" in [task.task_id for task in found.tasks]
    assert all(0 < len(task.task_id) < 300 for task in found.tasks)
    assert found.next_token == ""


def test_question_asks_for_as_little_as_there_is() -> None:
    assert question("", since=None, token="") == {"pageSize": 100, "historyLength": 0, "includeArtifacts": False}
    asked = question("acme", since=NOW.replace(microsecond=0), token="next")
    assert asked["statusTimestampAfter"] == "2026-11-27T03:00:00Z"
    assert (asked["tenant"], asked["pageToken"]) == ("acme", "next")


# --- wake-ups


def test_wakeup_of_a_lister_is_read_back_and_told_from_a_tasks() -> None:
    for wakeup in (ListWakeup(ListKey(AgentKey("o#wner", "a"), "ten ant"), "timer"), ListWakeup(KEY), WatchWakeup(TASK, timer="t")):
        assert load_watching(wakeup.dump()) == wakeup
    for unknown in ("{}", "rubbish", '{"v":2,"kind":"list"}', '{"v":1,"kind":"list","agent":["a"],"tenant":""}'):
        with pytest.raises(UnknownMessageError):
            load_watching(unknown)


def test_key_of_a_lister_is_read_back_from_its_item() -> None:
    key = ListKey(AgentKey("o#wner", "a/b"), "ten#ant")
    assert ListKey.from_item(key.agent.following_partition, key.sort_key) == key


def test_batch_is_reduced_to_one_call_for_each_lister() -> None:
    other = ListKey(KEY.agent, "acme")
    messages = [("1", ListWakeup(KEY, "a")), ("2", ListWakeup(other)), ("3", ListWakeup(KEY)), ("4", ListWakeup(KEY, "a"))]
    calls = {call.key: call for call in reduce_calls(messages)}
    assert (calls[KEY].timers, calls[KEY].message_ids) == (("a",), ("1", "3", "4"))
    assert (calls[other].timers, calls[other].message_ids) == ((), ("2",))


def test_lister_is_believed_for_as_long_as_its_last_turn_said() -> None:
    assert not LISTER.is_good(NOW)
    assert replace(LISTER, good_until=NOW).is_good(ago(1))
    assert not replace(LISTER, good_until=NOW).is_good(NOW)


def test_task_is_listed_with_those_of_its_agent_and_tenant() -> None:
    assert TASK.list_key == KEY
    assert TaskKey("default", "a", "acme", "t1").list_key == ListKey(KEY.agent, "acme")


def test_refused_claim_returns_what_could_be_needed_still() -> None:
    waits = Lister(KEY, NOW, waits_for="timer", due=NOW)
    assert refused(None, ["timer"], NOW) is Verdict.ACKNOWLEDGE
    assert refused(waits, [], NOW) is Verdict.ACKNOWLEDGE
    assert refused(waits, ["another"], NOW) is Verdict.ACKNOWLEDGE
    assert refused(waits, [], NOW + OVERDUE + timedelta(seconds=1)) is Verdict.RETURN
    assert refused(Lister(KEY, NOW, claim_token="somebody"), ["timer"], NOW) is Verdict.RETURN


def test_a_lister_goes_on_with_the_round_that_is_under_way() -> None:
    under_way = Round(ago(60), ago(5), token="next", pages=1)
    assert replace(LISTER, mark=ago(30), round=under_way).begun(NOW) is under_way


def test_lister_that_recalls_its_tasks_is_good_for_none() -> None:
    good = replace(LISTER, good_until=NOW + timedelta(minutes=1), mark=NOW, round=Round(NOW, NOW))
    recalling = good.recalling()
    assert (good.is_good(NOW), recalling.is_good(NOW), recalling.recalls, recalling.round) == (True, False, True, None)
