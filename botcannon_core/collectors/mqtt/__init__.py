"""MQTT as a door: what is published to the bot's topics becomes messages, answers are published.

For people and programs that ask, and for sensors that only tell. On the broker it needs an account that
may read `topics` and write under `out` (and it needs aiomqtt here):

    collector:
      file: mqtt
      entry: Mqtt
      conf:
        key: mqtt
        kwargs: {server: mqtt.example.org, username: bot, password: !!SECRET!!}

    mosquitto_pub -t botcannon/in -m '{"user": "ann", "text": "cpu now"}'      # asks
    mosquitto_sub -t botcannon/out/ann                                         # hears the answer

A payload is text, or a JSON object whose members become the message's fields. The answer to text is
text, that to JSON is JSON: `id`, `outcome`, `text` or `error` and `error_id`, `thread`, `event_id`,
`file_name` and `file_base64`. It goes to `out/USER`, or to the response topic of MQTT 5 (with its
correlation data) where that falls under `reply_to`, by default all under `out`: else whoever may ask
the bot could have it write wherever the bot may.

Who is `user`? A payload may say anything. With a topic that ends in `/+`, as in `botcannon/in/+`, its
last level is the user, whatever the payload says, and the broker's rules (`%u`) decide who writes there.

Limits: payloads of 1 MB; QoS 1 is acknowledged when the message is stored, so a broker that keeps
sessions keeps what comes while the bot is away; QoS 0 has no such promise. Retained messages are old
news and left out unless `retained` is set, as sensors may want. Here are only the fields; the
connection stands beside.
"""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import logging
import os
import platform
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from botcannon_core.chat.address import address
from botcannon_core.chat.answer import attachment, note
from botcannon_core.chat.guard import FloodKwarg, Guard
from botcannon_core.chat.seen import Seen
from botcannon_core.collectors.mqtt.payload import NOBODY, fields, level, matches, noted, reply
from botcannon_core.ending import end
from botcannon_core.errors import lacking
from botcannon_core.message import Message

__all__ = ["Mqtt"]

NETWORK = "mqtt"
NOTE_SECONDS = 10.0  # between two notes about one message: what is published stays published
MOST_BYTES = 1_000_000  # of a payload
Name = frozenset[tuple[str, str]]

MOST_WAITING = 1_000  # messages of QoS 0 that wait to be stored; the broker holds back the others

_log = logging.getLogger("botcannon.mqtt")


