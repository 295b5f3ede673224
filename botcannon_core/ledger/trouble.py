"""What may be wrong with a store, in words for people: the end of a sentence that begins with its name.

Not here: what was caught where (direct, dial).
"""

from __future__ import annotations

# Seconds. Both are waited for by loops that must go on renewing leases and hearing Ctrl-C, so they
# are short; a line that has been opened has its own patience.
CONNECT_TIMEOUT = 2.0
SOCKET_TIMEOUT = 2.0

LOADING = "is still loading its data; try again in a moment"
NO_SUCH_SERVER = "answers, but not as a Redis or Valkey does; check the port"
SILENT = "does not answer in time; check the host, the network and its firewall"

_CLOSED_TO_US = ("NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid password")


def not_let_in(text: str) -> str:
    """It wants to know who we are."""
    return f"does not let us in: {text}; check the user and the password in its address"


def refused(text: str) -> str:
    """It answered with an error of this text."""
    if text.startswith("LOADING"):
        return LOADING
    return not_let_in(text) if text.startswith(_CLOSED_TO_US) else f"refused: {text}"


def unreachable(text: str) -> str:
    """There is no connection, for a reason of this text."""
    # ssl is imported by whoever raised it; its errors come wrapped as text
    if "SSL" in text or "certificate" in text.lower():
        return (
            f"cannot be reached over TLS: {text}; check ssl_ca_certs, or use redis:// without TLS"
        )
    if "closed by server" in text or "reset by peer" in text:
        return "closed the connection; is it a Redis or Valkey, and does it want TLS (rediss://)?"
    return f"cannot be reached: {text.rstrip('.')}; is it running?"
