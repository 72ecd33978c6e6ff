"""One call of the agent for each message, and always an end: whatever function dies, at whatever point (docs/decisions/0009).

A task of the relay's own waits for input and goes on: two sends, each taken over, worked on and told. The story is told undisturbed, to
count what `api` and `worker` ask of AWS; then once for each of these points with the function killed before or after it, or the request
failing for good (`make test-thorough`; else some of them); and with the worker killed while the agent has its message. AWS's own retries
and the sweep do the rest.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.telling import tell
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import DELIVERY, SWEEP, VISIBILITY, WATCHING, World, task_key

WORK, WORK_VISIBILITY = "WorkerQueue", 5401
CALL = 1100  # seconds: longer than a call may last, and some
FAULTS = ("DeliveryFaultQueue", "WatchFaultQueue", "WorkerFaultQueue", "StreamFailureQueue")
_serial = itertools.count(1)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(UpstreamBlocks="true") as world:
        yield world


@dataclass
class Story:
    """What is disturbed: the `point`-th request of `api` and `worker`, or the worker while the agent answers its `call`-th call."""

    world: World
    effect: Effect = Effect.NONE
    point: int = 0
    call: int = 0
    requests: int = 0
    disturbed: str = ""
    number: int = field(default_factory=lambda: next(_serial))

    def tell(self) -> list[str]:
        """Every promise that was broken, in a sentence."""
        world, agent = self.world, self.world.agent
        world.empty_the_table()
        for queue in (WORK, WATCHING, DELIVERY):
            world.purge(queue)
        world.receiver.clear()
        agent.reset()
        world.wire.deaths = 0
        world.wire.decide, agent.before_answer = self._decide, self._while_answering
        agent.next_state = "input-required"
        task_id = self._send("first", "")
        self._recover(task_id)
        agent.next_state = "completed"
        if self._state(task_id) == "input-required":
            self._send("second", task_id)
            self._recover(task_id)
        world.wire.decide, agent.before_answer = undisturbed, lambda _method, _answer: None
        return list(self._faults(task_id))

    def __str__(self) -> str:
        return f"{self.effect} at {self.point} ({self.disturbed})" if self.point else f"dies in call {self.call}"

    def _decide(self, request: AwsRequest) -> Effect:
        if request.function not in ("api", "worker"):
            return Effect.NONE
        self.requests += 1
        if self.requests != self.point:
            return Effect.NONE
        self.disturbed = f"{request.function} {request.name} {request.body.get('UpdateExpression', '')}"
        return self.effect

    def _while_answering(self, method: str, _answer: dict[str, Any]) -> None:
        if method == "SendMessage" and self.world.agent.count("SendMessage") == self.call:
            self.world.wire.die()
            self.disturbed = "the call"

    def _send(self, message_id: str, task_id: str) -> str:
        """A client whose call fails makes it again, as clients do."""
        webhook = {"taskPushNotificationConfig": {"url": f"{self.world.receiver.url}/hook", "id": "hook"}}
        message = {"messageId": f"{message_id}-{self.number}", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
        params = {
            "message": {**message, **({"taskId": task_id} if task_id else {})},
            "configuration": {"returnImmediately": True, **({} if task_id else webhook)},
        }
        for _ in range(3):
            try:
                answer = self.world.call("SendMessage", params)
            except ConnectionError:
                continue
            if "error" not in answer:
                return str(answer["result"]["task"]["id"])
        raise AssertionError("the send fails again and again")

    def _recover(self, task_id: str) -> None:
        """Ends when nothing is under way."""
        self.world.settle()
        for seconds in (11, VISIBILITY, CALL, SWEEP, WORK_VISIBILITY, SWEEP, VISIBILITY):
            if self._is_quiet(task_id):
                return
            self.world.advance(seconds)

    def _is_quiet(self, task_id: str) -> bool:
        lengths = [self.world.length(queue) for queue in (WORK, DELIVERY)]
        cursor = self.world.cursor(task_id, "hook")
        return not any(lengths) and not self._items_due and cursor.position == self.world.newest(task_id)

    @property
    def _items_due(self) -> list[Any]:
        return [item for item in self.world.items("RELAY_TASK") if "due_at" in item]

    def _state(self, task_id: str) -> str:
        head = self.world.revisions.newest(task_key(task_id))
        return head.state.value if head else ""

    def _faults(self, task_id: str) -> Iterator[str]:
        world, sent = self.world, [params["message"]["messageId"] for method, params in self.world.agent.calls if method == "SendMessage"]
        yield from (f"{queue} holds messages" for queue in FAULTS if world.length(queue))
        if len(sent) != len(set(sent)):
            yield f"a message was sent twice: {sent}"
        state = self._state(task_id)
        if state not in ("completed", "failed"):
            yield f"no end: {state}"
        if self._items_due or world.items("SENDING#"):
            yield "something is left of what was sent"
        was_marked = "call_token" in self.disturbed or self.disturbed == "the call" or "worker" in self.disturbed
        if state == "failed" and not was_marked:
            yield f"failed for nothing: {self.disturbed}"
        told = [int(each.revision) for each in world.receiver.notifications if each.is_accepted]
        if sorted(set(told)) != list(range(1, world.newest(task_id) + 1)) or told != sorted(told):
            yield f"told {told} of {world.newest(task_id)}"
        if not self.disturbed and (state != "completed" or len(sent) != 2):
            yield f"undisturbed, and yet {state} after {sent}"


def count(world: World) -> int:
    story = Story(world)
    tell([story])
    return story.requests


@pytest.mark.thorough
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("effect", [Effect.DIES_BEFORE, Effect.DIES_AFTER, Effect.FAILS])
def test_agent_is_called_once_and_the_task_ends_when_a_function_dies_at_any_request(world: World, effect: Effect) -> None:
    tell(Story(world, effect=effect, point=point) for point in range(1, count(world) + 1))


@pytest.mark.timeout(300)
def test_agent_is_called_once_and_the_task_ends_when_a_function_dies_at_some_requests(world: World) -> None:
    tell(Story(world, effect=Effect.DIES_AFTER, point=point) for point in range(1, count(world) + 1, 9))


@pytest.mark.parametrize("call", [1, 2])
def test_agent_is_called_once_and_the_task_ends_when_the_worker_dies_during_the_call(world: World, call: int) -> None:
    story = Story(world, call=call)
    tell([story])
    assert world.wire.deaths == 1
    texts = [each.body.decode() for each in world.receiver.notifications if each.state == "failed"]
    assert len(texts) == 1
    assert "unknown" in texts[0]
