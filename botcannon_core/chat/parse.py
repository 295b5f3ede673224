"""Text as people type it, cut into words: quotes, smart quotes, no-break spaces, dashes, code fences.

Not here: what the words mean. There is no expansion of any kind: `$`, `*`, `~`, `#`, `;` and the
backslash are text. A quote counts only where a word or an option's value begins, and must close at
its end; anything else (`don't`) is refused with a hint rather than guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from botcannon_core.chat.refused import Refused, shown

MAX_CHARACTERS = 4_000  # what a chat service lets one type in a message, more or less
MAX_WORDS = 128

# which characters close what each opening quote opened; a phone turns straight ones into curly ones
_CLOSERS = {'"': '"', "“": '”“"', "”": '”"', "„": '“”"', "'": "'", "‘": "’'", "’": "’'", "‚": "‘’'"}
_FENCE = re.compile(r"\A```(?:[\w+-]*\n)?(.*?)```\Z", re.DOTALL)
_LONG_DASH = re.compile(r"\A[—–](?=[^\W\d_])")  # what `--` becomes on a phone
_UNSEEN = "\u200b\u2060\ufeff"  # blanks without a width, which come along when text is pasted
_OPTION = re.compile(r"--[^\W\d][\w-]*=")
_NUMBER = re.compile(r"-\.?\d")


@dataclass(frozen=True)
class Word:
    """One word without its quotes; `value` is what stood behind the `=` of `--name=value`."""

    text: str
    quoted: bool = False
    value: Word | None = None

    @property
    def is_option(self) -> bool:
        """Whether the word asks to be an option: a bare `-x` or `--x`, but no number and no lone `-`."""
        return not self.quoted and len(self.text) > 1 and self._dashed

    @property
    def is_end(self) -> bool:
        """Whether this is the lone `-` that ends the arguments of a call."""
        return self.text == "-" and not self.quoted

    @property
    def _dashed(self) -> bool:
        return self.text.startswith("-") and not _NUMBER.match(self.text)


def split(text: str) -> list[Word]:
    """The words of a line; raises Refused for one too long, or with a quote that does not pair.

    A lone `--` is refused however it is quoted: there is nothing behind it to be reached.
    """
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"that is {len(text):,} characters; a command has at most {MAX_CHARACTERS:,}")
    text, words, at = unfenced(text), [], 0
    while (at := _skip_space(text, at)) < len(text):
        word, at = _word(text, at)
        words.append(word)
        if len(words) > MAX_WORDS:
            raise Refused(f"a command has at most {MAX_WORDS} words; quotes keep text together")
        if word.text == "--":
            raise Refused("a lone '--' means nothing here")
    return words


def unfenced(text: str) -> str:
    """`text` without the code fence or the backticks that surround the whole of it."""
    text = text.strip().strip(_UNSEEN).strip()
    if fence := _FENCE.match(text):
        return fence[1]
    if len(text) > 1 and text[0] == text[-1] == "`" and "`" not in text[1:-1]:
        return text[1:-1]
    return text


def quoted(text: str) -> str:
    """`text` spelled so that `split` reads it back as one word of exactly that text."""
    return '"' + text.replace('"', '\\"') + '"'


def _word(text: str, at: int) -> tuple[Word, int]:
    if text[at] in _CLOSERS:
        content, end = _quoted(text, at)
        return Word(content, quoted=True), end
    if option := _OPTION.match(_long_dash(text, at)):
        # the dash of a phone is one character where `--` has two
        start = at + option.end() - (text[at] != "-")
        if start < len(text) and text[start] in _CLOSERS:
            content, end = _quoted(text, start)
            return Word(option[0][:-1], value=Word(content, quoted=True)), end
        bare, end = _bare(text, start)
        return Word(option[0][:-1], value=Word(bare)), end
    bare, end = _bare(text, at)
    return Word(_LONG_DASH.sub("--", bare)), end


def _long_dash(text: str, at: int) -> str:
    """The text of the word at `at` and what follows it at once, with a phone's dash made two."""
    return _LONG_DASH.sub("--", text[at : _end(text, at)])


def _bare(text: str, at: int) -> tuple[str, int]:
    end = _end(text, at)
    bare = text[at:end]
    for sign in bare:
        if sign in _CLOSERS:
            raise Refused(
                f"the quote inside {shown(bare)} would be lost; "
                'put the whole text in double quotes: "..."'
            )
    return bare, end


def _quoted(text: str, at: int) -> tuple[str, int]:
    """What stands between the quotes at `at`; only a double quote may be escaped, as \\"."""
    closers, out, here = _CLOSERS[text[at]], [], at + 1
    while here < len(text):
        if text[here] == "\\" and '"' in closers and text[here + 1 : here + 2] == '"':
            here += 1
        elif text[here] in closers:
            break
        out.append(text[here])
        here += 1
    else:
        raise Refused(
            f"the quote {text[at]} is never closed; to send one, put it inside double quotes"
        )
    if here + 1 < len(text) and not text[here + 1].isspace():
        raise Refused(f"a space is missing after the quoted text {shown(''.join(out))}")
    return "".join(out), here + 1


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _end(text: str, at: int) -> int:
    while at < len(text) and not text[at].isspace():
        at += 1
    return at
