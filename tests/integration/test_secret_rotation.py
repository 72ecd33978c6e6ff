"""A push config's signing secret is replaced while notifications go on: what receivers that know the old one, or the new, make of them."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from relay_dev.received import Notification
from tests.integration.test_praisonai_configs import SET, ask, hook
from tests.support.world import World

OLD, NEW, NEWEST = (f"{name} secret of more than 24 bytes" for name in ("the first", "the second", "the third"))
MINE, YOURS = {"x-upstream-authorization": "Bearer mine"}, {"x-upstream-authorization": "Bearer yours"}
DAY, HOUR = 24 * 3600, 3600


@pytest.fixture
def world() -> Iterator[World]:
    with World(WatchDeadlineHours="2000") as world:
        world.agent.task("task")
        yield world


def set_secret(world: World, secret: str, **more: Any) -> None:
    world.register("task", id="hook", **{"authentication": {"scheme": "HMAC-SHA256", "credentials": secret}, **more})


def told(world: World) -> Notification:
    """What the receiver is told of the task's next change."""
    count = len(world.posts())
    world.agent.task("task").becomes("working", message=f"change {count}")
    world.advance(11)
    assert len(world.posts()) == count + 1
    return world.posts()[-1]


def stock(secret: str) -> Webhook:
    return Webhook("whsec_" + b64encode(secret.encode()).decode())


def signers(notification: Notification, *secrets: str) -> list[str]:
    """Whose signatures the stock library finds in the header, in its order; all of `v1` are somebody's, and stand before `v1a`."""
    headers = notification.headers
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    made = {stock(each).sign(headers["webhook-id"], at, notification.body.decode()): each for each in secrets}
    tokens = headers["webhook-signature"].split(" ")
    symmetric = [token for token in tokens if token.startswith("v1,")]
    assert [token.partition(",")[0] for token in tokens] == ["v1"] * len(symmetric) + ["v1a"]
    return [made[token] for token in symmetric]


def test_stock_verifiers_of_the_old_and_of_the_new_secret_take_what_is_sent_in_the_overlap(world: World) -> None:
    set_secret(world, OLD)
    set_secret(world, NEW)
    notification = told(world)
    for secret in (OLD, NEW):
        assert stock(secret).verify(notification.body, dict(notification.headers)) == json.loads(notification.body)
    with pytest.raises(WebhookVerificationError):
        stock(NEWEST).verify(notification.body, dict(notification.headers))
    assert signers(notification, OLD, NEW) == [NEW, OLD]


def test_old_secret_signs_no_more_when_the_overlap_is_over(world: World) -> None:
    set_secret(world, OLD)
    set_secret(world, NEW)
    world.advance(DAY - 60)
    assert signers(told(world), OLD, NEW) == [NEW, OLD]
    world.advance(60)
    assert signers(told(world), OLD, NEW) == [NEW]


def test_retry_after_the_overlap_is_signed_with_the_new_secret_alone(world: World) -> None:
    set_secret(world, OLD)
    set_secret(world, NEW)
    world.advance(DAY - 15)
    world.receiver.fail_next(503)
    failed = told(world)
    world.advance(10)
    retried = world.posts()[-1]
    assert (failed.webhook_id, failed.body) == (retried.webhook_id, retried.body)
    assert (signers(failed, OLD, NEW), signers(retried, OLD, NEW)) == ([NEW, OLD], [NEW])


def test_third_secret_within_the_overlap_leaves_the_first_its_own_end(world: World) -> None:
    set_secret(world, OLD)
    set_secret(world, NEW)
    world.advance(12 * HOUR)
    set_secret(world, NEWEST)
    assert signers(told(world), OLD, NEW, NEWEST) == [NEWEST, NEW, OLD]
    world.advance(12 * HOUR)
    assert signers(told(world), OLD, NEW, NEWEST) == [NEWEST, NEW]
    world.advance(12 * HOUR)
    assert signers(told(world), OLD, NEW, NEWEST) == [NEWEST]


def test_the_same_config_with_every_message_keeps_the_overlap_as_it_is(world: World) -> None:
    """As a2a-sdk does: its config goes with each send, and has no id."""
    webhook = {"url": hook(world), "token": "t", "authentication": {"scheme": "HMAC-SHA256", "credentials": OLD}}
    world.send(task_id="task", webhook=webhook)
    for text in ("one", "two", "three"):
        world.send(text, task_id="task", webhook={**webhook, "authentication": {"scheme": "HMAC-SHA256", "credentials": NEW}})
    assert signers(told(world), OLD, NEW) == [NEW, OLD]
    world.advance(DAY)
    assert signers(told(world), OLD, NEW) == [NEW]


