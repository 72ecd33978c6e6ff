"""An agent by a2a-sdk 1.3 whose tasks are followed by one list: every end is told soon, and how often it is asked follows what changes."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.e2e.clients import ROOT, Client10
from tests.e2e.relays import Relay, agent_url, relay_command, started
from tests.e2e.told import LATEST, assert_verified, steps, wait_for_state, webhook

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

TASKS = 20  # so many that the relay chooses the list by itself
STEP_SECONDS = 6.0  # of a task's four; a list is made every second or two
SELDOM = "300"  # seconds between two polls of a task that is listed: more than a test has
OFTEN = "1"  # between those of one that is not
STATES = ["submitted", "working", "completed"]


@pytest.fixture(scope="module")
def agent(has_sdk_03: None) -> Iterator[str]:
    with Child("agent", [sys.executable, "-m", "tests.e2e.listing_agent", str(STEP_SECONDS)], folder=ROOT) as process:
        yield agent_url(process)


@pytest.fixture(scope="module", params=["list", "auto"])
def relay(request: pytest.FixtureRequest, agent: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    folder = tmp_path_factory.mktemp("relay")
    settings = {"ListSeconds": "1", "WatchMinSeconds": OFTEN, "WatchMaxSeconds": OFTEN, "ListSweepSeconds": SELDOM}
    with ExitStack() as ends:
        command = relay_command({"lists": agent}, FollowStrategy=request.param, **settings)
        process = ends.enter_context(Child("relay", command, folder=folder))
        yield started(process, folder)


def asked(agent: str) -> dict[str, int]:
    with httpx.Client(trust_env=False) as client:
        counted: dict[str, int] = client.get(f"{agent}/asked").json()
    return counted


def test_all_tasks_of_an_agent_are_told_by_one_list(relay: Relay, agent: str, receiver: Receiver) -> None:
    client, before = Client10(), asked(agent)
    tasks = {task.id: task for task in (client.send(relay.url, f"question {number}", webhook=webhook(receiver)) for number in range(TASKS))}
    told = wait_for_state(receiver, "completed", times=TASKS)
    for task_id, task in tasks.items():
        of_task = [notification for notification in told if notification.task_id == task_id]
        assert list(dict.fromkeys(notification.state for notification in of_task)) == STATES
        assert steps(of_task)[-1] == ("completed", 1)
        assert_verified(of_task, client, task)
    counted = {name: count - before.get(name, 0) for name, count in asked(agent).items()}
    changes = len(STATES) * TASKS
    assert counted["GetTask"] <= 4 * changes, "some until the lister is there, then one for each change; polls would be twice as many"
    assert 5 < counted["ListTasks"] < LATEST