class Mqtt:
    """A bot, or an ear, on an MQTT broker.

    `topics` are heard (wildcards are fine), answers go under `out`; an empty `out` is a door that
    never answers. `reply_to` is the filter of the response topics that may be answered to. `version`
    is 5 or 3 (3.1.1). The broker knows us by `client_id`, by default one for this user, host, project
    and topics. TLS on port 8883 is the default (`tls: false` means 1883).
    """

    note_every = NOTE_SECONDS

    def __init__(
        self,
        server: str,
        topics: Sequence[str] = ("botcannon/in",),
        out: str = "botcannon/out",
        port: int | None = None,
        tls: bool = True,
        username: str | None = None,
        password: str | None = None,
        client_id: str = "",
        reply_to: str | None = None,
        retained: bool = False,
        version: Literal[5, 3] = 5,
        ca_file: str | None = None,
        flood: FloodKwarg = None,
        has_shell: bool = False,
    ) -> None:
        self._link_module = _library()
        _check(topics, out, version)
        self._broker = self._link_module.Broker(
            server=server,
            port=port or (8883 if tls else 1883),
            topics=tuple(topics),
            client_id=client_id or _client_id(topics),
            username=username,
            password=password,
            tls=tls,
            ca_file=ca_file,
            version=version,
        )
        self._out = out.rstrip("/")
        self._reply_to = f"{self._out}/#" if reply_to is None else reply_to
        self._retained = retained
        self._seen = Seen()
        self._guard = Guard(flood, has_shell)
        self._yielded: dict[Name, deque[Any]] = {}  # what to acknowledge when it is stored

    async def start(self) -> None:
        """Begin to connect; what comes of it, `read` tells."""
        self._heard: asyncio.Queue[tuple[dict[str, str], Any] | Exception] = asyncio.Queue()
        self._link = self._link_module.Link(self._broker, self._hear)
        self._running = asyncio.create_task(self._run())

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """What was published, as soon as it was; raises ServiceError if we are not wanted."""
        while True:
            heard = await self._heard.get()
            if isinstance(heard, Exception):
                raise heard
            found, key = heard
            if key is not None:  # of QoS 0 there is none
                self._yielded.setdefault(_name(found), deque()).append(key)
            yield found

    def admit(self, fields: Mapping[str, str]) -> bool | str:
        """Whether what was just yielded may be stored; the broker may forget what may not."""
        verdict = self._guard(fields)
        if verdict is not True:
            self._acknowledge(self._key(fields))
        return verdict

    def stored(self, message: Message) -> None:
        """Acknowledge to the broker: it may forget the message now."""
        self._acknowledge(self._key(message))

    async def taskback(self, message: Message) -> None:
        """Publish the answer for who asked."""
        if message.get("network") != NETWORK or not self._out:
            return
        text = self._guard.answer(message)
        try:
            file = attachment(message)
        except ValueError as error:
            text, file = f"{text or ''}\n({error})".strip(), None
        if text is None and file is None:
            return
        if not message.get("mqtt_json") and file is not None:
            text = f"{text or ''}\n({file.name}, {len(file.content):,} bytes: ask in JSON)".strip()
        said = {name: value for name, value in message.items() if file or name[:5] != "file_"}
        payload = reply(Message(said, message.id, message.service), text)
        correlation = bytes.fromhex(message.get("mqtt_correlation", ""))
        await self._link.publish(self._target(message), payload, correlation)

    async def note(self, message: Message) -> None:
        """Publish how far a message is; not for who wants one response, and would take it for that."""
        if message.get("network") != NETWORK or not self._out or message.get("mqtt_reply_to"):
            return
        await self._link.publish(self._target(message), noted(message, note(message)), b"")

    async def close(self) -> None:
        """Take leave of the broker, which keeps the session."""
        await end(self._running)

    async def _run(self) -> None:
        try:
            await self._link.run()
        except Exception as error:  # noqa: BLE001 - read() raises it, in the intake's own hands
            self._heard.put_nowait(error)

    def _acknowledge(self, key: Any) -> None:
        if key is not None:
            self._link.acknowledge(key)

    def _key(self, fields: Mapping[str, str]) -> Any:
        """What to acknowledge of the first that was yielded with these fields, if there is anything."""
        keys = self._yielded.get(name := _name(fields))
        if keys is None:
            return None
        key = keys.popleft()
        if not keys:
            del self._yielded[name]
        return key

    def _hear(self, published: Any, key: Any) -> None:
        """Queue what was published, or have done with it if it is nothing for us."""
        found = self._fields(published)
        if found is None:
            self._acknowledge(key)
        elif key is None and self._heard.qsize() >= MOST_WAITING:
            _log.warning("more of QoS 0 than can be stored: one of %s is lost", published.topic)
        else:
            self._heard.put_nowait((found, key))

    def _fields(self, published: Any) -> dict[str, str] | None:
        payload, topic = bytes(published.payload or b""), str(published.topic)
        if not payload.strip() or (published.retain and not self._retained):
            return None
        if len(payload) > MOST_BYTES:
            _log.warning("a payload of %d bytes on %s is left out", len(payload), topic)
            return None
        found = fields(payload)
        if called := address(found.get("text", ""), (), direct=True):
            found |= {"text": called.text} if called.text else {}
        user = self._user(topic) or found.get("user") or NOBODY
        found |= {"user": user, "user_name": found.get("user_name") or user}
        found |= {"room": topic, "direct": "1", "network": NETWORK}
        found.pop("mention", None)
        if not self._seen.is_new(f"{user} {event}" if (event := found.get("event_id")) else ""):
            return None
        return {**found, **_response(published.properties)}

    def _user(self, topic: str) -> str | None:
        """Who published, where the topic says so."""
        names = (
            name for name in self._broker.topics if name.endswith("+") and matches(name, topic)
        )
        return topic.rpartition("/")[2] if next(names, None) else None

    def _target(self, message: Message) -> str:
        asked = message.get("mqtt_reply_to", "")
        if asked and not set("+#\0") & set(asked) and matches(self._reply_to, asked):
            return asked
        return f"{self._out}/{level(message.get('user', NOBODY))}"


def _name(fields: Mapping[str, str]) -> Name:
    return frozenset(fields.items())


def _library() -> Any:
    try:  # an optional extra
        from botcannon_core.collectors.mqtt import link
    except ModuleNotFoundError as error:
        if error.name not in ("aiomqtt", "paho"):
            raise
        raise lacking("the MQTT door", "aiomqtt>=2.5,<3") from error
    return link


def _check(topics: Sequence[str], out: str, version: int) -> None:
    if isinstance(topics, str) or not topics:
        raise ValueError(f"`topics` is a list of topics to hear, not {topics!r}")
    if version not in (3, 5):
        raise ValueError(f"`version` of MQTT is 5 or 3 (for 3.1.1), not {version!r}")
    if set("+#") & set(out):
        raise ValueError(f"`out` is a topic without wildcards, not {out!r}")
    for topic in topics:
        if out and matches(topic, f"{out.rstrip('/')}/somebody"):
            raise ValueError(
                f"the bot would hear itself: {topic!r} includes its answers in {out!r}"
            )


def _client_id(topics: Sequence[str]) -> str:
    """A name that is the same in the bot's next life, and no other bot's."""
    mine = "\0".join([platform.node(), getpass.getuser(), os.getcwd(), *topics])
    return f"botcannon-{hashlib.sha256(mine.encode()).hexdigest()[:12]}"


def _response(properties: Any) -> dict[str, str]:
    """Where the answer is wanted, and under which mark, as MQTT 5 says it."""
    found = {}
    if topic := getattr(properties, "ResponseTopic", ""):
        found["mqtt_reply_to"] = str(topic)
    if correlation := getattr(properties, "CorrelationData", b""):
        found["mqtt_correlation"] = bytes(correlation).hex()
    return found
