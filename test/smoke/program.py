"""The AWS CLI in this process, and what its calls got as answers.

A start of the CLI takes a second; there are hundreds of calls. The driver is
the CLI's own, with its own arguments, and one driver belongs to one identity.
"""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import sysconfig

# The CLI brings models of its own, older than those of the botocore that boto3
# uses and without some services. It reads newer ones where AWS_DATA_PATH says.
os.environ["AWS_DATA_PATH"] = str(pathlib.Path(sysconfig.get_path("purelib"), "botocore", "data"))

from awscli.clidriver import create_clidriver  # noqa: E402: reads the variable when it is imported
from botocore import xform_name  # noqa: E402: the CLI's own, once it is there
from recorder import Recorder  # noqa: E402


def index(folder, service):
    """Operations and their states, as spec/ has them."""
    text = (pathlib.Path(folder) / (service.replace("-", "") + ".txt")).read_text(encoding="utf-8")
    return {w[0]: w[1] for w in (line.split(" ", 2) for line in text.splitlines())}


@dataclasses.dataclass
class Answer:
    """What one run of the CLI did."""

    calls: list
    out: str
    err: str
    exit: int

    def code(self):
        return self.calls[-1].error() if self.calls else "no call"

    def value(self):
        """The answer: what was parsed, and what the CLI made of it."""
        printed = json.loads(self.out) if self.out.strip() else {}
        return {**self.calls[-1].parsed, **printed}

    def problems(self):
        found = [p for c in self.calls for p in c.problems()]
        if not self.calls:
            found.append(f"the CLI made no call: {self.err.strip() or self.exit}")
        elif (self.calls[-1].status >= 300) != (self.exit != 0):
            found.append(f"status {self.calls[-1].status}, exit status {self.exit}: {self.err.strip()}")
        return found


class Program:
    """The AWS CLI with the credentials of one identity."""

    def __init__(self, credentials=None):
        before = {n: os.environ.pop(n, None) for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
        own = before if credentials is None else {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials.get("SessionToken"),
        }
        try:
            os.environ.update({n: v for n, v in own.items() if v})
            self.driver = create_clidriver()
            self.session = self.driver.session
            self.session.get_credentials()
        finally:
            for n, v in before.items():
                os.environ.pop(n, None)
                if v:
                    os.environ[n] = v
        self.clients = {}
        self.recorder = Recorder(self.session)
        # The rules of endpoints take no other address for Sign-In's control plane.
        self.session.register("before-sign.signin", self._turn)
        self._create, self.session.create_client = self.session.create_client, self._client

    def _client(self, name, **options):
        key = (name, *sorted((k, str(v)) for k, v in options.items()))
        if key not in self.clients:
            self.clients[key] = self._create(name, **options)
        return self.clients[key]

    def _turn(self, request, **_):
        request.url = request.url.replace("https://signin.us-east-1.api.aws", os.environ["AWS_ENDPOINT_URL"])

    def model(self, service):
        return self.session.get_service_model(service)

    def run(self, service, operation, value, *more):
        """aws SERVICE OPERATION --cli-input-json VALUE, or with MORE, one --option
        for each member of VALUE and MORE: commands with an option of their own to
        write a file take no input as JSON, and JSON has no bytes of a file."""
        self.recorder.calls = []
        out, err = io.StringIO(), io.StringIO()
        options = ["--cli-input-json", json.dumps(value)]
        if more or any(isinstance(v, str) and v.startswith("fileb://") for v in value.values()):
            options = [w for n, v in value.items() for w in ("--" + xform_name(n, "-"), v if isinstance(v, str) else json.dumps(v))]
        arguments = [service, xform_name(operation, "-"), "--output", "json", *options, *more]
        if service == "sqs":  # of which version 1 of the CLI knows better than AWS_ENDPOINT_URL
            arguments += ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = self.driver.main(arguments)
            except SystemExit as e:  # how the CLI's parser of arguments ends
                status = e.code
        # The CLI adds its handlers at each start; here it starts once.
        self.driver._emit_session_event = lambda *_: None
        return Answer(self.recorder.calls, out.getvalue(), err.getvalue(), status)
