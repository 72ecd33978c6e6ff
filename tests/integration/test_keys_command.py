"""`relay keys` and `relay agents --owner`, as an operator types them, against a relay that runs in this folder."""

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from relay.adapters.secrets import MAX_AGE
from relay_dev import cli, running
from tests.support.closed_relay import AGENT, ClosedRelay

ROOT = Path(__file__).parents[2]
_TEXTS = [ROOT / "README.md", ROOT / "docs" / "relay-keys.md"]
DOCUMENTED = [line for text in _TEXTS for line in re.findall(r"^relay (?:keys|agents) .*$", text.read_text(), re.MULTILINE)]


class Said(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClosedRelay]:
    monkeypatch.chdir(tmp_path)
    with ClosedRelay() as relay:
        for agent in relay.agents.values():
            agent.task("task-1")
        environment = {name: os.environ[name] for name in relay.runner.definition.environment}
        with running.announced(8787, {"environment": environment}):
            yield relay


@pytest.fixture
def command(relay: ClosedRelay, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `relay …`."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        code = cli.main(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def refusal(command: Command, *arguments: str) -> None:
    """The arguments are refused before anything is done."""
    with pytest.raises(SystemExit) as raised:
        command(*arguments)
    assert raised.value.code == 2


def only_id(command: Command, owner: str) -> str:
    (key_id,) = re.findall(rf"^([0-9a-f]{{8}})  owner {owner} ", command("keys", "list").out, re.MULTILINE)
    return str(key_id)


def test_a_created_key_is_alone_on_stdout_and_opens(relay: ClosedRelay, command: Command) -> None:
    said = command("keys", "create")
    assert (said.code, bool(re.fullmatch(r"rk_[A-Za-z0-9_-]{43}\n", said.out))) == (0, True)
    assert "owner default  all agents" in said.err
    assert relay.status(said.out.strip(), agent="default") == 200


def test_a_key_is_created_for_an_owner_some_agents_and_a_time(relay: ClosedRelay, command: Command) -> None:
    options = ("--owner", "acme", "--agent", AGENT, "--agent", "reader", "--expires", "1d", "--label", "for the build")
    said = command("keys", "create", *options)
    assert re.search(r"owner acme  reader, writer  made .*, ends .*  for the build", said.err)
    assert [relay.status(said.out.strip(), agent=name) for name in (AGENT, "default")] == [200, 404]
    relay.advance(timedelta(days=1).total_seconds())
    assert relay.status(said.out.strip()) == 401


def test_it_is_said_of_a_keys_agent_that_nobody_has_registered(command: Command) -> None:
    said = command("keys", "create", "--owner", "acme", "--agent", AGENT, "--agent", "reader", "--agent", "default")
    assert (said.code, said.out.count("\n")) == (0, 1)
    names = re.findall(r"^No agent of the owner acme is registered as (\S+): until one is, ", said.err, re.MULTILINE)
    assert names == ["default", "reader"]
    assert "No agent" not in command("keys", "create", "--agent", "default").err, "the stack's own, which a command cannot see everywhere"


def test_a_key_can_end_at_a_moment(relay: ClosedRelay, command: Command) -> None:
    assert "ends 2150-01-02 03:04:00Z" in command("keys", "create", "--expires", "2150-01-02T03:04+00:00").err
    said = command("keys", "create", "--expires", "2001-01-01")
    assert (said.code, said.out) == (1, "")
    assert "over already" in said.err


def test_the_list_names_every_key_and_shows_none(relay: ClosedRelay, command: Command) -> None:
    text = command("keys", "create", "--owner", "initech", "--label", "theirs").out.strip()
    listed = command("keys", "list").out
    assert re.findall(r"owner (\S+)  ", listed) == ["acme", "globex", "initech"]
    assert "3 keys" in listed
    assert text not in listed


def test_an_ended_key_is_listed_as_such(relay: ClosedRelay, command: Command) -> None:
    command("keys", "create", "--owner", "initech", "--expires", "1m")
    relay.advance(61)
    assert re.search(r"owner initech .*, ended ", command("keys", "list").out)


def test_a_key_is_revoked_by_its_id(relay: ClosedRelay, command: Command) -> None:
    said = command("keys", "revoke", only_id(command, "acme"))
    assert said.code == 0
    assert "another minute" in said.out
    assert [relay.status(relay.keys[owner]) for owner in ("acme", "globex")] == [401, 200]


def test_a_key_is_rotated_by_its_id_and_the_old_one_ends_after_the_overlap(relay: ClosedRelay, command: Command) -> None:
    old_id = only_id(command, "acme")
    said = command("keys", "rotate", old_id, "--overlap", "2h")
    new = said.out.strip()
    assert re.search(rf"^{old_id}  owner acme .*, ends .*, replaced by ", said.err, re.MULTILINE)
    assert [relay.status(key) for key in (relay.keys["acme"], new)] == [200, 200]
    relay.advance(timedelta(hours=2).total_seconds())
    assert [relay.status(key) for key in (relay.keys["acme"], new)] == [401, 200]


def test_without_a_word_the_overlap_is_a_day(relay: ClosedRelay, command: Command) -> None:
    command("keys", "rotate", only_id(command, "acme"))
    relay.advance(timedelta(hours=23, minutes=55).total_seconds())
    assert relay.status(relay.keys["acme"]) == 200
    relay.advance(timedelta(minutes=5).total_seconds())
    assert relay.status(relay.keys["acme"]) == 401


def test_a_rotated_key_names_its_successor_when_it_is_rotated_again(relay: ClosedRelay, command: Command) -> None:
    old_id = only_id(command, "acme")
    command("keys", "rotate", old_id)
    said = command("keys", "rotate", old_id)
    assert (said.code, said.out) == (1, "")
    assert re.search(rf"{old_id} was rotated already: [0-9a-f]{{8}} has replaced it", said.err)


@pytest.mark.parametrize("verb", ["revoke", "rotate"])
def test_an_id_that_no_key_has_is_said_to_be_none(relay: ClosedRelay, command: Command, verb: str) -> None:
    said = command("keys", verb, "0" * 16)
    assert (said.code, said.out, said.err) == (1, "", f"relay: no key has the id {'0' * 16}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("revoke", "abc"),
        ("revoke", "rk_" + "x" * 43),
        ("create", "--expires", "soon"),
        ("create", "--expires", "9999-12-31T23:59:59-23:00"),
        ("create", "--owner", "a#b"),
        ("create", "--agent", ""),
        ("create", "--label", "two\nlines"),
        ("rotate", "0" * 8, "--overlap", "1"),
    ],
)
def test_what_cannot_be_meant_is_refused(relay: ClosedRelay, command: Command, arguments: tuple[str, ...]) -> None:
    refusal(command, "keys", *arguments)


