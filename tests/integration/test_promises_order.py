"""Promise 3, order: a POST starts only under a claim that outlasts it, however slow AWS is."""

from datetime import timedelta

from tests.support.wire import AwsRequest, Effect
from tests.support.world import World, config_key


def test_a_post_does_not_start_when_its_claim_was_lost_during_a_slow_look_at_the_breaker(world: World) -> None:
    """Another worker has claimed the config meanwhile: this POST would start beside, or after, one of a newer revision."""
    task = world.agent.task("t1")
    world.register("t1", id="c")
    world.settle()
    slowed: list[AwsRequest] = []

    def slow_breaker(request: AwsRequest) -> Effect:
        if request.function == "deliver" and request.name == "GetItem" and "RECEIVER#" in str(request.body) and not slowed:
            slowed.append(request)
            world.runner.clock.advance(timedelta(seconds=25))  # the claim was for 20
            now = world.runner.clock.now()
            until = now + timedelta(seconds=20)
            assert world.cursors.claim(config_key("t1", "c"), "another", now=now, until=until, timers=(), revision=2)[0]
        return Effect.NONE

    world.wire.decide = slow_breaker
    task.becomes("working")
    world.advance(10)
    assert slowed
    assert world.posts("c") == []
    world.advance(30)  # the other worker has died
    assert world.told("c") == [2]
