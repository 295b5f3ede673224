"""Slack as a door: what is said to the bot becomes messages, their answers are posted where it was said.

It needs no address that Slack can reach (Socket Mode). At https://api.slack.com/apps, "Create New App":

1. *Socket Mode*: enable it; the app-level token it makes (`xapp-`, scope `connections:write`) is
   `app_token`.
2. *OAuth & Permissions*, bot token scopes: `app_mentions:read`, `channels:history`, `groups:history`,
   `im:history`, `chat:write`; `users:read`, `channels:read` and `groups:read` for names instead of
   ids; `files:write` to send files, `im:write` to send private ones.
3. *Event Subscriptions*, bot events: `message.channels`, `message.groups`, `message.im` (and
   `app_mention`, which alone is enough for mentions).
4. *App Home*: allow messages to it. Install the app; its bot token (`xoxb-`) is `bot_token`. Invite
   the bot into channels.

    services:
      chat:
        collector:
          file: slack
          entry: Slack
          conf:
            key: slack
            kwargs: {bot_token: !!SECRET!!, app_token: !!SECRET!!}
        unique: {by: event_id, within: 1h}     # once, also when the bot was restarted in between

and in `app/requirements.txt`: slack_sdk and websockets.

In channels the bot answers to `@bot cmd`, `bot: cmd` and `!cmd`, in direct messages to everything.
`user` is Slack's id of who spoke (`U...`), `room` the channel's name (`#ops`) or, without the scope,
its id; `channel` is always the id. An answer in a thread stays in it; `in_threads: true` begins one
for each answer. `private` answers are shown to the asker alone. A file goes where the answer does, a
private one into a direct message.

Limits: a message is acknowledged when it is stored; Slack sends it again if that takes over 3 s, and it
is done once. Texts are split at 3,900 characters, one piece a second. An edited message is run again
only if it had failed. Other bots, slash commands and what was said while no bot ran are not heard.
People of other companies in shared channels are heard as everybody else: `acl:` says who may do what.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from botcannon_core.chat.address import Addressed, address
from botcannon_core.chat.answer import Attachment, is_private, note, text_and_file
from botcannon_core.chat.backoff import Backoff
from botcannon_core.chat.block import fixed
from botcannon_core.chat.edited import Runs
from botcannon_core.chat.guard import FloodKwarg, Guard
from botcannon_core.chat.noted import Noted
from botcannon_core.chat.seen import Seen
from botcannon_core.chat.split import split
from botcannon_core.collectors.refusal import Denied, Unreachable
from botcannon_core.collectors.slack.event import Said, said_in
from botcannon_core.collectors.slack.markup import escaped, mentioned, plain
from botcannon_core.errors import lacking
from botcannon_core.message import Message

if TYPE_CHECKING:
    from botcannon_core.collectors.slack.api import Api
    from botcannon_core.collectors.slack.names import Names
    from botcannon_core.collectors.slack.wire import Wire

__all__ = ["Slack"]

NETWORK = "slack"
MOST_TEXT = 3_900  # characters as Slack counts them; it recommends 4,000 at most
NOTE_SECONDS = 3.0  # between two notes about one message: Slack takes about 50 changes a minute
PAUSE_SECONDS = 1.0  # between the pieces of one answer: a channel takes one message a second

_log = logging.getLogger("botcannon.slack")


class Slack:
    """A bot in a Slack workspace, over Socket Mode.

    `prefix` is another way to address it in channels (`''`: none). `url` is that of the Web API,
    another one for GovSlack.
    """

    note_every = NOTE_SECONDS

    def __init__(
        self,
        bot_token: str,
        app_token: str,
        prefix: str = "!",
        in_threads: bool = False,
        url: str = "https://slack.com/api/",
        flood: FloodKwarg = None,
        has_shell: bool = False,
    ) -> None:
        _check("bot_token", bot_token, "xoxb-")
        _check("app_token", app_token, "xapp-")
        self._prefix = prefix
        self._in_threads = in_threads
        self._pause = PAUSE_SECONDS
        self._api, self._names, self._wire = _parts(bot_token, app_token, url)
        self._me = self._my_name = ""
        # Slack may tell of one message more than once. The envelopes about it wait in `_unstored`, by
        # its key, until it is stored; those that come later are acknowledged at once.
        self._seen = Seen()
        self._runs = Runs()
        self._noted: Noted[dict[str, str]] = Noted()
        self._guard = Guard(flood, has_shell)
        self._is_let_in = True  # what was yielded last
        self._unstored: dict[str, list[str]] = {}
        self._keys: dict[str, str] = {}  # of the unstored, by event id

    async def read(self) -> AsyncIterator[dict[str, str]]:
        """What is said to the bot; raises ServiceError once Slack does not want us any more."""
        if not self._me and not await self._learn_who_we_are():
            return
        while True:
            async for fields in self._next():
                yield fields

    async def _next(self) -> AsyncIterator[dict[str, str]]:
        envelope = await self._wire.next()
        envelope_id = str(envelope["envelope_id"])
        said = said_in(envelope, self._me)
        if said is not None and said.key in self._unstored:
            self._unstored[said.key].append(envelope_id)
            return
        try:
            fields = await self._fields(said) if said is not None else None
        except Unreachable as error:  # Slack sends again what is not acknowledged
            _log.warning("a message was left for later: %s", error)
            return
        if said is None or fields is None or not self._is_to_run(said):
            await self._wire.acknowledge(envelope_id)
            return
        self._unstored[said.key] = [envelope_id]
        self._keys[said.event_id] = said.key
        self._runs.began(said.name, said.event_id)
        yield fields
        if not self._is_let_in:
            await self._acknowledge(said.event_id)

    def admit(self, fields: Mapping[str, str]) -> bool | str:
        """Whether what was just yielded may be stored."""
        verdict = self._guard(fields)
        self._is_let_in = verdict is True
        return verdict

    async def stored(self, message: Message) -> None:
        """Acknowledge to Slack whatever told of this message."""
        await self._acknowledge(message.get("event_id", ""))

    async def taskback(self, message: Message) -> None:
        """Post the answer where it was asked; raises ServiceError if Slack does not take it."""
        if message.get("network") != NETWORK:
            return  # asked through some other door of this service: not ours to send
        self._runs.ended(message)
        text, file = text_and_file(self._guard.answer(message) or "", message)
        pieces = split(fixed(text), MOST_TEXT, lambda piece: len(escaped(piece)))
        for n, piece in enumerate(pieces):
            if n:
                await asyncio.sleep(self._pause)
            await self._post(message, piece)
        if file is not None:
            await self._send(message, file)
        if (where := self._noted.take(message.id)) is not None:
            await self._tried("chat.delete", where)  # the answer is news, which a change is not

    async def note(self, message: Message) -> None:
        """Post how far a message is, and change that post from then on."""
        if message.get("network") != NETWORK:
            return
        text = {"text": escaped(fixed(note(message)))}
        where = self._noted.at(message.id)
        if where is not None:
            await self._tried("chat.update", {**where, **text})
            return
        posted = await self._tried("chat.postMessage", {**_place(message), **text})
        if stamp := posted.get("ts"):
            channel = str(posted.get("channel") or _place(message)["channel"])
            self._noted.put(message.id, {"channel": channel, "ts": str(stamp)})

    async def close(self) -> None:
        """Hang up."""
        await self._wire.close()

    async def _learn_who_we_are(self) -> bool:
        """False if Slack could not be reached: that is no reason to fail, at a start neither."""
        try:
            me = await self._api.call("auth.test")
        except Unreachable as error:
            _log.warning("not connected yet: %s", error)
            return False
        self._me, self._my_name = str(me.get("user_id", "")), str(me.get("user", ""))
        return True

    # --- what came in ------------------------------------------------------------------------------

    def _is_to_run(self, said: Said) -> bool:
        """Not what was told before, and of an edit only what has failed before."""
        return self._seen.is_new(said.key) and (not said.edited or self._runs.may_again(said.name))

    async def _acknowledge(self, event_id: str) -> None:
        key = self._keys.pop(event_id, "")
        for envelope_id in self._unstored.pop(key, []):
            await self._wire.acknowledge(envelope_id)

    async def _fields(self, said: Said) -> dict[str, str] | None:
        """What was said as a message, or None if it was not meant for us."""
        addressed = await self._addressed(said)
        if addressed is None or not addressed.text.strip():
            return None
        person = await self._names.person(said.user)
        if person.is_bot:
            return None
        fields = {
            "text": addressed.text,
            "user": said.user,
            "user_name": person.shown,
            "room": said.channel if said.is_direct else await self._names.room(said.channel),
            "channel": said.channel,
            "thread": said.thread or (said.stamp if self._in_threads else ""),
            "direct": "1" if said.is_direct else "",
            "mention": "1" if addressed.by_name else "",
            "event_id": said.event_id,
            "network": NETWORK,
        }
        return {name: value for name, value in fields.items() if value}

    async def _addressed(self, said: Said) -> Addressed | None:
        """What was said to us, its markup undone; a quick look first, for most is not said to us."""
        mine = {self._me: self._my_name}
        roughly = plain(said.text, mine, {})
        if self._meant(roughly, said) is None:
            return None
        users, rooms = mentioned(said.text)
        names = {user: await self._handle(user) for user in users - {self._me}}
        called = {room: (await self._names.room(room)).removeprefix("#") for room in rooms}
        return self._meant(plain(said.text, {**names, **mine}, called), said)

    def _meant(self, text: str, said: Said) -> Addressed | None:
        return address(text, [self._my_name], direct=said.is_direct, prefix=self._prefix)

    async def _handle(self, user: str) -> str:
        """A word for another user, which must not look as if we had been called."""
        handle = (await self._names.person(user)).handle
        return user if handle.casefold() == self._my_name.casefold() else handle

    # --- what goes out -----------------------------------------------------------------------------

    async def _post(self, message: Message, piece: str) -> None:
        words = {**_place(message), "text": escaped(piece)}
        if is_private(message):
            words["user"] = message.get("user", "")
            await self._api.call("chat.postEphemeral", words)
        else:
            await self._api.call("chat.postMessage", words)

    async def _tried(self, method: str, words: dict[str, str]) -> dict[str, Any]:
        """Do once what is no loss if it fails: the next note, or the answer, is more than this one."""
        try:
            return await self._api.call(method, words, tries=1)
        except (Denied, Unreachable) as error:
            _log.warning("a note is not as it should be: %s", error)
            return {}

    async def _send(self, message: Message, file: Attachment) -> None:
        """Send a file; if Slack does not want it, say so instead."""
        channel, thread = message.get("channel", ""), message.get("thread", "")
        try:
            if is_private(message):  # nothing shows a file to one person in a channel
                opened = await self._api.call("conversations.open", {"users": message["user"]})
                channel, thread = str((opened.get("channel") or {}).get("id", "")), ""
            await self._api.upload(file, channel, thread)
        except Denied as denied:
            _log.warning("a file was not sent: %s", denied)
            await self._post(message, f"{file.name} could not be sent ({denied.code})")


def _place(message: Message) -> dict[str, str]:
    """Where it was asked."""
    channel = message.get("channel") or message.get("room", "")
    return {"channel": channel, "thread_ts": message.get("thread", "")}


def _check(name: str, token: object, start: str) -> None:
    # it may be the other token, or none: say what it should be, never what it is
    if not isinstance(token, str) or not token.startswith(start):
        raise ValueError(f"Slack's `{name}` begins with {start}")


def _parts(bot_token: str, app_token: str, url: str) -> tuple[Api, Names, Wire]:
    try:  # an optional extra that takes 200 ms to import
        from botcannon_core.collectors.slack.api import Api
        from botcannon_core.collectors.slack.names import Names
        from botcannon_core.collectors.slack.wire import Wire
    except ModuleNotFoundError as error:
        if error.name not in ("slack_sdk", "websockets"):
            raise
        raise lacking("a Slack bot", "slack_sdk>=3.27", "websockets>=13") from error
    api = Api(bot_token, "bot token", url)
    return api, Names(api), Wire(Api(app_token, "app-level token", url), Backoff())
