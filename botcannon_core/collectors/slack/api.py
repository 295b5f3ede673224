"""Slack's Web API as the door needs it: calls that wait when told to, and say clearly what is refused.

Brings slack_sdk, an optional extra, so it is imported only where a Slack door is. A call runs in a
thread, for the library blocks; the door goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse

from botcannon_core.chat.answer import Attachment
from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.refusal import Denied, Unreachable
from botcannon_core.errors import ServiceError

CALL_SECONDS = 8  # shorter than a service's time to stop
TRIES = 5
MOST_WAIT = 120.0  # seconds; Slack asks for 30 as a rule

REFUSED: Final = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "not_allowed_token_type",
    "no_permission",
    "org_login_required",
    "ekm_access_denied",
    "two_factor_setup_required",
}


class Api:
    """Calls with one token; `called` is what a person calls that token, for errors."""

    def __init__(self, token: str, called: str, url: str, backoff: Backoff | None = None) -> None:
        self._client = WebClient(token, base_url=url, timeout=CALL_SECONDS, retry_handlers=[])
        self._called = called
        self._backoff = backoff
        self._sleep = asyncio.sleep

    async def call(
        self, method: str, words: Mapping[str, str] | None = None, tries: int = TRIES
    ) -> dict[str, Any]:
        """Call `method` until Slack takes it: after a 429 when it says, else with back-off.

        Raises ServiceError for a token that is refused, Denied for any other no, Unreachable once
        all tries are used up.
        """
        given = {name: value for name, value in (words or {}).items() if value}
        answer = await self._tried(
            method, lambda: self._client.api_call(method, params=given), tries
        )
        return answer if isinstance(answer, dict) else {}

    async def upload(self, file: Attachment, channel: str, thread: str) -> None:
        """Send a file to a channel; raises as `call` does."""
        await self._tried(
            "files.upload",
            lambda: self._client.files_upload_v2(
                filename=file.name,
                content=file.content,
                channel=channel,
                thread_ts=thread or None,
                request_file_info=False,
            ),
            TRIES,
        )

    async def _tried(self, method: str, call: Callable[[], SlackResponse], tries: int) -> Any:
        backoff = self._backoff or Backoff()
        why, wait = "", 0.0
        for n in range(tries):
            try:
                return (await asyncio.to_thread(call)).data
            except SlackApiError as error:
                wait = self._wait_after(error, method, backoff)
                why = _code(error)
            except (OSError, SlackRequestError) as error:  # URLError and time-outs are OSErrors
                wait, why = backoff.wait(), type(error).__name__
            if n < tries - 1:
                await self._sleep(wait)
        raise Unreachable(f"Slack did not take {method} in {tries} tries ({why})", wait)

    def _wait_after(self, error: SlackApiError, method: str, backoff: Backoff) -> float:
        """How long to wait before it is tried again; raises if that would not help."""
        code, status = _code(error), error.response.status_code
        if status == 429 or code in ("ratelimited", "rate_limited"):
            return _asked_wait(error.response.headers) or backoff.wait()
        if status >= 500 or code in ("internal_error", "fatal_error", "service_unavailable"):
            return backoff.wait()
        if code in REFUSED:
            raise ServiceError(f"Slack refused the {self._called} ({code}): check it") from None
        if code == "missing_scope":
            needed = error.response.get("needed", "another one")
            text = f"the {self._called} lacks the scope {needed} for {method}: add it to the app"
            raise Denied(f"{text}, and install the app again", code) from None
        raise Denied(f"Slack refused {method}: {code}", code) from None


def _code(error: SlackApiError) -> str:
    code = error.response.get("error")
    # what is no JSON is told by the library in a whole sentence
    return code if isinstance(code, str) and code.replace("_", "").isalnum() else "no clear answer"


def _asked_wait(headers: dict[str, Any]) -> float:
    asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "0")
    try:
        return min(max(float(asked), 0.0), MOST_WAIT)
    except (TypeError, ValueError):
        return 0.0
