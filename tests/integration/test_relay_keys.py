"""Relay keys: who is let in, for how long, at what cost, and that a key's text is nowhere."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from relay.domain.relay_key import digest_of
from relay.use_cases.known_keys import REVOCATION_DELAY
from relay.wiring import wiring
from relay_dev.runner import Runner
from tests.support.agent import FakeAgent
from tests.support.closed_relay import AGENT, ClosedRelay, bearer
from tests.support.scripted_agent import TASK, calls, result, scripted_agent
from tests.support.wire import AwsRequest, Effect, once

SEND = Path(__file__).parents[2] / "events" / "api-send-message.json"
DELAY_SECONDS = REVOCATION_DELAY.total_seconds()


@pytest.fixture
def relay() -> Iterator[ClosedRelay]:
    with ClosedRelay() as relay:
        for agent in relay.agents.values():
            agent.task("task-1")
        yield relay


def read_items(requests: list[AwsRequest]) -> list[str]:
    """The partition of each read; a request that is none is told by its name."""
    return [each.body["Key"]["pk"]["S"] if each.name == "GetItem" else each.name for each in requests]


def test_a_key_is_43_random_characters_with_a_name_in_front(relay: ClosedRelay) -> None:
    texts = {relay.issue("acme").text for _ in range(3)}
    assert len(texts) == 3
    assert all(text.startswith("rk_") and len(text) == 46 and text.isascii() for text in texts)


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_a_key_opens_its_owner_s_agents(relay: ClosedRelay, header: str) -> None:
    value = relay.keys["acme"] if header == "x-api-key" else f"Bearer {relay.keys['acme']}"
    assert relay.post("", headers={header: value}).status == 200
    assert [method for method, _ in relay.agents["acme"].calls] == ["GetTask"]


def test_the_stack_s_first_key_opens_every_agent_of_the_default_owner(relay: ClosedRelay) -> None:
    relay.register("default", AGENT)
    assert [relay.status(relay.first_key, agent=name) for name in ("default", AGENT)] == [200, 200]
    assert len(relay.agents["default"].calls) == 2


def test_a_key_for_one_agent_opens_no_other(relay: ClosedRelay) -> None:
    relay.register("acme", "reader")
    key = relay.issue("acme", AGENT).text
    assert [relay.status(key, agent=name) for name in (AGENT, "reader", "default")] == [200, 404, 404]


def test_an_expired_key_is_refused_from_its_end_on_though_the_process_knows_it(relay: ClosedRelay) -> None:
    key = relay.issue("acme", expires_at=relay.now + timedelta(seconds=30)).text
    assert relay.status(key) == 200
    relay.advance(31)
    assert relay.status(key) == 401


def test_a_revoked_key_is_refused_at_once_by_a_process_that_does_not_know_it(relay: ClosedRelay) -> None:
    issued = relay.issue("acme")
    relay.revoke(issued.key)
    assert relay.status(issued.text) == 401


def test_a_revoked_key_is_refused_within_a_minute_by_a_process_that_knows_it(relay: ClosedRelay) -> None:
    issued = relay.issue("acme")
    assert relay.status(issued.text) == 200
    relay.revoke(issued.key)
    relay.advance(DELAY_SECONDS - 10)
    assert relay.status(issued.text) == 200
    relay.advance(10)
    assert relay.status(issued.text) == 401


def test_using_a_key_does_not_make_it_known_for_longer(relay: ClosedRelay) -> None:
    issued = relay.issue("acme")
    assert relay.status(issued.text) == 200
    relay.revoke(issued.key)
    answered = []
    for _ in range(4):
        relay.advance(DELAY_SECONDS / 3)
        answered.append(relay.status(issued.text))
    assert answered == [200, 200, 401, 401]


def test_a_new_key_opens_at_once(relay: ClosedRelay) -> None:
    assert relay.status(relay.keys["acme"]) == 200
    assert relay.status(relay.issue("acme").text) == 200


def test_unknown_expired_and_revoked_keys_are_answered_alike_at_the_cost_of_one_read(relay: ClosedRelay) -> None:
    revoked = relay.issue("acme")
    relay.revoke(revoked.key)
    refused = ["rk_" + "x" * 43, "no such form", relay.issue("acme", expires_at=relay.now).text, revoked.text]
    relay.status(relay.first_key)  # its secret is read once in five minutes, whoever comes
    assert len({(answer.status, tuple(answer.headers), answer.body) for answer in map(relay.post, refused)}) == 1
    for _ in range(2):  # nothing is remembered of them
        assert [read_items(relay.asked_by_post(key)) for key in refused] == [["KEYS"]] * 4


def test_a_key_that_ends_while_it_is_known_costs_the_same_one_read(relay: ClosedRelay) -> None:
    key = relay.issue("acme", expires_at=relay.now + timedelta(seconds=30)).text
    relay.status(key)
    relay.advance(31)
    assert [read_items(relay.asked_by_post(key)) for _ in range(2)] == [["KEYS"], ["KEYS"]]


def test_an_agent_that_is_unknown_and_one_that_is_another_owner_s_cost_the_same_reads(relay: ClosedRelay) -> None:
    relay.register("acme", "secret-project")
    relay.status(relay.keys["globex"])
    costs = [read_items(relay.asked_by_post(relay.keys["globex"], agent=name)) for name in ("secret-project", "never-registered")]
    assert costs[0] == costs[1]
    assert set(costs[0]) == {"AGENTS#globex"}, "nothing of the other owner's is read"


def test_agents_that_a_key_may_not_use_cost_no_read_whether_they_exist_or_not(relay: ClosedRelay) -> None:
    relay.register("acme", "secret-project")
    key = relay.issue("acme", AGENT).text
    relay.status(key)
    assert [relay.asked_by_post(key, agent=name) for name in ("secret-project", "never-registered")] == [[], []]


def test_a_known_key_costs_no_read(relay: ClosedRelay) -> None:
    assert "KEYS" in read_items(relay.asked_by_post(relay.keys["acme"]))
    assert "KEYS" not in read_items(relay.asked_by_post(relay.keys["acme"]))


def test_while_a_key_is_rotated_both_open_the_same(relay: ClosedRelay) -> None:
    old = relay.issue("acme", AGENT)
    new = relay.rotate(old.key, timedelta(hours=24))
    assert [relay.status(key, agent=name) for key in (old.text, new.text) for name in (AGENT, "reader")] == [200, 404] * 2
    relay.advance(24 * 3600 - 60)
    assert [relay.status(key) for key in (old.text, new.text)] == [200, 200]
    relay.advance(60)
    assert [relay.status(key) for key in (old.text, new.text)] == [401, 200]


def test_rotation_without_overlap_ends_the_old_key_now(relay: ClosedRelay) -> None:
    old = relay.issue("acme")
    new = relay.rotate(old.key, timedelta(0))
    assert [relay.status(key) for key in (old.text, new.text)] == [401, 200]


def test_a_key_is_rotated_once(relay: ClosedRelay) -> None:
    """A second rotation would leave two successors, one of them with nobody who knows it."""
    old = relay.issue("acme")
    new = relay.rotate(old.key, timedelta(hours=1))
    before = wiring().issue_keys.starting_with()
    assert wiring().issue_keys.rotate(old.key, overlap=timedelta(hours=1)) is None
    assert wiring().issue_keys.starting_with() == before
    assert [key.replaced_by for key in wiring().issue_keys.starting_with(old.key.id)] == [new.key.id]


def test_a_revoked_key_is_not_rotated_back_to_life(relay: ClosedRelay) -> None:
    old = relay.issue("acme")
    relay.revoke(old.key)
    before = wiring().issue_keys.starting_with()
    assert wiring().issue_keys.rotate(old.key, overlap=timedelta(hours=1)) is None
    assert wiring().issue_keys.starting_with() == before


def test_a_rotation_whose_answer_is_lost_has_taken_place(relay: ClosedRelay) -> None:
    """The SDK asks again, and meets its own write."""
    old = relay.issue("acme")
    relay.wire.decide = once(Effect.TIMES_OUT, name="UpdateItem")
    new = relay.rotate(old.key, timedelta(hours=1))
    assert [relay.status(key) for key in (old.text, new.text)] == [200, 200]


def test_the_text_of_a_key_is_nowhere_in_the_table_or_the_log(relay: ClosedRelay, capsys: pytest.CaptureFixture[str]) -> None:
    issued = relay.issue("acme")
    rotated = relay.rotate(issued.key, timedelta(hours=1))
    revoked = relay.issue("globex")
    relay.revoke(revoked.key)
    for text in (issued.text, rotated.text, revoked.text, relay.first_key):
        relay.card(text)
        relay.post(text)
        relay.post("", headers={"x-api-key": text})
        relay.post(text, "CreateTaskPushNotificationConfig", {"taskId": "task-1", "url": f"{relay.receiver.url}/hook"})
        relay.post(text, "CreateTaskPushNotificationConfig", {"taskId": "task-1", "url": text})
    relay.advance(60)
    written = json.dumps(relay.runner.aws.client("dynamodb").scan(TableName="RelayTable")["Items"], default=str)
    said = capsys.readouterr()
    for text in (issued.text, rotated.text, revoked.text, relay.first_key):
        assert text.removeprefix("rk_") not in written + said.out + said.err
    assert digest_of(issued.text) in written
    assert f'"owner":"acme","key":"{issued.key.id}","agent":"{AGENT}"' in said.out


def test_the_agent_gets_the_caller_s_own_credential_and_nothing_meant_for_the_relay(relay: ClosedRelay) -> None:
    key = relay.keys["acme"]
    with scripted_agent(lambda _request: result(TASK)) as agent:
        relay.register("acme", "recording", url=agent.url(""))
        for shown in (bearer(key), {"x-api-key": key}, {**bearer(key), "x-upstream-authorization": "Bearer of the caller"}):
            assert relay.post("", agent="recording", headers=shown).status == 200
        got = [request.headers for request in calls(agent)]
    assert [headers.get("authorization") for headers in got] == [None, None, "Bearer of the caller"]
    assert not any({"x-api-key", "x-upstream-authorization"} & set(headers) for headers in got)
    assert key not in str([request.headers for request in agent.requests])


def test_iam_s_callers_are_the_default_owner_whatever_key_they_show() -> None:
    with FakeAgent() as agent, Runner(overrides={"UpstreamAgentUrl": agent.url, "ClientAuthentication": "iam"}) as runner:
        event = json.loads(SEND.read_text())
        answers = []
        for authorizer in ({}, {"authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/me"}}}):
            event["requestContext"] |= authorizer
            event["headers"]["x-api-key"] = "rk_" + "x" * 43
            event["body"] = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}})
            answers.append(runner.invoke("ApiFunction", event).answer["statusCode"])
        assert answers == [401, 200]
        assert [method for method, _ in agent.calls] == ["GetTask"]
        assert runner.request("GET", "/.well-known/agent-card.json", headers=bearer("whatever")).status == 200


def test_a_relay_that_asks_for_no_key_takes_all_callers_as_the_default_owner() -> None:
    environment = {"CLIENT_AUTHENTICATION": "none"}
    with FakeAgent() as agent, Runner(overrides={"UpstreamAgentUrl": agent.url}, environment=environment) as runner:
        body = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}}
        for headers in ({}, bearer("rk_" + "x" * 43)):
            assert runner.request("POST", "/", body=body, headers={"a2a-version": "1.0", **headers}).status == 200
        assert len(agent.calls) == 2
