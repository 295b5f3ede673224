"""The other side of the IRC door: a real ngircd, a person with a client, and a server with a script."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from socket import create_connection
from ssl import SSLContext
from time import monotonic, sleep

from botcannon_core.collectors.irc.line import Line, parse
from tests.collectors.debian import free_port, program
from tests.collectors.driven import PATIENCE

CONFIG = """
[Global]
Name = irc.test
Info = a server for tests
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = hello
{password}
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 20
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
[Channel]
Name = #locked
Modes = +k sesame
"""


@contextmanager
def ngircd(folder: Path, port: int = 0, password: str = "") -> Iterator[int]:
    """A real server on the loopback; its port. Skips the test where there is none."""
    path = program("ngircd")
    port = port or free_port()
    config = folder / "ngircd.conf"
    config.write_text(
        CONFIG.format(port=port, password=f"Password = {password}" if password else "")
    )
    with (folder / "ngircd.log").open("ab") as log:
        server = subprocess.Popen([path, "-n", "-f", str(config)], stdout=log, stderr=log)
    try:
        _await_port(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        with suppress(OSError), closing(create_connection(("127.0.0.1", port), 1)):
            return
        assert server.poll() is None, "the server ended at once"
        assert monotonic() < deadline, "the server never listened"
        sleep(0.01)


class Person:
    """Someone on the network, with a client of few words."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, raw: str) -> None:
        self._writer.write(f"{raw}\r\n".encode())

    def say(self, target: str, text: str) -> None:
        self.send(f"PRIVMSG {target} :{text}")

    async def hears(self, command: str, fits: Callable[[Line], bool] = lambda _: True) -> Line:
        """The next line that is such a command."""
        async with asyncio.timeout(PATIENCE):
            while raw := await self._reader.readline():
                heard = parse(raw)
                if heard.command == "PING":
                    self.send(f"PONG :{heard.last}")
                if heard.command == command and fits(heard):
                    return heard
        raise AssertionError(f"the server closed before any {command}")

    async def is_told(self) -> tuple[str, str, str]:
        """The next thing said: by whom, where, what."""
        heard = await self.hears("PRIVMSG")
        return heard.nick, heard.words[0], heard.last


@asynccontextmanager
async def person(port: int, nick: str = "ann", password: str = "") -> AsyncIterator[Person]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    someone = Person(reader, writer)
    if password:
        someone.send(f"PASS {password}")
    someone.send(f"NICK {nick}")
    someone.send(f"USER {nick} 0 * :{nick}")
    await someone.hears("001")
    try:
        yield someone
    finally:
        writer.close()


async def channel_with(someone: Person, channel: str, nick: str) -> None:
    """Join a channel and wait until `nick` is in it too."""
    someone.send(f"JOIN {channel}")
    names = await someone.hears("353")
    if nick not in names.last.replace("@", "").split():
        await someone.hears("JOIN", lambda heard: heard.nick == nick)


class Script:
    """A server that a test plays by hand, for what ngircd does not do."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self._heard: asyncio.Queue[Line] = asyncio.Queue()
        self._writer: asyncio.StreamWriter | None = None

    def send(self, *lines: str) -> None:
        assert self._writer is not None
        for line in lines:
            self._writer.write(line.encode() + b"\r\n")

    def hang_up(self) -> None:
        assert self._writer is not None
        self._writer.close()

    async def hears(self, command: str) -> Line:
        """The next such command of the bot."""
        async with asyncio.timeout(PATIENCE):
            while (heard := await self._heard.get()).command != command:
                pass
        return heard

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be the server of one connection."""
        self._writer = writer
        self.connections += 1
        with suppress(OSError):
            while raw := await reader.readline():
                assert len(raw) <= 512
                self._heard.put_nowait(parse(raw))


@asynccontextmanager
async def script(trust: SSLContext | None = None) -> AsyncIterator[Script]:
    made = Script()
    server = await asyncio.start_server(made.take, "127.0.0.1", 0, ssl=trust)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
