"""Trailwarden deployed on the emulator, with a trail's bucket, and what a test does with it: bring logs, let time pass,
look at what is kept and what was filed.
"""

import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import clock
from emulator import ACCOUNT, REGION, Emulator
from stack import WATERMARK, Stack

TRAIL_BUCKET = "example-trail"
# A killed function's messages come again after so many seconds of the run's clock. The template says some minutes; less shows that
# whoever died holds what they began for as long as the code says (`HELD`, `TELLING`, `SHOWING`), and no longer.
COMES_AGAIN = 30
# An hour is worked on when so many seconds of the next are over.
SLACK = 300


@dataclass
class State:
    """What a run leaves behind, as far as it must not depend on how its messages travelled."""

    hours: dict
    findings: dict
    filed: dict


class Deployment:
    """Deploys a packed template; `forget` makes it as new."""

    def __init__(self, template):
        self.folder = Path(tempfile.mkdtemp(prefix="trailwarden-deployment-"))
        self.aws = Emulator()
        self.template = template
        self.parameters = {}
        # Milliseconds since when logs are of interest.
        self.since = 0

    def __enter__(self):
        self.aws.__enter__()
        try:
            return self.begin()
        except BaseException:
            self.aws.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def begin(self):
        """Deploys, with a trail's bucket beside it. Gives itself."""
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket=TRAIL_BUCKET)
        s3.put_bucket_notification_configuration(
            Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
        self.stack = Stack(self.aws)
        self.deploy()
        self.table, self.data = self.outputs["TableName"], self.outputs["DataBucketName"]
        self.begin_watermark()
        return self

    def begin_watermark(self):
        """As if it had run an hour ago. At its first run it asks for the entries of two weeks, hour by hour."""
        hour = int(time.time()) // clock.HOUR - 1
        self.aws.client("dynamodb").put_item(TableName=self.table, Item={
            "pk": {"S": WATERMARK[0]}, "sk": {"S": WATERMARK[1]}, "version": {"N": "1"}, "body": {"B": b"\x02" + varint(hour)}})

    def deploy(self, **parameters):
        """Deploys, or deploys again with other parameters: those given before stay."""
        self.parameters |= parameters
        self.stack.deploy(self.folder, self.template, Architecture="x86_64", TrailBucketName=TRAIL_BUCKET,
                          BulkWindowSeconds=0, **self.parameters)
        self.outputs = self.stack.outputs()
        self.again_after(COMES_AGAIN)
        self.stop_schedules()
        self.aws.functions.kill()

    def stop_schedules(self):
        """What runs by the clock is called by tests, when they mean it to: not beside them, five minutes past the hour."""
        events = self.aws.client("events")
        for page in events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                if "ScheduleExpression" in rule:
                    events.disable_rule(Name=rule["Name"])

    def __exit__(self, *_):
        try:
            self.stack.delete()
        finally:
            self.aws.__exit__()
            shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self, text):
        """What the organisation says of itself, at once: the file, what score remembers of it, and functions anew."""
        self.aws.client("s3").put_object(Bucket=self.data, Key="settings/settings.toml", Body=text.encode())
        self.aws.client("dynamodb").put_item(TableName=self.table, Item={
            "pk": {"S": "ORG"}, "sk": {"S": "SETTINGS"}, "version": {"N": "1"}, "body": {"B": text.encode()}})
        self.aws.functions.kill()

    def again_after(self, seconds):
        """How soon a message comes again whose function died."""
        for url in self.stack.queues().values():
            self.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})

    def forget(self):
        """As if nothing had happened, and far from where an hour ends."""
        self.aws.faults.calm()
        self.stack.drained()
        self.stack.purge(self.table, (TRAIL_BUCKET, self.data))
        self.aws.outside.forget()
        clock.reach_midday()
        self.since = time.time() * 1000

    # Bringing logs

    def put(self, key, body):
        """CloudTrail writes an object."""
        self.aws.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=key, Body=body)

    def put_all(self, files):
        for key, body in files:
            self.put(key, body)

    def send(self, queue, *bodies):
        """Messages onto the queue of an output: "FastQueueUrl", "BulkQueueUrl"."""
        for body in bodies:
            self.aws.client("sqs").send_message(QueueUrl=self.outputs[queue], MessageBody=body)

    def call(self, function, event):
        """Invokes the function of an output: "IngestFunctionName"."""
        return self.stack.invoke(self.outputs[function], event)

    # Letting time pass

    def settle(self):
        """Waits until nothing is under way. What IAM refuses is tried again and again: then it says so."""
        try:
            self.stack.drained()
        except TimeoutError as late:
            raise AssertionError(f"{late}; refused: {self.aws.ledger.denied()}; {self.last_errors()}") from None

    def last_errors(self):
        """What functions last said went wrong."""
        found = {}
        for name in self.stack.resources("AWS::Lambda::Function").values():
            lines = [line for at, line in self.stack.logs(name) if at >= self.since and "ERROR" in line]
            found |= {name: lines[-1]} if lines else {}
        return found

    def close(self):
        """Time passes until every hour that waits to be judged finally is judged; gives how many were."""
        self.settle()
        due = [int(partition.split("#")[1]) for partition, _ in self.stack.items(self.table) if partition.startswith("DUE#")]
        clock.reach(max(due, default=0) * clock.HOUR + SLACK)
        closed = self.call("WatermarkFunctionName", {})["hours_closed"]
        self.settle()
        return closed

    # Looking

    def state(self):
        """Hours, findings that stand, and those that Security Hub shows as active."""
        hours, findings = {}, {}
        for key, item in self.stack.items(self.table).items():
            body = item["body"]["B"]
            if key[1].startswith("HOUR#"):
                hours[key] = hour(body)
            elif key[1].startswith("FINDING#"):
                kept = finding(body)["finding"]
                if kept["status"] == "open":
                    findings[kept["id"]] = kept
        active = {name: filed for name, filed in self.aws.findings().items() if filed["RecordState"] == "ACTIVE"}
        shown = ("Title", "Description", "Severity", "ProductFields", "Resources")
        filed = {name: {field: one[field] for field in shown} for name, one in active.items()}
        return State(hours, findings, filed)

    def quarantined(self):
        """What was put aside, with its reason."""
        s3 = self.aws.client("s3")
        keys = self.stack.keys(self.data, "quarantine/")
        return [json.loads(s3.get_object(Bucket=self.data, Key=key)["Body"].read()) for key in keys]

    def alerts(self):
        """How often people were sent each message."""
        counts = {}
        for body in self.aws.ledger.bodies("Publish"):
            counts[body] = counts.get(body, 0) + 1
        return counts

    def policy(self, role):
        """What a role may do: {action}."""
        iam = self.aws.client("iam")
        actions = set()
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for statement in document["Statement"]:
                if statement["Effect"] == "Deny":
                    continue
                listed = statement["Action"]
                actions |= {listed} if isinstance(listed, str) else set(listed)
        return actions


def varint(number):
    """As postcard writes it."""
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def after_varint(body):
    """A number, and what is behind it."""
    number, shift = 0, 0
    for at, byte in enumerate(body):
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, body[at + 1:]
    raise ValueError("cut off")


def hour(body):
    """A kept hour without the clock hour in which it is due: what was announced of it, and its events."""
    announced, rest = after_varint(bytes(body)[1:])
    _, events = after_varint(rest)
    return announced, events


def finding(body):
    """A kept finding."""
    length, rest = after_varint(bytes(body)[1:])
    return json.loads(rest[:length])


def now():
    return datetime.now(timezone.utc)


def place():
    return ACCOUNT, REGION
