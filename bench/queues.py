"""A queue in memory: delays, visibility, and SQS's fair queues in their simplest form.

Fair: of the messages that are due, those come first whose group (the receiver) has the fewest in flight. AWS only says that a group with
"a disproportionately large number" of messages in flight has to wait; how large that is, it does not say.
Source: SQS Developer Guide, "Amazon SQS fair queues".
"""

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class Message:
    due: float
    number: int
    body: str = field(compare=False)
    group: str = field(compare=False)
    receipts: int = field(default=0, compare=False)


class Queue:
    def __init__(self, *, is_fair: bool, visibility_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._is_fair = is_fair
        self._visibility = visibility_seconds
        self._numbers = itertools.count(1)
        self._waiting: list[Message] = []
        self._due: dict[str, list[Message]] = {}  # by group
        self._in_flight: dict[int, Message] = {}
        self._groups_in_flight: Counter[str] = Counter()

    def send(self, body: str, *, group: str, delay_seconds: float) -> int:
        message = Message(self._clock() + delay_seconds, next(self._numbers), body, group)
        heapq.heappush(self._waiting, message)
        return message.number

    def receive(self, most: int, *, hidden_for: float | None = None) -> list[Message]:
        self._bring_back()
        found: list[Message] = []
        while len(found) < most and (message := self._next()):
            message.receipts += 1
            message.due = self._clock() + (hidden_for or self._visibility)
            self._in_flight[message.number] = message
            self._groups_in_flight[message.group] += 1
            found.append(message)
        return found

    @property
    def is_due(self) -> bool:
        """Whether there is a message to receive."""
        self._bring_back()
        return bool(self._due)

    def delete(self, number: int) -> None:
        if message := self._in_flight.pop(number, None):
            self._groups_in_flight[message.group] -= 1

    def where_is(self, text: str) -> str:
        """What has become of the messages with that text in them."""
        found = [message for message in self._in_flight.values() if text in message.body]
        if found:
            return "taken, and neither deleted nor back yet"
        waiting = [*self._waiting, *(message for messages in self._due.values() for message in messages)]
        return "in the queue" if any(text in message.body for message in waiting) else "deleted"

    def _bring_back(self) -> None:
        now = self._clock()
        for message in [each for each in self._in_flight.values() if each.due <= now]:
            self.delete(message.number)
            heapq.heappush(self._waiting, message)
        while self._waiting and self._waiting[0].due <= now:
            message = heapq.heappop(self._waiting)
            heapq.heappush(self._due.setdefault(message.group if self._is_fair else "", []), message)

    def _next(self) -> Message | None:
        group = min(self._due, key=lambda name: (self._groups_in_flight[name], self._due[name][0].due), default=None)
        if group is None:
            return None
        message = heapq.heappop(self._due[group])
        if not self._due[group]:
            del self._due[group]
        return message
