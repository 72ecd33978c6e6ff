"""schemathesis on docs/openapi.yaml, as the running relay serves it: `make test-fuzz`. Exits with schemathesis's own status.

The relay is `relay dev`'s, on loopback and open; the agent ends its tasks at once, so that no send waits. Arguments go to schemathesis.
What is checked: no 5xx, and only statuses, content types, bodies and `Allow` headers that the description has.
"""

import socket
import subprocess
import sys
from pathlib import Path

from relay_dev.runner import Runner
from tests.support.agent import FakeAgent

SCHEMATHESIS = Path(__file__).parents[2] / ".venv-fuzz" / "bin" / "schemathesis"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,allow_header_conformance"
ENVIRONMENT = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
USUAL = ["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--warnings", "off", "--seed", "1", "--request-timeout", "30"]


def main(arguments: list[str]) -> int:
    with FakeAgent(next_state="completed") as agent, Runner(overrides={"UpstreamAgentUrl": agent.url}, environment=ENVIRONMENT) as runner:
        agent.task("task-1")
        bound = socket.create_server(("127.0.0.1", 0))
        runner.serve(bound)
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        command = [str(SCHEMATHESIS), "run", f"{url}/openapi.yaml", "--url", url, "--checks", CHECKS, "--generation-database", "none"]
        return subprocess.run([*command, *USUAL, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
