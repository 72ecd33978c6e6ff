"""Who a task or a push config is, and its address in the table.

Parts of a key come from strangers (a task id, a config id, a tenant): each is percent-encoded, so that no part can hold the separator
and no two keys can meet. DynamoDB: a partition key is at most 2,048 bytes, a sort key at most 1,024.
"""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import quote, unquote

MAX_ID_LENGTH = 256  # characters of a task id or config id; as bytes, percent-encoded, they must also fit a key
MAX_PART_BYTES = 700  # one encoded part: with its prefix and a revision's number it stays below a sort key's 1,024 bytes

DEFAULT_OWNER = "default"  # has the stack's own agent and its first key
DEFAULT_AGENT = "default"  # of each owner: the one at the relay's own address

AGENT_PREFIX = "AGENT#"
RECEIVER = "RECEIVER"
VERIFIED = "VERIFIED"
FORM = "FORM"
KEY_PARTITION = "KEYS"
KEY_PREFIX = "KEY#"
REPORTER_PREFIX = "REPORTER#"  # of report tokens
WATCH = "WATCH"
LAST_WORDS = "LAST-WORDS"
CALLBACK = "CALLBACK"
RELAY_TASK = "RELAY_TASK"
SENDING_PREFIX = "SENDING#"
LISTED_PREFIX = "LISTED#"
STREAM = "STREAM"
OFF_PREFIX = "OFF#"
MISSED_PREFIX = "MISSED#"
REACH = "REACH"
ALIAS = "ALIAS"
LIST_PREFIX = "LIST#"
LISTERS = "LIST"  # in the sparse index: there are as many as agents and tenants
REVISION_PREFIX = "REVISION#"
PUSH_PREFIX = "PUSH#"
PENDING_PREFIX = "PENDING#"
TEMPLATE_PREFIX = "TEMPLATE#"
CURSOR_PREFIX = "CURSOR#"
ATTEMPT_PREFIX = "ATTEMPT#"
DEAD_PREFIX = "DEAD#"
DAY_PREFIX = "DAY#"
_TASK_PREFIX = "TASK"


def encode_part(part: str) -> str:
    """One part of a key, reversible, without `#`."""
    return quote(part, safe="")


def fits_key(part: str) -> bool:
    """Whether a stranger's id can be a part of a key."""
    try:
        return 0 < len(part) <= MAX_ID_LENGTH and len(encode_part(part)) <= MAX_PART_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


class AgentKey(NamedTuple):
    """One upstream agent; it belongs to exactly one owner."""

    owner: str
    agent: str

    @property
    def partition(self) -> str:
        """All agents of an owner share it, so that one query lists them."""
        return f"AGENTS#{encode_part(self.owner)}"

    @property
    def sort_key(self) -> str:
        return AGENT_PREFIX + encode_part(self.agent)

    @property
    def no_task(self) -> "TaskKey":
        """In the place of a task, for configs of the whole agent: no task of an agent has an empty id."""
        return TaskKey(self.owner, self.agent, "", "")

    @property
    def directory(self) -> str:
        """The partition that lists the configs of all tasks of this agent, as far as dialects ask for them."""
        return f"CONFIGS#{encode_part(self.owner)}#{encode_part(self.agent)}"

    @property
    def following_partition(self) -> str:
        """What the functions remember of following its tasks; its own item they may not write."""
        return f"FOLLOWING#{encode_part(self.owner)}#{encode_part(self.agent)}"

    @property
    def group(self) -> str:
        """The agent as SQS's message group."""
        return hashlib.sha256(self.following_partition.encode()).hexdigest()[:32]


class ListKey(NamedTuple):
    """What one lister lists: an agent's tasks under one of A2A's tenants, empty for none."""

    agent: AgentKey
    tenant: str

    @property
    def sort_key(self) -> str:
        """In the agent's `following_partition`."""
        return LIST_PREFIX + encode_part(self.tenant)

    @classmethod
    def from_item(cls, partition: str, sort_key: str) -> "ListKey":
        _, owner, agent = partition.split("#")
        return cls(AgentKey(unquote(owner), unquote(agent)), unquote(sort_key.removeprefix(LIST_PREFIX)))


