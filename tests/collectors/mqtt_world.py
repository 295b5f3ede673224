"""The other side of the MQTT door: a real mosquitto, and somebody who publishes and hears."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from socket import create_connection
from time import monotonic, sleep
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.collectors.debian import free_port, program
from tests.collectors.driven import PATIENCE

CONFIG = """
user root
listener {port} 127.0.0.1
persistence true
persistence_location {folder}/
allow_anonymous true
"""


@contextmanager
def mosquitto(folder: Path, port: int = 0, config: str = "") -> Iterator[int]:
    """A real broker on the loopback; its port. Skips the test where there is none."""
    path = program("mosquitto")
    port = port or free_port()
    file = folder / "mosquitto.conf"
    file.write_text(CONFIG.format(port=port, folder=folder) + config)
    with (folder / "mosquitto.log").open("ab") as log:
        server = subprocess.Popen([path, "-c", str(file)], stdout=log, stderr=log)
    try:
        deadline = monotonic() + PATIENCE
        while not _listens(port):
            assert server.poll() is None, (folder / "mosquitto.log").read_text()
            assert monotonic() < deadline, "the broker never listened"
            sleep(0.01)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _listens(port: int) -> bool:
    with suppress(OSError), closing(create_connection(("127.0.0.1", port), 1)):
        return True
    return False


class Somebody:
    """A client that publishes, and hears what is answered."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, payload: str | bytes, topic: str = "botcannon/in", **how: Any) -> None:
        raw = payload.encode() if isinstance(payload, str) else payload
        await self._client.publish(topic, raw, **{"qos": 1, **how})

    async def is_told(self) -> tuple[str, str, Any]:
        """The next thing heard: its topic, its text, its properties."""
        async with asyncio.timeout(PATIENCE):
            async for message in self._client.messages:
                raw = message.payload
                assert isinstance(raw, bytes)
                return str(message.topic), raw.decode(), message.properties
        raise AssertionError("the broker closed")


@asynccontextmanager
async def somebody(
    port: int, *topics: str, version: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V5
) -> AsyncIterator[Somebody]:
    async with aiomqtt.Client("127.0.0.1", port, protocol=version) as client:
        for topic in topics or ("botcannon/out/#",):
            await client.subscribe(topic, qos=1)
        yield Somebody(client)


def asking(reply_to: str, correlation: bytes = b"") -> Properties:
    """What MQTT 5 says of where an answer is wanted."""
    about = Properties(PacketTypes.PUBLISH)
    about.ResponseTopic = reply_to
    if correlation:
        about.CorrelationData = correlation
    return about
