"""The hostile receiver as others start it."""

import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.hostile.behaviours import BEHAVIOURS

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.hostile.server"]


def start(*arguments: str) -> tuple["subprocess.Popen[str]", str]:
    """The process, and the URL that it tells."""
    process = subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"(https?://127\.0\.0\.1:\d+): ", line)
    assert found, line
    return process, found[1]


def stop(process: "subprocess.Popen[str]") -> str:
    """What else it told."""
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return told


def test_it_serves_one_behaviour_until_it_is_interrupted() -> None:
    process, url = start("--behaviour", "good")
    with urlopen(f"{url}/hook", timeout=30) as answer:
        assert answer.read() == b"ok"
    assert "connection 1" in stop(process)


def test_it_ends_though_a_client_hangs_on_it() -> None:
    process, url = start("--behaviour", "silent")
    with pytest.raises((URLError, TimeoutError)):
        urlopen(url, timeout=0.3)
    stop(process)


def test_its_authority_can_be_trusted(tmp_path: Path) -> None:
    process, url = start("--behaviour", "good-tls", "--ca-file", str(tmp_path / "ca.pem"))
    with urlopen(url, timeout=30, context=ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))) as answer:
        assert answer.read() == b"ok"
    stop(process)


def test_it_lists_what_it_can_do_and_so_does_its_page() -> None:
    listed = subprocess.run([*COMMAND, "--list"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(BEHAVIOURS)
    page = (ROOT / "docs" / "hostile.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9.-]+)` \| (.*) \| (.*) \|$", page, re.MULTILINE)
    told = {name: (f"{each.about}", f"{each.kind.value}{f', {each.status}' if each.status else ''}") for name, each in BEHAVIOURS.items()}
    assert {name: (about, outcome) for name, about, outcome in rows} == told
