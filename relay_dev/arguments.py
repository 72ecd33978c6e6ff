"""What operators' commands take as arguments: names, moments, lengths of time."""

import argparse
import re
from datetime import UTC, datetime, timedelta

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LENGTH = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def name(text: str) -> str:
    """Of an agent or an owner. Raises: argparse.ArgumentTypeError."""
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name has at most 64 letters, digits, dots, dashes and underscores")
    return text


def moment(text: str) -> datetime:
    """ISO 8601, in UTC; no zone means UTC. Raises: argparse.ArgumentTypeError."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time") from error


def length(text: str) -> timedelta:
    """`30m`, `24h` or `90d`. Raises: argparse.ArgumentTypeError."""
    if not (parsed := _LENGTH.fullmatch(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time such as 30m, 24h or 90d")
    return int(parsed[1]) * _UNITS[parsed[2]]


def end(text: str) -> datetime | timedelta:
    """A moment, or how long from now. Raises: argparse.ArgumentTypeError."""
    return length(text) if _LENGTH.fullmatch(text) else moment(text)
