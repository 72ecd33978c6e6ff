"""How much one owner may register in a day: push configs, and distinct receivers. So no owner fills the table for the others.

What is counted are registrations, not what is there: nothing has to be counted down when a config is deleted or expires, so no count can go
wrong for longer than its day. A count may be too high (a crash between it and what it was for, a send that made no task), never too low.
"""

import hashlib
from dataclasses import dataclass

from relay.domain.errors import OwnerCapError
from relay.domain.keys import OwnerDay
from relay.domain.webhook_url import origin

MAX_CONFIGS, MAX_RECEIVERS = "MaxDailyConfigsPerOwner", "MaxDailyReceiversPerOwner"  # the parameters of template.yaml
_DIGEST_BYTES = 8  # ten thousand of them are 90 KB of an item; two that are equal by chance are one in 10^11


@dataclass(frozen=True)
class OwnerCaps:
    """For each owner and day; 0 is no cap."""

    configs: int
    receivers: int

    def configs_error(self, day: OwnerDay) -> OwnerCapError:
        told = f"at most {self.configs} push configs a day, and this one has: set one that is there anew"
        return _error(told, day, parameter=MAX_CONFIGS, limit=self.configs)

    def copies_error(self, day: OwnerDay) -> OwnerCapError:
        """A new task would get copies of the caller's configs without a task."""
        instead = "the copies that a new task gets would be more: delete the configs without a task"
        return _error(f"at most {self.configs} push configs a day, and {instead}", day, parameter=MAX_CONFIGS, limit=self.configs)

    def receivers_error(self, day: OwnerDay) -> OwnerCapError:
        told = f"push configs for at most {self.receivers} receivers a day, and this one has: name one of those"
        return _error(told, day, parameter=MAX_RECEIVERS, limit=self.receivers)


def receiver_digest(url: str) -> bytes:
    """Stands for the receiver, which is scheme, host and port, among those of its owner."""
    return hashlib.sha256(origin(url).encode()).digest()[:_DIGEST_BYTES]


def _error(told: str, day: OwnerDay, *, parameter: str, limit: int) -> OwnerCapError:
    until = day.end.isoformat().replace("+00:00", "Z")
    return OwnerCapError(
        f"An owner may register {told}, wait until {until}, or have the relay's operator raise {parameter}.",
        until=day.end,
        metadata={"cap": parameter, "limit": str(limit), "until": until},
    )
