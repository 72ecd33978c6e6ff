"""The description of the HTTP API, as it lies beside this module: packed into the layer with it, and linked to from docs/.

Source: OpenAPI 3.1; RFC 9512 (`application/yaml`). It is served as it is written: the layer has no reader of YAML.
"""

from functools import cache
from pathlib import Path

DESCRIPTION_PATH = "/openapi.yaml"


@cache
def description() -> str:
    return Path(__file__).with_name("openapi.yaml").read_text("utf-8")
