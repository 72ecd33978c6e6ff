"""A stranger's text on a terminal."""


def shown(text: str) -> str:
    """What moves the cursor, colours or hides something is written as its escape; so one text stays in one line."""
    return text if text.isprintable() else repr(text)[1:-1]
