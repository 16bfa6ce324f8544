"""Trailwarden as a customer deploys it: functions, `sam deploy`, and a look at what came of it.

Whatever is asked here is asked of AWS's own interfaces, never of the product: how deep queues are, what the table
holds, what functions have logged.
"""

import json
import re
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from emulator import ACCOUNT, REGION, clean_environment

ROOT = Path(__file__).resolve().parents[2]
NAME = "trailwarden"
DEPTHS = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
# cargo needs minutes for all the functions from nothing; the emulator a few seconds.
BUILDS, DEPLOYS = 3600, 600


class Failed(Exception):
    """A command did not do what it should; its output is the message."""


@dataclass(frozen=True)
class Depth:
    """How many messages a queue holds."""

    visible: int
    in_flight: int
    delayed: int

    def __int__(self):
        return self.visible + self.in_flight + self.delayed


def lay_out(folder):
    """Puts functions compiled as `cargo test` compiles where `sam build` would put them; gives the template that says so.

    To optimise the AWS SDKs takes half an hour, and nothing that is tested needs them so.
    """
    built = Path(folder) / "build"
    programs = binaries()

    def place(match):
        at = built / match[1]
        at.mkdir(parents=True)
        command(["strip", "-o", at / "bootstrap", programs[match[1]]], ROOT, None, BUILDS)
        return f"CodeUri: {at}"

    text = re.sub(r"CodeUri: functions/([\w-]+)", place, (ROOT / "template.yaml").read_text())
    (built / "template.yaml").write_text(text)
    return built / "template.yaml"


def binaries():
    """The workspace's programs as the tests' profile makes them: {name: path}."""
    printed = command(["cargo", "build", "--workspace", "--bins", "--locked", "--message-format=json"], ROOT, None, BUILDS,
                      stderr=subprocess.PIPE)
    made = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return {one["target"]["name"]: one["executable"] for one in made if one.get("executable")}


def spelt_out(built):
    """A copy for the emulator, which differs from AWS in three ways.

    It takes SendMessageBatch for an action of its own, where AWS asks for SendMessage; it asks for a right to the policy
    where AWS asks for one to the group that it is attached to or detached from; and for one to the organisation where AWS asks
    for one to its policy.
    """
    copy = Path(built).with_name("deployed.yaml")
    text = re.sub(r"sqs:SendMessage\b(?!\*)", "sqs:SendMessage*", Path(built).read_text())
    text = text.replace("iam::${AWS::AccountId}:group/*", "iam::*:*/*")
    copy.write_text(text.replace(":policy/*/service_control_policy/${DenialPolicyId}", ":organization/*"))
    return copy


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


class Stack:
    """A deployed stack."""

    def __init__(self, aws, name=NAME):
        self.aws, self.name = aws, name

    def deploy(self, folder, built, **parameters):
        """Deploys what `build` made; again, to change parameters. Returns itself.

        Capabilities and expansion of loops are samconfig.toml's own. The emulator refuses a named role without its capability.
        """
        bucket = f"{self.name}-artifacts"
        self.aws.client("s3").create_bucket(Bucket=bucket)
        arguments = ["deploy", "--template-file", spelt_out(built), "--stack-name", self.name, "--no-resolve-s3",
                     "--s3-bucket", bucket, "--region", REGION, "--no-confirm-changeset", "--no-progressbar"]
        try:
            sam(folder, arguments + overrides(parameters), {"AWS_ENDPOINT_URL": self.aws.url}, DEPLOYS)
        except Failed as failed:
            raise Failed(f"{failed}\n{json.dumps(self.failures(), indent=1)}") from None
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

    def depths(self):
        """How deep each queue is, dead letters included: {name: Depth}."""
        return {name: self.depth(url) for name, url in self.queues().items()}

    def depth(self, url):
        """How deep one queue is."""
        attributes = self.attributes(url)
        return Depth(**{key: int(attributes.get(attribute, 0)) for key, attribute in DEPTHS.items()})

    def dead_letter_queues(self):
        """Names of the queues that others give up to: queues, rules' targets, subscriptions."""
        policies = [self.attributes(url).get("RedrivePolicy", "{}") for url in self.queues().values()]
        named = {json.loads(policy).get("deadLetterTargetArn", "").rpartition(":")[2] for policy in policies}
        return {name for name in self.queues() if name in named or re.search("dlq|dead", name, re.IGNORECASE)}

    def dead_letters(self):
        """Messages that were given up: {queue: how many}, of queues that hold any."""
        depths = self.depths()
        return {name: int(depths[name]) for name in self.dead_letter_queues() if int(depths[name])}

    def drained(self, quiet=1.0, looks=5, timeout=600.0):
        """Waits until nothing was under way for some seconds and looks: no message but dead letters, no call by a function.

        Else tells how deep the queues are. On a slow machine the looks take longer, as does whatever they look for.
        """
        dead, deadline = self.dead_letter_queues(), time.monotonic() + timeout
        alive = {name: url for name, url in self.queues().items() if name not in dead}
        since, seen, calls = time.monotonic(), 0, len(self.aws.ledger)
        while True:
            left = {name: depth for name, url in alive.items() if int(depth := self.depth(url))}
            now, made = time.monotonic(), len(self.aws.ledger)
            if left or made != calls:
                since, seen, calls = now, 0, made
            seen += 1
            if seen > looks and now - since >= quiet:
                return now
            if now > deadline:
                raise TimeoutError(f"queues do not empty: {left}" if left else "functions go on calling, and no queue holds anything")
            time.sleep(0.1)

    def redrive(self):
        """Sends dead letters back to where they came from, as an operator does; gives how many."""
        sqs, sources, moved = self.aws.client("sqs"), self._sources(), 0
        for name, source in sources.items():
            queue = self.queues()[name]
            while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                for message in messages:
                    sqs.send_message(QueueUrl=source, MessageBody=message["Body"])
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                    moved += 1
        return moved

    def _sources(self):
        """Which queue gives up to which: {dead letter queue: URL of the source}."""
        found = {}
        for url in self.queues().values():
            policy = json.loads(self.attributes(url).get("RedrivePolicy", "{}"))
            found[policy.get("deadLetterTargetArn", "").rpartition(":")[2]] = url
        return {name: url for name, url in found.items() if name in self.queues()}

    def items(self, table):
        """All items of a table, by (pk, sk). Only the test scans."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}

    def purge(self, table, buckets=()):
        """As if nothing had happened: no items, messages, findings, objects. Functions stay warm."""
        for url in self.queues().values():
            self.aws.client("sqs").purge_queue(QueueUrl=url)
        self.delete_items(table, list(self.items(table)))
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
        for key in self.keys(bucket):
            self.aws.client("s3").delete_object(Bucket=bucket, Key=key)

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
