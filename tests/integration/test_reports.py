"""Reports: an agent tells of its tasks by a POST; one call, and the relay does the rest."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from relay.domain.json_body import MAX_FORWARDED_BODY_BYTES
from relay.use_cases.known_keys import REVOCATION_DELAY
from relay.wiring import wiring
from relay_dev.http_event import HttpAnswer
from tests.support.closed_relay import AGENT, ClosedRelay
from tests.support.wire import AwsRequest, Decide, Effect, undisturbed
from tests.support.world import WATCHING, World, task_key

UNREACHABLE = 3600  # seconds: four of them are more than the limit for an agent that does not answer
POLL = 10.5  # seconds: a little more than the watch's interval


class Reporter:
    """The world's agent, which now tells of its tasks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.token = wiring().issue_report_tokens.create("default", agents=frozenset({"default"}), label="", expires_at=None).text

    def post(self, body: Any, *, headers: Mapping[str, str] | None = None, query: str = "") -> HttpAnswer:
        shown = {"x-a2a-notification-token": self.token, "content-type": "application/json"} if headers is None else headers
        return self.world.runner.request("POST", f"/reports{query}", body=body, headers=shown)

    def tells(self, body: Any, **more: Any) -> None:
        answer = self.post(body, **more)
        assert (answer.status, answer.body) == (202, b"{}")

    def status(self, state: str, *, task_id: str = "t1", message: str = "") -> dict[str, Any]:
        """What the agent's task becomes, as an event of 1.0."""
        task = self.world.agent.task(task_id)
        task.becomes(state, message=message)
        return {"statusUpdate": {"taskId": task_id, "contextId": "c", "status": task.seen["status"]}}


@pytest.fixture
def reporter(world: World) -> Reporter:
    """The task t1 with one config; its first revision says `submitted`."""
    reporter = Reporter(world)
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.wire.requests.clear()
    world.agent.calls.clear()
    return reporter


def states(world: World) -> list[str]:
    return [post.state for post in world.posts("a")]


def artifact(text: str, *, append: bool = False) -> dict[str, Any]:
    told = {"artifactId": "artifact 0", "parts": [{"text": text}]}
    return {"artifactUpdate": {"taskId": "t1", "contextId": "c", "artifact": told, "append": append, "lastChunk": True}}


# --- what a report becomes


def test_a_status_is_told_without_a_question(reporter: Reporter, world: World) -> None:
    reporter.tells(reporter.status("working", message="half"))
    world.settle()
    assert (states(world), world.agent.count("GetTask")) == (["working"], 0)


def test_a_status_of_0_3_is_told_to_a_1_0_receiver(reporter: Reporter, world: World) -> None:
    reporter.tells({"kind": "status-update", "taskId": "t1", "contextId": "c", "final": False, "status": {"state": "working"}})
    world.settle()
    (post,) = world.posts("a")
    assert post.payload is not None
    assert post.payload["task"]["status"]["state"] == "TASK_STATE_WORKING"


def test_a_whole_task_is_told(reporter: Reporter, world: World) -> None:
    task = world.agent.task("t1")
    task.becomes("working", artifacts=["one"])
    reporter.tells({"task": task.seen})
    world.settle()
    assert (states(world), world.agent.count("GetTask")) == (["working"], 0)


def test_a_repeated_report_changes_nothing(reporter: Reporter, world: World) -> None:
    told = reporter.status("working")
    for _ in range(3):
        reporter.tells(told)
    world.advance(POLL)
    assert (world.newest("t1"), states(world)) == (2, ["working"])


def test_a_status_that_is_told_again_after_one_without_a_time_changes_nothing(reporter: Reporter, world: World) -> None:
    working, asking = reporter.status("working"), reporter.status("input-required")
    del asking["statusUpdate"]["status"]["timestamp"]
    for event in (working, asking, working):
        reporter.tells(event)
    world.settle()
    assert states(world) == ["working", "input-required"]
    world.advance(1)
    reporter.tells(reporter.status("working"))
    world.settle()
    assert states(world) == ["working", "input-required", "working"]


