"""IRC as a door: what is said to the bot in channels and in private becomes messages, answers go back.

The service needs nothing but a nick; a registered one with a password is safer from being taken:

    collector:
      file: irc
      entry: Irc
      conf:
        key: irc
        kwargs: {server: irc.libera.chat, nick: mybot, channels: ['#ops'], password: !!SECRET!!}

In channels the bot answers to `mybot: cmd`, `@mybot cmd` and `!cmd`, in private to everything. TLS on
port 6697 is the default (`tls: false` means 6667). Limits: IRC has no threads and no files, lines
are cut to its 512 bytes and paced (`burst` at once, then one every `pause` seconds, `most_lines` an
answer), and it acknowledges nothing: what was said while the bot was away is not heard, and an answer
written into a connection that just broke is lost. Here are only the fields; the protocol stands beside.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence

from botcannon_core.chat.address import address
from botcannon_core.chat.answer import attachment, is_private, note
from botcannon_core.chat.guard import FloodKwarg, Guard
from botcannon_core.chat.seen import Seen
from botcannon_core.collectors.irc.line import Line, fold, plain
from botcannon_core.collectors.irc.link import Link
from botcannon_core.collectors.irc.place import Place
from botcannon_core.ending import end
from botcannon_core.message import Message

__all__ = ["Irc"]

NETWORK = "irc"
NOTE_SECONDS = 10.0  # between two notes about one message: what is said stays said
MOST_WAITING = 1_000  # messages that wait to be stored; then the server has to wait too

_log = logging.getLogger("botcannon.irc")


class Irc:
    """A bot on an IRC network.

    A message's `user` is the account of who spoke if the network vouches for it (its `account-tag`),
    else the whole `nick!user@host`, which no account looks like: a nick alone proves nothing.
    `user_name` is the nick, `room` the channel or, in private, the nick.

    `password` logs in by SASL to `account` (by default the nick); `server_password` is that of a
    private server. A channel's key stands behind its name: `'#ops key'`. `ca_file` names the
    authority of a server that has a certificate of its own making.
    """

    note_every = NOTE_SECONDS

    def __init__(
        self,
        server: str,
        nick: str,
        channels: Sequence[str] = (),
        port: int | None = None,
        tls: bool = True,
        account: str = "",
        password: str = "",
        server_password: str = "",
        prefix: str = "!",
        burst: int = 5,
        pause: float = 1.0,
        most_lines: int = 12,
        ca_file: str | None = None,
        flood: FloodKwarg = None,
        has_shell: bool = False,
    ) -> None:
        if not re.fullmatch(r"[^\s,:@!#&+~%*\d-][^\s,:@!*]*", nick):
            raise ValueError(f"{nick!r} is no IRC nick")
        self._place = Place(
            server=server,
            port=port or (6697 if tls else 6667),
            nick=nick,
            channels=tuple(_channel(name) for name in channels),
            tls=tls,
            ca_file=ca_file,
            account=account,
            password=password,
            server_password=server_password,
            burst=burst,
            pause=float(pause),
        )
        self._prefix = prefix
        self._most_lines = most_lines
        self._seen = Seen()
        self.admit = self._guard = Guard(flood, has_shell)

    async def start(self) -> None:
        """Begin to connect; what comes of it, `read` tells."""
        self._heard: asyncio.Queue[dict[str, str] | Exception] = asyncio.Queue(MOST_WAITING)
        self._link = Link(self._place, self._hear)
        self._running = asyncio.create_task(self._run())

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """What was said to the bot, as soon as it was; raises ServiceError if we are not wanted."""
        while True:
            heard = await self._heard.get()
            if isinstance(heard, Exception):
                raise heard
            yield heard

    async def taskback(self, message: Message) -> None:
        """Say the answer where it was asked for, or to the asker alone if it is `private`."""
        if message.get("network") != NETWORK:
            return  # asked through some other door of this service: not ours to send
        text = self._guard.answer(message) or ""
        if (about := _without_file(message)) is not None:
            text = f"{text}\n{about}".strip("\n")
        if not text.strip():
            return
        target = message.get("user_name" if is_private(message) else "room", "")
        await self._link.say(target, text, self._most_lines)

    async def note(self, message: Message) -> None:
        """Say where it was asked how far a message is."""
        if message.get("network") == NETWORK:
            await self._link.say(message.get("room", ""), note(message), 1)

    async def close(self) -> None:
        """Leave the network politely."""
        await self._link.quit()
        await end(self._running)

    async def _run(self) -> None:
        try:
            await self._link.run()
        except Exception as error:  # noqa: BLE001 - read() raises it, in the intake's own hands
            await self._heard.put(error)

    async def _hear(self, line: Line) -> None:
        fields = self._fields(line)
        if fields is not None and self._seen.is_new(fields.get("event_id", "")):
            await self._heard.put(fields)

    def _fields(self, line: Line) -> dict[str, str] | None:
        """What was said as a message, or None if it was not meant for us."""
        mine = fold(self._link.nick)
        said, is_ctcp, is_bot = line.last, line.last.startswith("\x01"), "bot" in line.tags
        if (
            len(line.words) < 2
            or is_ctcp
            or is_bot
            or fold(line.nick) == mine
            or "!" not in line.source
        ):
            return None
        target = re.sub(r"^[@%+~&]+(?=#)", "", line.words[0])  # said to a channel's operators alone
        is_direct = fold(target) == mine
        called = address(
            plain(said), (self._link.nick, self._place.nick), direct=is_direct, prefix=self._prefix
        )
        if called is None or not called.text:
            return None
        fields = {
            "text": called.text,
            "user": line.tags.get("account") or line.source,
            "user_name": line.nick,
            "room": line.nick if is_direct else target,
            "network": NETWORK,
        }
        flags = {"direct": is_direct, "mention": called.by_name}
        fields.update((name, "1") for name, holds in flags.items() if holds)
        if event_id := line.tags.get("msgid"):
            fields["event_id"] = event_id
        return fields


def _channel(name: str) -> str:
    if not re.fullmatch(r"[^\s,]+( [^\s,]+)?", name):
        raise ValueError(f"{name!r} is no IRC channel")
    return name if name[0] in "#&+!" else f"#{name}"


def _without_file(message: Message) -> str | None:
    """What to say instead of a file, which IRC has no way to carry."""
    try:
        file = attachment(message)
    except ValueError as error:
        return str(error)
    return f"({file.name}, {len(file.content):,} bytes: no files on IRC)" if file else None
