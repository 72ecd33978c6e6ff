"""What is kept of a failed attempt: for its operator what the receiver said, for nobody else."""

import pytest

from relay.adapters.vault import VaultError
from relay_dev.cli import _parser
from tests.support.wire import AwsRequest, Effect
from tests.support.world import World, config_key

ANSWER = '{"status": "refused", "received": false}'


def fail_once(world: World, *names: str) -> None:
    for name in names:
        world.agent.task(name)
        world.register(name, id="c")
    world.settle()
    world.receiver.fail_next(500, times=len(names))
    for name in names:
        world.agent.task(name).becomes("working")
    world.advance(11)


def test_answer_of_a_failed_attempt_is_kept_sealed(world: World) -> None:
    fail_once(world, "t1")
    [attempt] = world.attempts.last_with_answers(config_key("t1", "c"), most=5)
    assert (attempt.kind, attempt.status, attempt.answer) == ("refused", 500, ANSWER)
    assert "received" not in str(world.items("ATTEMPT#"))
    assert world.attempts.last(config_key("t1", "c"), most=5)[0].answer == ""


def test_answer_opens_for_no_other_config(world: World) -> None:
    fail_once(world, "t1", "t2")
    [item] = [item for item in world.items("ATTEMPT#") if "t1" in item["pk"]["S"]]
    key = config_key("t2", "c")
    world.connection.put({**item, "pk": {"S": key.task.partition}})
    with pytest.raises(VaultError):
        world.attempts.last_with_answers(key, most=5)


def test_attempt_is_kept_without_its_answer_while_kms_gives_no_key(world: World) -> None:
    """The config was opened before, so KMS is asked only to seal."""
    fail_once(world, "t1")
    world.runner.cold_start()

    def kms_is_down(request: AwsRequest) -> Effect:
        return Effect.FAILS if (request.function, request.name) == ("deliver", "GenerateDataKey") else Effect.NONE

    world.wire.decide = kms_is_down
    world.receiver.fail_next(500)
    world.agent.task("t1").becomes("completed")
    for _ in range(3):
        world.advance(31)
    kept = world.attempts.last_with_answers(config_key("t1", "c"), most=5)
    assert [attempt.answer for attempt in kept] == ["", ANSWER]
    assert world.told("c") == [2, 3]


def test_operator_who_asks_is_told_what_was_answered(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    fail_once(world, "t1")
    world.receiver.fail_next(400)
    world.advance(6)
    args = _parser("dead-letters").parse_args(["dead-letters"])
    args.command(args)
    assert "refused" in capsys.readouterr().out
    args = _parser("dead-letters").parse_args(["dead-letters", "--answers"])
    args.command(args)
    _, first, second, _ = capsys.readouterr().out.splitlines()
    assert first.endswith(f"revision 2  attempt 1  The receiver answered 500.  {ANSWER}")
    assert second.endswith(f"revision 2  attempt 2  The receiver answered 400.  {ANSWER}")
