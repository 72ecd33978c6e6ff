"""Tasks that have been followed for a while: their last changes lie at random moments, and their watches wait as these left them.

They are put into the table and the queue by the relay's own adapters, so that an hour need not be simulated before the first is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from bench.scale.agent import Agent
from bench.scale.aws import SimulatedAws
from bench.scale.timeline import Timeline
from relay.adapters.table.configs import Configs
from relay.adapters.table.connection import Connection
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.domain.keys import DEFAULT_AGENT, DEFAULT_OWNER, AgentKey, ConfigKey, ListKey, TaskKey
from relay.domain.push_config import Authentication, Dialect, PushConfig
from relay.domain.schedule import next_poll
from relay.domain.strategy import Strategy
from relay.domain.task import Json, ProtocolVersion, Revision, Snapshot, View
from relay.domain.wakeup import ListWakeup, WatchWakeup
from relay.domain.watch import Rest, Told, WatchCall
from relay.wiring import wiring

_EXPIRES = timedelta(days=30)
_LONG_AGO = timedelta(hours=1)  # the last change of a quiet task, at least
_RECEIVERS = 10  # among which the tasks' webhooks are spread


@dataclass(frozen=True)
class Followed:
    """A task, and in how many seconds it changes first; None: never."""

    key: TaskKey
    changes_in: float | None


@dataclass(frozen=True)
class Following:
    """How tasks are followed. `told`: what brings their changes, from the beginning on; `wait`: seconds until the first turn of a watch."""

    strategy: Strategy
    told: bool
    wait: float
    period: float | None  # seconds between two changes of a task


def follow(agent: Agent, aws: SimulatedAws, timeline: Timeline, following: Following, *, count: int) -> Iterator[Followed]:
    """One after the other, as they are put."""
    draw, shelf = Random(1), _Shelf(aws, timeline, following)
    ages = sorted((_age(following.period, draw) for _ in range(count)), reverse=True)  # the agent lists by them
    pace = wiring().settings.watch_minimum, wiring().settings.watch_maximum
    if following.strategy is Strategy.LIST:
        _list(timeline)
    for place, age in enumerate(ages):
        key = TaskKey(DEFAULT_OWNER, DEFAULT_AGENT, "", f"task-{place}")
        agent.change(key.task_id, 0, timeline.now() - age)
        is_polled = following.strategy is Strategy.POLL
        interval, left = _in_silence(age, *pace) if is_polled else (pace[1], pace[1] * draw.random())
        due = left + timedelta(seconds=following.wait)
        timer = shelf.put(key, agent.task(key.task_id), place, age=age, interval=interval, due=due)
        aws.send_later(wiring().settings.watch_queue_url, WatchWakeup(key, timer=timer).dump(), due.total_seconds())
        yield Followed(key, following.period - age.total_seconds() if following.period else None)


def _age(period: float | None, draw: Random) -> timedelta:
    """Of the last change; that of a quiet task lies long back."""
    return timedelta(seconds=period * draw.random()) if period else _LONG_AGO * (1 + draw.random())


def _in_silence(age: timedelta, shortest: timedelta, longest: timedelta) -> tuple[timedelta, timedelta]:
    """The interval that a polled task has come to so long after a change, and when it is asked next."""
    interval = since = shortest
    while since <= age:
        interval = next_poll(interval, changed=False, minimum=shortest, maximum=longest, interrupted=False)
        since += interval
    return interval, since - age


def _list(timeline: Timeline) -> None:
    """The lister that the tasks count on."""
    key = ListKey(AgentKey(DEFAULT_OWNER, DEFAULT_AGENT), "")
    wiring().listers.want(key, until=timeline.now() + timedelta(days=1), now=timeline.now())
    wiring().watch_queue.send(ListWakeup(key))


class _Shelf:
    """The table, as the relay's adapters see it, but for boto3: with it ten thousand tasks took minutes."""

    def __init__(self, aws: SimulatedAws, timeline: Timeline, following: Following) -> None:
        connection, seals = Connection(aws.table_client(), ""), (wiring().vault.seal, wiring().vault.open)
        self._revisions = Revisions(connection, store=_no_blob, fetch=_no_blob)
        self._cursors = Cursors(connection)
        self._configs = Configs(connection, seal=seals[0], open_sealed=seals[1])
        self._watches = Watches(connection, seal=seals[0], open_sealed=seals[1])
        self._now = timeline.now()
        self._told = Told(following.strategy, self._now) if following.told else Told()
        self._deadline = self._now + wiring().settings.watch_deadline

    def put(self, key: TaskKey, document: Json, place: int, *, age: timedelta, interval: timedelta, due: timedelta) -> str:
        """A task with its first revision, a push config that has been told of it, and its watch, which waits for the timer of that name."""
        now, config = self._now, ConfigKey(key, "hook")
        receiver = f"http://127.0.0.1:{place % _RECEIVERS + 1}"
        view = View(Snapshot(ProtocolVersion.V10, document), asked_at=now - age, arrived_at=now - age, learnt_by="poll")
        revision = Revision(1, view)
        self._revisions.append(key, revision, expires=now + _EXPIRES)
        self._cursors.create(config, 1, group=receiver, now=now, expires=now + _EXPIRES)
        secret = Authentication("HMAC-SHA256", "a secret of 24 bytes or more")
        url = f"{receiver}/{key.task_id}"
        self._configs.put(PushConfig(config, url, Dialect.A2A_V10, token="token", authentication=secret), expires=now + _EXPIRES)
        self._watches.start(key, deadline=self._deadline, interval=interval, due=now)
        self._watches.claim(WatchCall(key, (("", WatchWakeup(key)),)), "bench", now=now, until=now)
        timer = f"timer of {key.task_id}"
        last = min(now, now + due - interval)
        rest = Rest(timer, now + due, interval, self._deadline, polled_at=last, looked_at=last, head=revision.head, told=self._told)
        self._watches.rest(key, "bench", rest)
        return timer


def _no_blob(*_: object) -> Any:
    raise NotImplementedError("the bench's tasks are small")