def test_setting_that_says_no_overlap_ends_the_old_secret_at_once() -> None:
    with World(SecretOverlapHours="0") as strict:
        strict.agent.task("task")
        set_secret(strict, OLD)
        set_secret(strict, NEW)
        assert signers(told(strict), OLD, NEW) == [NEW]


def test_overlap_is_as_long_as_the_setting_says() -> None:
    with World(SecretOverlapHours="1.5") as other:
        other.agent.task("task")
        set_secret(other, OLD)
        set_secret(other, NEW)
        other.advance(1.4 * HOUR)
        assert signers(told(other), OLD, NEW) == [NEW, OLD]
        other.advance(0.1 * HOUR)
        assert signers(told(other), OLD, NEW) == [NEW]


def test_config_that_was_deleted_and_set_anew_remembers_no_secret(world: World) -> None:
    set_secret(world, OLD)
    world.delete("task", "hook")
    set_secret(world, NEW)
    assert signers(told(world), OLD, NEW) == [NEW]


def test_a_delete_in_the_overlap_ends_all(world: World) -> None:
    set_secret(world, OLD)
    set_secret(world, NEW)
    world.delete("task", "hook")
    world.agent.task("task").becomes("completed")
    world.advance(30)
    assert world.posts() == []
    assert world.items("PUSH#") == []


@pytest.mark.parametrize("authentication", [None, {"scheme": "Bearer", "credentials": "c"}])
def test_config_that_is_set_without_a_secret_is_signed_with_none(world: World, authentication: Mapping[str, str] | None) -> None:
    set_secret(world, OLD)
    set_secret(world, NEW, authentication=authentication)
    assert signers(told(world), OLD, NEW) == []


def test_another_callers_config_of_that_id_is_not_signed_with_the_firsts_secret(world: World) -> None:
    world.headers = MINE
    set_secret(world, OLD)
    world.headers = YOURS
    set_secret(world, NEW)
    assert signers(told(world), OLD, NEW) == [NEW]


def test_another_receiver_sees_nothing_signed_with_the_firsts_secret(world: World) -> None:
    set_secret(world, OLD, url="https://elsewhere.example/hook")
    set_secret(world, NEW)
    assert signers(told(world), OLD, NEW) == [NEW]


def test_replaced_secret_is_shown_nowhere_and_lies_encrypted(world: World) -> None:
    set_secret(world, OLD)
    set_secret(world, NEW)
    shown = [
        world.result("GetTaskPushNotificationConfig", {"taskId": "task", "id": "hook"}),
        world.result("ListTaskPushNotificationConfigs", {"taskId": "task"}),
        ask(world, "tasks/pushNotificationConfig/get", taskId="task"),
    ]
    sent = told(world)
    for secret in (OLD, NEW):
        assert secret not in repr(shown) + repr(sent.headers) + repr(world.items())
        assert secret.encode().hex() not in repr(world.items())


def test_a_dialects_own_header_holds_the_new_signature_alone(world: World) -> None:
    for secret in ("old", "new"):
        ask(world, SET, taskId="task", url=hook(world), token="k", secret=secret)
    notification = told(world)
    expected = "sha256=" + hmac.new(b"new", notification.body, hashlib.sha256).hexdigest()
    assert notification.headers["x-webhook-signature"] == expected
    assert signers(notification, "old", "new") == ["new", "old"]


def test_copy_of_a_template_signs_with_the_templates_old_secret_too(world: World) -> None:
    for secret in ("old", "new"):
        ask(world, SET, config={"url": hook(world, "all"), "secret": secret})
    world.send()
    world.settle()
    (notification,) = world.posts("all")
    assert signers(notification, "old", "new") == ["new", "old"]


def test_secret_set_twice_before_its_task_is_there_signs_with_both(world: World) -> None:
    for secret in ("old", "new"):
        ask(world, SET, taskId="later", url=hook(world), token="k", secret=secret)
    world.agent.task("later")
    world.result("GetTask", {"id": "later"})
    world.advance(11)
    assert signers(world.posts("hook")[0], "old", "new") == ["new", "old"]
