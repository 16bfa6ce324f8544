"""The deployed-stack test: the template, the functions and IAM as they are deployed, with logs coming in by every lane.

Run by `bash tests/run`. It deploys with sam to an emulator of AWS on this machine, and leaves nothing. Functions are compiled
as the other tests are; `TRAILWARDEN_BUILT=.aws-sam/build/template.yaml` takes what `sam build` made, for figures that count.
"""

import json
import os
import subprocess
import sys
import threading
import time
import unittest
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import figures
import responses
import seen
import stacked
from deployment import TRAIL_BUCKET, Deployment, now, place
from stack import ROOT
from stacked import Stacked, calls, exercised
from trail import FOREIGN, STRANGER, WORK, Principal, Trail, staff, stamp

EVENTS = ROOT / "events"
HOURS_OF_WORK = 26
# Loss of an answer, or death between sending and recording: the one case in which something may be told twice.
MAY_REPEAT = True

deployed = None


def setUpModule():
    global deployed
    built = os.environ.get("TRAILWARDEN_BUILT")
    started = time.monotonic()
    deployed = stacked.deployed = Deployment(Path(built).resolve() if built else None).__enter__()
    if not built:
        figures.say("functions", "compiled as tests are: their times, sizes and dollars say little of those that sam build makes")
    figures.say("built and deployed", f"{time.monotonic() - started:.0f} s")


def tearDownModule():
    deployed.__exit__()


