"""A real agent of a2a-sdk 1.x behind HTTP+JSON alone: what its stream tells arrives, though no poll is due for a minute."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from relay_dev.demo.agent import application
from tests.support.streaming import streaming
from tests.support.world import World

STEP_SECONDS = 2.0


@pytest.fixture
def agent_url() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = application(url, step_seconds=STEP_SECONDS, streams=True, binding="HTTP+JSON")
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with contextlib.ExitStack() as ends:
        ends.callback(thread.join)
        ends.callback(setattr, server, "should_exit", True)
        yield url


@pytest.mark.thorough
def test_what_is_told_on_a_stream_over_http_json_arrives(agent_url: str) -> None:
    with World(UpstreamAgentUrl=agent_url, FollowStrategy="auto", WatchMinSeconds="60", WatchMaxSeconds="60") as world:
        with streaming(world) as beside:
            world.send(webhook={"url": f"{world.receiver.url}/a", "id": "a"})
            beside.eventually(lambda: [post.state for post in world.posts("a")][-1:] == ["completed"])
        assert [post.state for post in world.posts("a")] == ["submitted", "working", "working", "completed"]
