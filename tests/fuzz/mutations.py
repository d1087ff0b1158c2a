"""Seeded damage to what a venue says: to the bytes of a message, and to the values inside a JSON one."""

import json

# What has broken readers of numbers, times, names and shapes before.
VALUES = (
    None, True, False, 0, -1, 2**63, -(2**64), 10**30, 0.1, "", " ", "0", "-1", "NaN", "Infinity", "sNaN", "1e9999", "²",
    "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-02-30 10:00:00", "\x00", "\ud800", "A" * 5_000, [], {}, [None],
    [[]], [{}], {"net": []}, {"order_id": {}},
)  # fmt: skip
# Number literals that Python's own writer of JSON would not write.
LITERALS = (
    b"1e999",
    b"-1e999999999999999999",
    b"1e9999999999999999999999",
    b"NaN",
    b"-Infinity",
    b"9" * 400,
    b"9" * 5_000,
    b"0." + b"3" * 900,
    b"1E-9",
)
BYTES = (
    b"\x00",
    b"\xff\xff",
    b"\x7f",
    b"\n",
    b'"',
    b"{",
    b"[",
    b",",
    b"<html>",
    b"\xed\xa0\x80",
    b"[" * 1_200,
    b'"' + b"x" * 140_000,
)
_LITERAL = "literal-goes-here"


def damaged_bytes(random, content, others):
    """Return the content after one to three wounds of any kind."""
    data = bytearray(content)
    for _ in range(random.randint(1, 3)):
        random.choice(_WOUNDS)(random, data, others)
    return bytes(data)


def damaged_json(random, content):
    """Return a JSON document in which up to three values were replaced, removed or moved."""
    holder = [json.loads(content)]
    raw = None
    for _ in range(random.randint(1, 3)):
        parent, key = _place(random, holder)
        match random.randrange(4):
            case 0 if isinstance(parent, dict):
                del parent[key]
            case 1:
                parent[key], raw = _LITERAL, random.choice(LITERALS)
            case 2:
                parent[key] = random.choice(list(_values(holder)))
            case _:
                parent[key] = random.choice(VALUES)
    text = _written(holder[0])
    return text if raw is None else text.replace(f'"{_LITERAL}"'.encode(), raw)


def damaged_frame(random, frame, others):
    """Return a binary frame with a wrong count, wrong lengths, or wounds anywhere."""
    data = bytearray(frame)
    kind = random.randrange(4)
    if kind == 0 and len(data) >= 2:
        data[:2] = random.choice((0, 1, 2, 7, 8, 9, 255, 256, 65_535)).to_bytes(2, "big")
    elif kind == 1 and len(data) >= 4:
        data[2:4] = random.choice((0, 7, 8, 28, 32, 44, 184, 185, 65_535)).to_bytes(2, "big")
    elif kind == 2:
        del data[random.randrange(len(data) + 1) :]
    else:
        return damaged_bytes(random, frame, others)
    return bytes(data)


def _written(value):
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (RecursionError, ValueError):  # a value was put inside itself
        return b'{"status":"success","data":{"data":[]}}'


def _place(random, holder):
    """Choose a value of the document, by the container and key that hold it."""
    places = [(parent, key) for parent in _containers(holder) for key in _keys(parent)]
    return random.choice(places)


def _containers(value, depth=0):
    if isinstance(value, dict | list) and depth < 8:
        if value:
            yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner, depth + 1)


def _values(holder):
    return (parent[key] for parent in _containers(holder) for key in _keys(parent))


def _keys(parent):
    return list(parent) if isinstance(parent, dict) else list(range(len(parent)))


def _flip(random, data, others):
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _cut(random, data, others):
    at = random.randrange(len(data) + 1)
    del data[at : at + random.randint(1, 40)]


def _insert(random, data, others):
    at = random.randrange(len(data) + 1)
    data[at:at] = random.choice(BYTES) if random.random() < 0.5 else random.randbytes(random.randint(1, 12))


def _repeat(random, data, others):
    at = random.randrange(len(data) + 1)
    data[at:at] = data[at : at + random.randint(1, 200)] * random.randint(1, 4)


def _splice(random, data, others):
    other = random.choice(others)
    at = random.randrange(len(other) + 1)
    data[random.randrange(len(data) + 1) :] = other[at:]


_WOUNDS = (_flip, _flip, _cut, _insert, _repeat, _splice)
