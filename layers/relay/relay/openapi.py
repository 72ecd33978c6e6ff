"""The description of the HTTP API, as it lies beside this module: packed into the layer with it, and linked to from docs/.

Source: OpenAPI 3.1; RFC 9512 (`application/yaml`). It is written as YAML, which the layer cannot read: `make openapi` makes the JSON of it.
"""

from functools import cache
from pathlib import Path

DESCRIPTION_PATHS = {"/openapi.yaml": "application/yaml", "/openapi.json": "application/json"}


@cache
def description(path: str) -> str:
    """The document at one of the paths."""
    return Path(__file__).with_name(path.removeprefix("/")).read_text("utf-8")
