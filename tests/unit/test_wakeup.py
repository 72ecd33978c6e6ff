import json
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.wakeup import (
    MAX_DELAY,
    DeliveryWakeup,
    ListWakeup,
    StreamWakeup,
    UnknownMessageError,
    Wakeup,
    WatchWakeup,
    WorkWakeup,
    next_hop,
)
from tests.support.samples import INSTANT, KEY, NOW, SECOND, TASK

ids = st.text(st.characters(), max_size=10)
tasks = st.builds(TaskKey, ids, ids, ids, ids)
moments = st.none() | st.datetimes(timezones=st.just(UTC))
deliveries = st.builds(
    DeliveryWakeup, st.builds(ConfigKey, tasks, ids), revision=st.none() | st.integers(1), timer=ids, not_before=moments, group=ids
)
watches = st.builds(WatchWakeup, tasks, asked_at=moments, timer=ids, not_before=moments, starts=st.booleans())


@given(deliveries)
def test_delivery_wakeup_is_read_as_it_was_written(wakeup: DeliveryWakeup) -> None:
    assert DeliveryWakeup.load(wakeup.dump()) == wakeup


@given(watches)
def test_watch_wakeup_is_read_as_it_was_written(wakeup: WatchWakeup) -> None:
    assert WatchWakeup.load(wakeup.dump()) == wakeup


@given(st.builds(WorkWakeup, tasks, not_before=moments))
def test_workers_wakeup_is_read_as_it_was_written(wakeup: WorkWakeup) -> None:
    assert WorkWakeup.load(wakeup.dump()) == wakeup


@pytest.mark.parametrize(
    "body", ["", "[]", '{"v":2,"kind":"work","task":["o","a","","t"]}', '{"v":1,"kind":"watch"}', '{"v":1,"kind":"work"}']
)
def test_what_is_no_wakeup_of_the_workers_is_refused(body: str) -> None:
    with pytest.raises(UnknownMessageError):
        WorkWakeup.load(body)


def test_messages_are_written_as_functions_of_the_last_release_read_them() -> None:
    """Old and new functions run side by side during a deployment, and messages wait in the queue for days."""
    plain = DeliveryWakeup(KEY, revision=3, group="https://you.example")
    assert json.loads(plain.dump()) == {
        "v": 1,
        "kind": "deliver",
        "task": ["owner", "agent", "", "task-1"],
        "config": "config-1",
        "revision": 3,
        "group": "https://you.example",
    }
    timer = DeliveryWakeup(KEY, timer="t", not_before=NOW)
    assert json.loads(timer.dump()) == {
        "v": 1,
        "kind": "deliver",
        "task": ["owner", "agent", "", "task-1"],
        "config": "config-1",
        "timer": "t",
        "not_before": "2026-11-21T08:30:15.250000+00:00",
    }
    watch = WatchWakeup(TASK, asked_at=NOW, timer="t", not_before=NOW + SECOND, starts=True)
    assert json.loads(watch.dump()) == {
        "v": 1,
        "kind": "watch",
        "task": ["owner", "agent", "", "task-1"],
        "asked_at": "2026-11-21T08:30:15.250000+00:00",
        "timer": "t",
        "not_before": "2026-11-21T08:30:16.250000+00:00",
        "starts": True,
    }
    assert plain.dump().count(" ") == 0


def test_least_messages_are_read() -> None:
    assert DeliveryWakeup.load('{"v":1,"kind":"deliver","task":["o","a","","t"],"config":"c"}') == DeliveryWakeup(
        ConfigKey(TaskKey("o", "a", "", "t"), "c")
    )
    assert WatchWakeup.load('{"v":1,"kind":"watch","task":["o","a","","t"]}') == WatchWakeup(TaskKey("o", "a", "", "t"))


def test_member_of_a_later_release_is_passed_over() -> None:
    assert WatchWakeup.load('{"v":1,"kind":"watch","task":["o","a","","t"],"mood":"good"}') == WatchWakeup(TaskKey("o", "a", "", "t"))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        '"text"',
        "null",
        "{}",
        '{"v":2,"kind":"KIND","task":["o","a","","t"],"config":"c"}',
        '{"kind":"KIND","task":["o","a","","t"],"config":"c"}',
        '{"v":1,"kind":"another","task":["o","a","","t"],"config":"c"}',
        '{"v":1,"task":["o","a","","t"],"config":"c"}',
        '{"v":1,"kind":"KIND","config":"c"}',
        '{"v":1,"kind":"KIND","task":["o","a","t"],"config":"c"}',
        '{"v":1,"kind":"KIND","task":null,"config":"c"}',
    ],
)
@pytest.mark.parametrize("kind", [DeliveryWakeup, WatchWakeup])
def test_what_is_not_known_is_refused_never_dropped(kind: type[DeliveryWakeup] | type[WatchWakeup], body: str) -> None:
    name = "deliver" if kind is DeliveryWakeup else "watch"
    with pytest.raises(UnknownMessageError):
        kind.load(body.replace("KIND", name))


def test_refusal_says_which_version_and_kind_was_expected() -> None:
    with pytest.raises(UnknownMessageError, match="version 1 deliver"):
        DeliveryWakeup.load(WatchWakeup(TASK).dump())
    with pytest.raises(UnknownMessageError, match="delivery wake-up without its parts: 'config'"):
        DeliveryWakeup.load('{"v":1,"kind":"deliver","task":["o","a","","t"]}')
    with pytest.raises(UnknownMessageError, match="watch wake-up without its parts: 'task'"):
        WatchWakeup.load('{"v":1,"kind":"watch"}')
    with pytest.raises(UnknownMessageError, match="lister's wake-up without its parts: 'agent'"):
        ListWakeup.load('{"v":1,"kind":"list"}')
    with pytest.raises(UnknownMessageError, match="stream wake-up without its parts: 'task'"):
        StreamWakeup.load('{"v":1,"kind":"stream"}')
    with pytest.raises(UnknownMessageError, match="worker's wake-up without its parts: 'task'"):
        WorkWakeup.load('{"v":1,"kind":"work"}')
    with pytest.raises(UnknownMessageError, match=r"^not JSON$"):
        WatchWakeup.load("{")


# --- waits longer than SQS can hold a message


@pytest.mark.parametrize(
    ("left", "hop"),
    [
        (None, timedelta(0)),
        (-SECOND, timedelta(0)),
        (timedelta(0), timedelta(0)),
        (INSTANT, INSTANT),
        (timedelta(seconds=899), timedelta(seconds=899)),
        (timedelta(seconds=900), timedelta(seconds=900)),
        (timedelta(hours=10), timedelta(seconds=900)),
    ],
)
def test_wait_hops_by_fifteen_minutes_at_most(left: timedelta | None, hop: timedelta) -> None:
    not_before = NOW + left if left is not None else None
    assert next_hop(DeliveryWakeup(KEY, not_before=not_before), NOW) == hop
    assert next_hop(WatchWakeup(TASK, not_before=not_before), NOW) == hop
    assert timedelta(minutes=15) == MAX_DELAY


def test_wake_ups_that_are_for_an_agent_are_of_its_group() -> None:
    agent = TASK.agent_key
    wakeups: list[Wakeup] = [WatchWakeup(TASK), StreamWakeup(TASK), WorkWakeup(TASK), ListWakeup(TASK.list_key)]
    assert {wakeup.group for wakeup in wakeups} == {agent.group}
    assert DeliveryWakeup(KEY, group="receiver").group == "receiver"
