"""What the fake agent says, in A2A 0.3's words; written down once more, so that the relay's conversion is not its own judge.

Source: A2A 0.3 §6 (`Task`, `Message`, `Part`), §7 (methods).
"""

from typing import Any

Json = dict[str, Any]

METHODS_IN_10 = {"message/send": "SendMessage", "tasks/get": "GetTask", "tasks/cancel": "CancelTask"}  # it lists no tasks, as most


def task_03(task: Json) -> Json:
    """The history is as it was heard, so in 0.3 already."""
    status = dict(task["status"])
    status["state"] = status["state"].removeprefix("TASK_STATE_").replace("_", "-").lower()
    if message := status.get("message"):
        status["message"] = {**message, "kind": "message", "role": "agent", "parts": _parts_03(message["parts"])}
    artifacts = [{**artifact, "parts": _parts_03(artifact["parts"])} for artifact in task["artifacts"]]
    return {**task, "kind": "task", "status": status, "artifacts": artifacts}


def message_03(message: Json) -> Json:
    return {**message, "kind": "message", "role": "agent", "parts": _parts_03(message["parts"])}


def _parts_03(parts: list[Json]) -> list[Json]:
    return [{"kind": "text", **part} for part in parts]
