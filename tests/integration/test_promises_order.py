"""Promise 3, order: a POST starts only under a claim that outlasts it, however slow AWS is."""

from datetime import timedelta

from tests.support.wire import AwsRequest, Effect
from tests.support.world import World


def test_a_post_does_not_start_when_its_claim_was_used_up_by_a_slow_look_at_the_breaker(world: World) -> None:
    """Else another worker could claim the config meanwhile, and this POST would start after one of a newer revision."""
    task = world.agent.task("t1")
    world.register("t1", id="c")
    world.settle()
    slowed: list[AwsRequest] = []

    def slow_breaker(request: AwsRequest) -> Effect:
        if request.function == "deliver" and request.name == "GetItem" and not slowed:
            slowed.append(request)
            world.runner.clock.advance(timedelta(seconds=15))  # of the claim's 20
        return Effect.NONE

    world.wire.decide = slow_breaker
    task.becomes("working")
    world.advance(10)
    assert slowed
    assert world.posts("c") == []
    assert not world.cursor("t1", "c").is_claimed(world.runner.clock.now())
    world.advance(10)
    assert world.told("c") == [2]
