"""Ports that a person chose, and one sentence when one cannot be had."""

import errno
import socket

from relay_dev.failure import DevError


def bound(host: str, port: int, option: str = "--port") -> socket.socket:
    """Listens already; port 0 takes a free one. Raises: DevError, which names the option."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise DevError(why_not(error, host, port, option)) from error


def why_not(error: OSError | OverflowError, host: str, port: int, option: str = "--port") -> str:
    if isinstance(error, OverflowError):
        return f"There is no port {port}; choose another with {option}, or {option} 0 for a free one."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use; choose another with {option}, or {option} 0 for a free one."
    return f"Cannot listen on {host} port {port}: {error.strerror or error}."
