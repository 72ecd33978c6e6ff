"""One libcurl multi handle with its own connections, driven through `curl_multi_socket_action` by whoever polls its sockets."""

import select
import time
from contextlib import suppress

import pycurl

from relay.adapters.webhook.transfer import Transfer

_MAX_KEPT_CONNECTIONS = 100  # libcurl's default is 4 per transfer under way: one POST at a time would keep 4 receivers warm


class Lane:
    """Transfers under way, the sockets they wait for (registered with `poll`), and the connections kept for the next ones.

    All methods are for one thread. A connection is used again only within its lane: transfers of one lane must follow the same rules.
    """

    def __init__(self, poll: "select.poll") -> None:
        self._poll = poll
        self._sockets: set[int] = set()
        self._deadline: float | None = None
        self._transfers: dict[pycurl.Curl, Transfer] = {}
        self.has_hanging_lookup = False
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, _MAX_KEPT_CONNECTIONS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def start(self, transfer: Transfer) -> None:
        self._transfers[transfer.curl] = transfer
        self._multi.add_handle(transfer.curl)

    def patience(self) -> float | None:
        """Seconds until `advance` must be called though no socket is ready; None if only a socket matters."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def owns(self, descriptor: int) -> bool:
        return descriptor in self._sockets

    def ready(self, descriptor: int, event: int) -> None:
        """A socket of this lane has something to say, in `poll`'s terms."""
        actions = pycurl.CSELECT_IN if event & (select.POLLIN | select.POLLHUP) else 0
        actions |= pycurl.CSELECT_OUT if event & select.POLLOUT else 0
        actions |= pycurl.CSELECT_ERR if event & (select.POLLERR | select.POLLNVAL) else 0
        self._multi.socket_action(descriptor, actions)

    def advance(self) -> None:
        """Runs libcurl's timer if it is due, and finishes the transfers that have ended."""
        if self._deadline is not None and self._deadline <= time.monotonic():
            self._deadline = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        remaining = 1
        while remaining:
            remaining, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._finish(curl, pycurl.E_OK, "")
            for curl, code, message in failed:
                self._finish(curl, code, message)

    def abandon(self) -> None:
        """Gives up all transfers under way; a no-op after a run that came to its end."""
        while self._transfers:
            curl, transfer = self._transfers.popitem()
            self._multi.remove_handle(curl)
            transfer.abandon()

    def close(self) -> None:
        """Closes all connections; waits for a name lookup that still hangs."""
        self.abandon()
        self._multi.close()
        for descriptor in list(self._sockets):
            self._forget(descriptor)

    def _finish(self, curl: pycurl.Curl, code: int, message: str) -> None:
        transfer = self._transfers.pop(curl)
        self._multi.remove_handle(curl)
        transfer.finish(code, message)
        self.has_hanging_lookup |= transfer.is_lookup_hanging

    def _watch_socket(self, interest: int, descriptor: int, _multi: object, _data: object) -> None:
        events = select.POLLIN if interest & pycurl.POLL_IN and interest != pycurl.POLL_REMOVE else 0
        events |= select.POLLOUT if interest & pycurl.POLL_OUT and interest != pycurl.POLL_REMOVE else 0
        if not events:
            self._forget(descriptor)
            return
        self._sockets.add(descriptor)
        self._poll.register(descriptor, events)

    def _forget(self, descriptor: int) -> None:
        self._sockets.discard(descriptor)
        with suppress(KeyError):
            self._poll.unregister(descriptor)

    def _set_timer(self, milliseconds: int) -> None:
        self._deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
