"""docs/verify.md: every snippet is run, on what the relay really sends; every command, on the embedded AWS."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from relay.adapters.secrets import MAX_AGE
from relay_dev.front_door_server import FrontDoorServer
from tests.support.world import World

TEXT = (Path(__file__).parents[2] / "docs" / "verify.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^( *)```(\w+)\n(.*?)^ *```$", TEXT, re.DOTALL | re.MULTILINE)
SECRET = "at-least-24-bytes-of-secret"
NODE = shutil.which("node")


def snippets(language: str) -> list[str]:
    return [textwrap.dedent(code) for _, found, code in SNIPPETS if found == language]


def python(function: str) -> dict[str, Any]:
    """What the snippet that defines the function defines."""
    (code,) = [each for each in snippets("python") if f"def {function}(" in each]
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    return namespace


@dataclass(frozen=True)
class Sent:
    """One POST of the relay, and where its keys and its receiver are."""

    headers: dict[str, str]
    body: bytes
    relay: str
    receiver: str

    @property
    def jwks_url(self) -> str:
        return f"{self.relay}/.well-known/jwks.json"

    @property
    def altered(self) -> "list[Sent]":
        """What must not verify: other bytes, another id, another time, no signature, another's; and other proof in `authorization`."""
        heads = [
            {"webhook-id": "msg_other"},
            {"webhook-timestamp": "1"},
            {"webhook-timestamp": "soon"},
            {"webhook-signature": ""},
            {"webhook-signature": "v1,AAAA v1a,AAAA"},
            {"webhook-signature": "v1 v1a"},
        ]
        return [Sent(self.headers | head, self.body, self.relay, self.receiver) for head in heads] + [self.with_other_body]

    @property
    def with_other_body(self) -> "Sent":
        return Sent(self.headers, self.body + b" ", self.relay, self.receiver)


@pytest.fixture
def world() -> Iterator[World]:
    """With its front door on a socket, for whoever fetches the keys."""
    bound = socket.create_server(("127.0.0.1", 0))
    with World(PublicUrl=f"http://127.0.0.1:{bound.getsockname()[1]}") as world:
        server = FrontDoorServer(world.runner.front_door, bound)
        server.start()
        yield world
        server.close()


def sent(world: World, **config: Any) -> Sent:
    world.agent.task("task").becomes("completed", message="Grüße")
    world.register("task", **config)
    world.settle()
    notification = world.posts()[-1]
    return Sent(dict(notification.headers), notification.body, world.setting("PUBLIC_URL"), world.receiver.url)


@pytest.fixture
def with_secret(world: World) -> Sent:
    return sent(world, authentication={"scheme": "HMAC-SHA256", "credentials": SECRET})


@pytest.fixture
def with_jwt(world: World) -> Sent:
    return sent(world, authentication={"scheme": "Bearer"})


@pytest.mark.parametrize("secret", [SECRET, "whsec_" + b64encode(SECRET.encode()).decode()])
def test_v1_in_python(with_secret: Sent, secret: str) -> None:
    verify = python("verify_v1")["verify_v1"]
    assert verify(with_secret.headers, with_secret.body, secret)["task"]["id"] == "task"
    for altered in with_secret.altered:
        with pytest.raises(Exception, match=r".+"):
            verify(altered.headers, altered.body, secret)


@pytest.mark.parametrize("kind", ["with_secret", "with_jwt"])
def test_v1a_in_python(request: pytest.FixtureRequest, kind: str) -> None:
    told: Sent = request.getfixturevalue(kind)
    snippet = python("verify_v1a")
    keys = snippet["fetch_keys"](told.jwks_url)
    assert snippet["verify_v1a"](told.headers, told.body, keys)["task"]["id"] == "task"
    for altered in told.altered:
        with pytest.raises(ValueError, match=r".+"):
            snippet["verify_v1a"](altered.headers, altered.body, keys)


def test_jwt_in_python(with_jwt: Sent) -> None:
    verify, client = python("verify_jwt")["verify_jwt"], jwt.PyJWKClient(with_jwt.jwks_url)
    right = {"jwk_client": client, "issuer": with_jwt.relay, "audience": with_jwt.receiver}
    assert verify(with_jwt.headers, with_jwt.body, **right)["taskId"] == "task"
    with pytest.raises(ValueError, match="another body"):
        verify(with_jwt.headers, with_jwt.with_other_body.body, **right)
    for other in ({"issuer": "https://other.example"}, {"audience": "https://other.example"}):
        with pytest.raises(jwt.InvalidTokenError):
            verify(with_jwt.headers, with_jwt.body, **(right | other))


DRIVER = """
import { readFileSync } from "node:fs";
import { fetchKeys, verifyJwt, verifyV1, verifyV1a } from "./verify.mjs";
const given = JSON.parse(readFileSync(0, "utf8"));
const keys = await fetchKeys(given.jwksUrl);
const functions = {
  v1: (headers, body) => verifyV1(headers, body, given.secret),
  v1a: (headers, body) => verifyV1a(headers, body, keys),
  jwt: (headers, body, how) => verifyJwt(headers, body, { keys, ...how }),
};
const results = given.cases.map(({ name, headers, body, how }) => {
  try { return { result: functions[name](headers, Buffer.from(body, "base64"), how) }; } catch (error) { return { error: String(error) }; }
});
console.log(JSON.stringify(results));
"""

