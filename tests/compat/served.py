# mypy: ignore-errors
"""A client behind `tests.e2e.face`, served over standard input and output as `tests.e2e.lines` asks: what a driver in another package's
environment ends with. Only the standard library, besides the client itself.
"""

import json
import sys
import threading
from dataclasses import asdict, is_dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.e2e.face import RefusedError, Seen, Webhook


def serve(client) -> None:
    """Until standard input ends. Calls run at the same time, each in a thread of its own."""
    threads = []
    for line in sys.stdin:
        threads.append(threading.Thread(target=_answer, args=(client, json.loads(line)), daemon=True))
        threads[-1].start()


def _answer(client, asked) -> None:
    try:
        told = {"result": _plain(getattr(client, asked["call"])(**_arguments(asked["arguments"])))}
    except RefusedError as error:
        told = {"error": {"code": error.code, "message": error.message, "data": error.data}}
    except Exception as error:  # noqa: BLE001  whatever it is, the test hears of it
        told = {"error": {"code": 0, "message": f"{type(error).__name__}: {error}"}}
    sys.stdout.write(json.dumps({"id": asked["id"], **told}) + "\n")
    sys.stdout.flush()


def _arguments(told):
    arguments = dict(told)
    for name, kind in (("task", Seen), ("webhook", Webhook)):
        if arguments.get(name):
            arguments[name] = kind(**arguments[name])
    if "body" in arguments:
        arguments["body"] = arguments["body"].encode()
    return arguments


def _plain(result):
    if isinstance(result, list):
        return [_plain(each) for each in result]
    return asdict(result) if is_dataclass(result) else result
