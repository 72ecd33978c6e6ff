"""What a receiver was told, in a form that tests compare."""

from collections.abc import Sequence

from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.e2e.clients import A2AClient, Seen, Webhook
from tests.e2e.conftest import SECRET, TOKEN

LATEST = 60  # seconds until a test gives up waiting

Step = tuple[str, int]  # state and number of artifacts: what tells one step of a task from the next

WHOLE = [("submitted", 0), ("working", 0), ("working", 1), ("completed", 1)]


def webhook(receiver: Receiver, *, config_id: str = "") -> Webhook:
    return Webhook(f"{receiver.url}/webhook", TOKEN, SECRET, config_id)


def steps(notifications: Sequence[Notification]) -> list[Step]:
    return [(notification.state, notification.artifacts) for notification in notifications]


def wait_for_state(receiver: Receiver, state: str, *, times: int = 1) -> list[Notification]:
    """What was accepted, once a state has been told so many times."""
    receiver.wait_for(lambda told: sum(each.state == state and each.is_accepted for each in told) >= times, LATEST)
    return receiver.accepted


def assert_verified(notifications: Sequence[Notification], client: A2AClient, task: Seen) -> None:
    """Every body is what the client's SDK expects; token and signature hold; each notification has an id of its own."""
    for notification in notifications:
        read = client.read_notification(notification.body)
        assert (read.id, read.context_id, read.state, read.artifacts) == (
            task.id,
            task.context_id,
            notification.state,
            notification.artifacts,
        )
        assert (notification.token, notification.signature) == ("ok", "verified")
        assert notification.headers["content-type"] == {"1.0": "application/a2a+json", "0.3": "application/json"}[client.version]
    assert len({notification.webhook_id for notification in notifications}) == len(notifications)
