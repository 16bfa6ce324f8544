"""Trailwarden as a customer deploys it: functions, `sam deploy`, and a look at what came of it.

Whatever is asked here is asked of AWS's own interfaces or of the emulator, never of the product: which messages wait, what the
table holds, what functions have logged.
"""

import json
import os
import re
import subprocess
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import clock
from emulator import ACCOUNT, REGION, clean_environment

ROOT = Path(__file__).resolve().parents[2]
NAME = "trailwarden"
# Nobody is at work if nothing changed for so many seconds and looks: on a slow machine looks take longer, as does what they
# look for. While messages are left, for longer than a function waits before it tries a call again.
QUIET, STUCK, LOOKS = 0.7, 2.0, 6
# How far the watermark has come.
WATERMARK = ("ORG", "WATERMARK")
# cargo needs minutes for all the functions from nothing; the emulator a few seconds.
BUILDS, DEPLOYS = 3600, 600


class Failed(Exception):
    """A command did not do what it should; its output is the message."""


def lay_out(folder):
    """Puts functions compiled as `cargo test` compiles where `sam build` would put them; gives the template that says so.

    To optimise the AWS SDKs takes half an hour, and nothing that is tested needs them so.
    """
    built = Path(folder) / "build"
    programs = compiled()

    def place(match):
        at = built / match[1]
        at.mkdir(parents=True)
        command(["strip", "-o", at / "bootstrap", programs[match[1]]], ROOT, None, BUILDS)
        return f"CodeUri: {at}"

    text = re.sub(r"CodeUri: functions/([\w-]+)", place, (ROOT / "template.yaml").read_text())
    (built / "template.yaml").write_text(text)
    return built / "template.yaml"


def compiled(are_tests=False):
    """Programs of the workspace, or its test programs: {name: path}.

    By the call of `tests/run`: with other targets cargo would choose other features, and compile the SDKs once more.
    """
    words = ["cargo", "build", "--workspace", "--bins", "--tests", "--locked", "--message-format=json"]
    printed = command(words, ROOT, clock.without(os.environ), BUILDS, stderr=subprocess.PIPE)
    made = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return {one["target"]["name"]: one["executable"] for one in made
            if one.get("executable") and one["profile"]["test"] == are_tests}


def packed(built, folder):
    """A copy of a built template for emulators, whose functions are packed once for all deployments.

    The emulator differs from AWS in three ways. It takes SendMessageBatch for an action of its own, where AWS asks for SendMessage; it asks for a right to the policy
    where AWS asks for one to the group that it is attached to or detached from; and for one to the organisation where AWS asks
    for one to its policy.
    """
    copy = Path(folder) / "deployed.yaml"
    text = Path(built).read_text()
    functions = re.findall(r"CodeUri: (\S+)", text)
    with ThreadPoolExecutor(os.cpu_count()) as packing:
        archives = dict(zip(functions, packing.map(lambda name: zipped(Path(built).parent / name, folder), functions)))
    text = re.sub(r"CodeUri: (\S+)", lambda found: f"CodeUri: {archives[found[1]]}", text)
    text = re.sub(r"sqs:SendMessage\b(?!\*)", "sqs:SendMessage*", text)
    text = text.replace("iam::${AWS::AccountId}:group/*", "iam::*:*/*")
    copy.write_text(text.replace(":policy/*/service_control_policy/${DenialPolicyId}", ":organization/*"))
    return copy


def zipped(function, folder):
    """Packs a function's program; for speed, hardly smaller than it is."""
    archive = Path(folder) / f"{function.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packing:
        packing.write(function / "bootstrap", "bootstrap")
    return archive


def sam(folder, arguments, environment, timeout):
    """Runs sam with the project's samconfig.toml, as people do."""
    words = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "test",
             "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    arguments = [*arguments, "--config-file", ROOT / "samconfig.toml"]
    return command(["sam", *arguments], folder, clean_environment() | words | environment, timeout)


def command(words, folder, environment, timeout, stderr=subprocess.STDOUT):
    """Runs a command to its end; gives what it printed, also as the reason if it fails."""
    words = list(map(str, words))
    done = subprocess.run(words, env=environment, cwd=folder, timeout=timeout, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=stderr, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}\n{done.stdout}\n{done.stderr or ''}")
    return done.stdout


def overrides(parameters):
    words = [f"{name}={value}" for name, value in parameters.items()]
    return ["--parameter-overrides", *words] if words else []


class Still:
    """For how long nobody has been at work."""

    def __init__(self):
        self._seen, self._since, self._looks = None, 0.0, 0

    def seconds(self, left, work):
        """Since when both are as they are now; 0 before they were looked at often enough, and while somebody is at work."""
        if work is None or (left, work) != self._seen:
            self._seen, self._since, self._looks = (left, work), time.monotonic(), 0
        self._looks += 1
        return time.monotonic() - self._since if self._looks > LOOKS else 0.0


