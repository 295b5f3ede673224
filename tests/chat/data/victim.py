# ruff: noqa - a shell full of traps; what a linter dislikes here is what the tests are about
"""A shell with every kind of trap, for trying torch. Every side effect goes to $VICTIM_LOG; canary words:
s3cret (a private value), PWNED (foreign code ran)."""

import asyncio, functools, itertools, logging, os, pathlib, re, subprocess, sys, time, datetime, types

GLOBAL_KEY = "s3cret-global"


def note(s):
    with open(os.environ["VICTIM_LOG"], "a") as f:
        f.write(s + "\n")


def admin_only(f):
    @functools.wraps(f)
    def inner(self, *a, **k):
        raise PermissionError("admins only")

    return inner


class User:
    def __init__(self, id, bot):
        self._b, self.id, self.name, self.token_hash = bot, id, "Leanne", "x"

    def posts(self):
        return [{"title": "t0", "n": 0, "_raw": "s3cret-raw"}, {"title": "t1", "n": 1}]


class Users:
    def __init__(self, bot):
        self._b = bot

    def by_id(self, id):
        return User(id, self._b)

    def all(self):
        return {"bob": 1, "amy": 2}


class Shell:
    """Demo shell."""

    Users = Users

    def __init__(self, base_url="http://good", token="s3cret"):
        self._token, self.base_url = token, base_url
        self.users = Users(self)
        self.os, self.run, self.root = os, subprocess.run, pathlib.Path("/")
        self.log, self.rx, self.when = (
            logging.getLogger("x"),
            re.compile("a+"),
            datetime.datetime(2024, 1, 2),
        )
        self.jobs, self.state, self.greeting, self.n = ["one", "two"], {"k": 1}, "hello", 7
        self.table = {
            "hi": lambda: note("table.hi ran") or "PWNED-table",
            "mod": os,
            "rm": self._danger,
        }
        self.cb = functools.partial(note)

    def _danger(self):
        note("danger ran")
        return "PWNED-danger"

    @property
    def reboot(self):
        note("reboot evaluated")
        return "rebooted"

    def echo(self, text):
        return text

    def add(self, a: int, b: int):
        return a + b

    def two(self, x, y):
        return f"{x}-{y}"

    def wipe(self, target="all", force=False):
        note(f"wiped {target}")
        return f"wiped {target}"

    def drop(self):
        note("dropped")
        return "dropped"

    @admin_only
    def deploy(self, env, tag):
        note(f"deployed {env} {tag}")
        return "PWNED-deploy"

    @functools.lru_cache
    def cached(self, k):
        return k

    def make(self):
        return lambda x="d": note("inner ran") or "PWNED-inner"

    def klass(self):
        return subprocess.Popen

    def forever(self):
        for i in itertools.count():
            yield i

    def big(self, n=50_000_000):
        return "x" * n

    def spam(self):
        while True:
            print("spam " * 20)

    def huge(self):
        return 10**6000

    def sleepy(self, s=60):
        time.sleep(s)
        return "woke"

    def spin(self):
        while True:
            pass

    def deaf(self):
        while True:
            try:
                time.sleep(1)
            except BaseException:
                pass

    def child(self):
        subprocess.Popen(["sleep", "20"])
        return "spawned"

    def quit(self):
        sys.exit(3)

    def hardexit(self):
        os._exit(9)

    def segv(self):
        import ctypes

        ctypes.string_at(0)

    def mem(self):
        return len([bytearray(10**8) for _ in range(100)])

    def ask(self):
        return input("name? ")

    def fdprint(self):
        os.write(1, b"raw-fd\n")
        return "ret"

    async def aio(self):
        await asyncio.sleep(0)
        return "async ok"

    def boom(self):
        raise KeyError("token=" + self._token)

    def ansi(self):
        return "\x1b[31mred\x1b[0m\x07 <!channel> @everyone"

    def crlf(self):
        return "a\r\nQUIT :bye"

    def opaque(self):
        return object()


class Plain:
    def hi(self):
        return "hi"


class Slots:
    __slots__ = ("_tok", "pub")

    def __init__(self):
        self._tok, self.pub = "s3cret", 1

    def two(self, a, b):
        return a


class Sub(dict):
    """shell that inherits a builtin"""

    def __init__(self):
        super().__init__(k="s3cret-item")
        self.ok = 1

    def hi(self):
        return "hi"
