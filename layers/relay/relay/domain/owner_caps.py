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
        return _error(f"{self.configs} push configs", "set one that is there anew", day, parameter=MAX_CONFIGS, limit=self.configs)

    def receivers_error(self, day: OwnerDay) -> OwnerCapError:
        told = f"push configs for {self.receivers} receivers"
        return _error(told, "name one of those", day, parameter=MAX_RECEIVERS, limit=self.receivers)


def receiver_digest(url: str) -> bytes:
    """Stands for the receiver, which is scheme, host and port, among those of its owner."""
    return hashlib.sha256(origin(url).encode()).digest()[:_DIGEST_BYTES]


def _error(what: str, instead: str, day: OwnerDay, *, parameter: str, limit: int) -> OwnerCapError:
    until = day.end.isoformat().replace("+00:00", "Z")
    return OwnerCapError(
        f"An owner may register at most {what} a day, and this one has: {instead}, wait until {until}, "
        f"or have the relay's operator raise {parameter}.",
        until=day.end,
        metadata={"cap": parameter, "limit": str(limit), "until": until},
    )
