"""What the scripts in ledger/lua/ do, once more in Python, for the store in memory.

Each function has its script's name and takes its KEYS and ARGV; the scripts say what is meant. One
suite runs against both, so that they stay the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from botcannon_core.testing.fake import streams
from botcannon_core.testing.fake.commands import Database, Words
from botcannon_core.testing.fake.streams import LAST, Group, Id, Stream, id_of, shown
from botcannon_core.testing.fake.values import Answer, Problem

BACKLOG = {"stored": 1, "retried": 1, "done": -1, "skipped": -1, "parked": -1, "lost": -1}
DAY_MS = 86_400_000


def admit(db: Database, keys: Words, args: Words) -> Answer:
    """See admit.lua."""
    first, slot = int(args[0]), int(args[0]) % int(args[1])
    last = int(db.do("HGET", keys[1], "last") or first - 1)
    said, *known = (db.do("HGET", keys[1], slot) or "").split(" ")
    answers: list[str] = known if said == args[0] else []
    dealt_with = len(answers)
    words, number = args[8:], first
    while words:
        unique, lane = (keys[int(key) - 1] if int(key) else "" for key in words[:2])
        after = 3 + int(words[2])
        if 2 * (number - first) >= len(answers):
            if number > last + 1:
                answers += ["later", ""]
            else:
                answers += _admitted(db, keys, args, (unique, lane), words[3:after])
            if answers[-2] in ("stored", "repeat"):
                last, dealt_with = max(last, number), len(answers)
        words, number = words[after:], number + 1
    known = [args[0], *answers[:dealt_with]]
    db.do("HSET", keys[1], "last", last, slot, " ".join(known))
    db.do("PEXPIRE", keys[1], args[2])
    return answers


def _admitted(
    db: Database, keys: Words, args: Words, named: tuple[str, str], words: Words
) -> list[str]:
    counts = keys[2]
    (unique, lane), most = named, int(args[3])
    if unique and (seen := db.do("GET", unique)):
        db.do("HINCRBY", counts, "repeats", 1)
        return ["repeat", seen]
    if most and _unsettled(db, counts) >= most:
        if args[4] != "drop-oldest":
            return ["full", ""]
        _drop_oldest(db, keys, args[6], args[7])
    added = db.do("XADD", keys[0], "*", *words)
    db.do("HINCRBY", counts, "stored", 1)
    if unique:
        db.do("SET", unique, added, "PX", args[5])
    if lane:
        db.do("RPUSH", lane, added)
    return ["stored", added]


def _unsettled(db: Database, counts: str) -> int:
    return sum(sign * int(db.do("HGET", counts, name) or 0) for name, sign in BACKLOG.items())


def _drop_oldest(db: Database, keys: Words, group: str, lines: str) -> None:
    data, _, counts, taskback, dead, log = keys[:6]
    stream = db.made(data, Stream)
    reader = stream.groups.get(group, Group())
    for one in stream.between(streams.after(reader.last), LAST)[:1]:
        fields = _fields(stream.entries[one])
        first = fields.pop("_id", shown(one))
        why = "dropped: the backlog was full"
        name = hashlib.sha1(f"{data}{shown(one)}".encode()).hexdigest()[:6]  # noqa: S324 - only a name
        told = {"_outcome": "parked", "_error": why, "_error_id": name}
        words = _words({"_id": first, **told, **fields})
        db.do("XADD", taskback, "*", *words)
        db.do("XADD", dead, "*", *words)
        said = {"level": "error", "text": f"[{name}] message {first}: {why}", "error_id": name}
        line = _words({"part": "intake", **said})
        db.do("XADD", log, "MAXLEN", "~", lines, "*", *line)
        db.do("XDEL", data, shown(one))
        db.do("HINCRBY", counts, "parked", 1)


def adopt(db: Database, keys: Words, args: Words) -> Answer:
    """See adopt.lua."""
    group, consumer, dead, count = args
    held = db.do("XPENDING", keys[0], group, "-", "+", count, dead)
    if not held:
        db.do("XGROUP", "DELCONSUMER", keys[0], group, dead)
        return []
    return db.do("XCLAIM", keys[0], group, consumer, 0, *[one[0] for one in held])


def enter(db: Database, keys: Words, args: Words) -> Answer:
    """See enter.lua."""
    data, lane = keys
    group, consumer, entry = args
    if not _is_held_by(db, data, group, entry, consumer):
        return 0
    stream, reader = db.group(data, group)

    def is_gone(one: Id) -> bool:
        return one not in reader.held and (one not in stream.entries or one <= reader.last)

    first = db.do("LINDEX", lane, 0)
    while first and first != entry and is_gone(id_of(first)):
        db.do("LPOP", lane)
        first = db.do("LINDEX", lane, 0)
    if first == entry:
        return 1
    if entry not in db.do("LRANGE", lane, 0, -1):
        db.do("RPUSH", lane, entry)
        if not first:
            return 1
    db.do("XCLAIM", data, group, "lane", 0, entry, "JUSTID")
    return 0


def _is_held_by(db: Database, data: str, group: str, entry: str, consumer: str) -> bool:
    held = db.group(data, group)[1].held.get(id_of(entry))
    return held is not None and held.owner == consumer


def begin(db: Database, keys: Words, args: Words) -> Answer:
    """See begin.lua."""
    group, consumer, *tries = args
    for entry, number in zip(tries[::2], tries[1::2], strict=True):
        if _is_held_by(db, keys[0], group, entry, consumer):
            db.do("HSET", keys[1], entry, number)
    return 1


def postpone(db: Database, keys: Words, args: Words) -> Answer:
    """See postpone.lua."""
    group, consumer, entry, due = args
    if not _is_held_by(db, keys[0], group, entry, consumer):
        return 0
    db.do("HSET", keys[1], f"{entry}:due", due)
    return 1


def settle(db: Database, keys: Words, args: Words) -> Answer:
    """See settle.lua."""
    data, taskback, tries, counts, dead, *lanes = keys
    group, consumer, heir, _count, _last, *words = args
    lost, following = [], []
    while words:
        entry, outcome, lane, count = words[:4]
        told = 4 + int(count)
        after = told + 1 + int(words[told])
        if _is_held_by(db, data, group, entry, consumer):
            if int(count):
                db.do("XADD", dead, "*", *words[4:told])
            db.do("XADD", taskback, "*", *words[told + 1 : after])
            db.do("XACK", data, group, entry)
            db.do("HDEL", tries, entry, f"{entry}:due")
            db.do("HINCRBY", counts, outcome, 1)
            if int(lane):
                following += _freed(db, data, lanes[int(lane) - 6], (group, entry, heir))
        else:
            lost.append(entry)
        words = words[after:]
    return [lost, following]


def _freed(db: Database, data: str, lane: str, said: tuple[str, str, str]) -> list[Answer]:
    group, entry, heir = said
    db.do("LREM", lane, 1, entry)
    after = db.do("LINDEX", lane, 0)
    if not after or not _is_held_by(db, data, group, after, "lane"):
        return []
    idle = DAY_MS if heir == "nobody" else 0
    found: list[Answer] = db.do("XCLAIM", data, group, heir, 0, after, "IDLE", idle)
    return found


def note(db: Database, keys: Words, args: Words) -> Answer:
    """See note.lua."""
    data, taskback = keys
    group, consumer, entry, earlier = args[:4]
    if not _is_held_by(db, data, group, entry, consumer):
        return ""
    if earlier:
        db.do("XDEL", taskback, earlier)
    return db.do("XADD", taskback, "*", *args[4:])


def cancel(db: Database, keys: Words, args: Words) -> Answer:
    """See cancel.lua."""
    data, mark, ended = keys
    group, entry, remember = args[:3]
    who = dict(zip(args[3::2], args[4::2], strict=True))
    marked = db.do("GET", mark)
    if not marked or id_of(marked) < id_of(entry):
        db.do("SET", mark, entry, "PX", remember)
    last = db.do("GET", ended)
    if last and id_of(last) >= id_of(entry):
        return 1
    stream = db.made(data, Stream)
    held = stream.groups.get(group, Group()).pending()
    earlier = [one for one in held if one < id_of(entry) and one in stream.entries]
    asked = [_fields(stream.entries[one]) for one in earlier]
    return int(any(all(f.get(n, "") == text for n, text in who.items()) for f in asked))


def renew(db: Database, keys: Words, args: Words) -> Answer:
    """See renew.lua."""
    group, consumer, *entries = args
    lost = []
    for entry in entries:
        if _is_held_by(db, keys[0], group, entry, consumer):
            db.do("XCLAIM", keys[0], group, consumer, 0, entry, "JUSTID")
        else:
            lost.append(entry)
    return lost


def journal(db: Database, keys: Words, args: Words) -> Answer:
    """See journal.lua."""
    group, consumer, entry, number, *records = args
    if not _is_held_by(db, keys[0], group, entry, consumer):
        return None
    mine = f"{entry} {consumer} {number}"
    if records:
        if db.do("HGET", keys[1], "try") != mine:
            return None
        db.do("HSET", keys[1], *records)
        return 1
    db.do("HSET", keys[1], "try", mine)
    count = len(db.do("HGETALL", keys[1])) // 2 - 1
    return [db.do("HGET", keys[1], n) for n in range(1, count + 1)]


def forget(db: Database, keys: Words, args: Words) -> Answer:
    """See forget.lua."""
    group, entry = args
    if db.do("XPENDING", keys[0], group, entry, entry, 1):
        return 0
    return db.do("DEL", keys[1])


def leave(db: Database, keys: Words, args: Words) -> Answer:
    """See leave.lua."""
    group, consumer = args
    held = [shown(one) for one in db.group(keys[0], group)[1].pending(consumer)]
    for one in held:
        db.do("XCLAIM", keys[0], group, "nobody", 0, one, "IDLE", DAY_MS, "JUSTID")
    db.do("XGROUP", "DELCONSUMER", keys[0], group, consumer)
    return len(held)


def heal(db: Database, keys: Words, args: Words) -> Answer:
    """See heal.lua."""
    stream = db.value(keys[0], Stream)
    if stream is None:
        raise Problem("ERR no such key")
    group = stream.groups.get(args[0], Group())
    if group.held or stream.between(streams.after(group.last), LAST):
        return 0
    wrong = _unsettled(db, keys[1])
    if wrong:
        db.do("HINCRBY", keys[1], "lost", wrong)
    return wrong


def trim(db: Database, keys: Words, args: Words) -> Answer:
    """See trim.lua."""
    stream = db.value(keys[0], Stream)
    if stream is None or not stream.entries:
        return 0
    keep, before, most = int(args[0]), id_of(args[1]), int(args[2])
    if args[3] and args[3] not in stream.groups:
        return 0
    excess = len(stream.entries) - keep
    if excess > 0:
        oldest = list(stream.entries)[: min(excess + 1, most)]
        before = max(before, oldest[-1])
    for group in stream.groups.values():
        unread = stream.between(streams.after(group.last), LAST)
        before = min([before, *(group.pending() or unread)[:1]])
    return stream.forget_before(before)


def retry(db: Database, keys: Words, args: Words) -> Answer:
    """See retry.lua."""
    data, dead, taskback, counts = keys
    found = db.do("XRANGE", dead, args[0], args[0])
    if not found:
        return None
    fields = _fields(found[0][1])
    kept = {"_from": "_from", "_id": "_id"}
    is_taskback = fields.get("_what") == "taskback"
    if is_taskback:
        own = {"_own_error": "_error", "_own_error_id": "_error_id"}
        kept |= {"_outcome": "_outcome", "_empty": "_empty", "_same": "_same", **own}
    names = {name: kept.get(name) if name.startswith("_") else name for name in fields}
    words = _words({name: fields[old] for old, name in names.items() if name})
    if is_taskback:
        put = db.do("XADD", taskback, "*", "_again", "1", *words)
    else:
        put = db.do("XADD", data, "*", *words)
        db.do("HINCRBY", counts, "retried", 1)
    db.do("XDEL", dead, args[0])
    return put


def lease(db: Database, keys: Words, args: Words) -> Answer:
    """See lease.lua."""
    holder = db.do("GET", keys[0])
    if not holder or holder in (args[0], args[2]):
        db.do("SET", keys[0], args[0], "PX", args[1])
        return args[0]
    return holder


def release(db: Database, keys: Words, args: Words) -> Answer:
    """See release.lua."""
    return db.do("DEL", keys[0]) if db.do("GET", keys[0]) == args[0] else 0


def heir(db: Database, keys: Words, args: Words) -> Answer:
    """See heir.lua."""
    prefix, asked_by, entry, caller = args
    stream = db.value(keys[0], Stream) or Stream()
    if prefix + asked_by in stream.groups:
        return 0
    db.do("HSETNX", keys[1], entry, caller)
    return int(db.do("HGET", keys[1], entry) == caller)


def inherit(db: Database, keys: Words, args: Words) -> Answer:
    """See inherit.lua."""
    prefix, dead, caller = args
    stream = db.value(keys[0], Stream) or Stream()
    group = stream.groups.pop(prefix + dead, None)
    if group is None:
        return 0
    unread = [*group.pending(), *stream.between(streams.after(group.last), LAST)]
    given = 0
    for one in unread:
        fields = _fields(stream.entries.get(one, []))
        is_heirs = db.do("HGET", keys[1], shown(one)) == dead
        if fields and (is_heirs or fields.get("_from") == dead):
            if "_from" in fields:
                fields["_from"] = caller
            db.do("XADD", keys[0], "*", "_again", "1", *_words(fields))
            given += 1
    return given


def _fields(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))


def _words(fields: dict[str, str]) -> list[str]:
    return [word for pair in fields.items() for word in pair]


Script = Callable[[Database, Words, Words], Answer]

_ALL: tuple[Script, ...] = (admit, adopt, begin, enter, heal, heir, inherit, lease, leave, postpone)
_ALL += (cancel, forget, journal, note, release, renew, retry, settle, trim)
SCRIPTS = {script.__name__: script for script in _ALL}
