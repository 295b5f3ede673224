"""Two ways in which Slack does not do what it is asked: it says no, or it does not say.

Pure words; a token that is refused is neither, but the end of the service (ServiceError).
"""

from __future__ import annotations

from botcannon_core.errors import ServiceError


class Denied(ServiceError):
    """Slack answered, and the answer is no; `code` is Slack's word for why."""

    def __init__(self, text: str, code: str) -> None:
        self.code = code
        super().__init__(text)


class Unreachable(ServiceError):
    """Slack did not answer, or told us to wait, as often as we asked; `wait` is how long to, still."""

    def __init__(self, text: str, wait: float) -> None:
        self.wait = wait
        super().__init__(text)
