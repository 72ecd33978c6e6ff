"""A JSON object read member by member; every complaint names the member as its caller wrote it.

Source: the ProtoJSON format, which A2A 1.0 uses and 0.3's SDKs follow: `null` and a default value count as absent, a member may be written
in camelCase or in snake_case, a number may come as a string; what is not known is ignored (A2A 1.0 §5.7).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from relay.domain.errors import InvalidParamsError
from relay.domain.keys import MAX_ID_LENGTH, MAX_PART_BYTES, fits_key
from relay.domain.task import Json

_INTEGER = re.compile(r"-?[0-9]{1,10}")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


@cache
def snake_case(name: str) -> str:
    """`taskId` as `task_id`."""
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)


@dataclass(frozen=True)
class Fields:
    """The members of `document`, which stands at `path` in the call's params (empty for the params themselves)."""

    document: Json
    path: str = ""

    def path_of(self, name: str) -> str:
        """Where a member stands, in the caller's spelling."""
        spelling = name if name in self.document or snake_case(name) not in self.document else snake_case(name)
        return f"{self.path}.{spelling}" if self.path else spelling

    def value(self, name: str) -> Any:
        """The member as it is; None when absent."""
        value = self.document.get(name)
        return self.document.get(snake_case(name)) if value is None else value

    def error(self, name: str, complaint: str) -> InvalidParamsError:
        """`complaint` completes a sentence that begins with the member's path."""
        return InvalidParamsError(f"{self.path_of(name)} {complaint}.", field=self.path_of(name))

    def text(self, name: str, *, max_length: int) -> str:
        """A string of at most `max_length` characters that UTF-8 can write; empty when absent. Raises: InvalidParamsError."""
        value = self.value(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(name, "must be a string")
        if len(value) > max_length:
            raise self.error(name, f"is longer than {max_length} characters")
        if not _is_unicode(value):
            raise self.error(name, "is not valid Unicode")
        return value

    def header_value(self, name: str, *, max_length: int) -> str:
        """A string that can be sent in a header exactly as it is; empty when absent. Raises: InvalidParamsError."""
        value = self.text(name, max_length=max_length)
        if value and not _HEADER_VALUE.fullmatch(value):
            raise self.error(name, "must be printable ASCII, without line breaks and without spaces around it: it is sent in a header")
        return value

    def identifier(self, name: str) -> str:
        """A string that can be part of a key; empty when absent. Raises: InvalidParamsError."""
        value = self.text(name, max_length=MAX_ID_LENGTH)
        if value and not fits_key(value):
            raise self.error(name, f"is longer than {MAX_PART_BYTES} bytes when percent-encoded")
        return value

    def required_identifier(self, name: str) -> str:
        """Raises: InvalidParamsError."""
        value = self.identifier(name)
        if not value:
            raise self.error(name, "is required")
        return value

    def integer(self, name: str) -> int | None:
        """Raises: InvalidParamsError."""
        value = self.value(name)
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise self.error(name, "must be a whole number")

    def number(self, name: str, usual: float, *, lowest: float, highest: float) -> float:
        """A number within bounds; `usual` when it is absent. Raises: InvalidParamsError."""
        value = self.value(name)
        if value is None:
            return usual
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise self.error(name, f"must be a number from {lowest:g} to {highest:g}")
        return value

    def truth(self, name: str) -> bool | None:
        """Raises: InvalidParamsError."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        raise self.error(name, "must be true or false")

    def object(self, name: str) -> "Fields | None":
        """Raises: InvalidParamsError."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.error(name, "must be an object")
        return Fields(value, self.path_of(name))

    def array(self, name: str) -> Sequence[Any]:
        """Empty when absent. Raises: InvalidParamsError."""
        value = self.value(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.error(name, "must be an array")
        return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
