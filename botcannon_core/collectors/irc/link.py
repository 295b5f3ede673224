"""One bot's place on an IRC network: connected, named, in its channels, and back again after a loss.

It knows the protocol and nothing of messages or bots: what is said to us goes to `hear`, what we say
waits for its turn and for a connection.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.irc.line import Line, fold, line, parse, texts
from botcannon_core.collectors.irc.place import Pace, Place
from botcannon_core.errors import ServiceError

CONNECT_SECONDS = 30.0  # to connect and be welcomed
SILENCE_SECONDS = (
    90.0  # until a silent server is asked whether it lives, and again until it does not
)
HEALTHY_SECONDS = 60.0  # a connection that lived this long was no failure
REJOIN_SECONDS = 20.0  # after a kick: long enough not to fight
MOST_NICKS = 5  # names tried in one connection before the server is left in peace for a while

_WANTED = ("message-tags", "server-time", "account-tag")
_REFUSED = {
    "432": "the nick {nick!r} is none this network accepts",
    "463": "this network does not let this host in",
    "464": "the server's password is wrong: check `server_password`",
    "465": "this network has banned us",
}
_SASL_REFUSED = ("902", "904", "905", "906", "908")
_NOT_JOINED = ("403", "405", "471", "473", "474", "475", "476", "477", "489")

_log = logging.getLogger("botcannon.irc")


class Link:
    """Holds the connection; `run` it as long as it shall be held.

    States: connecting, greeting (the server has not welcomed us: no one hears us), welcomed. `say`
    waits until welcomed. If we die right here, a line that was written may not have been heard:
    IRC acknowledges nothing.
    """

    def __init__(
        self, place: Place, hear: Callable[[Line], Awaitable[None]], backoff: Backoff | None = None
    ) -> None:
        self.place = place
        self.nick = place.nick
        self._hear = hear
        self._backoff = backoff or Backoff()
        self._pace = Pace(place.burst, place.pause)
        self._welcomed = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._source = ""  # what the server puts before what we say, once we have seen it
        self._since = 0.0  # by the server's clock; what is older was said before we came
        self._offered: dict[str, str] = {}  # capabilities, while greeting
        self._tried = 0  # nicks, while greeting
        self._is_known = False  # logged in to the account

    async def run(self) -> None:
        """Be there for ever; raises ServiceError if the network does not want us as we are."""
        while True:
            began = time.monotonic()
            try:
                await self._connected()
            except ssl.SSLCertVerificationError as error:
                raise ServiceError(
                    f"{self._where}: its certificate is not trusted ({error.verify_message}); check"
                    " `server`, or name the authority's file in `ca_file`"
                ) from error
            except (OSError, EOFError) as error:  # TimeoutError is an OSError
                if time.monotonic() - began > HEALTHY_SECONDS:
                    self._backoff.reset()
                wait = self._backoff.wait()
                why = str(error) or type(error).__name__
                _log.warning("%s: %s; trying again in %.1f s", self._where, why, wait)
                await asyncio.sleep(wait)

    async def say(self, target: str, text: str, most: int) -> None:
        """Say `text` to a channel or nick, in at most `most` lines, when it is its turn.

        Raises ValueError for a target that is none.
        """
        if not target or "," in target:
            raise ValueError(f"{target!r} is no one an IRC line can be sent to")
        await self._welcomed.wait()
        for piece in texts(text, target, self.source, most):
            await self._say_line(line("PRIVMSG", target, piece))

    async def quit(self) -> None:
        """Say goodbye, if anyone is there to hear it."""
        writer = self._writer
        if writer is not None and not writer.is_closing():
            with suppress(OSError):
                writer.write(line("QUIT", "bye"))
                await asyncio.wait_for(writer.drain(), 1.0)
                writer.close()

    @property
    def source(self) -> str:
        """What the server puts before what we say; the longest it may be as long as we don't know."""
        return self._source or f"{self.nick}!{'u' * 11}@{'h' * 63}"

    @property
    def _where(self) -> str:
        return f"IRC server {self.place.server}:{self.place.port}"

    async def _say_line(self, raw: bytes) -> None:
        await asyncio.sleep(self._pace.wait(time.monotonic()))
        while True:
            await self._welcomed.wait()
            assert self._writer is not None  # it is there before the welcome
            try:
                self._writer.write(raw)
                await self._writer.drain()
            except OSError:  # lost on the way out: say it again in the next connection
                self._welcomed.clear()
            else:
                return

    # --- one connection ----------------------------------------------------------------------------

    async def _connected(self) -> None:
        """Connect and listen until the connection ends, which raises OSError or EOFError."""
        place = self.place
        trust = ssl.create_default_context(cafile=place.ca_file) if place.tls else None
        async with asyncio.timeout(CONNECT_SECONDS) as patience:
            reader, writer = await asyncio.open_connection(place.server, place.port, ssl=trust)
            self._writer = writer
            try:
                self._greet()
                while True:
                    heard = parse(await self._next(reader))
                    await self._take(heard)
                    if self._welcomed.is_set():
                        patience.reschedule(None)
            finally:
                self._welcomed.clear()
                writer.close()

    async def _next(self, reader: asyncio.StreamReader) -> bytes:
        for is_last in (False, True):
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    raw = await _readline(reader)
            except TimeoutError:
                if is_last:
                    raise TimeoutError("the server went silent") from None
                self._send("PING", "still there?")
                self._want_nick()
            else:
                break
        if not raw:
            raise EOFError("the server closed the connection")
        return raw

    def _greet(self) -> None:
        self.nick, self._source, self._tried = self.place.nick, "", 0
        self._offered, self._is_known, self._since = {}, False, time.time()
        self._send("CAP", "LS", "302")
        if self.place.server_password:
            self._send("PASS", self.place.server_password)
        self._send("NICK", self.nick)
        self._send("USER", "botcannon", "0", "*", "a bot, see botcannon")

    def _send(self, *words: str) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(line(*words))

    async def _take(self, heard: Line) -> None:
        match heard.command:
            case "PRIVMSG":
                if not self._is_replay(heard):
                    await self._hear(heard)
            case "PING":
                self._send("PONG", heard.last)
            case "ERROR":
                self._shown_out(heard.last)
            case "001":
                self._welcome(heard)
            case "CAP" | "AUTHENTICATE" | "903":
                self._negotiate(heard)
            case "433" | "436" | "437" if not self._welcomed.is_set():
                self._next_nick()
            case "NICK" | "QUIT" | "JOIN" | "KICK" | "396":
                self._people(heard)
            case command if command in _NOT_JOINED and self._welcomed.is_set():
                _log.warning(
                    "%s: not in %s: %s", self._where, " ".join(heard.words[1:2]), heard.last
                )
            case command if command in _SASL_REFUSED:
                self._refuse(
                    f"it refuses the account {self._account!r}: check `account`, `password`"
                )
            case command if command in _REFUSED and not self._welcomed.is_set():
                self._refuse(_REFUSED[command].format(nick=self.nick))

    def _is_replay(self, heard: Line) -> bool:
        """Whether a bouncer plays back what was said before we came."""
        return 0.0 < heard.time < self._since

    def _refuse(self, why: str) -> None:
        raise ServiceError(f"{self._where}: {why}")

    def _shown_out(self, why: str) -> None:
        if not self._welcomed.is_set() and "password" in why.lower():
            self._refuse("the server's password is wrong or missing: check `server_password`")
        raise ConnectionError(f"the server closed the connection: {why}")

    # --- greeting ----------------------------------------------------------------------------------

    @property
    def _account(self) -> str:
        return self.place.account or self.place.nick

    def _negotiate(self, heard: Line) -> None:
        """Ask for the capabilities we use, and log in, before the greeting ends."""
        match (heard.command, *heard.words[1:]):
            case ("CAP", "LS", *more, offer):
                pairs = (word.partition("=") for word in offer.split())
                self._offered.update((name, value) for name, _, value in pairs)
                if "*" not in more:  # else there is more to come
                    self._ask()
            case ("CAP", "ACK", got) if "sasl" in got.split():
                self._send("AUTHENTICATE", "PLAIN")
            case ("CAP", "ACK" | "NAK", _):
                self._send("CAP", "END")
            case ("AUTHENTICATE", *_):
                self._log_in()
            case ("903", *_):
                self._is_known = True
                self._send("CAP", "END")

    def _ask(self) -> None:
        wanted = [*_WANTED]
        if self.place.password and "PLAIN" in (self._offered.get("sasl") or "PLAIN").split(","):
            wanted.append("sasl")
        asked = [name for name in wanted if name in self._offered]
        self._send(*(["CAP", "REQ", " ".join(asked)] if asked else ["CAP", "END"]))

    def _log_in(self) -> None:
        said = f"{self._account}\0{self._account}\0{self.place.password}".encode()
        encoded = base64.b64encode(said).decode()
        for start in range(
            0, len(encoded) + 1, 400
        ):  # a full last chunk is followed by an empty one
            self._send("AUTHENTICATE", encoded[start : start + 400] or "+")

    def _next_nick(self) -> None:
        self._tried += 1
        if self._tried >= MOST_NICKS:
            raise ConnectionError(f"the nick {self.place.nick!r} and those like it are in use")
        # short ones at last, for networks that cut long ones
        wanted = self.place.nick
        self.nick = (
            f"{wanted}{'_' * self._tried}" if self._tried < 3 else f"{wanted[:7]}{self._tried}"
        )
        self._send("NICK", self.nick)

    def _welcome(self, heard: Line) -> None:
        if self.place.password and not self._is_known:
            self._refuse("it offers no login by SASL PLAIN, so `password` is of no use here")
        self.nick = heard.words[0] if heard.words else self.nick
        self._since = heard.time or 0.0
        for channel in self.place.channels:
            self._join(channel)
        self._welcomed.set()
        _log.info("%s: here as %s", self._where, self.nick)

    # --- people and channels -----------------------------------------------------------------------

    def _join(self, channel: str) -> None:
        self._send(*("JOIN", *channel.split()))  # a channel's key may stand behind it

    def _people(self, heard: Line) -> None:
        """Keep track of who we are, and come back when we can."""
        is_me = fold(heard.nick) == fold(self.nick)
        match heard.command:
            case "JOIN" if is_me:
                self._source = heard.source
            case "NICK" if is_me:
                self.nick, self._source = (
                    heard.last,
                    heard.source.replace(heard.nick, heard.last, 1),
                )
            case "396" if self._source and len(heard.words) > 1:
                self._source = f"{self._source.partition('@')[0]}@{heard.words[1]}"
            case "KICK" if len(heard.words) > 1 and fold(heard.words[1]) == fold(self.nick):
                _log.warning("%s: kicked from %s: %s", self._where, heard.words[0], heard.last)
                asyncio.get_running_loop().call_later(REJOIN_SECONDS, self._rejoin, heard.words[0])
            case "NICK" | "QUIT" if fold(heard.nick) == fold(self.place.nick):
                self._want_nick()

    def _rejoin(self, channel: str) -> None:
        for mine in self.place.channels:
            if self._welcomed.is_set() and fold(mine.split()[0]) == fold(channel):
                self._join(mine)

    def _want_nick(self) -> None:
        if self._welcomed.is_set() and fold(self.nick) != fold(self.place.nick):
            self._send("NICK", self.place.nick)


async def _readline(reader: asyncio.StreamReader) -> bytes:
    while True:
        with suppress(ValueError):  # longer than any server may send: not ours to read
            return await reader.readline()
