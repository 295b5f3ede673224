"""Rocket.Chat as a door: what is said to the bot becomes messages, their answers are posted back there.

It needs no address that the server can reach. There, make a user for the bot with the role `bot` (which
may ask more often than others), and put it into rooms. It logs in with `user` and `password`, or, with
two factors, as `user_id` with a personal access `token` (*My Account*, *Personal Access Tokens*):

    services:
      chat:
        collector:
          file: rocketchat
          entry: RocketChat
          conf:
            key: rocketchat
            kwargs: {url: https://chat.example.org, user: mybot, password: !!SECRET!!}
        unique: {by: event_id, within: 1h}     # once, also when the bot was killed in between

and in `app/requirements.txt`: websockets.

In rooms the bot answers to `@mybot cmd`, `mybot: cmd` and `!cmd`, where it is alone with somebody to
everything. `user` is the server's id of who spoke, `room` the room's name (`#ops`), or its id if it has
none; `channel` is always the id. An answer in a thread stays in it; `in_threads: true` begins one for
each answer. `private` answers, and files with them, go into a direct message.

Limits: Rocket.Chat acknowledges nothing, so the bot remembers what was stored last, and reads what it
has missed when it comes back, if that is not older than `catch_up` seconds. Texts are split at 4,900
characters (the server's own limit is 5,000), one piece in half a second. Other bots, integrations,
encrypted rooms and rooms that the bot is not in are not heard; an edit is, if what was said had failed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from botcannon_core.chat.address import address
from botcannon_core.chat.answer import Attachment, is_private, note, text_and_file
from botcannon_core.chat.backoff import Backoff
from botcannon_core.chat.block import fixed
from botcannon_core.chat.clean import safe
from botcannon_core.chat.edited import Runs
from botcannon_core.chat.guard import FloodKwarg, Guard
from botcannon_core.chat.noted import Noted
from botcannon_core.chat.split import split
from botcannon_core.collectors.refusal import Denied, Unreachable
from botcannon_core.collectors.rocketchat.account import Account, account
from botcannon_core.collectors.rocketchat.event import Said, room_in, said_in
from botcannon_core.collectors.rocketchat.past import Past
from botcannon_core.collectors.rocketchat.people import People
from botcannon_core.collectors.rocketchat.rest import Rest
from botcannon_core.errors import lacking
from botcannon_core.ledger.memory import Memory, forgetful
from botcannon_core.message import Message

if TYPE_CHECKING:
    from botcannon_core.collectors.rocketchat.link import Link

__all__ = ["RocketChat"]

NETWORK = "rocketchat"
MOST_TEXT = 4_900  # characters; a server's default is 5,000
NOTE_SECONDS = 3.0  # between two notes about one message
PAUSE_SECONDS = 0.5  # between the pieces of one answer

_log = logging.getLogger("botcannon.rocketchat")


class RocketChat:
    """A bot on a Rocket.Chat server.

    `prefix` is another way to address it in rooms (`''`: none). What was said while it was away is
    answered if it is not older than `catch_up` seconds. `flood` says how much of one asker
    is heard (chat/flood). `memory` is the service's.
    """

    note_every = NOTE_SECONDS

    def __init__(
        self,
        url: str,
        user: str = "",
        password: str = "",
        user_id: str = "",
        token: str = "",
        prefix: str = "!",
        in_threads: bool = False,
        catch_up: float = 600.0,
        flood: FloodKwarg = None,
        has_shell: bool = False,
        memory: Memory | None = None,
    ) -> None:
        mine = account(url, user, password, user_id, token)
        self._prefix = prefix
        self._in_threads = in_threads
        self._pause = PAUSE_SECONDS
        self._rest = Rest(mine)
        self._link = _link(mine, self._rest)
        self._people = People(self._rest)
        self._past = Past(self._rest, memory or forgetful(), float(catch_up))
        self._me = self._my_name = ""
        self._is_behind = False  # there may be news that nobody will tell us
        self._unstored: dict[str, Said] = {}  # by event id
        self._guard = Guard(flood, has_shell)
        self._runs = Runs()
        self._noted: Noted[dict[str, str]] = Noted()

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """What was said to the bot next; raises ServiceError once the server does not want us."""
        try:
            news = await self._news()
            for said in news:
                if (fields := await self._fields(said)) is not None:
                    self._unstored[said.key] = said
                    self._runs.began(said.name, said.key)
                    yield fields
        except Unreachable as error:
            _log.warning("not heard: %s", error)

    def admit(self, fields: Mapping[str, str]) -> bool | str:
        """Whether what was just yielded may be stored."""
        verdict = self._guard(fields)
        if verdict is not True:
            self._past.pass_over(self._unstored.pop(fields["event_id"]))
        return verdict

    async def stored(self, message: Message) -> None:
        """Remember that this message is safe: it is what we begin after next time."""
        said = self._unstored.pop(message.get("event_id", ""), None)
        if said is not None:
            self._past.keep(said)

    async def taskback(self, message: Message) -> None:
        """Post the answer where it was asked; raises ServiceError if the server does not take it."""
        if message.get("network") != NETWORK:
            return  # asked through some other door of this service: not ours to send
        self._runs.ended(message)
        text, file = text_and_file(self._guard.answer(message) or "", message)
        pieces = split(fixed(safe(text)), MOST_TEXT)
        if pieces or file is not None:
            await self._answer(message, pieces, file)
        if (where := self._noted.take(message.id)) is not None:
            await self._tried("chat.delete", where)  # the answer is news, which a change is not

    async def _answer(self, message: Message, pieces: list[str], file: Attachment | None) -> None:
        room, thread = await self._place(message)
        for n, piece in enumerate(pieces):
            if n:
                await asyncio.sleep(self._pause)
            await self._post(room, thread, piece)
        if file is not None:
            await self._send(room, thread, file)

    async def note(self, message: Message) -> None:
        """Post how far a message is, and change that post from then on."""
        if message.get("network") != NETWORK:
            return
        text = fixed(safe(note(message)))[:MOST_TEXT]
        where = self._noted.at(message.id)
        if where is not None:
            await self._tried("chat.update", {**where, "text": text})
            return
        room, thread = await self._place(message)
        words = {"roomId": room, "text": text, "tmid": thread}
        posted = (await self._tried("chat.postMessage", words)).get("message") or {}
        if key := posted.get("_id"):
            self._noted.put(message.id, {"roomId": room, "msgId": str(key)})

    async def close(self) -> None:
        """Hang up."""
        await self._link.close()

    # --- what came in ------------------------------------------------------------------------------

    async def _news(self) -> list[Said]:
        """What was said since the last time, in any room; often nothing for us."""
        if not self._me:
            await self._learn_who_we_are()
        if self._is_behind:
            missed = await self._past.missed()
            self._is_behind = False
            told = [said_in(message, room, self._me) for message, room in missed]
        else:
            event = await self._link.next()
            self._is_behind = event is None
            told = [self._told(event)] if event is not None else []
        return [said for said in told if said is not None and self._is_wanted(said)]

    async def _learn_who_we_are(self) -> None:
        me = await self._rest.log_in()
        self._my_name = str(me.get("username", ""))
        self._me = str(me.get("_id", ""))
        self._past.recall()

    def _told(self, event: dict[str, object]) -> Said | None:
        match event.get("args"):
            case [message, {"roomParticipant": True} as about, *_]:
                return said_in(message, room_in(about), self._me)
            case _:  # of a public room that we are not in, or nothing known
                return None

    def _is_wanted(self, said: Said) -> bool:
        """Whether something that was read is to become a message: the one place that decides it."""
        if self._past.is_news(said):
            return True
        return self._past.is_edit(said) and self._runs.may_again(said.name)

    async def _fields(self, said: Said) -> dict[str, str] | None:
        """What was said as a message, or None if it was not meant for us."""
        is_direct = said.is_direct(self._me)
        called = address(said.text, [self._my_name], direct=is_direct, prefix=self._prefix)
        if called is None or not called.text.strip() or await self._is_bot(said.user):
            return None
        fields = {
            "text": called.text,
            "user": said.user,
            "user_name": said.user_name,
            "room": f"#{said.room.name}" if said.room.name else said.channel,
            "channel": said.channel,
            "thread": said.thread or (said.name if self._in_threads else ""),
            "direct": "1" if is_direct else "",
            "mention": "1" if called.by_name else "",
            "event_id": said.key,
            "network": NETWORK,
        }
        return {name: value for name, value in fields.items() if value}

    async def _is_bot(self, user: str) -> bool:
        try:
            return (await self._people.person(user)).is_bot
        except Unreachable as error:  # nobody tells us of this message again: hear it
            _log.warning("taken for a person: %s", error)
            return False

    # --- what goes out -----------------------------------------------------------------------------

    async def _place(self, message: Message) -> tuple[str, str]:
        """The room and the thread that an answer belongs into."""
        if not is_private(message):
            return message.get("channel", ""), message.get("thread", "")
        person = await self._people.person(message.get("user", ""))
        opened = await self._rest.tell("im.create", {"username": person.handle})
        room = opened.get("room") or {}
        return str(room.get("_id") or room.get("rid") or ""), ""

    async def _post(self, room: str, thread: str, piece: str) -> None:
        words = {"roomId": room, "text": piece, "tmid": thread}
        await self._rest.tell("chat.postMessage", words)

    async def _tried(self, path: str, words: Mapping[str, str]) -> dict[str, Any]:
        """Do once what is no loss if it fails: the next note, or the answer, is more than this one."""
        try:
            return await self._rest.tell(path, words, tries=1)
        except (Denied, Unreachable) as error:
            _log.warning("a note is not as it should be: %s", error)
            return {}

    async def _send(self, room: str, thread: str, file: Attachment) -> None:
        """Send a file; if the server does not want it, say so instead."""
        try:
            await self._rest.upload(file, room, thread)
        except Denied as denied:
            _log.warning("a file was not sent: %s", denied)
            await self._post(room, thread, f"{file.name} could not be sent ({denied.code})")


def _link(mine: Account, rest: Rest) -> Link:
    try:  # an optional extra
        from botcannon_core.collectors.rocketchat.link import Link
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "websockets":
            raise
        raise lacking("a Rocket.Chat bot", "websockets>=13") from error
    return Link(mine.socket_url, rest, Backoff())
