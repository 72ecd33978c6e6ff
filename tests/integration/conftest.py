"""Integration tests: one adapter or handler on moto, the embedded AWS."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.support.world import World


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account in this process; a client made within a test talks to it and never to a real one."""
    dummy = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",  # else boto3 puts the account's id into hosts that moto does not know
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in dummy.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def world(kept_worlds: None) -> World:
    """A whole relay, an agent without push and a receiver, driven step by step."""
    return World.kept()


@pytest.fixture(scope="module")
def kept_worlds() -> Iterator[None]:
    yield
    World.end_kept()
