"""Makes the smallest valid input of an operation from its model: required
members only, with lengths, patterns, ranges and enums respected."""

import re
import re._constants as sre
import re._parser as sre_parser

# Values that fit many patterns, tried before one is made from the pattern.
LIKELY = (
    "a", "000000000000", "arn:aws:iam::000000000000:user/smoke", "arn:aws:iam::000000000000:role/smoke", "smoke@example.com", "https://smoke.example.com",
    "00000000-0000-4000-8000-000000000000", "2026-01-01T00:00:00Z",
)


def value(shape, known=None, path=()):
    """A value for a shape, as JSON has it. known are values of members by name,
    taken where they are long enough: two services can have members of one name."""
    kind, bounds = shape.type_name, shape.metadata
    if known and path and kind == "string" and path[-1] in known and len(known[path[-1]]) >= bounds.get("min", 0):
        return known[path[-1]]
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {}
        names = shape.required_members
        if getattr(shape, "is_tagged_union", False) and not names:
            names = [n for n, m in shape.members.items() if not leads_to(m, shape.name)][:1]
        return {n: value(shape.members[n], known, (*path, n)) for n in names}
    if kind == "list":
        return [value(shape.member, known, path) for _ in range(bounds.get("min", 0))]
    if kind == "map":
        return {value(shape.key, known, path): value(shape.value, known, path)} if bounds.get("min", 0) else {}
    if kind == "boolean":
        return False
    if kind in ("integer", "long", "float", "double"):
        return bounds.get("min", min(1, bounds.get("max", 1)))
    if kind == "timestamp":
        return "2026-01-01T00:00:00Z"
    if kind == "blob":
        return "a" * max(1, bounds.get("min", 1))
    if bounds.get("enum"):
        return bounds["enum"][0]
    return text(bounds.get("pattern"), bounds.get("min", 1) or 1, bounds.get("max", 1 << 30), path)


def leads_to(shape, name, seen=()):
    """Whether the smallest value of a shape has one of the shape called name."""
    if shape.name == name:
        return True
    if shape.name in seen:
        return False
    seen = (*seen, shape.name)
    if shape.type_name == "structure":
        members = [shape.members[n] for n in shape.required_members]
        if getattr(shape, "is_tagged_union", False) and not members:
            members = list(shape.members.values())[:1]
        return any(leads_to(m, name, seen) for m in members)
    if shape.type_name == "list" and shape.metadata.get("min", 0):
        return leads_to(shape.member, name, seen)
    return False


def wider(shape, known=None):
    """Inputs with one member more each than the smallest one."""
    for name, member in shape.members.items():
        if name not in shape.required_members:
            yield {**value(shape, known), name: value(member, known, (name,)) or small(member)}


def small(shape):
    """Where the smallest value is an empty one: one with a member."""
    if shape.type_name == "list":
        return [value(shape.member) or small(shape.member)]
    if shape.type_name == "map":
        return {value(shape.key): value(shape.value) or small(shape.value)}
    if shape.type_name == "structure" and shape.members:
        name = next(iter(shape.members))
        return {name: value(shape.members[name])}
    return value(shape)


def beyond(shape, known=None):
    """Inputs of which one member is outside of what the model allows."""
    for name, member in shape.members.items():
        bounds, wrong = member.metadata, None
        if member.type_name == "string" and bounds.get("enum"):
            wrong = "nothing-of-the-kind"
        elif member.type_name == "string" and bounds.get("max", 1 << 30) < 1 << 17:
            wrong = value(member)[:1] * (bounds["max"] + 1)
        elif member.type_name == "list" and bounds.get("max", 1 << 30) < 1000:
            wrong = [value(member.member)] * (bounds["max"] + 1)
        elif member.type_name in ("integer", "long") and "max" in bounds:
            wrong = bounds["max"] + 1
        if wrong is not None:
            yield name, {**value(shape, known), name: wrong}


# Texts that parsers stumble over.
NASTY = (
    "\x01\x7f]]><&\U0001f4a5\u202e", "[" * 20000, '{"Version":"2012-10-17","Statement":[{"Effect":null,"Action":{},"Resource":[[]]}]}',
    "arn:aws:iam::000000000000:role/../../user/%00%2e", "999999999999999999999999999", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
)


def hostile(shape, known=None):
    """Inputs of which one text is nasty, and not longer than it may be."""
    for i, (name, member) in enumerate(shape.members.items()):
        if member.type_name == "string" and not member.metadata.get("enum"):
            nasty, bounds = NASTY[(i + len(shape.members)) % len(NASTY)], member.metadata
            yield {**value(shape, known), name: (nasty * (bounds.get("min", 1) // len(nasty) + 1))[: bounds.get("max", 1 << 30)]}


def text(pattern, least, most, path=()):
    """A string of least to most characters that matches the pattern."""
    if not pattern:
        return "a" * least
    whole = re.compile(re.sub(r"\\p\{[^}]*\}", r"A-Za-z", pattern))

    def fits(s):
        return least <= len(s) <= most and whole.fullmatch(s)

    tree = sre_parser.parse(whole.pattern)
    for s in (*LIKELY, "a" * least, *(_match(tree, n) for n in range(least + 4))):
        if fits(s):
            return s
    raise ValueError(f"{'.'.join(path)}: nothing of {least} to {most} characters made for {pattern}")


def _match(tree, repeat):
    """A string that matches, with repetitions of about that number."""
    out = ""
    for op, arg in tree:
        if op is sre.LITERAL:
            out += chr(arg)
        elif op in (sre.ANY, sre.NOT_LITERAL):
            out += "a"
        elif op is sre.IN:
            out += next((c for c in "a1A-_/ :.é" if _in(arg, c)), None) or chr(arg[0][1] if arg[0][0] is sre.LITERAL else arg[0][1][0])
        elif op is sre.BRANCH:
            out += _match(arg[1][0], repeat)
        elif op is sre.SUBPATTERN:
            out += _match(arg[3], repeat)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, sub = arg
            out += _match(sub, repeat) * max(low, min(high, repeat))
    return out


def _in(items, c):
    negated = items[0][0] is sre.NEGATE
    for op, arg in items:
        if op is sre.LITERAL and chr(arg) == c or op is sre.RANGE and arg[0] <= ord(c) <= arg[1]:
            return not negated
        if op is sre.CATEGORY and re.match({sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_WORD: r"\w", sre.CATEGORY_SPACE: r"\s",
                                            sre.CATEGORY_NOT_SPACE: r"\S", sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_NOT_WORD: r"\W"}[arg], c):
            return not negated
    return negated
