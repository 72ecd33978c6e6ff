"""The answer to a list of tasks in the caller's version.

Source: A2A 1.0 §3.1.4 (`ListTasksResponse`: newest first, in pages, without artifacts unless asked for). 0.3's JSON-RPC has no such method;
PraisonAI answers `tasks/list` with the array of all tasks, a2akit with pages as in 1.0.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from relay.domain.bridge_params import read_history_length, read_page_size, read_state, wants_pages
from relay.domain.conversion import convert
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.fields import Fields
from relay.domain.lenient import mapping, mappings, text
from relay.domain.paging import DEFAULT_PAGE_SIZE, page_by
from relay.domain.sends import cut_history
from relay.domain.task import Json, ProtocolVersion, Snapshot, TaskState, parse_timestamp

_MAX_COUNT = 2**31 - 1  # 1.0's are int32
_LATEST_MICROSECONDS = 10**18  # past the year 9999


def bridge_list(result: Any, params: Json, to: ProtocolVersion) -> Any:
    """What a caller of version `to`, who asked with `params`, is told: 1.0's page, or for 0.3 the array or page that it knows.

    Raises: InvalidAgentResponseError when the agent answered with no list; InvalidParamsError for a `pageToken` that was never given.
    """
    if to is ProtocolVersion.V03 and not wants_pages(params):
        return [_shown(task, to) for task in (mappings(result) if isinstance(result, list) else _tasks(result))]
    wanted = _Wanted.read(Fields(params))
    if isinstance(result, list):
        return _page_of_array(mappings(result), wanted, to)
    tasks = [wanted.cut(_shown(task, to)) for task in _tasks(result)]
    return {
        "tasks": tasks,
        "nextPageToken": text(result.get("nextPageToken")),
        "pageSize": _count(result.get("pageSize"), wanted.page_size),
        "totalSize": _count(result.get("totalSize"), len(tasks)),
    }


def listable(task: Json, params: Json, to: ProtocolVersion) -> Json | None:
    """What the list will show of the task, at most: many whole ones would fill a function's memory. None: its filter leaves it out.

    Raises: InvalidParamsError.
    """
    if to is ProtocolVersion.V03 and not wants_pages(params):
        return task
    wanted = _Wanted.read(Fields(params))
    return wanted.cut(task) if wanted.holds(Snapshot(ProtocolVersion.V03, task)) else None


def listed(result: Any) -> list[Json]:
    """The tasks of an agent's answer, whichever form it has; none where it is no list."""
    return mappings(result if isinstance(result, list) else mapping(result).get("tasks"))


@dataclass(frozen=True)
class _Wanted:
    """What a caller who knows pages asked for: agents of 0.3 do not all heed it."""

    context_id: str
    state: TaskState | None
    after: datetime | None
    page_size: int
    page_token: str
    history_length: int | None
    with_artifacts: bool

    @classmethod
    def read(cls, call: Fields) -> "_Wanted":
        return cls(
            context_id=str(call.value("contextId") or ""),
            state=read_state(call),
            after=parse_timestamp(call.value("statusTimestampAfter")),
            page_size=read_page_size(call) or DEFAULT_PAGE_SIZE,
            page_token=str(call.value("pageToken") or ""),
            history_length=read_history_length(call),
            with_artifacts=call.truth("includeArtifacts") or False,
        )

    def holds(self, task: Snapshot) -> bool:
        changed = task.status_timestamp
        is_late = self.after is None or (changed is not None and changed >= self.after)
        return is_late and self.state in (None, task.state) and self.context_id in ("", task.context_id)

    def cut(self, task: Json) -> Json:
        kept = task if self.with_artifacts else {name: value for name, value in task.items() if name != "artifacts"}
        return cut_history(kept, self.history_length)

    @property
    def binding(self) -> str:
        """A page token is one list's."""
        return json.dumps([self.context_id, self.state, str(self.after)])


def _page_of_array(tasks: list[Json], wanted: _Wanted, to: ProtocolVersion) -> Json:
    found = [task for task in (Snapshot(ProtocolVersion.V03, task) for task in tasks) if wanted.holds(task)]
    told, token = page_by(_place, found, page_size=wanted.page_size, page_token=wanted.page_token, binding=wanted.binding)
    return {
        "tasks": [wanted.cut(_shown(task.document, to)) for task in told],
        "nextPageToken": token,
        "pageSize": wanted.page_size,
        "totalSize": len(found),
    }


def _tasks(result: Any) -> list[Json]:
    if not isinstance(result, dict) or not isinstance(result.get("tasks") or [], list):
        raise InvalidAgentResponseError("The agent answered with no list of tasks.")
    return mappings(result.get("tasks"))


def _shown(task: Json, to: ProtocolVersion) -> Json:
    return convert(Snapshot(to, task), to).document  # whichever it is in


def _place(task: Snapshot) -> str:
    """The newest first."""
    changed = task.status_timestamp
    microseconds = max(0, int(changed.timestamp() * 1_000_000)) if changed else 0
    return f"{_LATEST_MICROSECONDS - microseconds:019d} {task.task_id}"


def _count(value: Any, usual: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT else usual
