"""The strategy `push` where the relay does not know its own address."""

from tests.support.world import World


def test_without_a_public_url_the_agent_is_polled() -> None:
    with World(FollowStrategy="push", WatchMinSeconds="2", WatchMaxSeconds="60") as world:
        world.agent.pushes = True
        world.agent.task("t1")
        world.register("t1", id="a")
        world.advance(3)
        world.agent.task("t1").becomes("working")
        world.advance(6)
        assert (world.told("a"), world.agent.push_configs) == ([2], {})
