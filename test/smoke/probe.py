"""Every operation of every service, with the smallest valid input.

usage: probe.py SPEC SERVICE...

The call succeeds, or fails with an error that the model lists. What SPEC (the
folder spec/) calls absent says NotImplemented, and nothing else does.
"""

import pathlib
import sys

import minimal
from program import Program


def index(folder, service):
    """Operations and their states, as spec/ has them."""
    text = (pathlib.Path(folder) / (service.replace("-", "") + ".txt")).read_text(encoding="utf-8")
    return {w[0]: w[1] for w in (line.split(" ", 2) for line in text.splitlines())}


def judge(answer, operation, state):
    found = answer.problems()
    absent = answer.code() == "NotImplemented"
    if absent != (state == "absent"):
        found.append(f"is {state}, and answers {answer.code() or 'success'}")
    if absent and operation not in answer.err:
        found.append(f"NotImplemented does not name it: {answer.err.strip()}")
    return found


def main():
    spec, services = sys.argv[1], sys.argv[2:]
    cli, failed, counts = Program(), 0, {}
    for service in services:
        model, states = cli.model(service), index(spec, service)
        for name in model.operation_names:
            operation = model.operation_model(name)
            value = minimal.value(operation.input_shape) if operation.input_shape else {}
            more = ["--outfile", "seed", "--bootstrap-method", "Base32StringSeed"] if name == "CreateVirtualMFADevice" else []
            answer = cli.run(service, name, value, *more)
            outcome = answer.code() or "success"
            counts[outcome] = counts.get(outcome, 0) + 1
            for problem in judge(answer, name, states.get(name, "unknown")):
                failed += 1
                print(f"{service} {name} {value}: {problem}")
    print(", ".join(f"{n} {k}" for k, n in sorted(counts.items(), key=lambda kv: -kv[1])))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
