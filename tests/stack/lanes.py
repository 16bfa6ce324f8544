"""Ways in: every lane that brings logs, and what comes by them that cannot be read."""

import base64
import gzip
import json
from datetime import timedelta

import stacked
from deployment import TRAIL_BUCKET, now
from stack import ROOT
from stacked import Stacked
from trail import Principal, Trail

EVENTS = ROOT / "events"


class Lanes(Stacked):
    """Whatever brings logs, an attack in them becomes findings, an alert and an incident."""

    def attack(self, number):
        trail, principal = Trail(number), Principal(f"lane-{number}")
        return principal, trail.attack("stolen-key", principal, now() - timedelta(minutes=20))

    def assert_found(self, principal):
        found = {one["GeneratorId"] for one in self.findings_about(principal)}
        for detector in ("evasion", "persistence", "logging-weakened"):
            self.assertIn(f"trailwarden/{detector}", found, principal.name)
        alerts = " ".join(body.decode() for body in stacked.deployed.aws.ledger.bodies("Publish"))
        self.assertIn(principal.name, alerts)
        items = stacked.deployed.stack.items(stacked.deployed.table)
        incidents = [key for key in items if key[0].endswith(principal.arn) and key[1].startswith("INCIDENT#")]
        self.assertTrue(incidents, principal.name)

    def brought(self, number, bring):
        principal, records = self.attack(number)
        bring(records)
        stacked.deployed.settle()
        self.assert_found(principal)
        self.assert_filed_well()

    def test_an_object_of_the_trail(self):
        self.brought(1, lambda records: stacked.deployed.put_all(Trail(1).files(records)))

    def test_calls_from_eventbridge(self):
        """What the fast lane's rules put on its queue, in CloudTrail's envelope."""
        envelope = json.loads((EVENTS / "ingest-eventbridge.json").read_text())
        self.brought(2, lambda records: stacked.deployed.send(
            "FastQueueUrl", *(json.dumps(envelope | {"detail": record}) for record in records)))

    def test_an_object_announced_by_s3_itself(self):
        def bring(records):
            for key, body in Trail(3).files(records):
                key = key.replace("AWSLogs/", "AWSLogs/o-exampleorg1/")
                stacked.deployed.aws.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=key, Body=body)
                entity = {"bucket": {"name": TRAIL_BUCKET}, "object": {"key": key}}
                stacked.deployed.send("BulkQueueUrl", json.dumps({"Records": [{"eventSource": "aws:s3", "s3": entity}]}))
        self.brought(3, bring)

    def test_an_object_announced_by_a_topic(self):
        def bring(records):
            for key, body in Trail(4).files(records):
                stacked.deployed.aws.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=key, Body=body)
                word = json.dumps({"s3Bucket": TRAIL_BUCKET, "s3ObjectKey": [key]})
                stacked.deployed.send("BulkQueueUrl", json.dumps({"Type": "Notification", "Message": word}))
        self.brought(4, bring)

    def test_a_stream_a_log_group_and_a_delivery_stream(self):
        """Invoked as Kinesis, CloudWatch Logs and Firehose invoke it."""
        for number, sample in enumerate(("kinesis", "cloudwatch-logs", "firehose"), 5):
            with self.subTest(sample):
                principal, records = self.attack(number)
                answer = stacked.deployed.call("IngestFunctionName", envelopes(sample, records))
                if sample == "firehose":
                    self.assertEqual({one["result"] for one in answer["records"]}, {"Ok"})
                stacked.deployed.settle()
                self.assert_found(principal)

    def test_a_backfill_finds_the_past_and_wakes_nobody(self):
        principal = Principal("of-last-week")
        trail = Trail(9)
        old = now() - timedelta(days=3)
        records = trail.day_of_work([principal], 20, 3, old - timedelta(days=1))
        records += trail.attack("stolen-key", principal, old)
        # The objects were there before we were: nobody announced them.
        notifications = stacked.deployed.aws.client("s3").put_bucket_notification_configuration
        notifications(Bucket=TRAIL_BUCKET, NotificationConfiguration={})
        stacked.deployed.put_all(trail.files(records, 40))
        notifications(Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
        request = {"bucket": TRAIL_BUCKET, "prefix": "", "days": 7}
        progress = stacked.deployed.call("BackfillFunctionName", request)
        self.assertTrue(progress["is_done"], progress)
        self.assertEqual(progress["objects"], len(stacked.deployed.stack.keys(TRAIL_BUCKET)))
        stacked.deployed.settle()
        self.assertTrue(self.findings_about(principal))
        self.assertEqual(stacked.deployed.aws.ledger.bodies("Publish"), [], "it is old")
        found = stacked.deployed.state()
        again = stacked.deployed.call("BackfillFunctionName", request)
        self.assertEqual(again["objects"], progress["objects"], "one that is done begins anew")
        stacked.deployed.settle()
        self.assertEqual(stacked.deployed.state(), found, "and changes nothing")


def envelopes(sample, records):
    """Records as a sample event carries them."""
    text = [json.dumps(record).encode() for record in records]
    event = json.loads((EVENTS / f"ingest-{sample}.json").read_text())
    if sample == "kinesis":
        one = event["Records"][0]
        event["Records"] = [one | {"kinesis": one["kinesis"] | {"data": base64.b64encode(body).decode()}} for body in text]
    elif sample == "firehose":
        event["records"] = [{"recordId": str(at), "data": base64.b64encode(body).decode()} for at, body in enumerate(text)]
    else:
        logs = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
        logs["logEvents"] = [{"id": str(at), "timestamp": 1, "message": body.decode()} for at, body in enumerate(text)]
        event["awslogs"]["data"] = base64.b64encode(gzip.compress(json.dumps(logs).encode())).decode()
    return event


class Poison(Stacked):
    """What cannot be read is kept with its reason, once; its neighbours pass."""

    def test_a_record_in_the_middle_of_an_object(self):
        trail, principal = Trail(40), Principal("neighbour")
        records = [json.dumps(record) for record in trail.attack("stolen-key", principal, now() - timedelta(minutes=9))]
        records.insert(2, json.dumps(json.loads(records[0]) | {"eventTime": "soon"}))
        key = f"AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/poison.json.gz"
        body = gzip.compress(('{"Records":[' + ",".join(records) + "]}").encode())
        for _ in range(2):
            stacked.deployed.put(key, body)
        stacked.deployed.settle()
        [kept] = stacked.deployed.quarantined()
        self.assertEqual(kept["from"], f"s3://{TRAIL_BUCKET}/{key}")
        self.assertEqual(kept["reasons"], [{"record": 3, "reason": "eventTime is not a time"}])
        self.assertTrue(self.findings_about(principal))

    def test_a_message_that_is_no_log_and_an_object_that_is_gone(self):
        gone = json.dumps({"s3Bucket": TRAIL_BUCKET, "s3ObjectKey": ["AWSLogs/1/CloudTrail/gone.json.gz"]})
        principal = Principal("beside-nonsense")
        [record] = Trail(41).attack("stolen-key", principal, now() - timedelta(minutes=9))[1:2]
        stacked.deployed.send("FastQueueUrl", "nonsense", "nonsense", json.dumps({"detail-type": "x", "detail": record}))
        stacked.deployed.send("BulkQueueUrl", gone)
        stacked.deployed.settle()
        kept = {one["body"]: one["reasons"][0]["reason"] for one in stacked.deployed.quarantined()}
        self.assertEqual(set(kept), {"nonsense", None})
        self.assertEqual(kept[None], "the object is gone")
        self.assertTrue(self.findings_about(principal))
