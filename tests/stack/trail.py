"""CloudTrail records and log files, as AWS writes them, of an organisation that does not exist.

Everything comes from a seeded generator and given times, so that a run can be repeated to the byte.
"""

import gzip
import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

# The account that is watched; the one that watches is the emulator's own.
WATCHED, REGION = "111122223333", "us-east-1"
OFFICE, FOREIGN = "203.0.113.", "198.51.100.77"
LAPTOP = "aws-cli/2.17.44 md/Botocore#1.35.10 ua/2.0 os/macos#23.6.0 md/arch#arm64 lang/python#3.11.9"
PIPELINE = "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 aws-sdk-go-v2/1.30.4 os/linux lang/go#1.22.6"
STRANGER = "aws-cli/2.9.19 Python/3.9.16 Linux/6.1.0-kali5-amd64 exe/x86_64.kali.2023 prompt/off"
# What everybody does all day: service, call, is it a read.
WORK = [
    ("ec2", "DescribeInstances", True), ("ec2", "DescribeSecurityGroups", True), ("s3", "ListBuckets", True),
    ("s3", "GetBucketLocation", True), ("logs", "DescribeLogGroups", True), ("sts", "GetCallerIdentity", True),
    ("cloudwatch", "DescribeAlarms", True), ("lambda", "ListFunctions20150331", True), ("sqs", "ListQueues", True),
    ("dynamodb", "DescribeTable", True), ("ec2", "CreateTags", False), ("logs", "CreateLogStream", False),
]


@dataclass
class Principal:
    """Somebody who acts: a user with a key, or a role that a service or a person took on."""

    name: str
    kind: str = "user"
    account: str = WATCHED
    address: str = OFFICE + "10"
    agent: str = LAPTOP
    key: str = field(default="")

    def __post_init__(self):
        prefix = "AKIA" if self.kind == "user" else "ASIA"
        self.key = self.key or prefix + uuid.uuid5(uuid.NAMESPACE_URL, self.arn).hex[:16].upper()

    @property
    def arn(self):
        return f"arn:aws:iam::{self.account}:{self.kind}/{self.name}"

    def identity(self, since):
        """`userIdentity`, in the form that its kind has."""
        mark = uuid.uuid5(uuid.NAMESPACE_URL, self.arn).hex[:17].upper()
        if self.kind == "user":
            return {"type": "IAMUser", "principalId": "AIDA" + mark, "arn": self.arn, "accountId": self.account,
                    "accessKeyId": self.key, "userName": self.name}
        issuer = {"type": "Role", "principalId": "AROA" + mark, "arn": self.arn, "accountId": self.account,
                  "userName": self.name}
        context = {"sessionIssuer": issuer, "attributes": {"creationDate": since, "mfaAuthenticated": "false"}}
        return {"type": "AssumedRole", "principalId": f"AROA{mark}:{self.name}-session",
                "arn": f"arn:aws:sts::{self.account}:assumed-role/{self.name}/{self.name}-session",
                "accountId": self.account, "accessKeyId": self.key, "sessionContext": context}


def staff(users=3, roles=2, account=WATCHED):
    """People at their desks, and pipelines."""
    people = [Principal(f"person-{n}", account=account, address=f"{OFFICE}{10 + n}") for n in range(users)]
    return people + [Principal(f"deploy-{n}", "role", account, f"{OFFICE}{100 + n}", PIPELINE) for n in range(roles)]


class Trail:
    """Writes records; the same seed writes the same ones."""

    def __init__(self, seed=1, region=REGION):
        self.random, self.region = random.Random(seed), region

    def identifier(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def record(self, principal, event, at, parameters=None, response=None, error=None, **more):
        """One record. `event` is "iam:CreateUser"; `at` a datetime; `more` replaces fields by CloudTrail's names."""
        service, _, name = event.partition(":")
        identity = principal.identity(stamp(at.replace(minute=0, second=0)))
        record = {
            "eventVersion": "1.11", "userIdentity": identity, "eventTime": stamp(at),
            "eventSource": f"{service}.amazonaws.com", "eventName": name, "awsRegion": self.region,
            "sourceIPAddress": principal.address, "userAgent": principal.agent,
            "requestParameters": parameters, "responseElements": response,
            "requestID": self.identifier(), "eventID": self.identifier(), "readOnly": False,
            "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": principal.account,
            "eventCategory": "Management",
            "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
                           "clientProvidedHostHeader": f"{service}.{self.region}.amazonaws.com"},
        }
        if error:
            record |= {"errorCode": error, "errorMessage": f"User: {identity['arn']} is not authorized"}
        return record | more

    def day_of_work(self, principals, hours, events_per_hour, start):
        """Innocent work: every principal in every hour does about so many of the same few things."""
        records = []
        for principal in principals:
            habits = self.random.sample(WORK, 6)
            for hour in range(hours):
                for _ in range(max(1, round(self.random.gauss(events_per_hour, events_per_hour / 8)))):
                    at = start + timedelta(hours=hour, seconds=self.random.randrange(3600))
                    service, name, is_read = self.random.choice(habits)
                    records.append(self.record(principal, f"{service}:{name}", at, readOnly=is_read))
        return sorted(records, key=lambda record: record["eventTime"])

    def attack(self, kind, principal, at):
        """What an attacker does with a stolen key; `kind` names one of `ATTACKS`."""
        stranger = Principal(principal.name, principal.kind, principal.account, FOREIGN, STRANGER, principal.key)
        return [self.record(stranger, event, at + timedelta(seconds=20 * nth), parameters, response, readOnly=is_read)
                for nth, (event, parameters, response, is_read) in enumerate(ATTACKS[kind](self, stranger))]

    def files(self, records, most=500):
        """Log files as (key, gzip bytes): one Region, account and day to a file, and at most so many records."""
        groups = {}
        for record in records:
            place = (record["recipientAccountId"], record["awsRegion"], record["eventTime"][:10])
            groups.setdefault(place, []).append(record)
        for place, group in sorted(groups.items()):
            for first in range(0, len(group), most):
                few = group[first:first + most]
                yield self.key(*place, few[-1]["eventTime"]), log_file(few)

    def key(self, account, region, day, last):
        """Where CloudTrail puts a file."""
        letters = "".join(self.random.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=16))
        minute = last[:16].replace("-", "").replace(":", "") + "Z"
        folder = f"AWSLogs/{account}/CloudTrail/{region}/{day.replace('-', '/')}"
        return f"{folder}/{account}_CloudTrail_{region}_{minute}_{letters}.json.gz"


def stolen_key(trail, stranger):
    """Blinds the trail, then makes a second way in and gives it everything."""
    yield "sts:GetCallerIdentity", None, None, True
    yield "cloudtrail:StopLogging", {"name": "organization-trail"}, None, False
    key = {"userName": "build-bot", "accessKeyId": "AKIA" + trail.identifier().replace("-", "")[:16].upper(),
           "status": "Active", "createDate": "Mar 2, 2026 10:00:00 AM"}
    yield "iam:CreateAccessKey", {"userName": "build-bot"}, {"accessKey": key}, False
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    yield "iam:AttachUserPolicy", {"userName": "build-bot", "policyArn": policy}, None, False


ATTACKS = {"stolen-key": stolen_key}


def log_file(records):
    """A log file's bytes: the same records, the same bytes."""
    return gzip.compress(json.dumps({"Records": records}, separators=(",", ":")).encode(), 6, mtime=0)


def stamp(at):
    """CloudTrail's way to write a time."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def hours_ago(hours):
    """A whole hour in the past."""
    return datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
