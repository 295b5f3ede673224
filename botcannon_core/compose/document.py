"""A file as one YAML document, within bounds on its size, depth and aliases.

PyYAML composes the node graph, which keeps each node's line; here its mistakes become words for people.
Not here: what the nodes mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from botcannon_core.message import one_line

SECRET = "!!SECRET!!"  # noqa: S105 - the mark that stands for a secret, not one

MOST_BYTES = 1_000_000  # people write these files; a larger one is another file
MOST_DEPTH = 50  # PyYAML composes recursively; far below the interpreter's own limit
MOST_NODES = 100_000  # counted with each alias spelt out, so that aliases of aliases cannot blow up


class Unusable(Exception):
    """The file cannot be read as YAML at all: the one problem, `line` 0 if no line can be named."""

    def __init__(self, text: str, line: int = 0) -> None:
        self.line = line
        super().__init__(text)


def load(path: Path) -> yaml.Node | None:
    """The outermost node of the file, or None if it holds none. Raises Unusable."""
    return parse(_text(path))


def _text(path: Path) -> str:
    if path.is_dir():
        raise Unusable("is a folder, not a compose file")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise Unusable(
            "there is no such file; `botcannon init DIR` lays out a project, --file=FILE names another"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise Unusable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MOST_BYTES:
        raise Unusable(f"is larger than {MOST_BYTES:,} bytes; is it a compose file?", 1)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unusable(f"is not UTF-8 text: byte 0x{data[error.start]:02x}", line) from None


def parse(text: str) -> yaml.Node | None:
    """The outermost node of a document's text, or None if it holds none. Raises Unusable."""
    try:
        node: yaml.Node | None = _Loader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unusable(
            f"holds a character that YAML does not allow: U+{error.character:04X}", line
        ) from None
    except yaml.MarkedYAMLError as error:
        raise Unusable(_yaml_text(error), _yaml_line(error)) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # ValueError: an escape beyond Unicode (`"\UFFFFFFFF"`), a version number of 5000 digits
        raise Unusable(f"is no valid YAML: {one_line(str(error))}", 1) from None
    return node


def _yaml_line(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 0


def _yaml_text(error: yaml.MarkedYAMLError) -> str:
    problem = one_line(str(error.problem or error.context or "cannot be parsed"))
    if "'\\t'" in problem:
        return "is no valid YAML: a tab; indent with spaces"
    context = f" {one_line(error.context)}" if error.context and error.problem else ""
    start = error.context_mark
    since = f" (it begins in line {start.line + 1})" if context and start else ""
    return f"is no valid YAML:{context}{since}{',' if context else ''} {problem}"


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, with bounds, and with `!!SECRET!!` read as text also where it stands bare."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.total = 0
        self.sizes: dict[int, int] = {}

    def scan_tag(self) -> Any:
        """A tag; but `!!SECRET!!` becomes text, as YAML would see a tag with nothing behind it."""
        if self.prefix(len(SECRET)) != SECRET:
            return super().scan_tag()
        start = self.get_mark()
        self.forward(len(SECRET))
        return yaml.ScalarToken(SECRET, False, start, self.get_mark(), '"')

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One node with all below it, unless it would be too deep, too many, or hold itself."""
        event, before = self.peek_event(), self.total  # type: ignore[no-untyped-call]  # PyYAML lacks it
        self.depth += 1
        self._bound(self.depth > MOST_DEPTH, f"nested deeper than {MOST_DEPTH} levels", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(event, yaml.AliasEvent):
            self._bound(id(node) not in self.sizes, "an alias that contains itself", event)
            self.total += self.sizes[id(node)]
        else:
            self.total += 1
            self.sizes[id(node)] = self.total - before
        self._bound(self.total > MOST_NODES, f"more than {MOST_NODES:,} values", event)
        return node

    def _bound(self, broken: bool, text: str, event: Any) -> None:
        if broken:
            raise yaml.composer.ComposerError(None, None, text, event.start_mark)
