"""Tasks that have been followed for a while: their last changes lie at random moments, and their watches wait as these left them.

They are put into the table and the queue by the relay's own adapters, so that an hour need not be simulated before the first is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from bench.scale.agent import Agent, Callback
from bench.scale.aws import SimulatedAws
from bench.scale.timeline import Timeline
from relay.adapters.table.callbacks import Callbacks
from relay.adapters.table.configs import Configs
from relay.adapters.table.connection import Connection
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.domain.callback import PATH, REGISTER_AGAIN
from relay.domain.callback import Callback as RelayCallback
from relay.domain.keys import DEFAULT_AGENT, DEFAULT_OWNER, AgentKey, ConfigKey, ListKey, TaskKey
from relay.domain.push_config import Authentication, Dialect, PushConfig
from relay.domain.relay_key import digest_of
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
    period: float | None  # seconds between two changes of a task, on average


def follow(agent: Agent, aws: SimulatedAws, timeline: Timeline, following: Following, *, count: int) -> Iterator[Followed]:
    """One after the other, as they are put."""
    draw, shelf = Random(1), _Shelf(aws, timeline, following)
    lives = sorted((_life(following.period, draw) for _ in range(count)), reverse=True, key=lambda life: life[0])  # the agent lists by them
    settings = wiring().settings
    pace = settings.watch_minimum, settings.watch_maximum
    rest = settings.list_sweep if following.strategy is Strategy.LIST else settings.watch_maximum
    if following.strategy is Strategy.LIST:
        _list(timeline)
    for place, (age, changes_in) in enumerate(lives):
        key = TaskKey(DEFAULT_OWNER, DEFAULT_AGENT, "", f"task-{place}")
        known, interval, turn = age, rest, rest * draw.random()
        if following.strategy is Strategy.POLL:
            known, interval, turn = _polled(age, *pace, draw)
        elif following.strategy is Strategy.LIST and settings.follow_strategy is None:
            interval, turn = _polled_at_first(age, *pace, interval, turn)
        agent.change(key.task_id, -1, timeline.now() - known)
        due = turn + timedelta(seconds=following.wait)
        timer = shelf.put(key, agent.task(key.task_id), place, age=known, interval=interval, due=due, asked=draw.random())
        if known != age:
            agent.change(key.task_id, 0, timeline.now() - age)
        if following.strategy is Strategy.PUSH:
            shelf.register(agent, key)
        aws.send_later(wiring().settings.watch_queue_url, WatchWakeup(key, timer=timer).dump(), due.total_seconds())
        yield Followed(key, changes_in)


def gap(period: float, draw: Random) -> float:
    """Seconds between two changes of a task: were they always as many, a change would always meet its polls alike."""
    return period * draw.uniform(0.5, 1.5)


def _life(period: float | None, draw: Random) -> tuple[timedelta, float | None]:
    """How long ago the last change was, and in how many seconds the next comes. That of a quiet task lies long back."""
    if not period:
        return _LONG_AGO * (1 + draw.random()), None
    whole = gap(period, draw)
    age = whole * draw.random()
    return timedelta(seconds=age), whole - age


def _polled(age: timedelta, shortest: timedelta, longest: timedelta, draw: Random) -> tuple[timedelta, timedelta, timedelta]:
    """Of a task that changed so long ago: the age of the newest change a poll has found, the interval now, and when the next is due."""
    found = longest * draw.random()  # after the change
    if found > age:
        return age + _LONG_AGO, longest, found - age
    interval = since = shortest
    while since <= age - found:
        interval = next_poll(interval, changed=False, minimum=shortest, maximum=longest, interrupted=False)
        since += interval
    return age, interval, since - (age - found)


def _polled_at_first(
    age: timedelta, shortest: timedelta, longest: timedelta, rest: timedelta, turn: timedelta
) -> tuple[timedelta, timedelta]:
    """Of a task that a list selected when it changed, by the relay's own choice: polled as any other until its polls are slow."""
    interval = since = shortest
    while since <= age and interval < longest:
        interval = next_poll(interval, changed=False, minimum=shortest, maximum=longest, interrupted=False)
        since += interval
    return (rest, turn) if since <= age else (interval, since - age)


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
        self._callbacks = Callbacks(connection, now=timeline.now)
        self._told = Told(following.strategy) if following.told else Told()
        self._deadline = self._now + wiring().settings.watch_deadline

    def register(self, agent: Agent, key: TaskKey) -> None:
        """The relay's own callback, at an agent that pushes."""
        token = f"token of {key.task_id}"
        self._callbacks.put(RelayCallback(key.task_id, key, digest_of(token)))
        agent.callbacks[key.task_id] = Callback(f"{PATH}{key.task_id}", token)

    def put(self, key: TaskKey, document: Json, place: int, *, age: timedelta, interval: timedelta, due: timedelta, asked: float) -> str:
        """A task with its first revision, a push config that has been told of it, and its watch, which waits for the timer of that name.

        `asked`: how much of the time has passed after which a callback is registered again.
        """
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
        told = replace(self._told, callback_at=now - REGISTER_AGAIN * asked) if self._told.by is Strategy.PUSH else self._told
        rest = Rest(timer, now + due, interval, self._deadline, polled_at=last, looked_at=last, head=revision.head, told=told)
        self._watches.rest(key, "bench", rest)
        return timer


def _no_blob(*_: object) -> Any:
    raise NotImplementedError("the bench's tasks are small")
