"""Rule 13: old and new functions run side by side during a deployment. What a reader does not know it leaves alone and returns.

Of messages, and of the items that `deliver`, `watch` and the fan-out meet: test_deliver.py, test_watch.py, test_fan_out.py.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.table.agents import RegisteredAgent
from relay.adapters.table.items import UnknownItemError
from relay.adapters.table.proofs import Proofs
from relay.adapters.table.relay_keys import RelayKeys
from relay.domain.keys import AgentKey, ReceiverKey
from relay.domain.wakeup import DeliveryWakeup
from relay.wiring import wiring
from tests.support.world import DELIVERY, VISIBILITY, WATCHING, World, config_key, task_key

POLL = 10.5
NEWER = {"v": {"N": "2"}}
KEY = config_key("t1", "a")


@pytest.fixture
def followed(world: World) -> World:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    return world


def renewed(world: World, prefix: str) -> Any:
    """Lets a newer function have written the item; the item as it was."""
    [item] = world.items(prefix)
    world.connection.put({**item, **NEWER})
    return item


@pytest.mark.parametrize(("prefix", "queue"), [("CURSOR#", DELIVERY), ("WATCH", WATCHING)])
def test_a_claim_leaves_an_item_of_an_unknown_version_untouched_and_brings_the_message_back(
    followed: World, prefix: str, queue: str
) -> None:
    followed.agent.task("t1").becomes("completed")
    if prefix == "CURSOR#":
        followed.put(DELIVERY, DeliveryWakeup(KEY).dump())
    item = renewed(followed, prefix)
    followed.runner.advance(timedelta(seconds=POLL))
    followed.settle()
    assert followed.items(prefix) == [{**item, **NEWER}]
    assert followed.length(queue) >= 1
    followed.connection.put(item)
    for _ in range(3):
        followed.advance(VISIBILITY)
    assert followed.told("a") == [2]


def test_a_breaker_of_an_unknown_version_brings_the_wake_up_back_before_any_post(followed: World) -> None:
    followed.receiver.fail_next(503)
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    item = renewed(followed, "RECEIVER")
    followed.advance(6)
    assert [post.status for post in followed.posts("a")] == [503]
    assert followed.length(DELIVERY) == 1
    followed.connection.put(item)
    followed.advance(VISIBILITY)
    assert followed.told("a") == [2]


def _given_up(world: World) -> None:
    world.receiver.fail_next(400)
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)


def _an_agent(_: World) -> None:
    wiring().agent_records.put(RegisteredAgent(AgentKey("default", "more"), "https://agent.example"))


def _a_key(_: World) -> None:
    wiring().issue_keys.create("default", agents=frozenset(), label="", expires_at=None)


READS: dict[str, tuple[Callable[[World], object], Callable[[World], object]]] = {
    "DEAD#": (_given_up, lambda world: world.dead_letters()),
    "ATTEMPT#": (_given_up, lambda world: world.attempts.last(KEY, most=5)),
    "AGENT#": (_an_agent, lambda _: wiring().agent_records.get(AgentKey("default", "more"))),
    "KEY#": (_a_key, lambda world: list(RelayKeys(world.connection).starting_with(""))),
    "VERIFIED": (
        lambda world: Proofs(world.connection, now=world.runner.clock.now).put(ReceiverKey("default", "https://r.example")),
        lambda world: Proofs(world.connection, now=world.runner.clock.now).holds(ReceiverKey("default", "https://r.example")),
    ),
}


@pytest.mark.parametrize("prefix", READS)
def test_no_reader_takes_an_item_of_an_unknown_version_for_what_it_knows(followed: World, prefix: str) -> None:
    write, read = READS[prefix]
    write(followed)
    item = renewed(followed, prefix)
    with pytest.raises(UnknownItemError):
        read(followed)
    assert followed.items(prefix) == [{**item, **NEWER}]


def test_every_item_has_a_version(followed: World) -> None:
    _given_up(followed)
    _an_agent(followed)
    _a_key(followed)
    kinds = {item["sk"]["S"].partition("#")[0] for item in followed.items()}
    assert {"REVISION", "PUSH", "CURSOR", "WATCH", "DEAD", "ATTEMPT", "KEY"} <= kinds
    assert [item["sk"]["S"] for item in followed.items() if "v" not in item] == []
    assert task_key("t1").partition in {item["pk"]["S"] for item in followed.items()}
