"""Two ways in which a Matrix server does not do what it is asked: it says no, or it does not say.

Pure words; an account that is refused is neither, but the end of the service (ServiceError).
"""

from __future__ import annotations

from botcannon_core.errors import ServiceError


class Denied(ServiceError):
    """The server answered, and the answer is no; `code` is its word for why."""

    def __init__(self, text: str, code: str) -> None:
        self.code = code
        super().__init__(text)


class Unreachable(ServiceError):
    """The server did not answer, or fell over, as often as we asked."""
