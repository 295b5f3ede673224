"""The pages of documentation, taken apart: their fenced blocks, headings and links. Runs nothing.

What a block is for is told by its language and its first line:

    # app/bot.py      as the first line of a block: the block is that file of the page's project
    yaml              without a name: a part of a compose file, which must read without a problem
    python            without a name: runs as a program in the project
    shell             commands that must end well, whatever they print
    console           commands after `$ `, what is typed into them after `> `, and all that they print,
                      where … stands for what varies in a line, and alone on a line for any lines
    text              a drawing, or something else that nobody can run
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("console", "python", "shell", "text", "yaml")

_FENCE = re.compile(r"```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w./-]+\.(?:py|yml|txt|ini))")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->\s*\Z")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `not_run` is the reason given in the comment above it."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""

    @property
    def file(self) -> str:
        """The file that the block is, or nothing."""
        match = _FILE.fullmatch(self.text.partition("\n")[0])
        return match[1] if match else ""

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a console block: what is typed into it and what it is said to print."""

    words: str
    typed: str
    shown: str


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        before = text[: fence.start()]
        reason = _NOT_RUN.search(before)
        line = before.count("\n") + 1
        found.append(Block(page, line, fence[1], fence[2], reason[1] if reason else ""))
    return found


def commands(block: Block) -> list[Command]:
    """The commands of a console block, or those of a shell block with nothing said of their output."""
    if block.language == "shell":
        lines = block.text.replace("\\\n", " ").splitlines()
        return [Command(line, "", "…") for line in lines if line and not line.startswith("#")]
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        words, _, rest = part.partition("\n")
        lines = rest.splitlines(keepends=True)
        typed = "".join(line[2:] for line in lines if line.startswith("> "))
        shown = "".join(line for line in lines if not line.startswith("> "))
        found.append(Command(words, typed, shown))
    return found


def matches(shown: str, printed: str) -> bool:
    """Whether a command printed what the page shows; columns may be wider or narrower."""
    pattern = ""
    for line in _lines(shown):
        told = ".*".join(map(re.escape, line.split("…")))
        pattern += r"(?:[^\n]*\n)*" if line.strip() == "…" else f"{told}\n"
    return bool(re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))))


def links(page: Path) -> list[str]:
    return _LINK.findall(without_blocks(page))


def anchors(page: Path) -> set[str]:
    """What a link to the page may say after its #, as GitHub makes it of the headings."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def section(page: Path, heading: str) -> str:
    """The text below a heading, down to the next of the same or a higher level; "" if there is none."""
    text = page.read_text(encoding="utf-8")
    match = re.search(rf"^(#+) {re.escape(heading)}$", text, flags=re.MULTILINE)
    if match is None:
        return ""
    end = re.search(rf"^#{{1,{len(match[1])}}} ", text[match.end() :], flags=re.MULTILINE)
    return text[match.end() :][: end.start() if end else None]


def without_blocks(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _lines(text: str) -> list[str]:
    return [re.sub(r"(?<=\S) +", " ", line.rstrip()) for line in text.rstrip().splitlines()]
