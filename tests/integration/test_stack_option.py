"""`relay … --stack NAME` where AWS says no, or cannot be asked: one sentence that says what to do, and no traceback."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from relay.adapters.secrets import SecretError
from relay.adapters.vault import VaultError
from relay_dev import cli, execution_environment, running, troubles
from relay_dev.cli import _parser
from tests.integration.loopback import Receiver, says
from tests.support.world import World

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}

Said = Callable[..., str]


@pytest.fixture(autouse=True)
def _nothing_configured() -> Iterator[None]:
    """No file, variable or metadata service of whoever runs this."""
    with execution_environment.restored():
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
        os.environ.update({**nothing, "AWS_MAX_ATTEMPTS": "1"})
        yield


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What `relay agents list --stack relay` says on its one line, in this environment."""

    def run(**environment: str) -> str:
        os.environ.update(environment)
        assert cli.main(["agents", "list", "--stack", "relay"]) == 1
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert told.err.startswith("relay: ")
        return told.err

    return run


def refusal(code: str, message: str) -> bytes:
    """CloudFormation's."""
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>".encode()
    return b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_without_a_region_it_says_how_to_name_one(said: Said) -> None:
    assert "no AWS region is named: set AWS_REGION" in said(**KEYS)


def test_without_credentials_it_says_how_to_have_some(said: Said) -> None:
    assert "no AWS credentials are found: set AWS_PROFILE" in said(AWS_REGION="eu-west-1")


def test_profile_that_does_not_exist_is_named(said: Said) -> None:
    assert "The config profile (mine) could not be found" in said(AWS_REGION="eu-west-1", AWS_PROFILE="mine")


def test_profile_that_is_not_logged_in_is_told_so(said: Said, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile mine]\nregion=eu-west-1\nsso_start_url=https://x.example/start\nsso_region=eu-west-1\nsso_account_id=1\nsso_role_name=r\n"
    )
    assert "log in again (such as `aws sso login`)" in said(AWS_CONFIG_FILE=str(config), AWS_PROFILE="mine")


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("ValidationError", "Stack with id relay does not exist", "your AWS account has no stack 'relay' in eu-west-1: name another"),
        ("ExpiredToken", "The security token included in the request is expired", "have expired: log in again (such as `aws sso login`)"),
        (
            "InvalidClientTokenId",
            "The security token is invalid",
            "AWS does not take your credentials (InvalidClientTokenId): log in again",
        ),
        (
            "AccessDenied",
            "no identity-based policy allows it",
            "'relay' cannot be read: An error occurred (AccessDenied) when calling the ",
        ),
    ],
)
def test_refusal_of_aws_says_what_to_do(said: Said, code: str, message: str, expected: str) -> None:
    with Receiver(says(refusal(code, message))) as aws:
        assert expected in said(AWS_REGION="eu-west-1", AWS_ENDPOINT_URL=aws.url(""), **KEYS)


def test_region_is_named_by_either_variable_as_for_the_aws_cli(said: Said) -> None:
    with Receiver(says(refusal("AccessDenied", "no"))) as aws:
        for regions in ({"AWS_DEFAULT_REGION": "eu-west-1"}, {"AWS_REGION": "eu-west-2"}):  # the second beside the first
            said(AWS_ENDPOINT_URL=aws.url(""), **KEYS, **regions)
        assert [request.headers["authorization"].split("/")[2] for request in aws.requests] == ["eu-west-1", "eu-west-2"]


def test_empty_name_is_not_the_relay_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running.announced(8787, {"environment": {}}), pytest.raises(SystemExit) as refused:
        cli.main(["agents", "list", "--stack", ""])
    assert refused.value.code == 2


def test_operator_who_may_not_use_the_key_is_told_aws_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with World() as world:
        args = _parser("agents").parse_args(["agents", "add", "writer", world.agent.url, "--header", "X-Key: value"])
        environment = {name: os.environ[name] for name in world.runner.definition.environment}
        with running.announced(8787, {"environment": {**environment, "KMS_KEY_ID": "alias/not-mine"}}):
            world.runner.cold_start()
            assert args.run(args) == 1
    told = capsys.readouterr().err
    assert told.startswith("relay: KMS gave no data key: An error occurred (NotFoundException) ")


@pytest.mark.parametrize("kind", [SecretError, VaultError])
def test_expired_credentials_are_told_behind_the_relays_own_words(kind: type[Exception]) -> None:
    error = kind("it is not given")
    error.__cause__ = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "GetSecretValue")
    assert troubles.told(error).startswith("it is not given: your AWS credentials have expired: log in again")
    error.__cause__ = ValueError("not AWS")
    assert troubles.told(error) == "it is not given"