class HabitKey(NamedTuple):
    """What was found out about an agent at one address: at another it may be another agent. `address` is a digest of its URL."""

    agent: AgentKey
    address: str

    @property
    def partition(self) -> str:
        return f"HABITS#{encode_part(self.agent.owner)}"

    @property
    def sort_key(self) -> str:
        return f"HABIT#{encode_part(self.agent.agent)}#{self.address}"


class TaskKey(NamedTuple):
    """One task at one agent. `tenant` is A2A's own parameter, empty when the caller named none."""

    owner: str
    agent: str
    tenant: str
    task_id: str

    @property
    def partition(self) -> str:
        return "#".join([_TASK_PREFIX, *(encode_part(part) for part in self)])

    @property
    def form_partition(self) -> str:
        return f"{FORM}#{self.partition}"

    @property
    def agent_key(self) -> AgentKey:
        return AgentKey(self.owner, self.agent)

    @property
    def list_key(self) -> ListKey:
        return ListKey(self.agent_key, self.tenant)

    def list_partition(self, reader: str) -> str:
        """Where the agent's tasks of the relay's own are listed, for whom."""
        return "#".join(["RELAY_TASKS", *(encode_part(part) for part in (*self[:3], reader))])

    @classmethod
    def from_partition(cls, partition: str) -> "TaskKey":
        """Raises: ValueError when the partition is not a task's."""
        prefix, *parts = partition.split("#")
        if prefix != _TASK_PREFIX or len(parts) != len(cls._fields):
            raise ValueError(f"not a task's partition: {partition!r}")
        return cls(*(unquote(part) for part in parts))


class ConfigKey(NamedTuple):
    """One push config of one task; clients use the same config id on many tasks."""

    task: TaskKey
    config_id: str

    @property
    def push(self) -> str:
        return PUSH_PREFIX + encode_part(self.config_id)

    @property
    def template(self) -> str:
        return TEMPLATE_PREFIX + encode_part(self.config_id)

    @property
    def pending(self) -> str:
        return PENDING_PREFIX + encode_part(self.config_id)

    @property
    def cursor(self) -> str:
        return CURSOR_PREFIX + encode_part(self.config_id)

    def attempt(self, at: str) -> str:
        return f"{ATTEMPT_PREFIX}{encode_part(self.config_id)}#{at}"

    def dead_letter(self, first: int) -> str:
        return f"{DEAD_PREFIX}{encode_part(self.config_id)}#{first:010d}"


def callback_partition(callback_id: str) -> str:
    return f"{CALLBACK}#{encode_part(callback_id)}"


def revision_sort_key(number: int) -> str:
    """Ten digits, so that revisions sort by number."""
    return f"{REVISION_PREFIX}{number:010d}"


def revision_number(sort_key: str) -> int:
    """The number in a revision's sort key."""
    return int(sort_key.removeprefix(REVISION_PREFIX))


def config_id_of(sort_key: str) -> str:
    """The config id in the sort key of a `PUSH#`, `PENDING#`, `TEMPLATE#` or `CURSOR#` item."""
    return unquote(sort_key.split("#", 1)[1])


class ReceiverKey(NamedTuple):
    """Who is POSTed to, over all tasks of an owner. `origin` is scheme, host and port."""

    owner: str
    origin: str

    @property
    def partition(self) -> str:
        return f"RECEIVER#{encode_part(self.owner)}#{encode_part(self.origin)}"

    @property
    def group(self) -> str:
        """The receiver as SQS's message group: at most 128 characters, and no part of the URL in it."""
        return hashlib.sha256(f"{self.owner} {self.origin}".encode()).hexdigest()[:32]

    @classmethod
    def from_partition(cls, partition: str) -> "ReceiverKey":
        _, owner, origin = partition.split("#")
        return cls(unquote(owner), unquote(origin))


class OwnerDay(NamedTuple):
    """What an owner registers in a day of UTC."""

    owner: str
    day: date

    @classmethod
    def at(cls, owner: str, now: datetime) -> "OwnerDay":
        return cls(owner, now.astimezone(UTC).date())

    @property
    def end(self) -> datetime:
        return datetime.combine(self.day, time(), UTC) + timedelta(days=1)

    @property
    def partition(self) -> str:
        return f"REGISTERED#{encode_part(self.owner)}"

    @property
    def configs(self) -> str:
        return f"{DAY_PREFIX}{self.day.isoformat()}#CONFIGS"

    @property
    def receivers(self) -> str:
        return f"{DAY_PREFIX}{self.day.isoformat()}#RECEIVERS"