def test_what_was_polled_first_is_not_told_again(reporter: Reporter, world: World) -> None:
    told = reporter.status("working", message="half")
    world.advance(POLL)
    reporter.tells(told)
    reporter.tells({"task": world.agent.task("t1").seen})
    assert world.newest("t1") == 2


def test_the_end_is_asked_for_at_once_and_told_whole(reporter: Reporter, world: World) -> None:
    """What it lacks, nothing could bring after it."""
    told = reporter.status("completed")
    world.agent.task("t1").becomes("completed", artifacts=["all of it"])
    reporter.tells(told)
    world.settle()
    (post,) = world.posts("a")
    assert post.payload is not None
    assert (post.state, len(post.payload["task"]["artifacts"]), world.agent.count("GetTask")) == ("completed", 1, 1)


@pytest.mark.parametrize("failure", ["is down", "forgot"])
def test_the_end_is_told_as_it_was_reported_when_the_agent_cannot_be_asked(reporter: Reporter, world: World, failure: str) -> None:
    reporter.tells(reporter.status("completed", message="done"))
    if failure == "forgot":
        world.agent.forget("t1")
    else:
        world.agent.status = 503
    world.settle()
    assert states(world) == []
    world.advance(POLL)
    world.advance(POLL)
    assert states(world) == ["completed"]


def test_the_end_as_it_was_reported_does_not_take_back_what_was_seen_since(reporter: Reporter, world: World) -> None:
    told = reporter.status("completed")
    world.agent.task("t1").becomes("working", artifacts=["one"])
    world.agent.task("t1").document["status"].pop("timestamp")
    reporter.tells(told)
    world.advance(POLL)
    world.agent.status = 503
    world.advance(POLL)
    world.advance(POLL)
    assert states(world) == ["working", "completed"]
    last = world.posts("a")[-1].payload
    assert last is not None
    assert len(last["task"]["artifacts"]) == 1


def test_the_end_is_told_though_nobody_watches_any_more(reporter: Reporter, world: World) -> None:
    world.connection.delete(task_key("t1").partition, "WATCH")
    reporter.tells(reporter.status("failed"))
    world.settle()
    assert (states(world), world.agent.count("GetTask")) == (["failed"], 0)


def test_what_an_agent_reports_follows_the_relays_own_word_that_nothing_may_come(reporter: Reporter, world: World) -> None:
    """Though it be from before that: the relay has only not heard of it."""
    told, end = reporter.status("working"), reporter.status("completed")
    world.agent.status = 503
    for _ in range(4):
        world.advance(UNREACHABLE)
    assert states(world)[-1] == "unknown"
    reporter.tells(told)
    world.settle()
    reporter.tells(end)
    world.advance(POLL)
    world.advance(POLL)
    assert states(world)[-2:] == ["working", "completed"]


def test_nothing_follows_the_end(reporter: Reporter, world: World) -> None:
    reporter.tells(reporter.status("completed"))
    world.settle()
    reporter.tells(reporter.status("working"))
    world.advance(POLL)
    assert states(world) == ["completed"]


def test_a_whole_artifact_is_told(reporter: Reporter, world: World) -> None:
    world.runner.advance(timedelta(seconds=2))
    reporter.tells(artifact("one"))
    world.settle()
    assert world.newest("t1") == 2


def test_pieces_of_an_artifact_are_asked_for_once_a_second(reporter: Reporter, world: World) -> None:
    for _ in range(5):
        reporter.tells(artifact("more", append=True))
    world.agent.task("t1").becomes("submitted", artifacts=["and more"])
    world.settle()
    assert world.agent.count("GetTask") == 0
    world.advance(1.1)
    assert (world.agent.count("GetTask"), world.newest("t1")) == (1, 2)


