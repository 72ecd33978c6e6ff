"""aws-sam-cli, in a virtual environment of its own (`make check` makes it)."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv-sam"
TEMPLATE = ROOT / "template.yaml"

# This machine's, in Lambda's words; empty when Lambda has none like it.
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")

_VARIABLES = {
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class SamError(Exception):
    """SAM failed; with all that it said."""


def build(folder: Path, *, python: str) -> None:
    """Builds the stack into a folder, for this machine's architecture and a Python such as `3.13`. Raises: SamError."""
    run("build", "--build-dir", str(folder), "--template-file", str(TEMPLATE), RELAY_ARCH=ARCHITECTURE, RELAY_PYTHON=python)


def run(*arguments: str, **variables: str) -> str:
    """What SAM said. Raises: SamError."""
    own: Mapping[str, str] = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # uv is beside this Python
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "sam"), *arguments],
        cwd=ROOT,
        env={**own, **_VARIABLES, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    if done.returncode:
        raise SamError(f"sam {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return done.stdout
