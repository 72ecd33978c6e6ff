"""Which hosts may be webhooks: the rules for all, and what the operator says beside them.

In order of strength: what is denied is never a webhook; where `only` names any, nothing else is; `allowed` are exempt from the rules that
keep webhooks to https and public addresses. A name is judged at the registration and at every attempt, the address it leads to when it is
dialled (`adapters/webhook`).
"""

from dataclasses import dataclass

from relay.domain.errors import WebhookHostError
from relay.domain.host_list import NO_HOSTS, HostList
from relay.domain.webhook_url import check_webhook_url, host_and_port, is_allowed_host

DENIES, NAMES = "DeniedWebhookHosts", "OnlyWebhookHosts"  # the parameters of template.yaml for `denied` and `only`


@dataclass(frozen=True)
class WebhookHosts:
    """`only` is about the host that a URL names, never about the addresses that a name leads to; `denied` is about both."""

    allowed: tuple[str, ...] = ()
    denied: HostList = NO_HOSTS
    only: HostList = NO_HOSTS

    def check(self, url: object, *, field: str) -> None:
        """Raises: InvalidParamsError that names `field` and says what is wrong, without the URL; a WebhookHostError of the host."""
        check_webhook_url(url, self.allowed, field=field)
        host, port = host_and_port(str(url))
        if self.denied.has(host, port):
            message = "The webhook URL must not lead to a host that this relay's operator denies."
            raise WebhookHostError(message, field=field, parameter=DENIES)
        if self.only and not self.only.has(host, port):
            message = "The webhook URL must lead to one of the hosts that this relay's operator has named."
            raise WebhookHostError(message, field=field, parameter=NAMES)

    def is_exempt(self, url: str) -> bool:
        """Whether http and private addresses are accepted for this URL."""
        return is_allowed_host(url, self.allowed)

    def denies_address(self, address: str, port: int) -> bool:
        """Whether an address that a name has led to must not be dialled."""
        return self.denied.has(address, port)