def test_it_is_said_when_the_relay_asks_for_no_key(
    relay: ClosedRelay, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "asks for no key" not in command("keys", "create").err
    environment = {name: os.environ[name] for name in relay.runner.definition.environment}
    with running.announced(8787, {"environment": {**environment, "CLIENT_AUTHENTICATION": "none"}}):
        relay.runner.cold_start()
        assert "asks for no key" in command("keys", "create").err


def test_an_agent_is_registered_listed_and_removed_for_its_owner(relay: ClosedRelay, command: Command) -> None:
    url = relay.agents["acme"].url
    said = command("agents", "add", "reader", url, "--owner", "acme")
    assert said.code == 0
    assert "/agents/reader, with a key of the owner acme" in said.out
    assert [relay.status(relay.keys[owner], agent="reader") for owner in ("acme", "globex")] == [200, 404]
    assert re.findall(r"^(\S+) +http", command("agents", "list", "--owner", "acme").out, re.MULTILINE) == ["reader", AGENT]
    assert re.findall(r"^(\S+) +http", command("agents", "list").out, re.MULTILINE) == ["default"]
    assert command("agents", "remove", "reader").code == 1
    assert command("agents", "remove", "reader", "--owner", "acme").code == 0
    assert re.findall(r"^(\S+) +http", command("agents", "list", "--owner", "acme").out, re.MULTILINE) == [AGENT]


def test_an_agents_url_may_not_hold_a_password_for_it_is_kept_and_listed(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    refusal(command, "agents", "add", "reader", "https://user:hunter2@agent.example/")
    said = capsys.readouterr()
    assert "--header" in said.err
    assert "hunter2" not in said.out + said.err


def report_status(relay: ClosedRelay, token: str, *, agent: str = AGENT) -> int:
    body = {"statusUpdate": {"taskId": "task-1", "status": {"state": "TASK_STATE_WORKING"}}}
    return relay.runner.request("POST", f"/agents/{agent}/reports", body=body, headers={"a2a-notification-token": token}).status


def test_a_report_token_is_alone_on_stdout_and_opens_its_agents_reports(relay: ClosedRelay, command: Command) -> None:
    said = command("agents", "report-token", AGENT, "--owner", "acme")
    assert (said.code, bool(re.fullmatch(r"rt_[A-Za-z0-9_-]{43}\n", said.out))) == (0, True)
    assert [report_status(relay, said.out.strip(), agent=agent) for agent in (AGENT, "default")] == [202, 403]
    assert report_status(relay, command("agents", "report-token", "default").out.strip(), agent="default") == 202


def test_a_report_tokens_successor_ends_it_after_the_overlap(relay: ClosedRelay, command: Command) -> None:
    other = command("agents", "report-token", "default").out.strip()
    first, second = (command("agents", "report-token", AGENT, "--owner", "acme", "--overlap", "2h").out.strip() for _ in range(2))
    third = command("agents", "report-token", AGENT, "--owner", "acme", "--overlap", "1h").out.strip()
    assert [report_status(relay, token) for token in (first, second, third)] == [202, 202, 202]
    relay.advance(timedelta(hours=1).total_seconds())
    assert [report_status(relay, token) for token in (first, second, third)] == [401, 401, 202]
    assert report_status(relay, other, agent="default") == 202


def test_an_agents_report_tokens_end_when_they_are_revoked_or_it_is_removed(relay: ClosedRelay, command: Command) -> None:
    first = command("agents", "report-token", AGENT, "--owner", "acme").out.strip()
    assert command("agents", "report-token", AGENT, "--owner", "acme", "--revoke").out == f"1 report token of {AGENT} revoked\n"
    assert report_status(relay, first) == 401
    second = command("agents", "report-token", AGENT, "--owner", "acme").out.strip()
    command("agents", "remove", AGENT, "--owner", "acme")
    assert report_status(relay, second) == 401


def test_an_agent_that_is_not_registered_gets_no_report_token(relay: ClosedRelay, command: Command) -> None:
    said = command("agents", "report-token", "nobody", "--owner", "acme")
    assert (said.code, said.out, said.err) == (1, "", "relay: no agent of the owner acme is registered as nobody\n")


def test_signing_key_is_rotated_with_overlap_as_documented(relay: ClosedRelay, command: Command) -> None:
    def kids() -> list[str]:
        relay.advance(MAX_AGE.total_seconds())
        return [key["kid"] for key in json.loads(relay.runner.request("GET", "/.well-known/jwks.json").body)["keys"]]

    text = (ROOT / "docs" / "verify.md").read_text()
    begin, finish = (line.split()[1:-2] for line in re.findall(r"^relay keys rotate signing.* --stack STACK$", text, re.MULTILINE))
    (old,) = kids()
    assert command(*finish).code != 0
    said = command(*begin)
    first, new = kids()
    assert (said.code, first, f"{new} signs beside {old}" in said.out) == (0, old, True)
    assert command(*begin).code != 0, "both sign: a third would end the first one's overlap"
    assert kids() == [old, new]
    relay.advance(timedelta(hours=1).total_seconds())
    assert command(*finish).code == 0
    assert kids() == [new]


def test_signing_keys_rotation_is_not_finished_while_caches_may_lack_the_new_key(relay: ClosedRelay, command: Command) -> None:
    """An hour: the longest that a process serves what it has read. Five minutes: what our cache-control allows on top."""
    relay.advance(timedelta(hours=3).total_seconds())  # by AWS's clock, not the machine's
    begun = relay.now
    said = command("keys", "rotate", "signing")
    assert "In 65 minutes or later" in said.out
    relay.advance(timedelta(minutes=64, seconds=50).total_seconds())
    said = command("keys", "rotate", "signing", "--finish")
    assert (said.code, said.out) == (1, "")
    until = re.search(r"until (\S+ \S+)Z receivers may have an answer of /.well-known/jwks.json without the new key", said.err)
    assert until
    assert abs(datetime.fromisoformat(f"{until[1]}+00:00") - begun - timedelta(minutes=65)) < timedelta(seconds=10)
    relay.advance(10)
    assert command("keys", "rotate", "signing", "--finish").code == 0


def test_rotation_begun_by_hand_is_timed_too(relay: ClosedRelay, command: Command) -> None:
    aws = relay.runner.aws.client("secretsmanager")
    first = aws.get_secret_value(SecretId="SigningSecret")["SecretString"]
    relay.advance(timedelta(hours=3).total_seconds())
    aws.put_secret_value(SecretId="SigningSecret", SecretString=f"{first} {'2' * 64}")
    relay.advance(MAX_AGE.total_seconds())
    assert command("keys", "rotate", "signing", "--finish").code == 1
    relay.advance(timedelta(hours=1).total_seconds())
    assert command("keys", "rotate", "signing", "--finish").code == 0


def test_leaked_signing_key_is_ended_at_once(relay: ClosedRelay, command: Command) -> None:
    command("keys", "rotate", "signing")
    assert "--finish --now" in command("keys", "rotate", "signing", "--finish").err
    assert command("keys", "rotate", "signing", "--finish", "--now").code == 0
    assert command("keys", "rotate", "signing", "--finish").code == 1, "only one is left"


def test_nothing_of_the_signing_secret_is_said(relay: ClosedRelay, command: Command) -> None:
    said = repr([command("keys", "rotate", "signing"), command("keys", "rotate", "signing", "--finish", "--now")])
    secret = relay.runner.aws.client("secretsmanager").get_secret_value(SecretId="SigningSecret")["SecretString"]
    assert len(secret) == 64
    assert secret not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("signing", "--overlap", "24h"), "argument --overlap: it is for a relay key; of 'signing' both sign until --finish"),
        (("signing", "--finish", "--overlap", "0m"), "argument --overlap: "),
        (("signing", "--now"), "argument --now: it is for 'signing' with --finish"),
        (("0" * 8, "--finish"), "argument --finish: it is for 'signing'; a relay key ends by itself, after --overlap"),
        (("0" * 8, "--now"), "argument --now: "),
    ],
)
def test_rotation_refuses_an_option_that_it_would_not_heed(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    refusal(command, "keys", "rotate", *arguments)
    assert f"relay keys rotate: error: {said}" in capsys.readouterr().err


@pytest.mark.parametrize("line", DOCUMENTED)
def test_every_documented_command_does_what_it_says(relay: ClosedRelay, command: Command, line: str) -> None:
    relay.register("default", "NAME")
    line = line.replace("--stack STACK", "").replace(" ID", f" {only_id(command, 'acme')}").replace("…", "value")
    arguments = shlex.split(line, comments=True)
    arguments = [relay.agents["acme"].url if argument.startswith("https://") else argument for argument in arguments]
    said = command(*arguments[1:])
    assert (said.code, bool(said.out)) == (0, True)
