"""Matrix as a door: what is said to the bot becomes messages, their answers are said where it was.

Make an account for the bot on a homeserver. It logs in with `user` and `password`, or with an access
`token` where a provider stands before the login:

    services:
      chat:
        collector:
          file: matrix
          entry: Matrix
          conf:
            key: matrix
            kwargs: {server: https://matrix.example.org, user: mybot, password: !!SECRET!!}
        unique: {by: event_id, within: 1h}     # once, also when the bot was killed in between

and in `app/requirements.txt`: matrix-nio.

In rooms the bot answers to `@mybot cmd`, `mybot: cmd`, `!cmd` and a mention, where it is alone with
somebody to everything. `user` is the Matrix id of who spoke (`@ann:example.org`), `room` the alias of
the room (`#ops:example.org`) or, where it has none that its server vouches for, the id; `channel` is
always the id. It goes where people of its own server invite it; `invites` names others, as patterns
(`['@ann:example.org', '*:example.com']`). An answer in a thread stays in it; `in_threads: true` begins
one for each. `private` answers, and files with them, go into a room for the two of you.

Answers are notices, which other bots pass over as this one does; clients make no noise for them, unless
`notices: false` makes them ordinary. An edited message is run again only if it had failed.

Limits: no encrypted rooms (in a direct one the bot says so, once). What was said while the bot was away
is read when it is back, if that is not older than `catch_up` seconds; a first start reads no history.
Texts are split at 8,000 bytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botcannon_core.chat.address import address
from botcannon_core.chat.answer import Attachment, is_private, note, text_and_file
from botcannon_core.chat.backoff import Backoff
from botcannon_core.chat.block import fixed
from botcannon_core.chat.clean import safe
from botcannon_core.chat.edited import Runs
from botcannon_core.chat.guard import FloodKwarg, Guard
from botcannon_core.chat.noted import Noted
from botcannon_core.chat.split import split, utf8
from botcannon_core.collectors.matrix.account import Account, account
from botcannon_core.collectors.matrix.bookmark import Bookmark
from botcannon_core.collectors.matrix.event import Said
from botcannon_core.collectors.matrix.markup import plain
from botcannon_core.collectors.matrix.speech import changed, kind_of, once, shown, spoken
from botcannon_core.collectors.refusal import Denied, Unreachable
from botcannon_core.errors import lacking
from botcannon_core.ledger.memory import Memory, forgetful
from botcannon_core.message import Message

if TYPE_CHECKING:
    from botcannon_core.collectors.matrix.link import Link
    from botcannon_core.collectors.matrix.news import News
    from botcannon_core.collectors.matrix.rooms import Rooms

__all__ = ["Matrix"]

NETWORK = "matrix"
MOST_BYTES = 8_000  # of a text; an event has 65,536, and holds it twice
NOTE_SECONDS = 5.0  # between two notes about one message: each is one more event in the room
PAUSE_SECONDS = 0.2  # between the pieces of one answer

_log = logging.getLogger("botcannon.matrix")


class Place(NamedTuple):
    """Where something is to be said: a room, perhaps a thread in it, under what was asked."""

    room: str
    thread: str = ""
    asked: str = ""


class Matrix:
    """A bot on a Matrix server.

    `prefix` is another way to address it in rooms (`''`: none). `flood` says how much of one asker
    is heard (chat/flood). `memory` is the service's.
    """

    note_every = NOTE_SECONDS

    def __init__(
        self,
        server: str,
        user: str = "",
        password: str = "",
        token: str = "",
        prefix: str = "!",
        in_threads: bool = False,
        invites: Sequence[str] | None = None,
        notices: bool = True,
        catch_up: float = 600.0,
        flood: FloodKwarg = None,
        has_shell: bool = False,
        memory: Memory | None = None,
    ) -> None:
        if isinstance(invites, str):
            raise ValueError(f"`invites` is a list of patterns of Matrix ids, not {invites!r}")
        self._prefix = prefix
        self._in_threads = in_threads
        self._is_notice = notices
        self._pause = PAUSE_SECONDS
        mine = account(server, user, password, token)
        self._link, self._rooms, self._news = _parts(mine, invites, float(catch_up))
        self._catches_up = catch_up > 0
        self._bookmark = Bookmark(memory or forgetful())
        self._guard = Guard(flood, has_shell)
        self._runs = Runs()
        self._noted: Noted[tuple[str, str]] = Noted()  # room and event

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """What was said to the bot next; raises ServiceError once the server does not want us."""
        try:
            found, to = await self._found()
        except Unreachable as error:  # it is read again, from where we have been
            _log.warning("not heard: %s", error)
            return
        self._bookmark.turn(to, [fields["event_id"] for _, fields in found])
        for said, fields in found:
            self._runs.began(said.name, said.key)
            yield fields

    def admit(self, fields: Mapping[str, str]) -> bool | str:
        """Whether what was just yielded may be stored."""
        verdict = self._guard(fields)
        if verdict is not True:
            self._bookmark.done(fields["event_id"])
        return verdict

    async def stored(self, message: Message) -> None:
        """Remember that this message is safe: it is what we begin after next time."""
        self._bookmark.done(message.get("event_id", ""))

    async def taskback(self, message: Message) -> None:
        """Say the answer where it was asked; raises ServiceError if the server does not take it."""
        if message.get("network") != NETWORK:
            return  # asked through some other door of this service: not ours to send
        self._runs.ended(message)
        text, file = text_and_file(self._guard.answer(message) or "", message)
        pieces = split(fixed(safe(text)), MOST_BYTES, utf8)
        if pieces or file is not None:
            place = await self._place(message)
            for n, piece in enumerate(pieces):
                await asyncio.sleep(self._pause if n else 0)
                content = spoken(piece, place.thread, place.asked, self._is_notice)
                await self._say(place.room, content, _once(message, n, piece))
            if file is not None:
                await self._show(place, file, message)
        if (where := self._noted.take(message.id)) is not None:
            room, event_id = where
            # the answer is news, which a change is not
            await self._tried(lambda client: client.room_redact(room, event_id))

    async def note(self, message: Message) -> None:
        """Say how far a message is, and say it otherwise from then on."""
        if message.get("network") != NETWORK:
            return
        text = fixed(safe(note(message)))[: MOST_BYTES // 4]
        if (where := self._noted.at(message.id)) is not None:
            room, content = where[0], changed(text, where[1], self._is_notice)
        else:
            place = await self._place(message)
            room = place.room
            content = spoken(text, place.thread, place.asked, self._is_notice)
        sent = await self._tried(lambda client: client.room_send(room, "m.room.message", content))
        if sent is not None and where is None:
            self._noted.put(message.id, (room, str(sent.event_id)))

    async def close(self) -> None:
        """Hang up."""
        await self._link.close()

    # --- what came in ------------------------------------------------------------------------------

    async def _found(self) -> tuple[list[tuple[Said, dict[str, str]]], str]:
        """What was said to us, as messages, and where to read on when they are stored."""
        if not self._link.me:
            await self._link.log_in()
            if self._catches_up:
                self._bookmark.recall(self._link.me)
        heard = await self._link.next(self._bookmark.since)
        await self._rooms.answer_invites(heard.sync)
        found = []
        for said in await self._news.of(heard):
            fields = await self._fields(said)
            if fields is not None and self._is_wanted(said):
                found.append((said, fields))
        return found, heard.sync.next_batch

    def _is_wanted(self, said: Said) -> bool:
        """Whether something that was read is to become a message: the one place that decides it."""
        if self._bookmark.is_done(said.key):
            return False
        return not said.is_edit or self._runs.may_again(said.name)

    async def _fields(self, said: Said) -> dict[str, str] | None:
        """What was said as a message, or None if it was not meant for us."""
        names, is_direct = self._rooms.my_names(said.channel), self._rooms.is_direct(said.channel)
        typed = plain(said.text, said.html, self._link.me, names)
        called = address(typed, names, direct=is_direct, prefix=self._prefix)
        if called is None or not called.text.strip():
            return None
        fields = {
            "text": called.text,
            "user": said.user,
            "user_name": self._rooms.user_name(said.channel, said.user),
            "room": await self._rooms.name(said.channel),
            "channel": said.channel,
            "thread": said.thread or (said.name if self._in_threads else ""),
            "direct": "1" if is_direct else "",
            "mention": "1" if called.by_name else "",
            "event_id": said.key,
            "network": NETWORK,
        }
        return {name: value for name, value in fields.items() if value}

    # --- what goes out -----------------------------------------------------------------------------

    async def _place(self, message: Message) -> Place:
        if is_private(message):
            return Place(await self._rooms.direct_to(message.get("user", "")))
        names = ("channel", "thread", "event_id")
        return Place(*(message.get(name, "") for name in names))

    async def _say(self, room: str, content: dict[str, Any], name: str) -> None:
        await self._link.do(
            "an answer", lambda client: client.room_send(room, "m.room.message", content, name)
        )

    async def _show(self, place: Place, file: Attachment, message: Message) -> None:
        """Send a file; if the server does not want it, say so instead."""
        name = _once(message, "file", file.name)
        try:
            uri = await self._link.upload(file, kind_of(file))
            await self._say(place.room, shown(file, uri, place.thread, place.asked), name)
        except Denied as denied:
            _log.warning("a file was not sent: %s", denied)
            text = f"{file.name} could not be sent ({denied.code})"
            await self._say(place.room, spoken(text, place.thread, place.asked), name)

    async def _tried(self, call: Any) -> Any:
        """Do once what is no loss if it fails: the next note, or the answer, is more than this one."""
        try:
            return await self._link.do("a note", call, tries=1)
        except (Denied, Unreachable) as error:
            _log.warning("a note is not as it should be: %s", error)
            return None


def _once(message: Message, *parts: object) -> str:
    """What names a part of an answer, so that one that is brought again is not said again."""
    # what is turned away has no id, but each time another event
    return once(message.service, message.id, message.get("event_id", ""), *parts)


def _parts(
    mine: Account, invites: Sequence[str] | None, catch_up: float
) -> tuple[Link, Rooms, News]:
    try:  # an optional extra that takes 700 ms to import
        from botcannon_core.collectors.matrix.link import Link
        from botcannon_core.collectors.matrix.news import News
        from botcannon_core.collectors.matrix.rooms import Rooms
    except ModuleNotFoundError as error:
        if error.name not in ("nio", "aiohttp"):
            raise
        raise lacking("a Matrix bot", "matrix-nio>=0.25") from error
    link = Link(mine, Backoff())
    rooms = Rooms(link, invites)
    return link, rooms, News(link, rooms, catch_up)
