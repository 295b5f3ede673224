"""Two ways in which Rocket.Chat does not do what it is asked: it says no, or it does not say.

Pure words; an account that is refused is neither, but the end of the service (ServiceError).
"""

from __future__ import annotations

from botcannon_core.errors import ServiceError


class Denied(ServiceError):
    """Rocket.Chat answered, and the answer is no; `code` is its word for why."""

    def __init__(self, text: str, code: str) -> None:
        self.code = code
        super().__init__(text)


class Unreachable(ServiceError):
    """Rocket.Chat did not answer, or told us to wait, each time; `wait` is how long to, still."""

    def __init__(self, text: str, wait: float) -> None:
        self.wait = wait
        super().__init__(text)
