"""Every operation of every service, with the smallest valid input, with each
member more, with each text nasty, and with each member beyond its bounds.

usage: probe.py SPEC POPULATION SERVICE...

The call succeeds, or fails with an error that the model lists. What SPEC (the
folder spec/) calls absent says NotImplemented, and nothing else does.

POPULATION is a scenario that is run first; its variables are the values of the
members that have their names. What takes things away comes last.
"""

import json
import pathlib
import sys

import minimal
from program import Program, index
from scenario import Scenario


# What the AWS CLI has no command for, or one of its own that takes no JSON.
NO_COMMAND = {("logs", "GetLogObject"), ("logs", "StartLiveTail")}
# Members for which the CLI signs with Signature Version 4a.
SIGNED_4A = {("events", "PutEvents"): "EndpointId"}

# Beginnings of the names of operations that take something away.
TAKES = ("Close", "Delete", "Deactivate", "Deregister", "Detach", "Disable", "Leave", "Remove", "Reset", "Untag")


def judge(answer, operation, state):
    found = answer.problems()
    absent = answer.code() == "NotImplemented"
    if absent != (state == "absent"):
        found.append(f"is {state}, and answers {answer.code() or 'success'}")
    if absent and operation not in answer.err:
        found.append(f"NotImplemented does not name it: {answer.err.strip()}")
    return found


class Probe:
    def __init__(self, known):
        self.cli, self.known, self.failed, self.counts = Program(), known, 0, {}

    def call(self, service, name, state, value):
        """The answer's code; what is wrong with it is printed."""
        more = ["--outfile", "seed", "--bootstrap-method", "Base32StringSeed"] if name == "CreateVirtualMFADevice" else []
        answer = self.cli.run(service, name, value, *more)
        code = answer.code()
        self.counts[code or "success"] = self.counts.get(code or "success", 0) + 1
        for problem in judge(answer, name, state):
            self.fail(service, name, value, problem)
        return code

    def fail(self, service, name, value, problem):
        self.failed += 1
        print(f"{service} {name} {json.dumps(value)[:200]}: {problem}")

    def operation(self, service, model, state):
        """The smallest input; if it is real, each wider one, each nasty one, and
        each one beyond the model's bounds, which must be refused."""
        shape = model.input_shape
        if (service, model.name) in NO_COMMAND:
            return
        self.call(service, model.name, state, minimal.value(shape, self.known) if shape else {})
        if shape is None or state != "real":
            return
        for value in (*minimal.wider(shape, self.known), *minimal.hostile(shape, self.known)):
            if SIGNED_4A.get((service, model.name)) in value:
                continue
            self.call(service, model.name, state, value)
        for member, value in minimal.beyond(shape, self.known):
            if SIGNED_4A.get((service, model.name)) in value:
                continue
            if not self.call(service, model.name, state, value):
                self.fail(service, model.name, value, f"{member} is beyond its bounds and taken")


def main():
    spec, population, services = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    populate = Scenario(population, {})
    probe = Probe(populate.variables)
    probe.failed += populate.run()
    todo = [(s, n) for s in services for n in probe.cli.model(s).operation_names]
    for service, name in sorted(todo, key=lambda o: o[1].startswith(TAKES)):
        probe.operation(service, probe.cli.model(service).operation_model(name), index(spec, service).get(name, "unknown"))
    print(", ".join(f"{n} {k}" for k, n in sorted(probe.counts.items(), key=lambda kv: -kv[1])))
    sys.exit(1 if probe.failed else 0)


if __name__ == "__main__":
    main()
