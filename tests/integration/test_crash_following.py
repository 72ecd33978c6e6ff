"""Nothing is lost of what agents tell by themselves, nor of what the relay says at last: whatever function dies, at whatever point.

As in test_crash, for what an agent pushes to the relay's callback, for what it reports, for the end that it tells and does not answer
with, and for the endings that are the relay's own word. Nobody repeats what an agent tells: a push that met a function which died is lost,
and the watch finds what it said. Disturbed is what `api` and `watch` ask of AWS: the other functions do here what they do there.
`make test` disturbs some of the requests, `make test-thorough` each of them in each way.
"""

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from relay.adapters.table.reaches import Reaches
from relay.domain.endings import ENDED
from relay.domain.keys import AgentKey
from relay.domain.reach import heard
from relay.domain.task import Ending, RevisionHead
from relay.wiring import wiring
from tests.support.story import POLL, Disturbance, Stage, Story
from tests.support.telling import Teller, each_request, teller, told_again
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import DELIVERY, task_key

AGENT = AgentKey("default", "default")
SAMPLE = 19  # `make test` disturbs each nineteenth request
SPARED = 6  # of the last points, where AWS only fails: the process lives on, and does not read again what the first one read
UNREACHABLE_MINUTES, DEADLINE_HOURS = 0.5, 0.15  # the latter longer than a message may be hidden: one that begins a watch begins it anew


def counted(request: AwsRequest) -> bool:
    return request.function in ("api", "watch")


class Told(Story):
    """Its agent tells by itself, once, and does not care whether it was heard."""

    def tells(self, state: str, message: str = "", artifacts: list[str] | None = None) -> None:
        self.task.becomes(state, message=message, artifacts=artifacts)
        status = {"taskId": self.task_id, "contextId": "c", "status": self.task.seen["status"]}
        self._post({"task": self.task.seen} if artifacts else {"statusUpdate": status})
        self.world.settle()

    def _post(self, body: Any) -> None:
        raise NotImplementedError


class Pushed(Told):
    def _post(self, body: Any) -> None:
        if config := self.world.agent.push_configs.get(self.task_id):
            headers = {"x-a2a-notification-token": config["token"]}
            self.world.runner.request("POST", urlsplit(config["url"]).path, body=body, headers=headers)


class Sent(Pushed):
    """Its task is made by a message, with which the agent gets the callback; it uses it before it has answered the message."""

    def sends(self) -> None:
        """A client that got no answer sends another message, with a webhook of its own."""
        agent = self.world.agent

        def tells_first(method: str, _: dict[str, Any]) -> None:
            if method == "SendMessage":
                self.task_id = list(agent.tasks)[-1]
                self.task = agent.task(self.task_id)
                self.task.becomes("working")
                self._post({"statusUpdate": {"taskId": self.task_id, "contextId": "c", "status": self.task.seen["status"]}})

        agent.before_answer = tells_first
        for config_id in "abc":
            webhook = {"id": config_id, "url": f"{self.stage.steady.url}/{config_id}"}
            try:
                self.world.send(config_id, webhook=webhook)
            except (ConnectionError, AssertionError):
                self.task.becomes("canceled")
                continue
            self.starts[config_id], self.receivers[config_id] = 0, self.stage.steady
            return
        raise AssertionError("no message gets through")


class Reported(Told):
    def __init__(self, stage: Stage, disturbance: Disturbance) -> None:
        super().__init__(stage, disturbance)
        decide, stage.world.wire.decide = stage.world.wire.decide, undisturbed
        issue = wiring().issue_report_tokens
        self._token = issue.create("default", agents=frozenset({"default"}), label="", expires_at=None).text
        stage.world.wire.decide = decide

    def _post(self, body: Any) -> None:
        self.world.runner.request("POST", "/reports", body=body, headers={"x-a2a-notification-token": self._token})


class Ended(Story):
    """Its end is the relay's own word, that nothing more may come; that it is said once is a promise too."""

    ending = Ending.DEADLINE
    comes_back = False

    def passes(self, minutes: float) -> None:
        for _ in range(int(minutes * 60 / POLL) + 1):
            self.world.advance(POLL)

    @property
    def is_quiet(self) -> bool:
        if self.ending is Ending.DEADLINE or self.comes_back:
            return super().is_quiet
        newest = self.world.revisions.newest(task_key(self.task_id))
        return newest is not None and newest.ending is self.ending and not self.world.length(DELIVERY)

    def _faults_of_end(self, head: RevisionHead | None) -> Iterator[str]:
        if self.comes_back:
            yield from super()._faults_of_end(head)
        elif head is None or head.ending is not self.ending:
            yield f"not told: {self.ending}"
        told = {post.revision for post in self.posts("a") if ENDED.lower() in post.headers}
        if len(told) > 1 or (told and not self.comes_back and len(told) != 1):
            yield f"endings were told in the revisions {sorted(told)}"


