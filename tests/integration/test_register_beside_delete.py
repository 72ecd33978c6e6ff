"""A registration and a delete of the same id at the same moment: either may win, but a config that stands there is told.

The relay itself deletes a config whose receiver has answered 410 twice.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.adapters.table.configs import Configs
from relay_dev.receiver import Receiver
from tests.support.wire import AwsRequest, Effect
from tests.support.world import World, config_key

KEY = config_key("t1", "a")


@pytest.mark.parametrize("is_known", [False, True])
def test_delete_between_the_puts_leaves_no_config_without_cursor(world: World, is_known: bool) -> None:
    world.agent.task("t1")
    if is_known:
        world.register("t1", id="a")
    deletes = [True]

    def decide(request: AwsRequest) -> Effect:
        """A delete comes whole between the registration's puts."""
        if deletes and request.name == "PutItem" and request.body["Item"]["sk"]["S"].startswith("PUSH#"):
            deletes.clear()
            world.cursors.delete(config_key("t1", "a"))
            world.connection.delete(config_key("t1", "a").task.partition, config_key("t1", "a").push)
        return Effect.NONE

    world.wire.decide = decide
    world.register("t1", id="a")
    world.agent.task("t1").becomes("completed")
    world.settle()
    world.advance(60)
    assert world.told("a") == [2]


@pytest.mark.parametrize("at", ["CURSOR#", "PUSH#"])
def test_a_config_that_is_registered_anew_while_410_ends_it_goes_on(world: World, at: str) -> None:
    """The client has moved its receiver, and was told that it is registered."""
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.receiver.fail_next(410, times=2)
    world.agent.task("t1").becomes("working")
    world.advance(10.5)
    left = [True]
    with Receiver() as moved:

        def decide(request: AwsRequest) -> Effect:
            """The writes of a registration come whole before the relay's own delete."""
            if left and request.function == "deliver" and request.name == "DeleteItem" and request.body["Key"]["sk"]["S"].startswith(at):
                left.clear()
                registers_anew(world, f"{moved.url}/a")
            return Effect.NONE

        world.wire.decide = decide
        for _ in range(5):
            world.advance(901)
        assert not left
        world.agent.task("t1").becomes("completed")
        for _ in range(4):
            world.advance(901)
        assert world.told("a", moved)[-1:] == [3]


def registers_anew(world: World, url: str) -> None:
    now = world.runner.clock.now()
    expires = now + timedelta(days=1)
    configs = Configs(world.connection, seal=world.vault.seal, open_sealed=world.vault.open)
    config = configs.get(KEY, now=now)
    assert config is not None
    if not world.cursors.create(KEY, 1, group="", now=now, expires=expires):
        world.cursors.renew(KEY, group="", expires=expires)
    configs.put(replace(config, url=url, registered_at=now), expires=expires)
