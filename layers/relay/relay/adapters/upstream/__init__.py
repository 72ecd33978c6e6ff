"""The upstream agent: its card, its JSON-RPC, its tasks. It translates what httpx says into the relay's errors, in one place.

transport   connections whose deadline holds for a whole exchange
turns       one large answer at a time
exchange    one HTTP request and its answer, or a relay error
calls       cards, JSON-RPC calls, tasks
lists       all tasks of an agent, page by page
streams     server-sent events of one task
"""

from relay.adapters.upstream.calls import Answer, Upstream
from relay.adapters.upstream.exchange import MAX_ANSWER_BYTES, MAX_TASK_ANSWER_BYTES
from relay.adapters.upstream.lists import Lists
from relay.adapters.upstream.streams import Streams, Subscription
from relay.adapters.upstream.transport import deadline, upstream_client
from relay.adapters.upstream.turns import NoTurnError, one_large_answer_at_a_time

__all__ = [
    "MAX_ANSWER_BYTES",
    "MAX_TASK_ANSWER_BYTES",
    "Answer",
    "Lists",
    "NoTurnError",
    "Streams",
    "Subscription",
    "Upstream",
    "deadline",
    "one_large_answer_at_a_time",
    "upstream_client",
]
