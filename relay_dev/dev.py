"""`relay dev`: the relay on this machine, in front of an agent, until it is interrupted."""

import argparse
import ipaddress
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from relay_dev import upstreams
from relay_dev.failure import DevError
from relay_dev.log_lines import LineHandler
from relay_dev.ports import bound
from relay_dev.running import announced
from relay_dev.sample_call import curl
from relay_dev.upstreams import UpstreamOption, upstream_option

_LOOPBACK_WEBHOOKS = "localhost,127.0.0.1,[::1]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--upstream",
        action="append",
        default=[],
        type=upstream_option,
        metavar="[NAME=]URL",
        help="the agent behind the relay: its base URL or its card's; may be repeated, with names, which then live at /agents/NAME",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8787, help="port to listen on, 0 for a free one (default: %(default)s)")
    parser.add_argument(
        "--parameter-overrides",
        nargs="+",
        action="extend",
        default=[],
        type=_override,
        metavar="NAME=VALUE",
        help="values for template.yaml's parameters, such as RetrySchedule=1,5",
    )
    parser.add_argument("--aws-port", type=int, default=0, help="port of 127.0.0.1 for the embedded AWS (default: a free one)")
    parser.add_argument("--endpoint-url", default="", metavar="URL", help="use this AWS-compatible endpoint instead of the embedded AWS")
    parser.add_argument("--template-file", type=Path, metavar="FILE", help="another template than the relay's own")
    parser.add_argument("--log-json", action="store_true", help="leave the functions' log as it is on AWS: JSON lines")


def run(args: argparse.Namespace) -> int:
    """0 when it was interrupted; 1 with one sentence when it cannot start."""
    interrupted = _on_interrupt()
    try:
        with ExitStack() as ends:
            _start(args, ends)
            interrupted.wait()
    except DevError as error:
        print(f"relay dev: {error}", file=sys.stderr)
        return 1
    return 0


def _start(args: argparse.Namespace, ends: ExitStack) -> None:
    if args.endpoint_url and args.aws_port:
        raise DevError("--aws-port is for the embedded AWS; --endpoint-url names another, which has a port of its own.")
    front = ends.enter_context(bound(args.host, args.port, "--port"))
    aws_port = None if args.endpoint_url else ends.enter_context(bound("127.0.0.1", args.aws_port, "--aws-port"))
    from relay_dev.runner import Runner  # imports moto: what is wrong with the arguments is said before
    from relay_dev.template import TEMPLATE

    args.upstream = upstreams.with_parameter(args.upstream, dict(args.parameter_overrides).get("UpstreamAgentUrl", ""))
    default = upstreams.default_upstream(args.upstream)
    overrides, environment = _settings(args, default)
    runner = ends.enter_context(
        Runner(template=args.template_file or TEMPLATE, overrides=overrides, environment=environment, endpoint_url=args.endpoint_url)
    )
    _check_settings({**runner.definition.environment, **environment})
    _set_up_logging(as_json=args.log_json)
    upstreams.register(args.upstream)
    upstreams.check(args.upstream)
    endpoint_url: str = runner.open_aws_port(aws_port) if aws_port else args.endpoint_url
    runner.serve(front)
    port = front.getsockname()[1]
    url = f"http://{_in_url(args.host)}:{port}"
    ends.enter_context(announced(port, _description(url, endpoint_url, runner)))
    _tell(url, endpoint_url, args, default, relay_key=_relay_key(runner))


def _check_settings(environment: Mapping[str, str]) -> None:
    """What the template lets pass and the functions would not, each at its first event, or would not heed. Raises: DevError."""
    from pydantic import ValidationError

    from relay.settings import Settings

    try:
        settings = Settings.from_environment(environment)
    except ValidationError as error:
        wrong = "; ".join(f"{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors(include_input=False))
        raise DevError(f"The functions cannot use these parameters: {wrong}.") from None
    if settings.watch_minimum > settings.watch_maximum:
        raise DevError("WatchMinSeconds is more than WatchMaxSeconds, above which nothing goes.")


def _settings(args: argparse.Namespace, default: UpstreamOption | None) -> tuple[dict[str, str], dict[str, str]]:
    """The template's parameters, and what goes over the environment it gives. Open on loopback only; else as closed as on AWS."""
    overrides = dict(args.parameter_overrides)
    if default:
        overrides.setdefault("UpstreamAgentUrl", default.url)
    environment = {} if args.log_json else {"POWERTOOLS_METRICS_DISABLED": "true"}
    if (chosen := overrides.get("ClientAuthentication")) in ("iam", "jwt"):
        raise DevError(f"ClientAuthentication={chosen} is checked by API Gateway, which does not run here; use relay-key.")
    if _is_loopback(args.host):
        overrides.setdefault("AllowedWebhookHosts", _LOOPBACK_WEBHOOKS)
        if "ClientAuthentication" not in overrides:
            environment["CLIENT_AUTHENTICATION"] = "none"
    return overrides, environment


def _tell(url: str, endpoint_url: str, args: argparse.Namespace, default: UpstreamOption | None, *, relay_key: str) -> None:
    agents = ", ".join(f"{option.name or upstreams.DEFAULT} = {option.url}" for option in args.upstream) or "no agent yet: relay agents add"
    print(f"relay dev: {url}  ({agents}; AWS at {endpoint_url}; Ctrl-C ends it)", flush=True)
    if relay_key:
        print(f"Callers show the relay key:  -H 'Authorization: Bearer {relay_key}'", flush=True)
    if default:
        print("Send a message, with a webhook to `relay listen`:", flush=True)
        print(curl(url, relay_key, only_0_3=upstreams.speaks_only_0_3(default)), flush=True)


def _description(url: str, endpoint_url: str, runner: Any) -> dict[str, Any]:
    """What other commands need: above all the functions' own environment, which they then run in."""
    aws = {name: os.environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    functions = {name: os.environ[name] for name in runner.definition.environment}
    return {
        "url": url,
        "aws_endpoint_url": endpoint_url,
        "tables": [table.name for table in runner.definition.tables],
        "queues": {queue.name: queue.url for queue in runner.definition.queues},
        "environment": {**functions, **aws, "AWS_ENDPOINT_URL": endpoint_url, "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"},
    }


def _relay_key(runner: Any) -> str:
    """The key that callers need, when they need one."""
    if os.environ["CLIENT_AUTHENTICATION"] != "relay-key":
        return ""
    secret = runner.aws.client("secretsmanager").get_secret_value(SecretId=os.environ["RELAY_KEY_SECRET_ARN"])
    return str(secret["SecretString"])


def _set_up_logging(*, as_json: bool) -> None:
    own = logging.getLogger("relay_dev")
    own.addHandler(LineHandler())
    own.propagate = False
    if not as_json:
        from relay import observability

        observability.send_lines_to(LineHandler())


def _on_interrupt() -> threading.Event:
    """Set at the first Ctrl-C or SIGTERM; the second ends the process at once."""
    interrupted = threading.Event()

    def interrupt(number: int, _: object) -> None:
        interrupted.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return interrupted


def _override(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
