"""`relay dev` as a person meets it: a process of its own, its lines, its sentences when it cannot start, its end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from relay_dev.demo.child import Child
from tests.integration.dev_parts import STACK

RELAY = [sys.executable, "-m", "relay_dev.cli"]
DEADLINE_SECONDS = 30


class Agent:
    """An upstream agent as far as its card goes; it answers every call with a task that works."""

    def __init__(self, card_path: str = "/.well-known/agent-card.json", version: str = "1.0") -> None:
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(agent.card if self.path == card_path else None)

            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                task = {"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_WORKING"}}
                result = {"task": task} if call["method"] == "SendMessage" else task
                self._answer({"jsonrpc": "2.0", "id": call["id"], "result": result})

            def _answer(self, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.card: Any = {
            "name": "agent",
            "supportedInterfaces": [{"url": self.url, "protocolBinding": "JSONRPC", "protocolVersion": version}],
        }
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    yield agent
    agent.close()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir(tmp_path)


def _ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RELAY, *arguments], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)


@contextmanager
def _running(*arguments: str) -> Iterator[tuple[Child, str]]:
    """A relay on a free port, and its URL."""
    with Child("relay", [*RELAY, "dev", "--port", "0", *arguments]) as relay:
        ready = relay.wait_for_line(r"^relay dev: (http://\S+) ", deadline=time.monotonic() + DEADLINE_SECONDS)
        yield relay, ready[1]


def _exit_code(relay: Child, number: signal.Signals) -> int:
    relay.send(number)
    until = time.monotonic() + DEADLINE_SECONDS
    while relay.exit_code is None and time.monotonic() < until:
        time.sleep(0.01)
    assert relay.exit_code is not None
    return relay.exit_code


def _send(url: str, **more: Any) -> httpx.Response:
    message = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
    params = {"message": message, "configuration": {"returnImmediately": True}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
    return httpx.post(url, json=call, headers={"A2A-Version": "1.0", **more})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted_and_ends_cleanly(agent: Agent, number: signal.Signals) -> None:
    with _running("--upstream", agent.url) as (relay, url):
        card = httpx.get(f"{url}/.well-known/agent-card.json").json()
        assert card["capabilities"]["pushNotifications"] is True
        assert _send(url).json()["result"]["task"]["id"] == "task-1"
        relay.wait_for_line(r"^\d\d:\d\d:\d\d\.\d{3}  api +call answered +method=SendMessage$", deadline=time.monotonic() + 10)
        assert list(Path(".relay").glob("dev-*.json"))
        assert _exit_code(relay, number) == 0
        assert "Traceback" not in relay.last_output
    assert not list(Path(".relay").iterdir())


def test_the_curl_it_prints_sends_a_message_with_a_webhook(agent: Agent) -> None:
    with _running("--upstream", agent.url) as (relay, _):
        curl = relay.wait_for_line(r"^curl .*", deadline=time.monotonic() + 10)[0]
        answer = json.loads(subprocess.run(["sh", "-c", curl], capture_output=True, check=True, timeout=DEADLINE_SECONDS).stdout)
        assert answer["result"]["task"]["id"] == "task-1"
        assert "http://127.0.0.1:9900/webhook" in curl


def test_named_agents_live_at_their_own_addresses(agent: Agent) -> None:
    other = Agent(card_path="/.well-known/agent.json")
    try:
        with _running("--upstream", agent.url, "--upstream", f"other={other.url}") as (_, url):
            assert httpx.get(f"{url}/agents/other/.well-known/agent-card.json").status_code == 200
            assert httpx.get(f"{url}/agents/nobody/.well-known/agent-card.json").status_code == 404
    finally:
        other.close()


def test_other_commands_find_the_running_relay(agent: Agent) -> None:
    with _running("--upstream", f"mine={agent.url}"):
        listed = _ended("agents", "list")
        assert (listed.returncode, listed.stderr) == (0, "")
        assert f"mine                     {agent.url}" in listed.stdout
        assert "followed by" not in listed.stdout
        _ended("agents", "add", "mine", agent.url, "--follow", "report", "--blocking")
        assert "followed by report, blocking)" in _ended("agents", "list").stdout


def test_log_json_leaves_the_lines_as_they_are_on_aws(agent: Agent) -> None:
    with _running("--upstream", agent.url, "--log-json") as (relay, url):
        _send(url)
        line = relay.wait_for_line(r'^\{.*"call answered".*\}$', deadline=time.monotonic() + 10)[0]
        assert json.loads(line)["method"] == "SendMessage"


def test_beyond_loopback_callers_need_the_key_it_prints(agent: Agent) -> None:
    with _running("--upstream", agent.url, "--host", "0.0.0.0") as (relay, url):
        key = relay.wait_for_line(r"Authorization: Bearer (\w+)", deadline=time.monotonic() + 10)[1]
        url = url.replace("0.0.0.0", "127.0.0.1")
        assert _send(url).status_code == 401
        assert _send(url, Authorization=f"Bearer {key}").json()["result"]["task"]["id"] == "task-1"


def test_a_file_that_a_killed_relay_left_is_passed_over_and_taken_away(agent: Agent) -> None:
    Path(".relay").mkdir()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    Path(".relay/dev-1.json").write_text(json.dumps({"pid": dead.pid}))
    assert "no `relay dev` runs in this folder" in _ended("agents", "list").stderr
    with _running("--upstream", agent.url):
        assert [path.name for path in Path(".relay").glob("*.json")] != ["dev-1.json"]
        assert len(list(Path(".relay").glob("*.json"))) == 1


def _refused(arguments: Sequence[str], expected: str) -> None:
    ended = _ended("dev", "--port", "0", *arguments)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("relay dev: ")
    assert expected in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_port_in_use_is_one_sentence(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for option in ("--port", "--aws-port"):
            _refused(["--upstream", agent.url, option, port], f"Port {port} on 127.0.0.1 is in use; choose another with {option}")


def test_an_agent_that_is_down_is_one_sentence() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for option in (["--upstream", url], ["--parameter-overrides", f"UpstreamAgentUrl={url}"]):
            _refused(
                option,
                f"The agent at {url} cannot be used: The agent cannot be reached; nothing was sent to it. Is it running? Start it first.",
            )


def test_an_agent_without_a_card_is_one_sentence() -> None:
    agent = Agent(card_path="/elsewhere")
    try:
        _refused(["--upstream", agent.url], f"The agent at {agent.url} cannot be used: ")
    finally:
        agent.close()


def test_an_agent_that_speaks_no_binding_of_ours_is_one_sentence(agent: Agent) -> None:
    agent.card = {"name": "agent", "supportedInterfaces": [{"url": agent.url, "protocolBinding": "GRPC", "protocolVersion": "1.0"}]}
    _refused(["--upstream", agent.url], "offers neither JSON-RPC nor HTTP+JSON")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--parameter-overrides", "Retries=1"], "The template has no parameter Retries; it has "),
        (["--parameter-overrides", "WatchMaxSeconds=0"], "The parameter WatchMaxSeconds must be at least 0.1."),
        (["--parameter-overrides", "ClientAuthentication=iam"], "use relay-key"),
        (["--parameter-overrides", "DeniedWebhookHosts=10.0.0.0/99"], "The functions cannot use these parameters: DENIED_WEBHOOK_HOSTS: "),
        (["--parameter-overrides", "UpstreamAgentUrl=ftp://agent"], "UpstreamAgentUrl cannot be used: an agent's URL is http or https"),
        (["--parameter-overrides", "WatchMinSeconds=61"], "WatchMinSeconds is more than WatchMaxSeconds, above which nothing goes."),
        (["--template-file", "nowhere.yaml"], "The template nowhere.yaml cannot be read: No such file or directory."),
        (["--upstream", "http://a", "--upstream", "http://b"], "write the others as NAME=URL: http://b."),
        (["--endpoint-url", "http://127.0.0.1:1"], "No AWS-compatible endpoint answers at http://127.0.0.1:1"),
        (["--endpoint-url", "somewhere"], "somewhere is no http or https URL."),
        (["--endpoint-url", "http://127.0.0.1:1", "--aws-port", "4570"], "--aws-port is for the embedded AWS"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(arguments: list[str], expected: str) -> None:
    _refused(arguments, expected)


def test_help_comes_without_importing_aws() -> None:
    code = (
        "import sys; from relay_dev.cli import main\ntry: main(['--help'])\nfinally: print('boto3' in sys.modules, 'moto' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True).stdout
    assert all(command in told for command in ("dev", "listen", "demo", "agents", "dead-letters", "redrive"))
    assert told.endswith("False False\n")


def test_an_aws_compatible_endpoint_takes_the_place_of_the_embedded_aws(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with Child("aws", [sys.executable, "-m", "moto.server", "--port", port]) as aws:
        aws.wait_for_line(r"Running on", deadline=time.monotonic() + DEADLINE_SECONDS)
        endpoint = f"http://127.0.0.1:{port}"
        for _ in range(2):  # what the first has made there, the second finds
            with _running("--upstream", agent.url, "--endpoint-url", endpoint) as (relay, url):
                _send(url)
                relay.wait_for_line(r"(revision appended|call answered)", deadline=time.monotonic() + DEADLINE_SECONDS)
        assert os.environ.get("AWS_ENDPOINT_URL") is None


def test_the_small_stack_of_these_tests_runs_from_its_file() -> None:
    Path("template.yaml").write_text(STACK)
    _refused(["--template-file", "template.yaml"], "The template has no parameter AllowedWebhookHosts")