def pushed(story: Pushed) -> None:
    story.world.agent.pushes = True
    story.register("a", story.stage.steady)
    story.world.settle()
    story.world.advance(POLL)
    story.tells("working")
    story.tells("working", artifacts=["one"])
    story.tells("completed", artifacts=["one", "two"])


def sent(story: Sent) -> None:
    story.world.agent.pushes = True
    Reaches(story.world.connection).put(AGENT, heard(story.world.runner.clock.now()))
    story.sends()
    story.world.settle()
    story.tells("working", message="on it")
    story.tells("completed", artifacts=["one", "two"])


def reported(story: Reported) -> None:
    story.register("a", story.stage.steady)
    story.world.settle()
    story.tells("working")
    story.tells("working", artifacts=["one"])
    story.tells("completed", artifacts=["one", "two"])


def end_that_is_never_answered(story: Reported) -> None:
    """The agent has told of the end, and goes on to answer that it works. A report that met a death is made again: nobody else knows."""

    def says_working(method: str, answer: dict[str, Any]) -> None:
        if method == "GetTask" and "result" in answer:
            answer["result"] = {**answer["result"], "status": {"state": "TASK_STATE_WORKING"}}

    story.world.agent.before_answer = says_working
    story.register("a", story.stage.steady)
    story.world.settle()
    story.tells("completed")
    story.world.advance(POLL)
    story.tells("completed")
    story.world.advance(POLL)


def deadline(story: Ended) -> None:
    story.register("a", story.stage.steady)
    story.becomes("working")
    story.world.advance(DEADLINE_HOURS * 3600)


def vanished(story: Ended) -> None:
    story.ending = Ending.VANISHED
    story.register("a", story.stage.steady)
    story.world.settle()
    story.world.agent.forget(story.task_id)
    story.passes(UNREACHABLE_MINUTES * 2)


def away_and_back(story: Ended) -> None:
    story.comes_back = True
    story.register("a", story.stage.steady)
    story.world.settle()
    story.world.agent.status = 502
    story.passes(UNREACHABLE_MINUTES * 2)
    story.world.agent.status = 200
    story.becomes("completed")


@pytest.fixture(scope="class")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Stage(counted=counted, **request.cls.parameters) as stage:
        yield stage


@pytest.fixture(autouse=True)
def as_new(stage: Stage) -> Iterator[None]:
    yield
    stage.world.agent.reset()


def disturb(stage: Stage, tell: Teller, effect: Effect, step: int) -> None:
    told_again(stage, tell, each_request(stage, tell, effect, step=step), spared=SPARED if effect is Effect.FAILS else 0)


EVERY = [pytest.param(effect, 1, marks=pytest.mark.thorough) for effect in (Effect.DIES_BEFORE, Effect.DIES_AFTER, Effect.FAILS)]
each_way = pytest.mark.parametrize(("effect", "step"), [*EVERY, (Effect.DIES_AFTER, SAMPLE)])


@pytest.mark.timeout(900)
class TestPush:
    parameters: ClassVar = {"FollowStrategy": "push", "PublicUrl": "https://relay.example"}

    @each_way
    def test_promises_hold_of_what_is_pushed(self, stage: Stage, effect: Effect, step: int) -> None:
        disturb(stage, teller(Pushed, pushed), effect, step)

    @pytest.mark.parametrize(("effect", "step"), EVERY)
    def test_promises_hold_of_what_is_pushed_from_the_message_on(self, stage: Stage, effect: Effect, step: int) -> None:
        disturb(stage, teller(Sent, sent), effect, step)


@pytest.mark.timeout(900)
class TestReport:
    parameters: ClassVar = {"FollowStrategy": "report"}

    @each_way
    def test_promises_hold_of_what_is_reported(self, stage: Stage, effect: Effect, step: int) -> None:
        disturb(stage, teller(Reported, reported), effect, step)

    @each_way
    def test_the_end_that_was_told_is_told_on_though_the_agent_denies_it(self, stage: Stage, effect: Effect, step: int) -> None:
        disturb(stage, teller(Reported, end_that_is_never_answered), effect, step)


@pytest.mark.timeout(900)
class TestEndings:
    parameters: ClassVar = {"AgentUnreachableMinutes": str(UNREACHABLE_MINUTES)}

    @each_way
    def test_a_task_that_has_vanished_is_told_of_once(self, stage: Stage, effect: Effect, step: int) -> None:
        disturb(stage, teller(Ended, vanished), effect, step)

    @pytest.mark.parametrize(("effect", "step"), EVERY)
    def test_a_task_whose_agent_was_away_is_told_of_to_its_end(self, stage: Stage, effect: Effect, step: int) -> None:
        disturb(stage, teller(Ended, away_and_back), effect, step)


@pytest.mark.timeout(900)
class TestDeadline:
    parameters: ClassVar = {"WatchDeadlineHours": str(DEADLINE_HOURS)}

    @pytest.mark.parametrize(("effect", "step"), EVERY)
    def test_a_deadline_is_told_of_once(self, stage: Stage, effect: Effect, step: int) -> None:
        disturb(stage, teller(Ended, deadline), effect, step)
