"""Why a local command cannot go on."""


class DevError(Exception):
    """One sentence for the person at the terminal; the command ends with 1."""
