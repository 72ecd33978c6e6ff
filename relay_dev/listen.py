"""`relay listen`: a receiver for trying things. It prints what arrives, verifies what it can, and fails on demand."""

import argparse
import json
import shlex
import signal
import sys
import threading

from relay.domain.authentication import MIN_SECRET_BYTES
from relay.domain.signer import JWKS_PATH
from relay.domain.signing_secret import signing_key
from relay_dev.ports import why_not
from relay_dev.received import Notification
from relay_dev.receiver import Receiver

__all__ = ["Receiver", "add_arguments", "registration", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9900, help="port to listen on, 0 for a free one (default: %(default)s)")
    parser.add_argument("--token", default="", help="the push config's token; a POST without it is answered 401")
    parser.add_argument(
        "--secret", default="", help="the secret that signs (Standard Webhooks v1); a POST that does not verify is answered 401"
    )
    parser.add_argument("--status", type=_failing_status, help="fail on demand: answer the first POSTs with this status")
    parser.add_argument("--times", type=int, default=1, help="how many POSTs --status is for (default: %(default)s)")
    parser.add_argument(
        "--relay", default="http://127.0.0.1:8787", help="the relay's URL, for its public keys and the curl (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Runs until Ctrl-C or SIGTERM, then 0; 1 with one sentence when the port cannot be had or the secret is none."""
    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    try:
        _check_secret(args.secret)
        receiver = Receiver(
            host=args.host, port=args.port, token=args.token, secret=args.secret, relay_url=args.relay, on_notification=Printer(args.relay)
        )
    except (OSError, OverflowError) as error:
        print(why_not(error, args.host, args.port), file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"--secret cannot be used: {error}.", file=sys.stderr)
        return 1
    if args.status:
        receiver.fail_next(args.status, args.times)
    with receiver:
        print(f"Receiver listening on {receiver.url} (any path; GET /notifications lists, POST /notifications/clear clears)", flush=True)
        print(f"Register it for a task:\n{registration(args.relay, receiver.url, token=args.token, secret=args.secret)}", flush=True)
        interrupted.wait()
    return 0


def registration(relay_url: str, receiver_url: str, *, token: str = "", secret: str = "") -> str:
    """One `curl` that registers the receiver for a task, in A2A 1.0."""
    params: dict[str, object] = {"taskId": "TASK_ID", "url": f"{receiver_url}/webhook"}
    if token:
        params["token"] = token
    if secret:
        params["authentication"] = {"scheme": "HMAC-SHA256", "credentials": secret}
    call = {"jsonrpc": "2.0", "id": 1, "method": "CreateTaskPushNotificationConfig", "params": params}
    return f"curl -s {shlex.quote(relay_url)} -H 'Content-Type: application/json' -H 'A2A-Version: 1.0' -d {shlex.quote(json.dumps(call))}"


class Printer:
    """A line for each notification; the first `v1a wrong` is followed by what may be the matter."""

    def __init__(self, relay_url: str) -> None:
        self._keys_url = f"{relay_url.rstrip('/')}{JWKS_PATH}"
        self._is_explained = False

    def __call__(self, notification: Notification) -> None:
        print(notification.as_line(), flush=True)
        if notification.v1a == "wrong" and not self._is_explained:
            self._is_explained = True
            print(
                f"v1a wrong: no key at {self._keys_url} made it in the last 5 minutes. Does another relay send? Say it with --relay URL.",
                flush=True,
            )


def _check_secret(secret: str) -> None:
    """As the relay does when it is registered. Raises: ValueError."""
    if secret and len(signing_key(secret)) < MIN_SECRET_BYTES:
        raise ValueError(f"the relay takes none of less than {MIN_SECRET_BYTES} bytes")


def _failing_status(text: str) -> int:
    if not text.isdecimal() or not 200 <= int(text) <= 599:
        raise argparse.ArgumentTypeError(f"{text!r} is no HTTP status from 200 to 599")
    return int(text)
