"""The part of the wiring that says who may come in: callers by relay keys, agents by report tokens, and how either is made."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from relay.adapters.table.relay_keys import RelayKeys
from relay.clock import now
from relay.domain.door import keys_of
from relay.domain.keys import REPORTER_PREFIX
from relay.domain.relay_key import REPORT_TEXT_PREFIX
from relay.outside import Outside

if TYPE_CHECKING:
    from relay.use_cases.admit import Admit, AdmitCallback, AdmitReporter
    from relay.use_cases.issue_keys import IssueKeys


@dataclass(frozen=True)
class Doors(Outside):
    """Each use case on first use."""

    @cached_property
    def admit(self) -> "Admit":
        from relay.use_cases.admit import Admit
        from relay.use_cases.known_keys import KnownKeys

        given = self.settings
        return Admit(
            given.client_authentication,
            first_keys=lambda: keys_of(self._secret(given.relay_key_secret_arn)),
            keys=KnownKeys(RelayKeys(self.connection), now=now),
            now=now,
        )

    @cached_property
    def admit_reporter(self) -> "AdmitReporter":
        from relay.use_cases.admit import AdmitReporter
        from relay.use_cases.known_keys import KnownKeys

        return AdmitReporter(KnownKeys(self._report_tokens, now=now), now=now)

    @cached_property
    def admit_callback(self) -> "AdmitCallback":
        from relay.use_cases.admit import AdmitCallback

        return AdmitCallback(self.callbacks)

    @cached_property
    def issue_keys(self) -> "IssueKeys":
        from relay.use_cases.issue_keys import IssueKeys

        return IssueKeys(RelayKeys(self.connection), now=now, random=os.urandom)

    @cached_property
    def issue_report_tokens(self) -> "IssueKeys":
        from relay.use_cases.issue_keys import IssueKeys

        return IssueKeys(self._report_tokens, now=now, random=os.urandom, text_prefix=REPORT_TEXT_PREFIX)

    @cached_property
    def _report_tokens(self) -> RelayKeys:
        return RelayKeys(self.connection, prefix=REPORTER_PREFIX)
