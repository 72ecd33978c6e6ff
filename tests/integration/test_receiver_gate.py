"""The circuit breaker before a receiver, and what it must not cost: attempts, order, or anything lost."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import boto3
import pytest

from relay.adapters.table.connection import Connection
from relay.adapters.table.receivers import Receivers
from relay.domain.breaker import FIRST_PAUSE, LONGEST_PAUSE, THRESHOLD, Gate
from relay.domain.keys import ReceiverKey
from relay.domain.wakeup import DeliveryWakeup
from relay.use_cases.receiver_gate import IN_FLIGHT
from relay.wiring import wiring
from relay_dev.cli import _parser
from tests.integration.loopback import OK, Receiver, Request
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import TABLE, World, config_key, task_key


def _tasks_behind_a_dead_receiver(world: World, count: int) -> list[str]:
    world.receiver.fail_next(503, times=10_000)
    tasks = [f"t{n}" for n in range(count)]
    for task in tasks:
        world.agent.task(task)
        world.register(task, id=task)
    world.settle()
    for task in tasks:
        world.agent.task(task).becomes("working")
    world.advance(11)
    return tasks


def test_an_open_breaker_lets_nobody_post() -> None:
    with World(WatchMaxSeconds="900") as world:
        _tasks_behind_a_dead_receiver(world, THRESHOLD + 3)
        posted = len(world.posts())
        world.advance(1)
        assert posted >= THRESHOLD
        assert len(world.posts()) == posted


def test_posts_in_flight_when_the_breaker_opens_do_not_lengthen_its_pause(world: World) -> None:
    """A busy receiver that hangs for ten seconds would else be left alone for ten minutes."""
    key, clock = ReceiverKey("owner", "https://you.example"), world.runner.clock
    receivers = Receivers(world.connection, longest_pause=LONGEST_PAUSE, now=clock.now)
    opened = [receivers.failed(key) for _ in range(THRESHOLD + 4)]
    assert opened == [False] * (THRESHOLD - 1) + [True] + [False] * 4
    first = receivers.state(key)
    assert (first.failures, first.gate(clock.now())) == (THRESHOLD, Gate.OPEN)
    clock.advance(FIRST_PAUSE)
    assert receivers.state(key).gate(clock.now()) is Gate.HALF_OPEN
    assert not receivers.failed(key)
    assert receivers.state(key).failures == THRESHOLD + 1
    clock.advance(FIRST_PAUSE)
    assert receivers.state(key).gate(clock.now()) is Gate.OPEN
    clock.advance(FIRST_PAUSE)
    assert receivers.state(key).gate(clock.now()) is Gate.HALF_OPEN


def test_a_breaker_does_not_open_for_a_receiver_that_has_answered_meanwhile(world: World) -> None:
    key, now = ReceiverKey("owner", "https://you.example"), world.runner.clock.now
    receivers = Receivers(Connection(boto3.client("dynamodb"), TABLE), longest_pause=LONGEST_PAUSE, now=now)
    another = Receivers(world.connection, longest_pause=LONGEST_PAUSE, now=now)
    for _ in range(THRESHOLD - 1):
        receivers.failed(key)
    assert another.state(key).failures == THRESHOLD - 1

    def decide(request: AwsRequest) -> Effect:
        if "open_until = " in request.body.get("UpdateExpression", ""):
            another.answered(key)
        return Effect.NONE

    world.wire.decide = decide
    receivers.failed(key)
    world.wire.decide = undisturbed
    assert world.items("RECEIVER") == []


def test_of_threads_that_come_at_the_same_time_one_reads_a_receivers_state(world: World) -> None:
    another = threading.Semaphore(0)

    def decide(_: AwsRequest) -> Effect:
        another.acquire(timeout=0.3)  # a second reader would come meanwhile
        return Effect.NONE

    receivers = Receivers(Connection(boto3.client("dynamodb"), TABLE), longest_pause=LONGEST_PAUSE, now=world.runner.clock.now)
    world.wire.decide = decide
    with ThreadPoolExecutor(5) as threads:
        states = list(threads.map(receivers.state, [ReceiverKey("owner", "https://you.example")] * 5))
    world.wire.decide = undisturbed
    assert len(states) == 5
    assert len(world.wire.asked(name="GetItem")) == 1


def test_a_process_reads_a_receivers_state_once_in_five_seconds(world: World) -> None:
    key, clock = ReceiverKey("owner", "https://you.example"), world.runner.clock
    receivers = Receivers(Connection(boto3.client("dynamodb"), TABLE), longest_pause=LONGEST_PAUSE, now=clock.now)
    for _ in range(10):  # ten looks within 4.5 s, and one at 5 s
        receivers.state(key)
        clock.advance(timedelta(seconds=0.5))
    assert len(world.wire.asked(name="GetItem")) == 1
    receivers.state(key)
    assert len(world.wire.asked(name="GetItem")) == 2


def test_a_receivers_state_is_written_on_failures_and_on_leaving_them_and_never_on_a_plain_success() -> None:
    with World(WatchMaxSeconds="900") as world:

        def written() -> list[str]:
            about = [each for each in world.wire.asked("deliver") if (each.body.get("Key") or {}).get("sk") == {"S": "RECEIVER"}]
            return [each.name for each in about if each.name != "GetItem"]

        world.follow("t1")
        for turn in range(3):
            world.agent.task("t1").becomes("working", message=str(turn))
            world.advance(11)
        assert (len(world.posts()), written()) == (3, [])
        world.receiver.fail_next(503)
        world.agent.task("t1").becomes("working", message="fails once")
        world.advance(11)
        assert written() == ["UpdateItem"]
        world.advance(10)
        assert (world.told("t1"), written()) == ([2, 3, 4, 5], ["UpdateItem", "DeleteItem"])
        world.agent.task("t1").becomes("working", message="and all is well again")
        world.advance(11)
        assert written() == ["UpdateItem", "DeleteItem"]


def test_half_open_lets_one_probe_through_and_a_success_frees_all() -> None:
    with World(WatchMaxSeconds="900") as world:
        tasks = _tasks_behind_a_dead_receiver(world, THRESHOLD + 3)
        world.receiver.heal()
        for _ in range(20):
            world.advance(20)
        assert {task: world.told(task) for task in tasks} == {task: [2] for task in tasks}


def test_waiting_for_the_breaker_spends_no_attempt() -> None:
    with World(RetrySchedule="60,60,60,60", WatchMaxSeconds="900") as world:
        tasks = _tasks_behind_a_dead_receiver(world, THRESHOLD + 3)
        for _ in range(4):
            world.advance(15)
        attempts = {task: world.cursor(task, task).attempts for task in tasks}
        posts = {task: len(world.posts(task)) for task in tasks}
        assert attempts == posts
        assert min(attempts.values()) < max(attempts.values())


def test_a_dead_receiver_is_given_up_in_the_end() -> None:
    with World(RetrySchedule="5,5", WatchMaxSeconds="900") as world:
        tasks = _tasks_behind_a_dead_receiver(world, THRESHOLD + 3)
        for _ in range(20):
            world.advance(20)
        assert {letter.key.task.task_id for letter in world.dead_letters()} == set(tasks)


def test_a_status_that_is_final_is_given_up_at_once() -> None:
    with World(WatchMaxSeconds="900") as world:
        world.receiver.fail_next(400, times=1)
        world.agent.task("t1")
        world.register("t1", id="c")
        world.agent.task("t1").becomes("working")
        world.advance(11)
        assert [(letter.first, letter.last, letter.reason) for letter in world.dead_letters()] == [(2, 2, "refused")]
        assert len(world.posts()) == 1


def test_operator_sees_the_state_of_each_breaker(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    key, clock = ReceiverKey("acme", "https://you.example:8443"), world.runner.clock
    receivers = Receivers(world.connection, longest_pause=LONGEST_PAUSE, now=clock.now)

    def said() -> list[str]:
        args = _parser("receivers").parse_args(["receivers"])
        args.command(args)
        return capsys.readouterr().out.splitlines()

    receivers.failed(key)
    shown = "owner acme  https://you.example:8443"
    assert said() == [f"{shown}  1 failure in a row  closed: POSTs go on", "1 receiver with failures in a row"]
    for _ in range(THRESHOLD - 1):
        receivers.failed(key)
    assert said()[0].startswith(f"{shown}  {THRESHOLD} failures in a row  open until ")
    clock.advance(FIRST_PAUSE)
    assert said()[0].endswith("half-open: the next POST probes")
    receivers.answered(key)
    assert said() == ["0 receivers with failures in a row"]


def test_a_process_has_a_limited_number_of_posts_in_flight_to_one_receiver(world: World) -> None:
    """Each POST is answered when as many are in flight as may be; the others come when a place is free."""
    now, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(IN_FLIGHT, timeout=10)

    def count(connection: socket.socket, _: Request) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        full.wait()
        with lock:
            now -= 1
        connection.sendall(OK)

    with Receiver(count) as receiver:
        world.agent.task("t1")
        names = [f"c{n}" for n in range(2 * IN_FLIGHT)]
        for name in names:
            world.register("t1", receiver.url(f"/{name}"), id=name)
        world.settle()
        world.agent.task("t1").becomes("completed")
        view = wiring().ask(task_key("t1"), timeout=timedelta(seconds=5))
        assert view is not None
        wiring().observe(task_key("t1"), view)
        event = {"Records": [{"messageId": name, "body": DeliveryWakeup(config_key("t1", name)).dump()} for name in names]}
        assert world.runner.invoke("DeliverFunction", event).answer == {"batchItemFailures": []}
        assert sorted(request.line.split()[1] for request in receiver.requests) == sorted(f"/{name}" for name in names)
    assert most == IN_FLIGHT
