"""schemathesis on docs/openapi.yaml, as the running relay serves it: `make test-fuzz`. Exits with schemathesis's own status.

The relay is `relay dev`'s, on loopback and open; the agent ends its tasks at once, so that no send waits. It speaks A2A 1.0 over JSON-RPC,
or as a first argument says: `agent=0.3`, or HTTP+JSON and nothing else: `agent=http-1.0`, `agent=a2akit`, `agent=proto`. All other
arguments go to schemathesis. Checked: no 5xx, and no status, content type, body or `Allow` header that the description has not.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from relay.domain.task import ProtocolVersion
from relay_dev.runner import Runner
from tests.support.agent import FakeAgent
from tests.support.http_json_agent import HttpJsonAgent, Speech

SCHEMATHESIS = Path(__file__).parents[2] / ".venv-fuzz" / "bin" / "schemathesis"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,allow_header_conformance"
ENVIRONMENT = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
PAUSED = {"DeliveryPaused": "true"}  # the webhooks it makes up are strangers' hosts
HTTP_JSON = {"http-1.0": Speech.V10, "a2akit": Speech.A2AKIT, "proto": Speech.PROTO}
USUAL = ["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--warnings", "off", "--seed", "1", "--request-timeout", "30"]


def main(arguments: list[str]) -> int:
    name, *others = arguments if arguments and arguments[0].startswith("agent=") else ["", *arguments]
    with (
        agent_of(name.removeprefix("agent=")) as url,
        Runner(overrides={**PAUSED, "UpstreamAgentUrl": url}, environment=ENVIRONMENT) as runner,
    ):
        bound = socket.create_server(("127.0.0.1", 0))
        runner.serve(bound)
        relay = f"http://127.0.0.1:{bound.getsockname()[1]}"
        command = [str(SCHEMATHESIS), "run", f"{relay}/openapi.yaml", "--url", relay, "--checks", CHECKS, "--generation-database", "none"]
        return subprocess.run([*command, *USUAL, *others], check=False).returncode


@contextmanager
def agent_of(name: str) -> Iterator[str]:
    """Where the agent of that kind listens."""
    with FakeAgent(next_state="completed") as agent, ExitStack() as ends:
        agent.task("task-1")
        agent.speaks = ProtocolVersion.V03 if name == "0.3" else ProtocolVersion.V10
        yield ends.enter_context(HttpJsonAgent(agent, HTTP_JSON[name])).url if name in HTTP_JSON else agent.url


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
