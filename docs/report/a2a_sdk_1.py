"""Tells the relay of every change of this agent's tasks. For a2a-sdk 1.x."""

import logging
from typing import Any

import httpx
from a2a.server.tasks import PushNotificationSender
from a2a.utils.proto_utils import to_stream_response
from google.protobuf.json_format import MessageToDict


class RelayReports(PushNotificationSender):
    def __init__(self, url: str, token: str) -> None:
        """`url` is the agent's address at the relay and `/reports`; `token` is from `relay agents report-token`."""
        self._url = url
        self._client = httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=5)

    async def send_notification(self, task_id: str, event: Any) -> None:
        try:
            (await self._client.post(self._url, json=MessageToDict(to_stream_response(event)))).raise_for_status()
        except httpx.HTTPError:  # the relay goes on asking by itself
            logging.getLogger(__name__).warning("The relay was not told of task %s", task_id, exc_info=True)
