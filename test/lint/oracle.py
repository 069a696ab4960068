"""Runs parliament on policies, for lint_test.go.

Reads lines of JSON, {"name", "policy": text}; with the folder of policy_sentry's
sources as argument it first gives itself the policies in its tests. Writes one
line for each: {"name", "policy", "findings": [{"issue", "text"}]}.
"""

import ast
import json
import pathlib
import sys
import warnings

warnings.filterwarnings("ignore")
import parliament  # noqa: E402


def literal(node):
    """The value of an expression that is a policy, or None."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "Statement" in value else None


def written(folder):
    """The policies that stand in Python sources, in their order."""
    for path in sorted(pathlib.Path(folder).rglob("*.py")):
        count = 0
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                value = literal(node)
                if value is not None:
                    count += 1
                    yield f"{path.relative_to(folder)} {count}", json.dumps(value)


def findings(text):
    try:
        policy = parliament.analyze_policy_string(text)
    except Exception as err:  # it raises what it does not expect
        return [{"issue": "EXCEPTION", "text": str(err)}]
    return [{"issue": f.issue, "text": str(f.location.get("string") or f.detail or "")} for f in policy.findings]


def answer(name, text):
    print(json.dumps({"name": name, "policy": text, "findings": findings(text)}), flush=True)


for name, text in written(sys.argv[1]):
    answer(name, text)
print(json.dumps({}), flush=True)
for line in sys.stdin:
    case = json.loads(line)
    answer(case["name"], case["policy"])
