# ruff: noqa: B019, RUF013 - traps on purpose
"""More shells full of traps: every shape a class can have that a chat must not trip over.

As in the victim beside it, a side effect goes to $VICTIM_LOG, and `s3cret` and `PWNED` are canaries.
"""

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import itertools
import os
import pathlib
import subprocess
import sys
import threading
import types
import typing
import uuid


def note(text):
    with open(os.environ.get("VICTIM_LOG", os.devnull), "a") as log:
        log.write(text + "\n")


class Colour(enum.Enum):
    RED = "r"
    DARK_BLUE = "b"


class Point(typing.NamedTuple):
    x: int
    y: int

    def norm(self):
        return self.x + self.y


@dataclasses.dataclass
class Card:
    """A card of the register."""

    number: int
    owner: str = "amy"
    pin: str = dataclasses.field(default="s3cret-pin", repr=False)
    _raw: str = "s3cret-raw"

    def rename(self, owner: str) -> str:
        self.owner = owner
        return self.owner


class Money(decimal.Decimal):
    def doubled(self):
        return self * 2


class Loud:
    """Shows itself."""

    def __str__(self):
        return "I am loud"


class Callable:
    """Can be called, but not by a chat."""

    def __call__(self, *words):
        note("callable called")
        return "PWNED-callable"

    def calm(self):
        return "calm"


class Nosy:
    """Every way in which an object may run code while it is only looked at."""

    def __init__(self):
        self.here = "here"

    @property
    def __class__(self):
        note("__class__ asked")
        return str

    def __getattr__(self, name):
        note(f"__getattr__ {name}")
        return lambda *words: "PWNED-getattr"

    def __len__(self):
        note("__len__ asked")
        return 0

    def __bool__(self):
        note("__bool__ asked")
        return True

    def __eq__(self, other):
        note("__eq__ asked")
        return True

    def __hash__(self):
        note("__hash__ asked")
        return 1

    def __iter__(self):
        note("__iter__ asked")
        return iter(())

    def __getitem__(self, key):
        note("__getitem__ asked")
        return "PWNED-item"

    def __dir__(self):
        note("__dir__ asked")
        return ["secret"]

    def __repr__(self):
        note("__repr__ asked")
        return "PWNED-repr"

    def fine(self):
        return "fine"


class Described:
    """A descriptor of one's own: runs when it is named, never for help."""

    def __get__(self, instance, owner):
        note("descriptor asked")
        return "described"


def unwrapped(function):
    return lambda *args, **kwargs: function(*args, **kwargs)


class Foreign:
    """Its module is changed below: what a library would declare."""

    def __init__(self):
        self.handle = subprocess.Popen

    def escape(self):
        note("foreign method ran")
        return "PWNED-foreign"

    @property
    def peek(self):
        note("foreign property ran")
        return "PWNED-peek"

    def shared(self):
        note("foreign shared ran")
        return "PWNED-shared"


def foreign_function(self, *words):
    note("foreign function ran")
    return "PWNED-function"


Foreign.__module__ = "library"
for _value in vars(Foreign).values():
    if isinstance(_value, types.FunctionType):
        _value.__module__ = "library"
foreign_function.__module__ = "library"


@dataclasses.dataclass
class Record:
    """A dataclass of a library: its fields may be read, its methods not called."""

    title: str
    secret: str = dataclasses.field(default="s3cret-field", repr=False)

    def erase(self):
        note("record erased")
        return "PWNED-erase"


Record.__module__ = "library"
Record.erase.__module__ = "library"


class Mixed(Foreign):
    """Of a library by birth, with names of its own."""

    def mine(self):
        return "mine"


class Below:
    def shared(self):
        note("hidden shared ran")
        return "PWNED-hidden"


class Hiding(Foreign, Below):
    """A library's `shared` stands before the user's own; so there is none to say."""

    def mine(self):
        return "mine"


class Inner:
    """A group within."""

    def __init__(self, outer):
        self.outer = outer
        self._secret = "s3cret-inner"

    def back(self):
        return self.outer


