"""The webhook POST, through libcurl.

    transfer    one POST: its options, its guard against private addresses, and what became of it
    lane        one libcurl multi handle: connections that stay warm, and the transfers under way on them
    client      runs jobs at the same time while the calling thread drives the lanes

Sources: libcurl's `curl_multi_socket_action`, `CURLOPT_OPENSOCKETFUNCTION`; RFC 9110, RFC 9112; Standard Webhooks 1.0.0.
"""

from relay.adapters.webhook.client import MAX_JOBS_AT_ONCE, WebhookClient, at_once
from relay.adapters.webhook.transfer import Post

__all__ = ["MAX_JOBS_AT_ONCE", "Post", "WebhookClient", "at_once"]
