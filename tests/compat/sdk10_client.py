# mypy: ignore-errors
"""The client of the end-to-end tests on another 1.x of a2a-sdk: `.venv-compat-sdk-1.0.3/bin/python tests/compat/sdk10_client.py`."""

import logging

from served import serve

from tests.e2e.clients import Client10

logging.disable()  # 1.0.3 logs what it refuses

if __name__ == "__main__":
    serve(Client10())
