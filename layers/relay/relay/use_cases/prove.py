"""Prove: a receiver whose agent asks for it echoes a nonce before its first notification; remembered per owner and origin."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.table.proofs import Proofs
from relay.adapters.webhook import Post, WebhookClient
from relay.domain.challenge import NONCE_BYTES, Challenge
from relay.domain.keys import ReceiverKey
from relay.domain.notification import signature_headers
from relay.domain.outcome import Outcome
from relay.domain.push_config import PushConfig
from relay.domain.signer import Signer
from relay.domain.webhook_url import origin


class Prove:
    """`timeout` is for one challenge; `random` gives so many bytes that nobody can foretell."""

    def __init__(
        self, client: WebhookClient, proofs: Proofs, *, timeout: timedelta, random: Callable[[int], bytes], now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._proofs = proofs
        self._timeout = timeout
        self._random = random
        self._now = now

    def __call__(self, config: PushConfig, *, signer: Signer, allow_private: bool) -> Outcome | None:
        """None: the receiver may be told. Else what became of the attempt it was not told in. Reads only where a proof is asked for."""
        receiver = ReceiverKey(config.key.task.owner, origin(config.url))
        if not config.is_challenged or self._proofs.holds(receiver):
            return None
        challenge = Challenge(urlsafe_b64encode(self._random(NONCE_BYTES)).decode())
        signatures = signature_headers(config, webhook_id=challenge.webhook_id, timestamp=self._now(), body=challenge.body, signer=signer)
        headers = (*challenge.headers, *signatures)
        post = Post(config.url, headers, challenge.body, self._timeout, allow_private=allow_private)
        failed = challenge.judged(self._client.post(post))
        if failed is None:
            self._proofs.put(receiver)
            observability.log("receiver has echoed the ownership challenge", config=config.key, url=config.url)
        return failed
