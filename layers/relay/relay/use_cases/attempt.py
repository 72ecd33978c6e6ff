"""Attempt: one POST of one notification: body, headers, the rules of the URL once more, the outcome, and its record."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from relay import observability
from relay.adapters.table.dead_letters import Attempts
from relay.adapters.vault import VaultError
from relay.adapters.webhook import Post, WebhookClient
from relay.domain import notification
from relay.domain.dead_letter import FailedAttempt
from relay.domain.errors import InvalidParamsError
from relay.domain.evo_webhook import EvoNames
from relay.domain.keys import ConfigKey
from relay.domain.notification import Notification
from relay.domain.outcome import Outcome, OutcomeKind
from relay.domain.push_config import PushConfig
from relay.domain.signer import NO_SIGNER, Signer
from relay.domain.webhook_hosts import WebhookHosts
from relay.use_cases.prove import Prove


class Attempt:
    def __init__(
        self,
        client: WebhookClient,
        attempts: Attempts,
        *,
        timeout: timedelta,
        hosts: WebhookHosts,
        prove: Prove,
        names: EvoNames,
        signer: Callable[[], Signer],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._attempts = attempts
        self._timeout = timeout
        self._hosts = hosts
        self._prove = prove
        self._names = names
        self._read_signer = signer
        self._signer = NO_SIGNER
        self._now = now

    def prepare(self) -> None:
        """Before the claims of each batch: reads the signing keys, if they are due. A slow or failed read then costs no claim its time."""
        self._signer = self._read_signer()

    def __call__(self, config: PushConfig, told: Notification, *, number: int, is_resent: bool) -> Outcome:
        """POSTs once. A failed attempt is kept in the table before anything follows from it; a success is a log line."""
        started = self._now()
        outcome = self._barred(config) or self._post(config, told, started, number=number, is_resent=is_resent)
        observability.attempt_ended(config, told.head, webhook_id=told.webhook_id, number=number, outcome=outcome, now=self._now())
        if not outcome.is_delivered:
            self._keep(config.key, _failed(started, told, number=number, outcome=outcome))
        return outcome

    def _keep(self, key: ConfigKey, failed: FailedAttempt) -> None:
        """Without its answer while KMS gives no key to seal it: an attempt that is not in the table would stop the retries."""
        try:
            self._attempts.put(key, failed)
        except VaultError as error:
            observability.fault("an attempt is kept without its answer", config=key, error=error)
            self._attempts.put(key, replace(failed, answer=""))

    def _barred(self, config: PushConfig) -> Outcome | None:
        """What becomes of the attempt where nothing may be told: by the operator's rules, which may have changed, or before the proof."""
        try:
            self._hosts.check(config.url, field="url")
        except InvalidParamsError as error:
            return Outcome(OutcomeKind.BLOCKED_ADDRESS, detail=error.message)
        return self._prove(config, signer=self._signer, allow_private=self._hosts.is_exempt(config.url))

    def _post(self, config: PushConfig, told: Notification, started: datetime, *, number: int, is_resent: bool) -> Outcome:
        """A challenge before it takes from its time: together they end within the timeout that the claim was made for."""
        headers = notification.headers(
            config,
            webhook_id=told.webhook_id,
            timestamp=self._now(),
            body=told.body,
            attempt=number,
            revision=told.head,
            signer=self._signer,
            traceparent=_traceparent(told.webhook_id),
            is_truncated=told.is_truncated,
            is_resent=is_resent,
            ending=told.head.ending,
            names=self._names,
        )
        timeout = max(self._timeout / 2, self._timeout - (self._now() - started)) if config.is_challenged else self._timeout
        allow_private = self._hosts.is_exempt(config.url)
        return self._client.post(Post(url=config.url, headers=headers, body=told.body, timeout=timeout, allow_private=allow_private))


def _traceparent(webhook_id: str) -> str:
    """One trace per notification, one span per attempt. Source: W3C Trace Context."""
    return f"00-{hashlib.sha256(webhook_id.encode()).hexdigest()[:32]}-{uuid4().hex[:16]}-01"


def _failed(started: datetime, told: Notification, *, number: int, outcome: Outcome) -> FailedAttempt:
    phases = outcome.phases
    return FailedAttempt(
        at=started,
        revision=told.head.number,
        attempt=number,
        webhook_id=told.webhook_id,
        kind=outcome.kind.value,
        status=outcome.status,
        detail=outcome.detail,
        answer=outcome.answer,
        phases=f"lookup={phases.name_lookup_ms} connect={phases.connect_ms} tls={phases.tls_ms} "
        f"first_byte={phases.first_byte_ms} total={phases.total_ms}",
    )
