from datetime import timedelta
from types import SimpleNamespace

import pytest

from relay.domain.wakeup import DeliveryWakeup, WatchWakeup
from relay.sqs_event import failures, remaining, wakeups
from tests.support.samples import KEY, TASK

PLAIN = DeliveryWakeup(KEY, revision=1)


def event(*bodies: str) -> dict[str, object]:
    return {"Records": [{"messageId": f"message-{place}", "body": body} for place, body in enumerate(bodies)]}


def test_messages_are_read_with_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert wakeups(event(PLAIN.dump(), PLAIN.dump()), DeliveryWakeup.load) == ([("message-0", PLAIN), ("message-1", PLAIN)], [])
    assert capsys.readouterr().out == ""


def test_message_that_is_not_understood_goes_back_and_the_others_are_worked_on(capsys: pytest.CaptureFixture[str]) -> None:
    known, unknown = wakeups(event("{}", PLAIN.dump(), WatchWakeup(TASK).dump()), DeliveryWakeup.load)
    assert (known, unknown) == ([("message-1", PLAIN)], ["message-0", "message-2"])
    assert capsys.readouterr().out.count("message not understood") == 2


def test_failures_are_answered_by_message() -> None:
    assert failures(["a", "b"]) == {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}
    assert failures([]) == {"batchItemFailures": []}


def test_remaining_time_is_asked_for_anew_each_time() -> None:
    left = [2500, 1000]
    ask = remaining(SimpleNamespace(get_remaining_time_in_millis=lambda: left.pop(0)))
    assert (ask(), ask()) == (timedelta(seconds=2.5), timedelta(seconds=1))
