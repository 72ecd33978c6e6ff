"""A name server that changes its mind, in libcurl's own terms: `CURLOPT_RESOLVE` says where a name leads, for each POST anew.

To libcurl it is what a look-up found: it hands each address to OPENSOCKETFUNCTION before it dials, which is all that the relay relies on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pycurl
import pytest


@dataclass
class Names:
    """`lead` says where a name leads at the next look-up, the one after, …; the last stays."""

    _answers: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    lookups: int = 0

    def lead(self, name: str, port: int, *addresses: str) -> None:
        """Each a text of addresses, separated by commas."""
        self._answers[name, port] = list(addresses)

    @contextmanager
    def serving(self) -> Iterator["Names"]:
        """Every curl handle that is made meanwhile asks here."""
        made = pycurl.Curl

        def curl() -> pycurl.Curl:
            handle = made()
            handle.setopt(pycurl.RESOLVE, [self._next(*place) for place in self._answers])
            return handle

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pycurl, "Curl", curl)
            yield self

    def _next(self, name: str, port: int) -> str:
        self.lookups += 1
        answers = self._answers[name, port]
        return f"{name}:{port}:{answers.pop(0) if len(answers) > 1 else answers[0]}"
