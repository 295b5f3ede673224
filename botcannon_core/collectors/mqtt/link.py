"""The connection to an MQTT broker: kept up, its messages acknowledged only when we say so.

It knows the protocol and nothing of bots. Brings aiomqtt, an optional extra, so it is imported only
where an MQTT door is declared.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiomqtt import Client, Message, MqttError, ProtocolVersion
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from botcannon_core.chat.backoff import Backoff
from botcannon_core.errors import ServiceError

HEALTHY_SECONDS = 60.0  # a connection that lived this long was no failure
SESSION_SECONDS = 7 * 24 * 3600  # how long a broker keeps for us what came while we were away
MOST_UNSTORED = 100  # messages a broker gives us before it waits for an acknowledgement
MOST_TRIES = 3  # of an answer, each in a connection of its own
_REFUSED = (132, 133, 134, 135, 138, 140)  # MQTT 5 reasons: protocol, client id, login, rights, ban

Key = tuple[int, str, bytes]
"""What a message is known by while it is not acknowledged: its number, topic and payload."""

_log = logging.getLogger("botcannon.mqtt")


@dataclass(frozen=True)
class Broker:
    """Where to connect, as whom, and which topics to hear."""

    server: str
    port: int
    topics: tuple[str, ...]
    client_id: str
    username: str | None = None
    password: str | None = None
    tls: bool = True
    ca_file: str | None = None
    version: int = 5


class Link:
    """Holds the connection; `run` it as long as it shall be held.

    A message of QoS 1 is *open* from when it is heard until `acknowledge` is called for it. A broker
    that lost us in between sends it again with the same number; it is known then, and not heard
    twice. One that was stored without a connection to say so is *owed* an acknowledgement, and gets
    it when it comes again. A broker that forgot the session numbers anew, so then we forget as well.
    If we die right here, what was not acknowledged is sent again, and stored twice at worst.
    """

    def __init__(self, broker: Broker, hear: Callable[[Message, Key | None], None]) -> None:
        self._broker = broker
        self._hear = hear
        self._backoff = Backoff()
        self._client: Client | None = None
        self._is_up = asyncio.Event()
        self._open: set[Key] = set()
        self._owed: set[Key] = set()

    async def run(self) -> None:
        """Be connected for ever; raises ServiceError if the broker does not want us as we are."""
        while True:
            began = time.monotonic()
            try:
                await self._connected()
            except MqttError as error:
                self._is_up.clear()
                self._refuse(error)
                if time.monotonic() - began > HEALTHY_SECONDS:
                    self._backoff.reset()
                wait = self._backoff.wait()
                _log.warning("%s: %s; trying again in %.1f s", self._where, error, wait)
                await asyncio.sleep(wait)

    def acknowledge(self, key: Key) -> None:
        """Tell the broker that this message is safe; if it cannot be told now, it is when it asks."""
        if key not in self._open:
            return
        self._open.remove(key)
        if self._client is None or not self._is_up.is_set() or not self._ack(self._client, key[0]):
            self._owed.add(key)

    async def publish(self, topic: str, payload: str, correlation: bytes = b"") -> None:
        """Publish with QoS 1, once there is a connection; raises MqttError if that fails repeatedly."""
        properties, backoff = None, Backoff()
        if correlation and self._broker.version == 5:
            properties = _properties(PacketTypes.PUBLISH)
            properties.CorrelationData = correlation
        for number in range(MOST_TRIES):
            await self._is_up.wait()
            assert self._client is not None  # it is there while we are up
            try:
                raw = payload.encode(errors="replace")
                await self._client.publish(topic, raw, 1, properties=properties)
            except MqttError as error:
                if number == MOST_TRIES - 1:
                    raise
                _log.warning("%s: an answer did not get through: %s", self._where, error)
                await asyncio.sleep(backoff.wait())
            else:
                return

    @property
    def _where(self) -> str:
        return f"MQTT broker {self._broker.server}:{self._broker.port}"

    # --- one connection ----------------------------------------------------------------------------

    async def _connected(self) -> None:
        """Connect, subscribe and listen until the connection ends, which raises MqttError."""
        async with self._new_client() as client:
            self._client = client
            try:
                for topic in self._broker.topics:
                    codes = await client.subscribe(topic, qos=1)
                    if any(_number(code) >= 128 for code in codes):
                        raise ServiceError(
                            f"{self._where}: we may not read {topic!r}: check `topics`"
                        )
                self._is_up.set()
                async for message in client.messages:
                    self._take(client, message)
            finally:
                self._is_up.clear()
                self._client = None

    def _new_client(self) -> Client:
        broker = self._broker
        trust = ssl.create_default_context(cafile=broker.ca_file) if broker.tls else None
        how: dict[str, Any] = {"protocol": ProtocolVersion.V311, "clean_session": False}
        if broker.version == 5:
            about = _properties(PacketTypes.CONNECT)
            about.SessionExpiryInterval = SESSION_SECONDS
            about.ReceiveMaximum = MOST_UNSTORED
            how = {"protocol": ProtocolVersion.V5, "clean_start": False, "properties": about}
        client = Client(
            broker.server,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=broker.client_id,
            tls_context=trust,
            logger=_log,
            # an acknowledgement and an answer are two small packets: the second must not wait
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            **how,
        )
        self._take_over(client)
        return client

    def _take_over(self, client: Client) -> None:
        """Acknowledge by ourselves, and learn whether the broker remembers us."""
        # aiomqtt offers neither, but the paho client inside it does, in its public interface
        paho: Any = client._client
        paho.manual_ack_set(True)
        connected = paho.on_connect

        def on_connect(paho: Any, data: Any, flags: Any, code: Any, about: Any = None) -> None:
            if not flags.session_present:
                self._open.clear()
                self._owed.clear()
            if connected is not None:
                connected(paho, data, flags, code, about)

        paho.on_connect = on_connect

    def _take(self, client: Client, message: Message) -> None:
        if message.qos == 0:
            self._hear(message, None)
            return
        key = (message.mid, str(message.topic), bytes(message.payload))
        if key in self._owed:
            self._owed.remove(key)
            self._ack(client, message.mid)
        elif key not in self._open:
            self._open.add(key)
            self._hear(message, key)

    def _ack(self, client: Client, number: int) -> bool:
        return int(client._client.ack(number, 1)) == 0

    def _refuse(self, error: MqttError) -> None:
        """Raise what waiting does not mend."""
        if isinstance(error, MqttConnectError) and _number(error.rc) in _REFUSED:
            raise ServiceError(
                f"{self._where} refuses us ({error.rc}): check `username`, `password`, `client_id`"
                " and `version`"
            ) from error
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise ServiceError(
                f"{self._where}: its certificate is not trusted; check `server`, or name the"
                " authority's file in `ca_file`"
            ) from error


def _properties(kind: int) -> Any:
    return Properties(kind)  # type: ignore[no-untyped-call]  # paho leaves it untyped


def _number(code: Any) -> int:
    """A reason's number; version 3 of the protocol gives it as such."""
    return int(getattr(code, "value", code) or 0)