class Traps:
    """A shell of every shape."""

    colours = Colour
    limit: int = 5
    _hidden = "s3cret-class"
    borrowed = foreign_function
    raw_open = open
    getpid = os.getpid
    described = Described()
    part = functools.partialmethod(foreign_function, 1)
    loose = unwrapped(lambda self: "loose")

    def __init__(self):
        self.inner = Inner(self)
        self.loud, self.callable, self.nosy = Loud(), Callable(), Nosy()
        self.mixed, self.hiding = Mixed(), Hiding()
        self.card, self.point, self.money = Card(1), Point(1, 2), Money("1.5")
        self.record = Record("a title")
        self.lock, self.thread = threading.Lock(), threading.current_thread()
        self.bound = self.inner.back
        self.action = lambda: note("action ran") or "PWNED-action"
        self.queue = collections.deque(["a", "b"])
        self.counts = collections.Counter(a=2)
        self.many = collections.defaultdict(lambda: note("default made"))
        self.chain = types.SimpleNamespace(run=os.system, _x="s3cret-ns")
        self.rows = [Card(1), Card(2)]
        self.deep = {"cards": {"one": Card(3)}, "_private": "s3cret-key", "fn": os.system}
        self.keys = {1: "one", "1": "text one", (1, 2): "pair", Nosy(): "nosy", None: "none"}
        self.file = sys.stderr
        self.view = memoryview(b"s3cret-view")
        self.numbers = array.array("i", [1])

    @functools.cached_property
    def slow(self):
        note("slow ran")
        return "slowly"

    @staticmethod
    def static(text: str = "x"):
        return f"static {text}"

    @classmethod
    def kind(cls):
        return f"kind {cls.__name__}"

    @functools.cache
    def remembered(self, key):
        return f"remembered {key}"

    async def later(self, text: str) -> str:
        return f"later {text}"

    async def made_later(self):
        return Card(9, "later")

    async def trickle(self):
        for n in itertools.count():
            yield n

    def text(self, text: str) -> str:
        return text

    def raw(self, text):
        note(f"raw {text!r}")
        return f"{type(text).__name__} {text!r}"

    def whole(self, n: int) -> int:
        return n

    def real(self, x: float) -> float:
        return x

    def flag(self, on: bool = False) -> str:
        return f"on={on}"

    def colour(self, which: Colour) -> str:
        return which.name

    def level(self, level: typing.Literal["low", "high", 3]) -> str:
        return f"{type(level).__name__} {level}"

    def maybe(self, n: int | None = None) -> str:
        return f"maybe {n!r}"

    def either(self, value: int | str) -> str:
        return f"{type(value).__name__} {value}"

    def numbers_of(self, numbers: list[int]) -> str:
        return repr(numbers)

    def tags(self, *, tag: list[str]) -> str:
        return repr(tag)

    def day(self, day: datetime.date) -> str:
        return f"{day:%A}"

    def price(self, price: decimal.Decimal) -> decimal.Decimal:
        return price * 2

    def ident(self, ident: uuid.UUID) -> uuid.UUID:
        return ident

    def path(self, path: pathlib.Path) -> pathlib.Path:
        return path

    def late(self, n: "int", m: "int" = 2) -> "str":
        return f"{n + m}"

    def unknown_type(self, thing: "Nowhere" = None) -> str:  # noqa: F821 - as under TYPE_CHECKING
        return f"{thing!r}"

    def foreign_type(self, popen: subprocess.Popen = None) -> str:
        return f"{popen!r}"

    def rest(self, first, *words) -> str:
        return f"{first}|{'|'.join(map(str, words))}"

    def free(self, **options) -> str:
        return f"{sorted(options.items())}"

    def only(self, /, a, *, b=2) -> str:
        return f"{a},{b}"

    def private(self, text: str, _as_root: bool = False) -> str:
        if _as_root:
            note("became root")
        return text

    def locked(self, _key) -> str:
        note("locked ran")
        return "PWNED-locked"

    def moving(self, what: str, progress, times: int = 1) -> str:
        for _ in range(times):
            progress(f"s3cret {what}", 0.5)
        return f"moved {what}"

    def wide(self, a_long_name: int = 1) -> str:
        return f"wide {a_long_name}"

    def nothing(self) -> None:
        return None

    def printing(self) -> None:
        print("printed only")

    def speaking(self) -> str:
        print("first")
        sys.stderr.write("then\n")
        subprocess.run(["echo", "from a child"], check=True)
        return "at last"

    def lingering(self) -> str:
        subprocess.Popen(["sh", "-c", "sleep 30; echo never"])
        return "not waiting"

    def verbose(self) -> str:
        print("word\n" * 100_000)
        return "at last"

    def chattering(self) -> str:
        subprocess.Popen(["yes"])
        return "not waiting"

    def shutting(self) -> str:
        os.close(1)
        os.close(2)
        return "shut"

    def closing(self) -> str:
        sys.stdout.close()
        return "closed"

    def secrets(self):
        return {"token": "s3cret", "list": ["a s3cret b"], "deep": {"x": "s3cret"}}

    def long_secret(self) -> str:
        return "x" * 3_990 + "s3cret" * 1_000

    def titles(self) -> str:
        return "\x1b]0;PWNED-title\x07\x1b[2Jplain\x9b31m\x1b]8;;http://x\x1b\\link"

    def bidi(self) -> str:
        return "a\u202eb\u2066c\u200fd"

    def surrogate(self) -> str:
        return "a\ud800b"

    def split_mention(self) -> str:
        return "@every\x07one @Here <!subteam^S1>"

    def nul(self) -> str:
        return "a\x00b"

    def blob(self) -> bytes:
        return bytes(range(256))

    def utf(self) -> bytes:
        return "grüße".encode()

    def counting(self):
        return itertools.count()

    def mapped(self):
        return map(str, range(3))

    def table(self):
        return [{"name": "a", "n": 1}, {"name": "longer", "n": 100}, {"n": 2.5}]

    def pairs(self):
        return {"a": 1, "longer": [1, 2], "_no": "s3cret"}

    def points(self):
        return [Point(1, 2), Point(10, 20)]

    def pile(self):
        return {str(n): n for n in range(5_000)}

    def circle(self):
        row = [1]
        row.append(row)
        return row

    def abyss(self):
        row = []
        for _ in range(100_000):
            row = [row]
        return row

    def hostile(self):
        return [Nosy(), {"nosy": Nosy()}, Foreign()]

    def hostile_alone(self):
        return Foreign()

    def actions(self):
        return [os.system, self.nothing, Traps, types]

    def digits(self):
        return {10**6000: [10**6000]}

    def exits(self):
        sys.exit("bye")

    def interrupts(self):
        raise KeyboardInterrupt

    def fails(self):
        print("clue")
        raise ValueError("first\nsecond")

    def empty(self):
        return []

    def truth(self):
        return True

    def half(self):
        return 0.5

    def own(self):
        return Card(7, "own")


class Small:
    """A shell with two commands."""

    def greet(self, name: str = "you") -> str:
        """Say hello.

        Politely, and to one person.
        """
        return f"hello {name}"

    def wave(self) -> str:
        """Wave."""
        return "o/"


class Bare:
    def _only_private(self):
        return "s3cret"


class Own(Small):
    """Overrides how attributes are found: that is not asked either."""

    def __getattribute__(self, name):
        if not name.startswith("__"):
            note(f"__getattribute__ {name}")
        return object.__getattribute__(self, name)
