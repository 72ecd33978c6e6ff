"""What operators' commands take as arguments: names, agents' URLs, moments, lengths of time."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LENGTH = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)
_VISIBLE = re.compile(r"[!-\[\]-~]+")  # RFC 3986: ASCII, no spaces, and no backslash, which some read as a slash
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def name(text: str) -> str:
    """Of an agent or an owner. Raises: argparse.ArgumentTypeError."""
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name has at most 64 letters, digits, dots, dashes and underscores")
    return text


def agent_url(text: str) -> str:
    """Where an agent is, without a slash at its end. It is kept as it is, and listed. Raises: argparse.ArgumentTypeError."""
    try:
        parts = urlsplit(text)
        has_address = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is none
        has_address = False
    if not has_address or parts.scheme not in ("http", "https") or not _VISIBLE.fullmatch(text):
        raise argparse.ArgumentTypeError("an agent's URL is http or https with a host, such as https://agent.example")
    if "@" in parts.netloc:
        raise argparse.ArgumentTypeError("an agent's URL names no user and password; give its credential by --header or UpstreamCredential")
    if "#" in text:
        raise argparse.ArgumentTypeError("an agent's URL has no fragment: nothing after # is ever sent")
    return text.rstrip("/")


def moment(text: str) -> datetime:
    """ISO 8601, in UTC; no zone means UTC. Raises: argparse.ArgumentTypeError."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time such as 2026-12-31T18:00Z") from error


def past(text: str) -> datetime:
    """A moment, or how long ago. Raises: argparse.ArgumentTypeError."""
    if _LENGTH.fullmatch(text):
        return datetime.now(UTC) - length(text)
    try:
        return moment(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, and no length of time such as 30m, 24h or 90d ago") from error


def length(text: str) -> timedelta:
    """`30m`, `24h` or `90d`. Raises: argparse.ArgumentTypeError."""
    if not (parsed := _LENGTH.fullmatch(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time such as 30m, 24h or 90d")
    return int(parsed[1]) * _UNITS[parsed[2]]


def end(text: str) -> datetime | timedelta:
    """A moment, or how long from now. Raises: argparse.ArgumentTypeError."""
    try:
        return length(text) if _LENGTH.fullmatch(text) else moment(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, and no length of time such as 30m, 24h or 90d") from error
