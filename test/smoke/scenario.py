"""Runs a scenario: what makes every operation of one service succeed.

usage: scenario.py SPEC FILE

FILE is named after its service (iam.txt) and has one step a line; lines that
begin with a space go on with the line before, # begins a comment:

    Operation {input} -- more arguments of the CLI
        ! Code                  it fails with this error
        until EXPR == TEXT      it is repeated, up to twenty seconds
        nonempty A, B           these lists of the answer have members
        => X = EXPR, Y = EXPR   variables from the answer
    iam:Operation …             an operation of another service
    credentials NAME X          NAME calls with the credentials in variable X
    as NAME                     calls are NAME's from here on; root is the first
    advance 120h                the server's time moves forward
    except Operation REASON     it is proved elsewhere

EXPR are JMESPath; an error's answer is Error and the Words of its message.
${X} in the input is a variable, ${bytes:X} the bytes that variable X has in base64
(a member of its own), ${id:X} what follows the last slash of variable X, ${wrapped:X} a key of 32 bytes, the same each time, under
the public key in X (RSA-OAEP with SHA-256), ${signed:X} the certificate that the
authority in ca.pem makes of the request in X (by openssl), ${file:NAME} a file of the working directory,
${wait:NAME} one that somebody writes within twenty seconds,
${totp:FILE:N} the one-time password of a file's seed N periods from now,
${month:N} the first moment of the month in N months, ${end:N} its last. Where
the model wants a string, an object becomes its JSON. Every answer must have the
model's shape. At the end each operation that SPEC calls real must have succeeded.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import secrets
import subprocess
import sys
import time

import jmespath
import rsa
from program import Program, index
from totp import totp

WORD = re.compile(r"\$\{([^}]*)\}")


class Failure(Exception):
    """A step did not do what it says."""


def lines(path):
    """Numbers and texts of the steps."""
    out = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and out:
            out[-1][1] += " " + line.strip()
        else:
            out.append([number, line.strip()])
    return out


def month(number):
    """The first moment of the month in a number of months."""
    now = datetime.datetime.now(datetime.timezone.utc)
    months = now.month - 1 + number
    return datetime.datetime(now.year + months // 12, months % 12 + 1, 1, tzinfo=datetime.timezone.utc)


def masked(data, seed):
    """data XOR MGF1 with SHA-256: https://www.rfc-editor.org/rfc/rfc8017#appendix-B.2.1"""
    mask = b"".join(hashlib.sha256(seed + i.to_bytes(4, "big")).digest() for i in range(len(data) // 32 + 1))
    return bytes(a ^ b for a, b in zip(data, mask))


def wrapped(der, secret):
    """A secret under a public key: https://www.rfc-editor.org/rfc/rfc8017#section-7.1.1"""
    key = rsa.PublicKey.load_pkcs1_openssl_der(der)
    size, seed = (key.n.bit_length() + 7) // 8, secrets.token_bytes(32)
    block = hashlib.sha256(b"").digest() + bytes(size - len(secret) - 66) + b"\1" + secret
    block = masked(block, seed)
    whole = b"\0" + masked(seed, block) + block
    return pow(int.from_bytes(whole, "big"), key.e, key.n).to_bytes(size, "big")


def brief(value):
    """An answer in a few hundred characters."""
    return json.dumps({k: v for k, v in value.items() if k != "ResponseMetadata"}, default=str)[:600]


class Scenario:
    def __init__(self, path, states):
        self.service, self.path, self.states = path.stem, path, states
        self.people = {"root": Program()}
        self.cli = self.people["root"]
        self.now = time.time()  # when the step began
        self.variables, self.done, self.excepted, self.failed = {}, set(), {}, []

    def variable(self, name):
        if name.startswith("file:"):
            return pathlib.Path(name[5:]).read_text(encoding="utf-8")
        if name.startswith("wait:"):
            path, end = pathlib.Path(name[5:]), time.monotonic() + 20
            while not path.exists() and time.monotonic() < end:
                time.sleep(0.05)
            return path.read_text(encoding="utf-8")
        if name.startswith(("bytes:", "wrapped:")):  # as the CLI takes bytes: from a file
            kind, _, variable = name.partition(":")
            content, path = base64.b64decode(self.variable(variable)), pathlib.Path(f"{kind}-{variable}")
            path.write_bytes(content if kind == "bytes" else wrapped(content, bytes(range(32))))
            return f"fileb://{path}"
        if name.startswith("signed:"):
            sign = ["openssl", "x509", "-req", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "77"]
            return subprocess.run(sign, input=self.variable(name[7:]), capture_output=True, check=True, encoding="utf-8").stdout
        if name.startswith("id:"):
            return self.variable(name[3:]).rpartition("/")[2]
        if name.startswith("totp:"):
            _, seed, steps = name.split(":")
            return totp(self.variable("file:" + seed), int(steps), self.now)
        if name.startswith("month:"):
            return month(int(name[6:])).isoformat()
        if name.startswith("end:"):
            return (month(int(name[4:]) + 1) - datetime.timedelta(milliseconds=1)).isoformat()
        if name not in self.variables:
            raise Failure(f"no variable {name}")
        return self.variables[name]

    def fill(self, value, shape):
        """Puts variables into an input, and JSON where the model wants text."""
        kind = shape.type_name if shape is not None else None
        if isinstance(value, str):
            whole = WORD.fullmatch(value)
            if whole:
                value = self.variable(whole[1])
                return json.dumps(value) if kind == "string" and not isinstance(value, str) else value
            return WORD.sub(lambda m: str(self.variable(m[1])), value)
        if isinstance(value, list):
            return [self.fill(v, shape.member if kind == "list" else None) for v in value]
        if isinstance(value, dict):
            members = shape.members if kind == "structure" else {}
            filled = {k: self.fill(v, shape.value if kind == "map" else members.get(k)) for k, v in value.items()}
            return json.dumps(filled) if kind == "string" else filled
        return value

    def parse(self, text):
        """Operation, input as written, and the clauses behind it."""
        name, _, rest = text.partition(" ")
        rest, value = rest.strip(), {}
        if rest.startswith("{"):
            value, end = json.JSONDecoder().raw_decode(rest)
            rest = rest[end:].strip()
        clauses = {"--": "", "!": "", "until": "", "nonempty": "", "=>": ""}
        current = None
        for word in rest.split():
            if word in clauses:
                current = word
            elif current is None:
                raise Failure(f"{word} is no clause")
            else:
                clauses[current] += word + " "
        return name, value, {k: v.strip() for k, v in clauses.items()}

    def step(self, text):
        verb, _, rest = text.partition(" ")
        if verb == "credentials":
            name, variable = rest.split()
            self.people[name] = Program(self.variable(variable))
        elif verb == "as":
            self.cli = self.people[rest]
        elif verb == "except":
            operation, _, reason = rest.partition(" ")
            self.excepted[operation] = reason
        elif verb == "advance":
            print("advance", rest, flush=True)  # who started this program does it
            if sys.stdin.readline().strip() != "done":
                raise Failure("time does not move")
        else:
            self.call(*self.parse(text))

    def call(self, name, value, clauses):
        service, _, operation = name.rpartition(":")
        service = service or self.service
        model = self.cli.model(service)
        if operation not in model.operation_names:
            raise Failure(f"{service} has no operation {operation}")
        value = self.fill(value, model.operation_model(operation).input_shape)
        expression, _, want = (s.strip() for s in clauses["until"].partition("=="))
        for _ in range(200):
            answer = self.cli.run(service, operation, value, *clauses["--"].split())
            if not expression or answer.code() or str(jmespath.search(expression, answer.value())) == want:
                break
            time.sleep(0.1)
        else:
            raise Failure(f"{expression} is not {want}: {brief(answer.value())}")
        if answer.code() != clauses["!"]:
            raise Failure(f"{answer.code() or 'success'}, want {clauses['!'] or 'success'}: {answer.err.strip() or answer.out.strip()[:400]}")
        if problems := answer.problems():
            self.failed.append("; ".join(problems))
        if not answer.code():
            if service == self.service:
                self.done.add(operation)
            self.keep(answer.value(), clauses)
        else:
            error = answer.calls[-1].parsed["Error"]
            self.keep({"Error": error, "Words": error["Message"].split()}, clauses)

    def keep(self, value, clauses):
        for path in filter(None, re.split(r",\s*", clauses["nonempty"])):
            if not jmespath.search(path, value):
                self.failed.append(f"{path} is empty in {brief(value)}")
        for pair in filter(None, re.split(r",\s*(?=\w+ =)", clauses["=>"])):
            variable, expression = (s.strip() for s in pair.split("=", 1))
            self.variables[variable] = jmespath.search(expression, value)
            if self.variables[variable] is None:
                raise Failure(f"{expression} is not in {brief(value)}")

    def run(self):
        """The number of failures."""
        count = 0
        for number, text in lines(self.path):
            self.failed, self.now = [], time.time()
            try:
                self.step(text)
            except (Failure, ValueError, KeyError, jmespath.exceptions.JMESPathError) as e:
                self.failed.append(f"{type(e).__name__ if not isinstance(e, Failure) else ''} {e}".strip())
            for problem in self.failed:
                count += 1
                print(f"{self.path.name}:{number}: {text.split(' ')[0]}: {problem}", flush=True)
        for operation, state in self.states.items():
            if operation in self.excepted and (operation in self.done or state == "absent"):
                count += 1
                print(f"{self.path.name}: {operation} is no exception: it {'succeeds' if operation in self.done else 'is absent'}")
            elif state == "real" and operation not in self.done and operation not in self.excepted:
                count += 1
                print(f"{self.path.name}: {operation} is real and never succeeds")
        if self.states:
            print(f"{self.service}: {len(self.done)} operations succeed, {len(self.excepted)} are proved elsewhere")
        return count


if __name__ == "__main__":
    file = pathlib.Path(sys.argv[2])
    sys.exit(1 if Scenario(file, index(sys.argv[1], file.stem)).run() else 0)