def test_a_message_is_taken_and_tells_nothing(reporter: Reporter, world: World) -> None:
    reporter.tells({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": []}})
    assert world.newest("t1") == 1


def test_tasks_of_a_tenant_are_reported_in_the_query(reporter: Reporter, world: World) -> None:
    reporter.tells(reporter.status("working"), query="?tenant=acme")
    assert world.newest("t1") == 1
    world.register("t1", id="b", tenant="acme")
    reporter.tells(reporter.status("working", message="more"), query="?tenant=acme")
    world.settle()
    assert world.told("b") == [2]


def test_a_report_that_quotes_the_operators_credential_is_kept_and_told_without_it() -> None:
    secret = "the/operators+credential"
    with World(UpstreamCredential=f"Authorization: Bearer {secret}") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        reporter = Reporter(world)
        for number, said in enumerate((secret, secret.replace("/", "\\/"), secret.replace("+", "\\u002B"))):
            told = json.dumps(reporter.status("working", message=f"{number}: SAID")).replace("SAID", said)
            reporter.tells(told.encode())
            world.settle()
        bodies = [json.dumps(post.payload) for post in world.posts("a")]
        assert [(f"{number}: [credential]" in body, secret in body) for number, body in enumerate(bodies)] == [(True, False)] * 3


# --- what is not kept


@pytest.mark.parametrize("told", ["status", "task", "artifact"])
def test_of_a_task_that_nobody_registered_for_nothing_is_kept(world: World, told: str) -> None:
    reporter = Reporter(world)
    status = reporter.status("working", task_id="t1")
    bodies = {"status": status, "task": {"task": world.agent.task("t1").seen}, "artifact": artifact("one", append=True)}
    world.wire.requests.clear()
    reporter.tells(bodies[told])
    assert [request.name for request in world.wire.requests if is_about_a_task(request)] == ["Query", "Query", "GetItem"]
    assert world.length(WATCHING) == 0


def test_of_a_task_whose_configs_are_deleted_nothing_is_kept(reporter: Reporter, world: World) -> None:
    world.delete("t1", "a")
    reporter.tells(reporter.status("working"))
    assert world.newest("t1") == 1


# --- who may report


@pytest.mark.parametrize(
    "header", ["X-A2A-Notification-Token", "A2A-Notification-Token", "Authorization", "Authorization without a scheme of ours"]
)
def test_the_token_is_taken_in_every_header_that_sdks_send(reporter: Reporter, world: World, header: str) -> None:
    name, value = (header, reporter.token) if header.endswith("Token") else ("Authorization", f"Bearer {reporter.token}")
    value = f"Custom {reporter.token}" if header.endswith("ours") else value
    reporter.tells(reporter.status("working"), headers={name: value, "content-type": "application/a2a+json"})
    assert world.newest("t1") == 2


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer rt_guess"}, {"x-a2a-notification-token": "rt_guess"}])
@pytest.mark.parametrize("task_id", ["t1", "never heard of"])
def test_without_a_token_all_tasks_are_refused_alike_before_the_body_is_read(
    reporter: Reporter, world: World, headers: dict[str, str], task_id: str
) -> None:
    answer = reporter.post(b"not even JSON " + task_id.encode(), headers=headers)
    assert (answer.status, json.loads(answer.body)["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert {request.name for request in world.wire.requests} <= {"GetItem"}


def test_a_relay_key_is_no_report_token_nor_the_other_way_round(closed: ClosedRelay) -> None:
    token = report_token(closed, "acme")
    assert report(closed, closed.keys["acme"]).status == 401
    assert closed.status(token) == 401
    assert report(closed, token).status == 202


def test_a_token_opens_no_other_agent_and_says_not_whether_there_is_one(closed: ClosedRelay) -> None:
    closed.register("acme", "reader")
    token = report_token(closed, "acme")
    answers = [report(closed, token, agent=agent) for agent in ("reader", "default", "nobody's")]
    assert [answer.status for answer in answers] == [403, 403, 403]
    assert len({answer.body for answer in answers}) == 1


def test_a_token_touches_no_task_of_another_owner(closed: ClosedRelay) -> None:
    """Both owners have an agent of that name with a task of that id."""
    for owner in ("acme", "globex"):
        closed.register_webhook(owner)
    closed.advance(0)
    assert report(closed, report_token(closed, "globex")).status == 202
    closed.advance(0)
    assert {post.path for post in closed.receiver.notifications} == {"/globex"}


def test_a_revoked_token_is_refused_within_a_minute(closed: ClosedRelay) -> None:
    issue = wiring().issue_report_tokens
    issued = issue.create("acme", agents=frozenset({AGENT}), label="", expires_at=None)
    assert report(closed, issued.text).status == 202
    issue.revoke(issued.key)
    closed.advance(REVOCATION_DELAY.total_seconds())
    assert report(closed, issued.text).status == 401


def test_a_token_is_kept_as_a_hash_and_is_in_no_log_line(closed: ClosedRelay, capsys: pytest.CaptureFixture[str]) -> None:
    token = report_token(closed, "acme")
    assert report(closed, token).status == 202
    rows = closed.runner.aws.client("dynamodb").scan(TableName=wiring().settings.table_name)["Items"]
    assert "REPORTER#" in str(rows)
    assert token not in str(rows) + "".join(capsys.readouterr())


# --- what is no report


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"kind": "task"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'"' + b"x" * MAX_FORWARDED_BODY_BYTES + b'"', "application/json", 413),
    ],
)
def test_what_is_no_report_is_refused(reporter: Reporter, body: bytes, content_type: str, status: int) -> None:
    assert reporter.post(body, headers={"a2a-notification-token": reporter.token, "content-type": content_type}).status == status


def test_a_report_is_a_post(world: World) -> None:
    answer = world.runner.request("GET", "/reports")
    assert (answer.status, dict(answer.headers)["allow"]) == (405, "POST")


# --- crashes


@pytest.mark.parametrize("state", ["working", "completed"])
@pytest.mark.parametrize("effect", [Effect.DIES_BEFORE, Effect.DIES_AFTER, Effect.FAILS])
def test_no_report_that_was_answered_is_lost_whatever_request_dies(world: World, state: str, effect: Effect) -> None:
    """The agent tells again until it is answered, and after its first word knows nothing more of the task."""
    reporter = Reporter(world)
    points = reported(world, reporter, state, "t0", "a0", undisturbed)
    for number in range(1, points + 1):
        task_id, left = f"t{number}", [effect if place == number else Effect.NONE for place in range(1, points + 1)]

        def decide(request: AwsRequest, left: list[Effect] = left) -> Effect:
            return left.pop(0) if left and is_about_a_task(request) else Effect.NONE

        reported(world, reporter, state, task_id, f"a{number}", decide)
        assert left == []
        assert [post.state for post in world.posts(f"a{number}")] == [state], f"{effect} at request {number}"


def reported(world: World, reporter: Reporter, state: str, task_id: str, config_id: str, decide: Decide) -> int:
    """One task, told of until the answer comes; how many requests about it that took at first."""
    world.agent.task(task_id)
    world.register(task_id, id=config_id)
    world.settle()
    told = reporter.status(state, task_id=task_id)
    world.agent.forget(task_id)
    world.wire.requests.clear()
    world.wire.decide = decide
    answer = reporter.post(told)
    asked = sum(is_about_a_task(request) for request in world.wire.requests)
    while answer.status != 202:
        answer = reporter.post(told)
    world.advance(POLL)
    world.advance(POLL)
    return asked


def is_about_a_task(request: AwsRequest) -> bool:
    """By the api function; not the reads of the token and of the agent's record, which a process makes once a minute."""
    return request.function == "api" and not any(prefix in str(request.body) for prefix in ("REPORTER#", "AGENT#"))


@pytest.fixture
def closed() -> Iterator[ClosedRelay]:
    with ClosedRelay() as relay:
        for agent in relay.agents.values():
            agent.task("task-1")
        yield relay


def report_token(relay: ClosedRelay, owner: str) -> str:
    return wiring().issue_report_tokens.create(owner, agents=frozenset({AGENT}), label="", expires_at=None).text


def report(relay: ClosedRelay, token: str, *, agent: str = AGENT) -> HttpAnswer:
    body = {"statusUpdate": {"taskId": "task-1", "status": {"state": "TASK_STATE_WORKING"}}}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return relay.runner.request("POST", f"/agents/{agent}/reports", body=body, headers=headers)
