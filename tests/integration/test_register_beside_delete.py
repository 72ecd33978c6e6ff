"""A registration and a delete of the same id at the same moment: either may win, but a config that stands there is told."""

import pytest

from tests.support.wire import AwsRequest, Effect
from tests.support.world import World, config_key


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
