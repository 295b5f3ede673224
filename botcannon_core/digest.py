"""Short names for texts of any length: pure functions, the same on every host and in every release.

Not `hashlib`: it loads OpenSSL, 4 MB in every process that imports it, for what the interpreter can do
itself. Nothing here guards a secret.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b
    from _sha1 import sha1  # type: ignore[import-not-found, unused-ignore]  # it has no stubs
except ImportError:  # an interpreter that was built without them
    from hashlib import blake2b, sha1

__all__ = ["digest", "sha1_of"]


def digest(text: str) -> str:
    """32 characters that stand for `text`; half a surrogate pair in it is no hindrance."""
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def sha1_of(text: str) -> str:
    """The SHA-1 of `text`, by which a server knows a script."""
    found: str = sha1(text.encode(), usedforsecurity=False).hexdigest()
    return found
