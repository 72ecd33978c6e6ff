"""A receiver that ends the function which is POSTing to it: before, during or after any POST."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.support.wire import Wire


class Moment(StrEnum):
    """Where a function dies at a POST."""

    NEVER = "never"
    BEFORE = "before it leaves"
    DURING = "before it is answered"
    AFTER = "before its answer is read"


class MortalReceiver(Receiver):
    """A dead function's POSTs do not count: nothing is listed, and the connection is closed.

    That is what http.server makes of a TimeoutError.
    """

    def __init__(self, wire: Wire, *, moment_of: Callable[[], Moment]) -> None:
        super().__init__()
        self._wire = wire
        self._moment_of = moment_of

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Notification:
        if self._wire.is_dead:
            raise TimeoutError("its sender is dead")
        moment = self._moment_of()
        if moment is Moment.BEFORE:
            self._wire.die()
            raise TimeoutError("its sender died first")
        notification = super().take(path, headers, body)
        if moment is Moment.DURING:
            self._wire.die()
            raise TimeoutError("its sender died meanwhile")
        if moment is Moment.AFTER:
            self._wire.die()
        return notification
