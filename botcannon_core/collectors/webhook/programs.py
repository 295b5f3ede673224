"""A service's programs over HTTP: what is asked, what is answered, and a page that says how to ask.

Pure: no server, no socket. Not here: who may ask (asked) and how an answer is waited for (the webhook).
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from botcannon_core.collectors import envelope
from botcannon_core.collectors.webhook.answer import Answer
from botcannon_core.collectors.webhook.asked import RefusedRequest
from botcannon_core.contract import ContractError, pack
from botcannon_core.errors import suggest
from botcannon_core.message import Message


class Programs:
    """The programs that may be asked for at `{path}programs/{name}`.

    `has_token`: only with a token. `is_awaited`: who asks is told how it ended, not that it is kept.
    """

    def __init__(
        self, programs: Mapping[str, Any], path: str, has_token: bool, is_awaited: bool
    ) -> None:
        self._programs = programs
        self._base = f"{path.rstrip('/')}/"
        self._has_token = has_token
        self._is_awaited = is_awaited

    @property
    def path(self) -> str:
        """Where a program is asked for, with {name} in it."""
        return f"{self._base}programs/{{name}}"

    @property
    def pages(self) -> Mapping[str, Answer]:
        """What is shown to who only looks, by path."""
        schema = json.dumps(self.openapi(), ensure_ascii=False, indent=2).encode()
        page = Answer(200, self._page().encode(), "text/html; charset=utf-8", _SAFE)
        return {
            self._base: page,
            f"{self._base}openapi.json": Answer(200, schema + b"\n", "application/json", _SAFE),
        }

    def fields(self, name: str, args: Mapping[str, Any]) -> dict[str, str]:
        """The fields of a message that asks for a program. Raises RefusedRequest for an unknown one."""
        if name not in self._programs:
            hint = suggest(name, list(self._programs)) or f"; there are {', '.join(self._programs)}"
            raise RefusedRequest(404, f"no such program as {name!r}{hint}")
        try:
            return {"program": name, "body": pack(args)}
        except ContractError as error:
            raise RefusedRequest(422, str(error)) from error

    def answer(self, message: Message, asked: Mapping[str, str]) -> Answer:
        """What a run is answered: its envelope, with the status that says the same."""
        found = envelope.of_program(message, asked)
        status = 200 if found["ok"] else _status(found["error"])
        text = json.dumps(found, ensure_ascii=False).encode(errors="replace")
        headers = {**_SAFE, "X-Message-Id": message.id}
        return Answer(status, text + b"\n", "application/json", headers)

    def openapi(self) -> dict[str, Any]:
        """The programs in the words of OpenAPI 3.1."""
        described: dict[str, Any] = {
            "openapi": "3.1.0",
            "info": {"title": "Programs", "version": "1"},
            "paths": {
                self.path.format(name=name): {"post": self._operation(name, one)}
                for name, one in self._programs.items()
            },
        }
        if self._has_token:
            scheme = {"type": "http", "scheme": "bearer"}
            described["components"] = {"securitySchemes": {"token": scheme}}
            described["security"] = [{"token": []}]
        return described

    def _operation(self, name: str, program: Any) -> dict[str, Any]:
        args = program.args.json_schema()
        responses = _ended(program) if self._is_awaited else _KEPT
        return {
            "operationId": name,
            "summary": program.description or name,
            "requestBody": {"content": _json(args), "required": bool(args["required"])},
            "responses": {
                **responses,
                "504": _response("no answer in time; it may still be done", _REFUSED),
                "default": _response("it was not taken; nothing was done", _REFUSED),
            },
        }

    def _page(self) -> str:
        parts = [_section(self.path.format(name=n), one) for n, one in self._programs.items()]
        schema = html.escape(f"{self._base}openapi.json")
        return _PAGE.format(programs="\n".join(parts), schema=schema)


def _status(error: Mapping[str, Any]) -> int:
    # what names a step or a program within was checked on the way: others had run by then
    was_refused = error.get("kind") in ("request", "args") and not error.get("step")
    return 422 if was_refused else 500


def _section(path: str, program: Any) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(str(one.kind))}</td>"
        f"<td>{'' if one.required else 'may be left out'}</td>"
        f"<td>{html.escape(one.description)}</td></tr>\n"
        for name, one in program.args.fields.items()
    )
    outputs = ", ".join(f"{name}: {one.kind}" for name, one in program.outputs.fields.items())
    return (
        f"<h2><code>POST {html.escape(path)}</code></h2>\n<p>{html.escape(program.description)}</p>\n"
        f"<table>\n{rows}</table>\n<p>Gives {html.escape(outputs or 'nothing')}.</p>"
    )


def _ended(program: Any) -> dict[str, Any]:
    done = {"ok": {"const": True}, "result": program.outputs.json_schema()}
    failed = _object(_FAILED)
    return {
        "200": _response("all its steps are done", _object({**_ALWAYS, **done})),
        "422": _response("the args are wrong; nothing was done", {"anyOf": [failed, _REFUSED]}),
        "500": _response("it failed; what was done is undone, but for what is `left`", failed),
    }


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _response(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


_SAFE = {"X-Content-Type-Options": "nosniff"}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_ERROR = {"kind": _TEXT, "step": _TEXT, "text": _TEXT, "problems": _OBJECTS, "error_id": _TEXT}
_ALWAYS = {"program": _TEXT, "message": _TEXT}
_FAILED = {
    **_ALWAYS,
    "ok": {"const": False},
    "error": _object(_ERROR),
    "trace": _OBJECTS,
    "outputs": {"type": "object"},
    "in_doubt": _TEXTS,
    "left": _TEXTS,
}
_REFUSED = _object({"error": _TEXT, "id": _TEXT})
_KEPT = {"202": _response("it is kept, and will be done", _object({"id": _TEXT}))}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Programs</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
td {{ padding: .1rem 1rem .1rem 0; vertical-align: top }}
</style>
<h1>Programs</h1>
<p>Send the args as a JSON object. The schema of it all: <a href="{schema}">openapi.json</a>.</p>
{programs}
</html>
"""
