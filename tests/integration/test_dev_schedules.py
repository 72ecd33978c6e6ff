"""The runner's schedule source invokes at its rate, on the runner's clock."""

import json
from datetime import timedelta
from pathlib import Path

from tests.integration.dev_parts import STACK, Script, held, running

DAY = timedelta(days=1)
RETRYING = STACK.replace("MaximumRetryAttempts: 0\n        DestinationConfig", "MaximumRetryAttempts: 1\n        DestinationConfig")


def test_a_schedule_is_due_one_period_after_the_start_and_then_again(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        runner.settle()
        assert script.events == []
        for _ in range(2):
            runner.advance(DAY)
            runner.settle()
        assert [function for function, _ in script.events] == ["Tick", "Tick"]
        event = script.events[0][1]
        assert event["detail-type"] == "Scheduled Event"
        assert event["source"] == "aws.events"


def test_periods_that_were_missed_are_not_made_up_for(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        runner.advance(10 * DAY)
        runner.settle()
        assert len(script.events) == 1


def test_a_failed_invocation_is_told_to_its_on_failure_queue(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        script.then(ValueError("broken"))
        runner.advance(DAY)
        runner.settle()
        told = json.loads(held(runner, "TickFailures")[0])
        assert told["requestContext"]["condition"] == "RetriesExhausted"
        assert told["requestPayload"]["source"] == "aws.events"
        assert told["responsePayload"] == {"errorMessage": "broken", "errorType": "ValueError"}


def test_a_failed_invocation_is_tried_again_as_often_as_the_template_says(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script, stack=RETRYING) as runner:
        script.then(ValueError("broken"))
        runner.advance(DAY)
        runner.settle()
        assert len(script.events) == 1
        runner.advance(timedelta(minutes=1))
        runner.settle()
        assert len(script.events) == 2
        assert held(runner, "TickFailures") == []
