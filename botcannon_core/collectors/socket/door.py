"""Where a door listens and who may come in: addresses, socket files, TLS, and room for many clients.

Not here: what is said by whoever came in (client).
"""

from __future__ import annotations

import os
import resource
import socket
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from botcannon_core.errors import ServiceError

BACKLOG = 1024  # clients that knock at once
LONGEST_PATH = 107  # bytes of a socket's path, a limit of Linux
FILES = 65_536  # open files, so connections, that are asked for; as many as may be


@dataclass(frozen=True)
class Address:
    """A host and port, or the path of a socket file."""

    host: str
    port: int
    unix: str | None = None

    def __str__(self) -> str:
        if self.unix is not None:
            return self.unix
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_ours_alone(self) -> bool:
        """True if nobody on another machine can reach it."""
        if self.unix is not None or self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def listen(address: Address) -> socket.socket:
    """A socket that listens there, to be closed with `leave`. Raises ServiceError."""
    try:
        if address.unix is not None:
            return _listen_at(address.unix)
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        # the system's SO_REUSEADDR is set by it: a restart needs no minute
        return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ServiceError(
            f"the socket cannot listen on {address} ({why}); {_advice(address)}"
        ) from error


def bound(address: Address, listener: socket.socket) -> Address:
    """The address with the port it really has."""
    if address.unix is not None:
        return address
    return Address(address.host, listener.getsockname()[1])


def leave(address: Address, listener: socket.socket) -> None:
    """Listen no more; a socket file goes, unless another has taken its place."""
    listener.close()
    if address.unix is not None and not _answers(address.unix):
        Path(address.unix).unlink(missing_ok=True)


def tls(certificate: str, private_key: str | None, client_ca: str | None) -> ssl.SSLContext:
    """What TLS needs; with `client_ca`, only clients with a certificate of theirs are let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, private_key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise ServiceError(
            f"the certificate cannot be used ({error}); check `certificate`, `private_key`, `client_ca`"
        ) from error
    return context


def make_room() -> None:
    """Allow this process as many connections as the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _listen_at(path: str) -> socket.socket:
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(f"the path has more than {LONGEST_PATH} bytes")
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)  # nobody else may knock, not even for a moment
    try:
        if Path(path).is_socket() and not _answers(path):
            Path(path).unlink()  # a killed life has left it
        listener.bind(path)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # busy is somebody, too
    return True


def _advice(address: Address) -> str:
    if address.unix is not None:
        return "check `unix`, and that nothing else listens there"
    return "check `host`, and that nothing else has this `port`"
