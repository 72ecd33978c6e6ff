"""LIST items: one per agent and tenant whose tasks are listed. A lister moves exactly as a watch does (design §2 rule 12)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.items import Item
from relay.domain.keys import LISTERS, ListKey
from relay.domain.listing import OVERDUE, ListCall, Lister, Round

_MOMENTS = ("good_until", "mark", "covers_from", "since", "began_at", "newest", "doubt", "doubted_at")
_COUNTS = ("pages", "listed", "failures")
_REMEMBERED = (*_MOMENTS, *_COUNTS, "is_first", "token", "recalls")


class Listers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: ListKey) -> Lister | None:
        item = self._connection.get(key.agent.following_partition, key.sort_key)
        return _lister(key, item) if item else None

    def want(self, key: ListKey, *, until: datetime, now: datetime) -> None:
        """Somebody counts on it until then. It is made where there is none, due now: the sweep finds it, should nobody wake it."""
        self._connection.update(
            key.agent.following_partition,
            key.sort_key,
            expression="SET v = :v, wanted_until = :until, due_shard = :shard, due_at = if_not_exists(due_at, :now)",
            condition="",
            values={
                ":v": items.version(),
                ":until": items.moment(until),
                ":shard": items.text(LISTERS),
                ":now": items.moment(now),
            },
        )

    def claim(self, call: ListCall, token: str, *, now: datetime, until: datetime) -> tuple[bool, Lister | None]:
        """(True, the claimed lister), or (False, what stood in the way; None when there is none)."""
        timers = {f":timer{n}": items.text(timer) for n, timer in enumerate(call.timers)}
        reasons = ["attribute_not_exists(waits_for)", "due_at < :overdue", *(f"waits_for = {name}" for name in timers)]
        result = self._connection.update(
            call.key.agent.following_partition,
            call.key.sort_key,
            expression="SET claim = :token, claim_until = :until, due_at = :until REMOVE waits_for",
            condition="v <= :known AND attribute_exists(wanted_until)"
            f" AND (attribute_not_exists(claim_until) OR claim_until <= :now) AND ({' OR '.join(reasons)})",
            values={
                ":token": items.text(token),
                ":until": items.moment(until),
                ":now": items.moment(now),
                ":known": items.version(),
                ":overdue": items.moment(now - OVERDUE),
                **timers,
            },
        )
        if not isinstance(result, ConditionFailed):
            return True, _lister(call.key, result)
        old = _lister(call.key, result.old) if result.old else None
        return old is not None and old.claim_token == token, old

    def rest(self, lister: Lister, token: str, *, timer: str, due: datetime) -> bool:
        """Marks it as waiting for a timer that has been sent, and ends the claim. False: the claim was lost."""
        remembered = {"waits_for": items.text(timer), "due_at": items.moment(due), **_remembered(lister)}
        gone = ["claim_until", *(name for name in _REMEMBERED if name not in remembered)]
        expression, names, values = items.replacing(remembered, gone)
        result = self._connection.update(
            lister.key.agent.following_partition,
            lister.key.sort_key,
            expression=expression,
            condition="claim = :token AND attribute_exists(claim_until)",
            values=values | {":token": items.text(token)},
            names=names,
        )
        return not isinstance(result, ConditionFailed) or (result.old is not None and items.read_text(result.old, "waits_for") == timer)

    def doubt(self, key: ListKey, stamped: datetime, *, now: datetime) -> None:
        """A status of that timestamp was found by a poll. Forgotten if a turn is under way: the next one that is found says it again."""
        self._connection.update(
            key.agent.following_partition,
            key.sort_key,
            expression="SET doubt = :stamped, doubted_at = :now",
            condition="attribute_exists(sk)",
            values={":stamped": items.moment(stamped), ":now": items.moment(now)},
        )

    def end(self, key: ListKey, token: str, *, unless_wanted_after: datetime | None = None) -> bool:
        """Deletes it under its claim. False: the claim was lost, or somebody has come to count on it."""
        condition, values = "claim = :token", {":token": items.text(token)}
        if unless_wanted_after is not None:
            condition, values = f"{condition} AND wanted_until <= :now", values | {":now": items.moment(unless_wanted_after)}
        return self._connection.delete_if(key.agent.following_partition, key.sort_key, condition=condition, values=values) is None

    def overdue(self, *, before: datetime) -> Iterator[ListKey]:
        """From the sparse index: those whose turn should have come before then."""
        for item in self._connection.query_due(LISTERS, until=before.timestamp()):
            yield ListKey.from_item(items.read_text(item, "pk"), items.read_text(item, "sk"))


def _remembered(lister: Lister) -> dict[str, Any]:
    under_way = lister.round
    moments = {"good_until": lister.good_until, "mark": lister.mark, "covers_from": lister.covers_from}
    moments |= {"doubt": lister.doubt, "doubted_at": lister.doubted_at}
    found: dict[str, Any] = {"failures": items.number(lister.failures)} if lister.failures else {}
    found |= {"recalls": items.flag(value=True)} if lister.recalls else {}
    if under_way is not None:
        moments |= {"since": under_way.since, "began_at": under_way.began_at, "newest": under_way.newest}
        found |= {"pages": items.number(under_way.pages), "listed": items.number(under_way.listed), "token": items.text(under_way.token)}
        found |= {"is_first": items.flag(value=under_way.is_first)}
    return found | {name: items.moment(moment) for name, moment in moments.items() if moment}


def _lister(key: ListKey, item: Item) -> Lister:
    items.checked(item)
    return Lister(
        key=key,
        wanted_until=items.read_given_moment(item, "wanted_until"),
        claim_token=items.read_text(item, "claim"),
        waits_for=items.read_text(item, "waits_for"),
        due=items.read_moment(item, "due_at"),
        good_until=items.read_moment(item, "good_until"),
        mark=items.read_moment(item, "mark"),
        covers_from=items.read_moment(item, "covers_from"),
        round=_round(item),
        failures=items.read_int(item, "failures"),
        recalls=items.read_flag(item, "recalls"),
        doubt=items.read_moment(item, "doubt"),
        doubted_at=items.read_moment(item, "doubted_at"),
    )


def _round(item: Item) -> Round | None:
    since, began_at = items.read_moment(item, "since"), items.read_moment(item, "began_at")
    if since is None or began_at is None:
        return None
    return Round(
        since=since,
        began_at=began_at,
        is_first=items.read_flag(item, "is_first"),
        token=items.read_text(item, "token"),
        pages=items.read_int(item, "pages"),
        listed=items.read_int(item, "listed"),
        newest=items.read_moment(item, "newest"),
    )