class Lanes(Stacked):
    """Whatever brings logs, an attack in them becomes findings, an alert and an incident."""

    def attack(self, number):
        trail, principal = Trail(number), Principal(f"lane-{number}")
        return principal, trail.attack("stolen-key", principal, now() - timedelta(minutes=20))

    def assert_found(self, principal):
        found = {one["GeneratorId"] for one in self.findings_about(principal)}
        for detector in ("evasion", "persistence", "logging-weakened"):
            self.assertIn(f"trailwarden/{detector}", found, principal.name)
        alerts = " ".join(body.decode() for body in deployed.aws.ledger.bodies("Publish"))
        self.assertIn(principal.name, alerts)
        items = deployed.stack.items(deployed.table)
        incidents = [key for key in items if key[0].endswith(principal.arn) and key[1].startswith("INCIDENT#")]
        self.assertTrue(incidents, principal.name)

    def brought(self, number, bring):
        principal, records = self.attack(number)
        bring(records)
        deployed.settle()
        self.assert_found(principal)
        self.assert_filed_well()

    def test_an_object_of_the_trail(self):
        self.brought(1, lambda records: deployed.put_all(Trail(1).files(records)))

    def test_calls_from_eventbridge(self):
        """What the fast lane's rules put on its queue, in CloudTrail's envelope."""
        envelope = json.loads((EVENTS / "ingest-eventbridge.json").read_text())
        self.brought(2, lambda records: deployed.send(
            "FastQueueUrl", *(json.dumps(envelope | {"detail": record}) for record in records)))

    def test_an_object_announced_by_s3_itself(self):
        def bring(records):
            for key, body in Trail(3).files(records):
                key = key.replace("AWSLogs/", "AWSLogs/o-exampleorg1/")
                deployed.aws.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=key, Body=body)
                entity = {"bucket": {"name": TRAIL_BUCKET}, "object": {"key": key}}
                deployed.send("BulkQueueUrl", json.dumps({"Records": [{"eventSource": "aws:s3", "s3": entity}]}))
        self.brought(3, bring)

    def test_an_object_announced_by_a_topic(self):
        def bring(records):
            for key, body in Trail(4).files(records):
                deployed.aws.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=key, Body=body)
                word = json.dumps({"s3Bucket": TRAIL_BUCKET, "s3ObjectKey": [key]})
                deployed.send("BulkQueueUrl", json.dumps({"Type": "Notification", "Message": word}))
        self.brought(4, bring)

    def test_a_stream_a_log_group_and_a_delivery_stream(self):
        """Invoked as Kinesis, CloudWatch Logs and Firehose invoke it."""
        for number, sample in enumerate(("kinesis", "cloudwatch-logs", "firehose"), 5):
            with self.subTest(sample):
                principal, records = self.attack(number)
                answer = deployed.call("IngestFunctionName", envelopes(sample, records))
                if sample == "firehose":
                    self.assertEqual({one["result"] for one in answer["records"]}, {"Ok"})
                deployed.settle()
                self.assert_found(principal)

    def test_a_backfill_finds_the_past_and_wakes_nobody(self):
        principal = Principal("of-last-week")
        trail = Trail(9)
        old = now() - timedelta(days=3)
        records = trail.day_of_work([principal], 20, 3, old - timedelta(days=1))
        records += trail.attack("stolen-key", principal, old)
        # The objects were there before we were: nobody announced them.
        notifications = deployed.aws.client("s3").put_bucket_notification_configuration
        notifications(Bucket=TRAIL_BUCKET, NotificationConfiguration={})
        deployed.put_all(trail.files(records, 40))
        notifications(Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
        request = {"bucket": TRAIL_BUCKET, "prefix": "", "days": 7}
        progress = deployed.call("BackfillFunctionName", request)
        self.assertTrue(progress["is_done"], progress)
        self.assertEqual(progress["objects"], len(deployed.stack.keys(TRAIL_BUCKET)))
        deployed.settle()
        self.assertTrue(self.findings_about(principal))
        self.assertEqual(deployed.aws.ledger.bodies("Publish"), [], "it is old")
        found = deployed.state()
        again = deployed.call("BackfillFunctionName", request)
        self.assertEqual(again["objects"], progress["objects"], "one that is done begins anew")
        deployed.settle()
        self.assertEqual(deployed.state(), found, "and changes nothing")


def envelopes(sample, records):
    """Records as a sample event carries them."""
    import base64
    import gzip
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


class Reliability(Stacked):
    """However messages travel and whatever breaks, the same hours and findings come out."""

    calm = None

    @classmethod
    def setUpClass(cls):
        trail = Trail(20)
        everybody = staff()
        end = now().replace(minute=0, second=0, microsecond=0)
        records = trail.day_of_work(everybody, HOURS_OF_WORK, 5, end - timedelta(hours=HOURS_OF_WORK))
        records += trail.attack("stolen-key", everybody[0], end - timedelta(minutes=30))
        refused = [trail.record(everybody[1], "iam:ListUsers", end - timedelta(minutes=at), error="AccessDenied", readOnly=True)
                   for at in range(1, 15)]
        cls.files = list(trail.files(records + refused, 60))

    def run_through(self, files=None):
        for key, body in files or self.files:
            deployed.put(key, body)
        deployed.settle()
        deployed.aws.faults.calm()
        deployed.close()
        return deployed.state()

    def undisturbed(self):
        """Once; the other runs are measured by it."""
        if Reliability.calm is None:
            Reliability.calm = self.run_through(), deployed.alerts()
            deployed.forget()
        return Reliability.calm

    def assert_same(self, may_repeat=False):
        (calm, told) = Reliability.calm
        state = deployed.state()
        self.assertEqual(state.hours.keys(), calm.hours.keys())
        different = [key for key in calm.hours if state.hours[key] != calm.hours[key]]
        self.assertEqual(different, [], "hours")
        self.assertEqual(state.findings, calm.findings)
        self.assertEqual(state.filed, calm.filed)
        alerts = deployed.alerts()
        self.assertEqual(alerts.keys(), told.keys())
        if not may_repeat:
            self.assertEqual(alerts, told, "somebody was told twice")
        self.assert_filed_well()

    def disturbed(self, may_repeat=False, files=None):
        self.run_through(files)
        self.assert_same(may_repeat)

    def setUp(self):
        super().setUp()
        self.undisturbed()

    def test_something_is_found(self):
        calm, told = Reliability.calm
        self.assertGreater(len(calm.hours), 100)
        self.assertGreaterEqual(len(calm.findings), 3)
        self.assertEqual(calm.findings.keys(), calm.filed.keys())
        self.assertGreaterEqual(len(told), 1)

    def test_every_message_twice(self):
        deployed.aws.faults.duplicate(1.0)
        self.disturbed(files=self.files + self.files)

    def test_messages_overtake_each_other(self):
        deployed.aws.faults.hold(0.3, 1.5)
        self.disturbed(files=list(reversed(self.files)))

    def test_a_tenth_of_all_calls_fails(self):
        deployed.aws.faults.fail(0.1)
        self.disturbed(MAY_REPEAT)
        figures.say("faults survived in one run", deployed.aws.ledger.faults())

    def test_the_table_is_slow(self):
        deployed.aws.faults.slow("dynamodb", 0.25)
        self.disturbed()

    def test_functions_die_in_the_middle_of_a_batch(self):
        for function, action in (("ingest", "GetObject"), ("feature-extract", "PutItem"), ("score", "Query"),
                                 ("compliance-check", "PutItem"), ("respond", "BatchImportFindings")):
            deployed.aws.faults.kill(calls(function, action), "before", 2)
        self.disturbed()
        self.assert_all_killed()

    def test_functions_die_between_saving_and_sending(self):
        for function, action in (("ingest", "SendMessageBatch"), ("feature-extract", "PutEvents"), ("score", "PutEvents"),
                                 ("compliance-check", "PutEvents"), ("respond", "PutEvents")):
            deployed.aws.faults.kill(calls(function, action), "before", 1)
        self.disturbed()
        self.assert_all_killed()

    def test_functions_die_after_sending(self):
        for function, action in (("ingest", "SendMessageBatch"), ("feature-extract", "PutEvents"), ("score", "PutEvents"),
                                 ("compliance-check", "PutEvents"), ("respond", "Publish")):
            deployed.aws.faults.kill(calls(function, action), "after", 1)
        self.disturbed(MAY_REPEAT)
        self.assert_all_killed()

    def assert_all_killed(self):
        self.assertEqual(deployed.aws.faults.kills_left(), 0, "a function was not there to be killed")

    def test_a_replayed_day_changes_nothing(self):
        self.run_through()
        versions = self.versions()
        filed = len(deployed.aws.ledger.bodies("BatchImportFindings"))
        for key, body in self.files:
            deployed.put(key, body)
        deployed.settle()
        self.assertEqual(self.versions(), versions, "something was written again")
        self.assertEqual(len(deployed.aws.ledger.bodies("BatchImportFindings")), filed, "something was filed again")
        self.assert_same()

    def versions(self):
        return {key: item["version"] for key, item in deployed.stack.items(deployed.table).items()}


class Poison(Stacked):
    """What cannot be read is kept with its reason, once; its neighbours pass."""

    def test_a_record_in_the_middle_of_an_object(self):
        import gzip
        trail, principal = Trail(40), Principal("neighbour")
        records = [json.dumps(record) for record in trail.attack("stolen-key", principal, now() - timedelta(minutes=9))]
        records.insert(2, json.dumps(json.loads(records[0]) | {"eventTime": "soon"}))
        key = f"AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/poison.json.gz"
        body = gzip.compress(('{"Records":[' + ",".join(records) + "]}").encode())
        for _ in range(2):
            deployed.put(key, body)
        deployed.settle()
        [kept] = deployed.quarantined()
        self.assertEqual(kept["from"], f"s3://{TRAIL_BUCKET}/{key}")
        self.assertEqual(kept["reasons"], [{"record": 3, "reason": "eventTime is not a time"}])
        self.assertTrue(self.findings_about(principal))

    def test_a_message_that_is_no_log_and_an_object_that_is_gone(self):
        gone = json.dumps({"s3Bucket": TRAIL_BUCKET, "s3ObjectKey": ["AWSLogs/1/CloudTrail/gone.json.gz"]})
        principal = Principal("beside-nonsense")
        [record] = Trail(41).attack("stolen-key", principal, now() - timedelta(minutes=9))[1:2]
        deployed.send("FastQueueUrl", "nonsense", "nonsense", json.dumps({"detail-type": "x", "detail": record}))
        deployed.send("BulkQueueUrl", gone)
        deployed.settle()
        kept = {one["body"]: one["reasons"][0]["reason"] for one in deployed.quarantined()}
        self.assertEqual(set(kept), {"nonsense", None})
        self.assertEqual(kept[None], "the object is gone")
        self.assertTrue(self.findings_about(principal))


class Organisation(Stacked):
    """What an organisation tells of itself, and what it no longer says."""

    SUPPRESSED = """
[[suppression]]
principal = "arn:aws:iam::*:user/red-team"
reason = "exercise"
expires = "2099-12-31"
"""

    def settings(self, text):
        """Puts the file, and lets functions start anew: warm ones look for a new file every five minutes."""
        deployed.aws.client("s3").put_object(Bucket=deployed.data, Key="settings/settings.toml", Body=text.encode())
        deployed.aws.functions.kill()

    def attacked(self, name, number):
        principal = Principal(name)
        deployed.put_all(Trail(number).files(Trail(number).attack("stolen-key", principal, now() - timedelta(minutes=7))))
        deployed.settle()
        return {one["GeneratorId"] for one in self.findings_about(principal) if "Compliance" not in one}

    def test_settings_are_taken_up_and_broken_ones_refused(self):
        self.settings(self.SUPPRESSED)
        self.assertEqual(self.attacked("red-team", 50), set())
        self.assertTrue(self.attacked("somebody", 51))
        self.settings("[[suppression]\nnot toml")
        self.assertEqual(self.attacked("red-team", 52), set(), "the last good settings stay in force")
        logged = " ".join(line for at, line in deployed.stack.logs("trailwarden-score") if at >= deployed.since)
        self.assertIn("SettingsRefused", logged)

    def test_an_account_that_falls_silent_is_a_finding(self):
        trail, principal = Trail(53), Principal("hourly", "role")
        end = now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
        deployed.put_all(trail.files(trail.day_of_work([principal], 24 * 9, 1, end - timedelta(days=9))))
        deployed.settle()
        deployed.close()
        filed = [one for one in deployed.aws.findings().values() if one["GeneratorId"] == "trailwarden/silence"]
        self.assertEqual([one["Title"] for one in filed], ["An account fell silent: account:111122223333"])
        self.assert_filed_well()


class Compliance(Stacked):
    """Who broke which control is told at once, and written down."""

    def test_a_stopped_trail_names_the_controls(self):
        """One StopLogging comes down the fast lane: Security Hub and people learn which controls it breaks."""
        principal = Principal("stops-the-trail")
        record = Trail(90).record(principal, "cloudtrail:StopLogging", now() - timedelta(minutes=1), requestParameters={"name": "main"})
        deployed.send("FastQueueUrl", json.dumps({"detail-type": "AWS API Call via CloudTrail", "source": "aws.cloudtrail", "detail": record}))
        deployed.settle()
        [filed] = [one for one in self.findings_about(principal) if one["GeneratorId"] == "trailwarden/logging-weakened"]
        self.assertEqual(filed["Compliance"]["Status"], "FAILED")
        for control in ("PCI DSS v4.0.1/10.2.1", "SOC 2 CC7.2"):
            self.assertIn(control, filed["Compliance"]["RelatedRequirements"])
        [told] = [one for one in messages_to_people() if "An audit log was stopped or weakened" in one]
        for word in ("PCI DSS v4.0.1/10.2.1", "SOC 2 CC7.2", "stops-the-trail", "Switch the log on again"):
            self.assertIn(word, told)
        self.assert_filed_well()

    def test_a_verdict_of_aws_config_joins(self):
        results = {"newEvaluationResult": ("NON_COMPLIANT", now()), "oldEvaluationResult": ("COMPLIANT", now() - timedelta(days=9))}
        detail = {"resourceId": "main", "resourceType": "AWS::CloudTrail::Trail", "awsRegion": "us-east-1", "awsAccountId": place()[0],
                  "configRuleName": "cloudtrail-enabled", "messageType": "ComplianceChangeNotification"}
        for name, (verdict, at) in results.items():
            detail[name] = {"complianceType": verdict, "resultRecordedTime": stamp(at)}
        envelope = {"detail-type": "Config Rules Compliance Change", "source": "aws.config", "account": place()[0], "detail": detail}
        deployed.send("FastQueueUrl", json.dumps(envelope))
        deployed.settle()
        [filed] = deployed.aws.findings().values()
        self.assertEqual(filed["GeneratorId"], "trailwarden/config-rule")
        self.assertIn("HIPAA 164.312(b)", filed["Compliance"]["RelatedRequirements"])
        self.assert_filed_well()

    def test_a_report_is_written(self):
        """What a thief did yesterday stands in the report of today, with a hash that the evidence gives again."""
        import hashlib
        yesterday = now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
        principal = Principal("of-yesterday")
        deployed.put_all(Trail(91).files(Trail(91).attack("stolen-key", principal, yesterday)))
        deployed.settle()
        answer = deployed.call("ComplianceReportFunctionName", json.loads((EVENTS / "compliance-report.json").read_text()))
        self.assertGreater(answer["open"], 0)
        s3 = deployed.aws.client("s3")
        files = {name: s3.get_object(Bucket=deployed.data, Key=f"{answer['folder']}/{name}") for name in
                 ("report.html", "report.json", "evidence.ndjson")}
        texts = {name: file["Body"].read() for name, file in files.items()}
        report = json.loads(texts["report.json"])
        self.assertEqual(hashlib.sha256(texts["evidence.ndjson"]).hexdigest(), report["evidence_sha256"])
        self.assertIn(report["evidence_sha256"], texts["report.html"].decode())
        self.assertIn("of-yesterday", texts["report.html"].decode())
        self.assertEqual([one["framework"] for one in report["frameworks"]],
                         ["soc2", "pci-dss", "hipaa", "gdpr", "fedramp-moderate"])
        self.assertGreaterEqual(report["total_activities"], len(Trail(91).attack("stolen-key", principal, yesterday)))


def messages_to_people():
    """What was published to people, undone from its form."""
    from urllib.parse import parse_qs
    published = (parse_qs(body.decode()) for body in deployed.aws.ledger.bodies("Publish"))
    return [one["Message"][0] for one in published if "Message" in one]


class Identities(Stacked):
    """What is normal for each, and what analysts say."""

    DAYS = 24

    def test_a_known_identity_that_is_not_itself_is_found_and_its_neighbours_are_not(self):
        """A month of office hours; then somebody else, elsewhere, with another program, asks what nobody asked."""
        trail = Trail(70)
        everybody = staff(users=3, roles=1)
        end = now().replace(hour=0, minute=0, second=0, microsecond=0)
        records = []
        habits = {principal.arn: trail.random.sample(WORK, 6) for principal in everybody}
        for day in range(self.DAYS + 1):
            for principal in everybody:
                for hour in (0, 1, 2):
                    start = end - timedelta(days=self.DAYS - day) + timedelta(hours=hour)
                    for nth in range(4):
                        service, name, is_read = trail.random.choice(habits[principal.arn])
                        at = start + timedelta(minutes=12 * nth)
                        if at < now():
                            records.append(trail.record(principal, f"{service}:{name}", at, readOnly=is_read))
        deployed.put_all(trail.files(records))
        deployed.settle()
        deployed.close()
        self.assertEqual(deployed.aws.findings(), {}, "a month of work")
        [thief] = [replace(everybody[0], address=FOREIGN, agent=STRANGER)]
        asked = ("kms:ListKeys", "rds:DescribeDBInstances", "iam:ListRoles", "iam:ListUsers", "secretsmanager:ListSecrets",
                 "organizations:ListAccounts", "lambda:ListLayers", "ecs:ListClusters")
        stolen = [trail.record(thief, call, now() - timedelta(minutes=3), readOnly=True) for call in asked]
        work = [trail.record(principal, "ec2:DescribeInstances", now() - timedelta(minutes=3), readOnly=True)
                for principal in everybody]
        deployed.put_all(trail.files(stolen + work))
        deployed.settle()
        deployed.close()
        filed = deployed.aws.findings().values()
        found = {(one["GeneratorId"], one["ProductFields"]["trailwarden/principal"]) for one in filed}
        self.assertEqual(found, {("trailwarden/anomalous-access", everybody[0].arn)})
        [finding] = filed
        self.assertIn("a network it never used", finding["Description"])
        self.assert_filed_well()

    def test_what_analysts_say_comes_back(self):
        principal = Principal("judged")
        deployed.put_all(Trail(71).files(Trail(71).attack("stolen-key", principal, now() - timedelta(minutes=5))))
        deployed.settle()
        filed = self.findings_about(principal)
        self.assertTrue(filed)
        event = {"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported"}
        said = [json.dumps(event | {"detail": {"findings": [one | {"Workflow": {"Status": "SUPPRESSED"}}]}}) for one in filed]
        forged = dict(filed[0], Id="evasion/2026-03-02/0", Workflow={"Status": "SUPPRESSED"})
        said.append(json.dumps(event | {"detail": {"findings": [forged]}}))
        deployed.send("FindingsQueueUrl", *said)
        deployed.settle()
        is_early = now().hour < 3
        deployed.close()
        kept = {sort for partition, sort in deployed.stack.items(deployed.table) if partition == "ORG"}
        alerts = [one for one in filed if "Compliance" not in one]
        self.assertTrue(0 < len(alerts) < len(filed), "both sorts of findings were judged")
        self.assertEqual({sort for sort in kept if sort.startswith("VERDICT#")}, {f"VERDICT#{one['Id']}" for one in alerts},
                         "violations are facts: what is said of them teaches no threshold")
        # Yesterday's last hour closes at three.
        has_learnt = any(sort.startswith("LEARNT#") for sort in kept)
        self.assertTrue(has_learnt or is_early, "the watermark learns once a day")
        self.assertTrue(any(sort.startswith("JUDGED#") for sort in kept))


class Contract(Stacked):
    """The table keeps the contract that all tables keep, with writers racing."""

    def test_the_table_keeps_the_contract(self):
        environment = os.environ | {
            "CONTRACT_TABLE": deployed.table, "AWS_ENDPOINT_URL": deployed.aws.proxy.urls[0], "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        command = ["cargo", "test", "--locked", "-q", "--workspace", "--test", "contract", "--", "--ignored"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 passed", done.stdout)


class Measured(Stacked):
    """Not judged here, but printed: how soon, how much, at what price."""

    OBJECTS = 50 if "TRAILWARDEN_BUILT" in os.environ else 10

    def test_from_object_to_finding(self):
        for lane in ("bulk", "fast"):
            deployed.forget()
            figures.latency(lane, self.latencies(lane))

    def latencies(self, lane):
        sent, found, over = {}, {}, threading.Event()
        watching = threading.Thread(target=self.watch, args=(found, over))
        watching.start()
        for number in range(self.OBJECTS):
            principal = Principal(f"{lane}-{number}")
            records = Trail(100 + number).attack("stolen-key", principal, now() - timedelta(minutes=5))
            sent[principal.arn] = time.monotonic()
            if lane == "bulk":
                deployed.put_all(Trail(100 + number).files(records))
            else:
                deployed.send("FastQueueUrl", json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": records[1]}))
            time.sleep(0.2)
        deployed.settle()
        over.set()
        watching.join()
        self.look(found)
        self.assertEqual(sent.keys() - found.keys(), set(), "an attack was not filed")
        return [found[arn] - sent[arn] for arn in sent]

    def watch(self, found, over):
        while not over.wait(0.1):
            self.look(found)

    @staticmethod
    def look(found):
        for filed in deployed.aws.findings().values():
            found.setdefault(filed["ProductFields"]["trailwarden/principal"], time.monotonic())

    def test_what_a_million_events_cost(self):
        """40 objects of 500 events, by 40 principals in five hours: about what an account of some size delivers."""
        trail = Trail(60)
        people = staff(users=20, roles=20)
        end = now().replace(minute=0, second=0, microsecond=0)
        records = trail.day_of_work(people, 5, 100, end - timedelta(hours=5))
        files = list(trail.files(records))
        deployed.put_all(files)
        deployed.settle()
        deployed.close()
        figures.cost("bulk", len(records), deployed, objects=len(files))
        self.assertEqual(deployed.state().findings, {}, "innocent work")

    def test_what_the_fast_lane_costs(self):
        """200 people sign in with MFA: most of what the fast lane sees is as innocent."""
        trail = Trail(61)
        signed_in = {"responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "Yes"},
                     "eventType": "AwsConsoleSignIn"}
        records = [trail.record(Principal(f"signs-in-{n}"), "signin:ConsoleLogin", now() - timedelta(minutes=30), **signed_in)
                   for n in range(200)]
        deployed.send("FastQueueUrl", *(json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": record})
                                        for record in records))
        deployed.settle()
        figures.cost("fast", len(records), deployed, objects=0)


class Responses(responses.Responses):
    """As it is deployed to act: from here on, so that what it may do is among what is granted."""


class Seen(seen.Seen):
    """As it is deployed with a page: after it can act, so that both stay for what follows."""


class ZLast(Stacked):
    """What only the whole test can tell."""

    # Used by Lambda itself, which reads queues and writes logs in the function's name, out of the proxy's sight.
    BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "logs:CreateLogStream", "logs:PutLogEvents"}
    # Calls that IAM knows by another name; the emulator does not, so the harness deploys a wildcard there.
    IAM = {"sqs:SendMessageBatch": "sqs:SendMessage"}
    DEPLOYED = {"sqs:SendMessage*": "sqs:SendMessage"}
    # By which function a role is used, where it is not its own.
    WHOSE = {"ResponseRole": "respond"}
    # Granted, and never called: without it S3 answers AccessDenied where an object is missing. The emulators have no clusters'
    # snapshots that are shared, and do not know how a policy goes back to another version.
    NOT_CALLED = {("ingest", "s3:ListBucket"), ("respond", "iam:ListPolicyVersions"), ("respond", "iam:SetDefaultPolicyVersion"),
                  ("respond", "rds:DescribeDBClusterSnapshotAttributes"), ("respond", "rds:ModifyDBClusterSnapshotAttribute")}

    def test_what_is_granted_is_used(self):
        roles = deployed.stack.resources("AWS::IAM::Role")
        unused = {}
        for logical, role in roles.items():
            function = self.WHOSE.get(logical) or kebab(logical.removesuffix("Role"))
            called = next((actions for name, actions in exercised.items() if name.endswith(f"-{function}")), set())
            used = {self.IAM.get(action, action) for action in called}
            granted = {self.DEPLOYED.get(action, action) for action in deployed.policy(role)} - self.BY_LAMBDA
            excess = {action for action in granted - used if (function, action) not in self.NOT_CALLED}
            if excess:
                unused[function] = sorted(excess)
        self.assertEqual(unused, {}, "granted, but nothing in the whole test needed it")

    def test_functions_are_small_and_quick(self):
        self.assertEqual(figures.functions(deployed), len(deployed.stack.resources("AWS::Lambda::Function")))


def kebab(name):
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    runner = unittest.TextTestRunner(verbosity=2, resultclass=stacked.Timed)
    unittest.main(testRunner=runner, argv=[sys.argv[0], *sys.argv[1:]])
