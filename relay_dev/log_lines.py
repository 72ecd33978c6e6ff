"""The functions' log lines for a person at a terminal: one short line each, in place of JSON."""

import logging
import sys
from datetime import datetime
from typing import Any

# In this order; what is not named here follows as it comes.
_FIRST = ("task", "config", "revision", "state", "attempt", "http_status", "outcome", "webhook_id", "method", "url")
_TOLD_OTHERWISE = {"function", "request_id", "error_at", "message", "asctime", "taskName"}
_EVERYBODYS = {"owner": "default", "agent": "default"}  # of one relay on one machine nearly always
_OF_EVERY_RECORD = set(vars(logging.makeLogRecord({}))) | _TOLD_OTHERWISE
_WORDS_WIDTH = 22  # the longest that is common: "notification delivered"


class LineFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 logging's own name
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        function = getattr(record, "function", "relay")
        words = record.getMessage()
        if record.levelno >= logging.ERROR:
            words = f"{record.levelname}: {words}"
        fields = " ".join(f"{name}={_text(value)}" for name, value in _fields(record))
        line = f"{time}  {function:<8} {words:<{_WORDS_WIDTH}} {fields}".rstrip()
        if record.levelno >= logging.ERROR and (frames := getattr(record, "error_at", None)):
            line += "".join(f"\n{'':15}at {frame}" for frame in frames)
        return line


class LineHandler(logging.StreamHandler[Any]):
    """Writes to stdout; a reader that has gone away is no error."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.setFormatter(LineFormatter())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 logging's own name
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


def _fields(record: logging.LogRecord) -> list[tuple[str, Any]]:
    told = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD and _EVERYBODYS.get(name) != value}
    return [(name, told.pop(name)) for name in _FIRST if name in told] + list(told.items())


def _text(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return repr(text) if not text or " " in text or not text.isprintable() else text
