"""`relay receivers`: whom the relay has failed to reach lately, and whose breaker keeps POSTs back."""

import argparse

from relay import clock
from relay.domain.breaker import Gate, Receiver
from relay.domain.keys import ReceiverKey
from relay.wiring import wiring
from relay_dev.operate import runs
from relay_dev.shown import counted

_SAYS = {
    Gate.CLOSED: "closed: POSTs go on",
    Gate.OPEN: "open until {until:%Y-%m-%d %H:%M:%S}Z: nobody POSTs",
    Gate.HALF_OPEN: "half-open: the next POST probes",
}


def add_receivers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    runs(commands.add_parser("receivers", help="list the receivers that fail, and the state of their breakers"), _list)


def _list(_: argparse.Namespace) -> int:
    """A receiver that answers has no item, so it is not listed."""
    found = sorted(wiring().receivers.failing(), key=lambda each: each[0])
    for key, receiver in found:
        print(_line(key, receiver))
    print(f"{counted(len(found), 'receiver')} with failures in a row")
    return 0


def _line(key: ReceiverKey, receiver: Receiver) -> str:
    state = _SAYS[receiver.gate(clock.now())].format(until=receiver.open_until)
    return f"owner {key.owner}  {key.origin}  {counted(receiver.failures, 'failure')} in a row  {state}"
