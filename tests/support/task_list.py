"""An agent's answer to ListTasks, as a2a-sdk 1.3 gives it.

Source: A2A 1.0 §3.1.4; a2a-sdk 1.3.0 `InMemoryTaskStore.list`: the newest status first, tasks without a timestamp last, which no
`statusTimestampAfter` finds.
"""

from collections.abc import Sequence
from typing import Any

from relay.domain.task import parse_timestamp

Json = dict[str, Any]


def page_of(tasks: Sequence[Json], params: Json) -> Json:
    """The page's token is the place of its first task."""
    after = parse_timestamp(params.get("statusTimestampAfter"))
    found = sorted(tasks, key=_place, reverse=True)
    if after is not None:
        found = [task for task in found if (stamped := parse_timestamp(task["status"].get("timestamp"))) and stamped >= after]
    size, start = params.get("pageSize") or 50, int(params.get("pageToken") or 0)
    shown = [_shown(task, params) for task in found[start : start + size]]
    following = str(start + size) if start + size < len(found) else ""
    return {"tasks": shown, "nextPageToken": following, "pageSize": size, "totalSize": len(found)}


def _place(task: Json) -> tuple[bool, str, str]:
    stamped = parse_timestamp(task["status"].get("timestamp"))
    return stamped is not None, stamped.isoformat(timespec="microseconds") if stamped else "", task["id"]


def _shown(task: Json, params: Json) -> Json:
    left_out = {"artifacts"} if not params.get("includeArtifacts") else set()
    length = params.get("historyLength")
    shown = {name: value for name, value in task.items() if name not in left_out}
    return {**shown, "history": task["history"][len(task["history"]) - length :]} if length is not None and "history" in shown else shown
