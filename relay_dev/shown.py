"""What a command says on a terminal: a stranger's text, and how many there are, when it was."""

from datetime import UTC, datetime


def shown(text: str) -> str:
    """What moves the cursor, colours or hides something is written as its escape; so one text stays in one line."""
    return text if text.isprintable() else repr(text)[1:-1]


def counted(number: int, noun: str) -> str:
    """`1 key`, `2 keys`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shown_moment(at: datetime) -> str:
    """In UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
