"""Two ways in which the server behind a door does not do what it is asked: it says no, or does not say.

Pure words; an account or token that is refused is neither, but the end of the service (ServiceError).
"""

from __future__ import annotations

from botcannon_core.errors import ServiceError


class Denied(ServiceError):
    """The server answered, and the answer is no; `code` is its word for why."""

    def __init__(self, text: str, code: str) -> None:
        self.code = code
        super().__init__(text)


class Unreachable(ServiceError):
    """The server did not answer, or told us to wait, as often as we asked.

    `wait` is for how many seconds to, still.
    """

    def __init__(self, text: str, wait: float = 0.0) -> None:
        self.wait = wait
        super().__init__(text)