class Stack:
    """A deployed stack."""

    def __init__(self, aws, name=NAME):
        self.aws, self.name, self._dead = aws, name, None

    def deploy(self, folder, template, **parameters):
        """Deploys what was packed; again, to change parameters. Returns itself.

        Capabilities and expansion of loops are samconfig.toml's own. The emulator refuses a named role without its capability.
        """
        bucket = f"{self.name}-artifacts"
        self.aws.client("s3").create_bucket(Bucket=bucket)
        arguments = ["deploy", "--template-file", template, "--stack-name", self.name, "--no-resolve-s3",
                     "--s3-bucket", bucket, "--region", REGION, "--no-confirm-changeset", "--no-progressbar"]
        try:
            sam(folder, arguments + overrides(parameters), {"AWS_ENDPOINT_URL": self.aws.url}, DEPLOYS)
        except Failed as failed:
            raise Failed(f"{failed}\n{json.dumps(self.failures(), indent=1)}") from None
        self._dead = None
        return self

    def delete(self):
        """Takes the stack away again."""
        client = self.aws.client("cloudformation")
        client.delete_stack(StackName=self.name)
        client.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def failures(self):
        """Which resources could not be made, and why."""
        events = []
        with suppress(Exception):
            events = self.aws.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return {event["LogicalResourceId"]: event.get("ResourceStatusReason", "")
                for event in events if "FAILED" in event["ResourceStatus"]}

    def outputs(self):
        """The stack's outputs."""
        stack = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def resources(self, kind=None):
        """Physical ids by logical id, of one type: `resources("AWS::SQS::Queue")`."""
        pages = self.aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"]
                for resource in found if kind in (None, resource["ResourceType"])}

    def queues(self):
        """Queue names and URLs."""
        urls = self.aws.client("sqs").list_queues(MaxResults=1000).get("QueueUrls", [])
        return {url.rpartition("/")[2]: url for url in urls}

    def attributes(self, url):
        return self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def dead_letter_queues(self):
        """Names of the queues that others give up to: queues, rules' targets, subscriptions. Asked once a deployment."""
        if self._dead is None:
            queues = self.queues()
            policies = [self.attributes(url).get("RedrivePolicy", "{}") for url in queues.values()]
            named = {json.loads(policy).get("deadLetterTargetArn", "").rpartition(":")[2] for policy in policies}
            self._dead = {name for name in queues if name in named or re.search("dlq|dead", name, re.IGNORECASE)}
        return self._dead

    def dead_letters(self):
        """Messages that were given up: {queue: how many}, of queues that hold any."""
        messages = self.aws.messages()
        return {name: len(messages[name]) for name in self.dead_letter_queues() & messages.keys()}

    def left(self):
        """Messages that wait or are worked on: {queue: until when each is hidden}. Dead letters are not among them."""
        dead = self.dead_letter_queues()
        return {name: hidden for name, hidden in self.aws.messages().items() if name not in dead}

    def drained(self, timeout=600.0):
        """Waits until no message is left but dead letters, and no function is at work.

        Messages whose function died or refused them are hidden for a while. As soon as nobody is at work and only such messages
        are left, the clock is moved on to when the first of them can be received again.
        """
        deadline, still = time.monotonic() + timeout, Still()
        while True:
            left = self.left()
            seconds = still.seconds(left, self.aws.work())
            if not left and seconds > QUIET:
                return
            if left and seconds > STUCK and (again := min(min(hidden) for hidden in left.values())):
                clock.reach(again + 1)
                still = Still()
            if time.monotonic() > deadline:
                raise TimeoutError(f"queues do not empty: {left}" if left else "functions go on, and no queue holds anything")
            time.sleep(0.05)

    def items(self, table):
        """All items of a table, by (pk, sk). Only the test scans."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}

    def purge(self, table, buckets=()):
        """As if nothing had happened: no items, messages, findings, objects. Functions stay warm, and hours that are closed closed."""
        queues = self.queues()
        for name in self.aws.messages():
            self.aws.client("sqs").purge_queue(QueueUrl=queues[name])
        self.delete_items(table, [key for key in self.items(table) if key != WATERMARK])
        for bucket in buckets:
            self.empty(bucket)
        self.aws.forget_findings()
        self.aws.ledger.clear()

    def delete_items(self, table, keys, at_once=25):
        """Deletes items by their (pk, sk)."""
        for first in range(0, len(keys), at_once):
            few = [{"pk": {"S": partition}, "sk": {"S": sort}} for partition, sort in keys[first:first + at_once]]
            deletes = [{"DeleteRequest": {"Key": key}} for key in few]
            self.aws.client("dynamodb").batch_write_item(RequestItems={table: deletes})

    def empty(self, bucket):
        """Deletes a bucket's objects."""
        keys = [{"Key": key} for key in self.keys(bucket)]
        for first in range(0, len(keys), 1000):
            self.aws.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": keys[first:first + 1000], "Quiet": True})

    def keys(self, bucket, prefix=""):
        """Keys of a bucket's objects."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def invoke(self, function, event):
        """Calls a function and waits: its answer, or an error with its words."""
        answer = self.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise Failed(json.dumps(payload))
        return payload

    def logs(self, function):
        """Lines that a function has logged, as (milliseconds, line)."""
        client = self.aws.client("logs")
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
        with suppress(client.exceptions.ResourceNotFoundException):
            return [(event["timestamp"], event["message"]) for page in pages for event in page["events"]]
        return []

    def arn(self, service, name):
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"