Case = tuple[str, Sent, dict[str, str]]


def in_node(folder: Path, cases: list[Case]) -> list[dict[str, Any]]:
    if NODE is None:
        pytest.skip("no node on this machine: the JavaScript of docs/verify.md is not run")
    (module,) = snippets("js")
    (folder / "verify.mjs").write_text(module, encoding="utf-8")
    (folder / "driver.mjs").write_text(DRIVER, encoding="utf-8")
    given = {
        "jwksUrl": cases[0][1].jwks_url,
        "secret": SECRET,
        "cases": [{"name": name, "headers": each.headers, "body": b64encode(each.body).decode(), "how": how} for name, each, how in cases],
    }
    done = subprocess.run([NODE, folder / "driver.mjs"], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def test_javascript_verifies_as_python_does(with_secret: Sent, world: World, tmp_path: Path) -> None:
    told = sent(world, id="bearer", authentication={"scheme": "Bearer"})
    right = {"issuer": told.relay, "audience": told.receiver}
    good: list[Case] = [("v1", with_secret, {}), ("v1a", with_secret, {}), ("v1a", told, {}), ("jwt", told, right)]
    bad: list[Case] = [(name, altered, {}) for name in ("v1", "v1a") for altered in with_secret.altered]
    bad += [("v1", told, {}), ("jwt", told.with_other_body, right)]
    bad += [("jwt", told, right | {"issuer": "https://other.example"}), ("jwt", told, right | {"audience": "https://other.example"})]
    forged = Sent(told.headers | {"authorization": told.headers["authorization"][:-8] + "AAAAAAAA"}, told.body, told.relay, told.receiver)
    bad += [("jwt", forged, right), ("jwt", with_secret, right)]
    results = in_node(tmp_path, good + bad)
    assert [each.get("error") for each in results[: len(good)]] == [None] * len(good)
    assert [(each["result"].get("task") or {}).get("id") or each["result"]["taskId"] for each in results[: len(good)]] == ["task"] * len(
        good
    )
    assert [case[0] for case, each in zip(bad, results[len(good) :], strict=True) if "error" not in each] == []


def test_jwk_set_looks_as_it_is_shown(world: World) -> None:
    (shown,) = [json.loads(code) for code in snippets("json")]
    told = json.loads(world.runner.request("GET", "/.well-known/jwks.json").body)
    assert [list(key) for key in shown["keys"]] == [list(key) for key in told["keys"]]
    fixed = ("crv", "kty", "use", "alg")
    assert [[key[name] for name in fixed] for key in shown["keys"]] == [[key[name] for name in fixed] for key in told["keys"]]


# As much of the AWS CLI as the commands use: its options are the API's own names; `--query NAME --output text` prints one member.
AWS_CLI = """
import sys, boto3
from botocore import xform_name
_, service, command, *options = sys.argv
client = boto3.client(service)
operation = command.replace("-", "_")
members = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape.members
names = {"--" + xform_name(name, "-"): name for name in members}
given, shown = {}, {}
while options:
    option = options.pop(0)
    if option in ("--query", "--output"):
        shown[option] = options.pop(0)
    elif members[names[option]].type_name == "boolean":
        given[names[option]] = True
    else:
        value = options.pop(0)
        given[names[option]] = int(value) if members[names[option]].type_name == "long" else value
answer = getattr(client, operation)(**given)
if shown:
    assert shown["--output"] == "text"
    print(answer[shown["--query"]])
"""


def run_commands(commands: str, *, folder: Path, endpoint_url: str) -> None:
    cli = folder / "aws"
    cli.write_text(f"#!{sys.executable}\n{AWS_CLI}", encoding="utf-8")
    cli.chmod(0o755)
    own = {"PATH": f"{folder}:{os.environ['PATH']}", "AWS_ENDPOINT_URL": endpoint_url, "SIGNING_SECRET": "SigningSecret"}
    environment = {name: value for name, value in os.environ.items() if name != "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} | own
    done = subprocess.run(["bash", "-euc", commands], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_commands_replace_the_key_with_overlap(world: World, tmp_path: Path) -> None:
    def kids() -> list[str]:
        world.runner.advance(MAX_AGE)
        return [key["kid"] for key in json.loads(world.runner.request("GET", "/.well-known/jwks.json").body)["keys"]]

    add, leave = snippets("sh")
    endpoint_url = world.runner.open_aws_port(socket.create_server(("127.0.0.1", 0)))
    (old,) = kids()
    run_commands(add, folder=tmp_path, endpoint_url=endpoint_url)
    first, new = kids()
    run_commands(leave, folder=tmp_path, endpoint_url=endpoint_url)
    assert (first, kids()) == (old, [new])
