"""Which relay an operator's command speaks to: a `relay dev` on this machine, or a stack in an AWS account.

Either is told as the functions' own environment variables, so that the commands run the functions' own code.
"""

import argparse
import json
import os
from typing import Any

from relay.adapters.aws_errors import AWS_ERRORS
from relay_dev import troubles
from relay_dev.running import running

_RESOURCES = {
    "RelayTable": "TABLE_NAME",
    "RelayBucket": "BUCKET_NAME",
    "DeliveryQueue": "DELIVERY_QUEUE_URL",
    "WatchQueue": "WATCH_QUEUE_URL",
    "WorkerQueue": "WORKER_QUEUE_URL",
    "StreamQueue": "STREAM_QUEUE_URL",
    "WebhookDeadLetterQueue": "WEBHOOK_DEAD_LETTER_QUEUE_URL",
    "EncryptionKey": "KMS_KEY_ID",
    "SigningSecret": "SIGNING_SECRET_ARN",
}


class StackNotFoundError(Exception):
    """No such relay; the message says what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which relay: a deployed stack, or one that runs here."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--stack", type=_stack_name, metavar="NAME", help="a deployed stack, in the account and region of your AWS configuration"
    )
    where.add_argument("--port", type=int, help="the `relay dev` on this port; not needed while only one runs in this folder")


def enter(args: argparse.Namespace) -> None:
    """Makes this process's environment that of the relay's functions. Raises: StackNotFoundError."""
    if args.stack and (region := os.environ.get("AWS_REGION")):
        os.environ["AWS_DEFAULT_REGION"] = region  # the only one that boto3 reads; the AWS CLI takes either, and this before that
    os.environ.update(_of_stack(args.stack) if args.stack else _of_running(args.port))
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")  # a command tells what it does itself


def _of_running(port: int | None) -> dict[str, str]:
    found = running(port)
    if not found:
        wanted = f"on port {port} " if port else ""
        raise StackNotFoundError(f"no `relay dev` runs {wanted}in this folder: start one, or name a deployed stack with --stack NAME")
    if len(found) > 1:
        ports = ", ".join(path.stem.removeprefix("dev-") for path in found)
        raise StackNotFoundError(f"several run in this folder; name one with --port: {ports}")
    environment: dict[str, str] = json.loads(found[0].read_text())["environment"]
    return environment


def _of_stack(name: str) -> dict[str, str]:
    import boto3

    region = ""
    try:
        client = boto3.session.Session().client("cloudformation")
        region = client.meta.region_name
        pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
        resources = {found["LogicalResourceId"]: found for page in pages for found in page["StackResourceSummaries"]}
    except AWS_ERRORS as error:
        if troubles.is_missing_stack(error):
            where = "name another, or its region with AWS_REGION, or its account with AWS_PROFILE"
            raise StackNotFoundError(f"your AWS account has no stack {name!r} in {region}: {where}") from error
        raise StackNotFoundError(f"the stack {name!r} cannot be read: {troubles.told(error)}") from error
    missing = [logical for logical in _RESOURCES if logical not in resources]
    if missing:
        raise StackNotFoundError(f"the stack {name!r} is not a relay: it has no {', '.join(missing)}")
    authentication = "relay-key" if "RelayKeySecret" in resources else "iam"  # or by a JWT: in any case no relay key is asked for
    return {variable: _physical(resources[logical]) for logical, variable in _RESOURCES.items()} | {"CLIENT_AUTHENTICATION": authentication}


def _stack_name(text: str) -> str:
    """Raises: argparse.ArgumentTypeError: `--stack "$STACK"` without a STACK must not speak to the `relay dev` of this folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("a stack's name is not empty")
    return text


def _physical(resource: Any) -> str:
    return str(resource["PhysicalResourceId"])
