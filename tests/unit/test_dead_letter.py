import json
from dataclasses import replace

import pytest

from relay.domain.dead_letter import DeadLetter, FailedAttempt
from relay.domain.keys import ConfigKey, TaskKey
from tests.support.samples import NOW

ATTEMPT = FailedAttempt(
    at=NOW,
    revision=3,
    attempt=2,
    webhook_id="msg_1",
    kind="refused",
    status=500,
    detail="The receiver answered 500.",
    answer="a stack trace with a secret",
    phases="total=7",
)
LETTER = DeadLetter(
    key=ConfigKey(TaskKey("owner", "agent", "tenant", "task-1"), "config-1"),
    first=2,
    last=3,
    reason="refused",
    receiver="https://you.example",
    webhook_id="msg_0",
    written_at=NOW,
    attempts=(ATTEMPT,),
)


def test_announcement_says_what_was_given_up_and_why() -> None:
    assert json.loads(LETTER.announcement()) == {
        "v": 1,
        "kind": "dead-letter",
        "owner": "owner",
        "agent": "agent",
        "tenant": "tenant",
        "task_id": "task-1",
        "config": "config-1",
        "first": 2,
        "last": 3,
        "reason": "refused",
        "receiver": "https://you.example",
        "webhookId": "msg_0",
        "writtenAt": "2026-11-21T08:30:15.250000+00:00",
        "attempts": [
            {
                "at": "2026-11-21T08:30:15.250000+00:00",
                "revision": 3,
                "attempt": 2,
                "webhookId": "msg_1",
                "outcome": "refused",
                "status": 500,
                "detail": "The receiver answered 500.",
            }
        ],
    }


def test_announcement_holds_nothing_that_the_receiver_answered() -> None:
    assert "secret" not in LETTER.announcement()


def test_announcement_is_compact() -> None:
    assert ", " not in LETTER.announcement()
    assert '": ' not in LETTER.announcement()


@pytest.mark.parametrize(("asked_to", "still_open"), [(0, [2, 3]), (1, [2, 3]), (2, [3]), (3, [])])
def test_what_a_redrive_has_asked_for_is_open_no_more(asked_to: int, still_open: list[int]) -> None:
    assert list(replace(LETTER, asked_to=asked_to).open_revisions) == still_open
