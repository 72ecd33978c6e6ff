"""Callbacks at agents of every kind: behind HTTP+JSON alone, and under a caller's own credential."""

from urllib.parse import urlsplit

import pytest

from relay.domain.callback import CONFIG_ID
from tests.support.agent import FakeAgent
from tests.support.http_json_agent import HttpJsonAgent, Speech
from tests.support.world import World

PUBLIC_URL = "https://relay.example"
TOKEN = "x-a2a-notification-token"
SOON, SLOW = 2, 60  # seconds: how often the watch polls, before the agent has the callback and after
PACE = {"WatchMinSeconds": str(SOON), "WatchMaxSeconds": str(SLOW)}


def test_the_callback_is_registered_and_removed_with_the_credential_that_the_task_is_followed_with() -> None:
    ann = "Bearer anns-own-credential"
    with World(FollowStrategy="push", PublicUrl=PUBLIC_URL, FollowAs="caller", **PACE) as world:
        world.agent.lets_in, world.agent.pushes = {ann}, True
        world.headers = {"x-upstream-authorization": ann}
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        assert set(world.agent.push_configs) == {"t1"}
        world.agent.task("t1").becomes("completed")
        for _ in range(3):
            world.advance(SLOW + 1)
        assert ([post.state for post in world.posts("a")], world.agent.push_configs) == (["completed"], {})
        assert set(world.agent.shown) == {ann}


@pytest.mark.parametrize("speech", Speech)
def test_agents_that_speak_http_json_alone_get_a_callback_too(speech: Speech) -> None:
    with FakeAgent() as fake, HttpJsonAgent(fake, speech) as agent:
        fake.pushes = True
        with World(FollowStrategy="push", PublicUrl=PUBLIC_URL, UpstreamAgentUrl=agent.url, **PACE) as world:
            fake.now = world.runner.clock.now
            fake.task("t1")
            world.register("t1", id="a")
            world.settle()
            world.advance(SOON + 1)
            config = fake.push_configs["t1"]
            assert (config["id"], config["url"].startswith(PUBLIC_URL), bool(config["token"])) == (CONFIG_ID, True, True)
            fake.task("t1").becomes("working")
            told = {"kind": "status-update", "taskId": "t1", "contextId": "c", "final": False, "status": {"state": "working"}}
            answer = world.runner.request("POST", urlsplit(config["url"]).path, body=told, headers={TOKEN: config["token"]})
            world.settle()
            assert (answer.status, world.told("a")) == (202, [2])
            fake.task("t1").becomes("completed")
            for _ in range(3):
                world.advance(SLOW + 1)
            deletes = [target for verb, target, _, _ in agent.requests if verb == "DELETE"]
            assert [urlsplit(target).path.rpartition("/")[2] for target in deletes] == [CONFIG_ID]
