"""The harness itself: a test of a stack is worth what its instruments are."""

import gzip
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

import clock
import suite
from calls import Call, answered, item_bytes, kind_of, read_call
from processes import Functions, holds, socket_between
from proxy import HOST, Proxy
from security_hub import complaints, complaints_about_import
from stack import QUIET, Stack
from trail import Trail, log_file, staff

START = datetime(2026, 3, 2, 10, tzinfo=timezone.utc)


def signed(service, target=None):
    credential = f"AWS4-HMAC-SHA256 Credential=ASIAKEY/20260302/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return {"Authorization": credential} | ({"X-Amz-Target": target} if target else {})


def call_of(service, action, asked):
    return read_call("POST", "/", signed(service, f"X.{action}"), json.dumps(asked).encode())


class Upstream(BaseHTTPRequestHandler):
    """Counts calls, and gives back what it was sent."""

    protocol_version = "HTTP/1.1"
    seen = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Upstream.seen.append((self.headers["Host"], self.headers["X-Forwarded-Proto"], body))
        refused = body == b"refuse"
        answer = b'{"__type":"AccessDeniedException"}' if refused else body
        self.send_response(400 if refused else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class Proxied(unittest.TestCase):
    def setUp(self):
        Upstream.seen = []
        self.upstream = ThreadingHTTPServer((HOST, 0), Upstream)
        threading.Thread(target=self.upstream.serve_forever, args=(0.05,), daemon=True).start()
        self.proxy = Proxy([self.upstream.server_address[1]])
        self.client = http.client.HTTPConnection(HOST, self.proxy.ports[0], timeout=10)

    def tearDown(self):
        self.client.close()
        self.proxy.close()
        self.upstream.shutdown()
        self.upstream.server_close()

    def post(self, body=b"{}", service="sqs", target="AmazonSQS.SendMessageBatch", path="/", method="POST"):
        self.client.request(method, path, body, signed(service, target) | {"Host": "signed.example"})
        answer = self.client.getresponse()
        return answer.status, answer.read()

    def outcomes(self, count=200, **call):
        """What a client sees of many calls: statuses, and connections that broke."""
        found = []
        for _ in range(count):
            try:
                found.append(self.post(**call)[0])
            except (ConnectionError, http.client.HTTPException) as error:
                self.client.close()
                found.append(type(error).__name__)
        return found

    def test_a_call_passes_unchanged_and_is_seen(self):
        large = b"x" * 3_000_000
        self.assertEqual(self.post(large), (200, large))
        self.assertEqual(Upstream.seen, [("signed.example", "https", large)])
        (call,) = self.proxy.ledger.calls()
        self.assertEqual((call.service, call.action, call.status, call.sent_bytes), ("sqs", "SendMessageBatch", 200, 3_000_000))
        self.assertEqual(call.request_units, 1)

    def test_a_refusal_is_remembered(self):
        self.post(b"refuse", "dynamodb", "DynamoDB_20120810.PutItem")
        self.assertEqual(self.proxy.ledger.denied(), {("", "dynamodb:PutItem", ""): 1})

    def test_failures_come_in_every_form_and_half_of_them_after_the_work(self):
        self.proxy.faults.fail(0.5)
        outcomes = self.outcomes(service="dynamodb", target="DynamoDB_20120810.PutItem")
        failed = [outcome for outcome in outcomes if outcome != 200]
        self.assertEqual(set(failed), {400, 500, "ConnectionResetError"})
        self.assertTrue(70 < len(failed) < 130, len(failed))
        after = sum(count for fault, count in self.proxy.ledger.faults().items() if "after" in fault)
        self.assertTrue(0.3 < after / len(failed) < 0.7, after)
        self.assertEqual(len(Upstream.seen), 200 - len(failed) + after)
        self.proxy.faults.calm()
        self.assertEqual(set(self.outcomes(20)), {200})

    def test_errors_are_in_the_protocols_own_words(self):
        self.proxy.faults.fail(1)
        words = {"dynamodb": b"ProvisionedThroughputExceeded", "sqs": b"ThrottlingException", "s3": b"SlowDown",
                 "sns": b"<Code>Throttling</Code>", "securityhub": b"TooManyRequestsException"}
        for service, word in words.items():
            self.assertTrue(any(word in body for _, body in self.answers(service, 60)), service)

    def answers(self, service, count):
        for _ in range(count):
            try:
                yield self.post(service=service, target=None)
            except (ConnectionError, http.client.HTTPException):
                self.client.close()

    def test_the_same_seed_fails_the_same_calls(self):
        self.proxy.faults.fail(0.3)
        first = self.outcomes(60)
        again = Proxy([self.upstream.server_address[1]])
        again.faults.fail(0.3)
        self.client.close()
        self.client = http.client.HTTPConnection(HOST, again.ports[0], timeout=10)
        self.assertEqual(self.outcomes(60), first)
        again.close()

    def test_deliveries_are_doubled_and_nothing_else(self):
        self.proxy.faults.duplicate(1)
        self.post(target="AWSEvents.PutEvents")
        self.assertEqual(len(Upstream.seen), 2)
        self.post(target="DynamoDB_20120810.PutItem")
        self.assertEqual(len(Upstream.seen), 3)

    def test_a_kill_before_does_nothing_and_a_kill_after_loses_the_answer(self):
        for when, done in (("before", 0), ("after", 1)):
            self.proxy.faults.kill(lambda call: call.action == "SendMessageBatch", when)
            self.assertEqual(self.outcomes(2), ["ConnectionResetError", 200])
            self.assertEqual(len(Upstream.seen), done + 1)
            Upstream.seen = []
        self.assertEqual(self.proxy.faults.kills_left(), 0)

    def test_slow_services_are_slow(self):
        self.proxy.faults.slow("sqs", 0.2)
        began = time.monotonic()
        self.post()
        self.assertGreaterEqual(time.monotonic() - began, 0.2)


class Calls(unittest.TestCase):
    def test_actions_have_iams_names(self):
        def action(service, method, path, body=b""):
            return read_call(method, path, signed(service), body).action

        self.assertEqual(action("s3", "GET", "/bucket/AWSLogs/a%20b.gz?x-id=GetObject"), "GetObject")
        self.assertEqual(action("s3", "GET", "/bucket/?list-type=2&prefix=settings%2F"), "ListBucket")
        self.assertEqual(action("s3", "PUT", "/bucket/quarantine/1.json"), "PutObject")
        self.assertEqual(action("securityhub", "POST", "/findings/import"), "BatchImportFindings")
        self.assertEqual(action("sns", "POST", "/", b"Action=Publish&Message=a%26b"), "Publish")
        self.assertEqual(action("x", "POST", "/service/GraniteServiceV20100801/operation/PutMetricData"), "PutMetricData")

    def test_a_call_names_what_it_is_about(self):
        queue = call_of("sqs", "SendMessageBatch", {"QueueUrl": "http://localhost:1/000000000000/activity", "Entries": [{}]})
        self.assertEqual(queue.resource, "activity")
        bus = call_of("events", "PutEvents", {"Entries": [{"EventBusName": "arn:aws:events:r:1:event-bus/own"}]})
        self.assertEqual(bus.resource, "own")
        topic = read_call("POST", "/", signed("sns"), b"Action=Publish&TopicArn=arn%3Aaws%3Asns%3Ar%3A1%3Aalerts")
        self.assertEqual(topic.resource, "alerts")
        self.assertEqual(read_call("GET", "/b/a%20b?x-id=GetObject", signed("s3"), b"").resource, "b/a b")

    def test_batches_are_counted_and_charged(self):
        entries = [{"Id": str(n), "MessageBody": "x" * 65_536} for n in range(10)]
        call = call_of("sqs", "SendMessageBatch", {"Entries": entries})
        self.assertEqual((call.items, call.request_units), (10, 10))
        keys = {"RequestItems": {"table": {"Keys": [{}] * 7}}}
        self.assertEqual(call_of("dynamodb", "BatchGetItem", keys).items, 7)

    def test_capacity_is_dynamodbs(self):
        item = {"pk": {"S": "DUE#1"}, "sk": {"S": "x"}, "body": {"B": "AAAA" * 400}, "ipk": {"S": "DAY"}}
        self.assertEqual((item_bytes(item), kind_of(item)), (2 + 5 + 2 + 1 + 4 + 1200 + 3 + 3, "DUE"))
        put = call_of("dynamodb", "PutItem", {"Item": item})
        answered(put, 200, b"{}")
        self.assertEqual((put.write_units, put.written), (3, [("DUE", 1220)]))
        query = call_of("dynamodb", "Query", {"ConsistentRead": True})
        answered(query, 200, json.dumps({"Items": [item] * 7}).encode())
        self.assertEqual(query.read_units, 3)
        batch = call_of("dynamodb", "BatchGetItem", {"RequestItems": {"t": {"Keys": [{}] * 3}}})
        answered(batch, 200, json.dumps({"Responses": {"t": [item]}}).encode())
        self.assertEqual(batch.read_units, 1.5)

    def test_an_absent_item_costs_a_read(self):
        call = Call("dynamodb", "GetItem", asked={})
        answered(call, 200, b"{}")
        self.assertEqual(call.read_units, 0.5)


class Processes(unittest.TestCase):
    def test_who_holds_the_near_end_of_a_connection_is_found(self):
        with socket.create_server((HOST, 0)) as server, socket.create_connection(server.getsockname()) as client:
            ports = client.getsockname()[1], server.getsockname()[1]
            number = socket_between(*ports)
            self.assertTrue(holds(os.getpid(), number))
            self.assertFalse(holds(os.getppid(), number))
            self.assertNotEqual(socket_between(*reversed(ports)), number)

    def test_who_was_seen_before_it_began_is_known_afterwards(self):
        """A process that is being started runs its parent's program for a moment."""
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "ministack-provided-code-1"
            home.mkdir()
            program = shutil.copy(shutil.which("sleep"), home / "bootstrap")
            started = subprocess.Popen(["sh", "-c", f"read line; exec {program} 600"], stdin=subprocess.PIPE, text=True)
            try:
                self.assertEqual(Functions(1).processes(), [])
                started.stdin.write("go\n")
                started.stdin.flush()
                deadline = time.monotonic() + 10
                while not (found := Functions(1).processes()) and time.monotonic() < deadline:
                    time.sleep(0.01)
                self.assertEqual([process.pid for process in found], [started.pid])
            finally:
                started.kill()
                started.wait()
                started.stdin.close()

    def test_who_is_killed_is_dead_when_their_parent_asks(self):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "ministack-provided-code-1"
            home.mkdir()
            program = shutil.copy(shutil.which("sleep"), home / "bootstrap")
            started = [subprocess.Popen([program, "600"]) for _ in range(40)]
            try:
                Functions(1).kill()
                self.assertEqual([one.pid for one in started if one.poll() is None], [])
            finally:
                for one in started:
                    one.kill()
                    one.wait()


class Clocks(unittest.TestCase):
    """Time, told in a process that was started with the clock."""

    def told(self, program):
        """What a Python program prints under a new clock."""
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | clock.environment(folder) | {"PYTHONPATH": str(Path(__file__).parent)}
            return subprocess.check_output([sys.executable, "-c", f"import clock, subprocess, time\n{program}"], text=True,
                                           env=environment).split()

    def test_every_run_begins_at_the_same_moment_and_its_time_passes(self):
        first, second = map(float, self.told("print(time.time()); time.sleep(0.2); print(time.time())"))
        self.assertTrue(0 <= first - clock.START.timestamp() < 30, first)
        self.assertTrue(0.2 <= second - first < 10, second - first)

    def test_a_process_that_runs_sees_the_clock_moved_and_its_timers_do_not(self):
        printed = self.told("""
other = subprocess.Popen(["sh", "-c", "date +%s; read line; date +%s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
before = other.stdout.readline()
began = time.monotonic()
clock.advance(7200)
after = other.communicate("go")[0]
print(before, after, time.monotonic() - began)""")
        before, after, seconds = map(float, printed)
        self.assertTrue(7200 <= after - before < 7230, after - before)
        self.assertLess(seconds, 30)

    def test_a_test_begins_far_from_where_an_hour_or_a_day_ends(self):
        moments = self.told("""
for minutes in (0, 50, 60, 700, 600, 31, 1):
    clock.advance(60 * minutes)
    clock.reach_midday()
    print(int(time.time()))""")
        times = [datetime.fromtimestamp(int(at), timezone.utc) for at in moments]
        self.assertEqual(times, sorted(times))
        for at in times:
            self.assertTrue(at.minute in clock.MINUTES and at.hour in clock.HOURS, at)

    def test_it_does_not_go_back(self):
        with self.assertRaises(ValueError):
            clock.advance(-1)


class Working:
    """An emulator whose queues and functions do what the test says, one look after the other; the last look stays."""

    def __init__(self, *looks):
        self.looks = list(looks)

    def messages(self):
        messages, self.now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return messages

    def work(self):
        return self.now


class Drained(unittest.TestCase):
    """When nothing is under way any more."""

    def drained(self, *looks, timeout=600.0):
        """Until when it waited in seconds, and to which moments it moved the clock."""
        stack, moved, began = Stack(Working(*looks)), [], time.monotonic()
        stack._dead = {"dead"}

        def reach(moment):
            moved.append(moment)
            stack.aws.looks = [({}, 0)]

        with patch("clock.reach", reach):
            stack.drained(timeout)
        return time.monotonic() - began, moved

    def test_nothing_left_and_nobody_at_work_is_the_end(self):
        seconds, moved = self.drained(({}, 0))
        self.assertTrue(QUIET <= seconds < 10 and not moved, seconds)
        self.assertEqual(self.drained(({"dead": [0]}, 0))[1], [], "dead letters wait for people")

    def test_who_works_is_waited_for_without_a_message_too(self):
        seconds, _ = self.drained(*[({}, n) for n in range(20)])
        self.assertGreaterEqual(seconds, 19 * 0.05 + QUIET)
        with self.assertRaisesRegex(TimeoutError, "functions go on"):
            self.drained(({}, None), timeout=QUIET + 1)

    def test_a_message_that_can_be_received_is_waited_for(self):
        with self.assertRaisesRegex(TimeoutError, "do not empty.*'q': .0, 90"):
            self.drained(({"q": [0, 90]}, 0), timeout=3)

    def test_time_passes_for_messages_that_come_again_when_nobody_works(self):
        with patch("stack.STUCK", 0.5):
            self.assertEqual(self.drained(({"q": [90, 95], "p": [80]}, 0))[1], [81])
        with patch("stack.STUCK", 0.5), self.assertRaises(TimeoutError):
            self.drained(({"q": [90]}, None), timeout=2)


class Suites(unittest.TestCase):
    def test_every_test_runs_in_one_suite_and_can_be_chosen(self):
        names = [[test.id() for test in suite.tests_of(name, [])] for name in suite.SUITES]
        self.assertGreater(min(map(len, names)), 10)
        self.assertEqual(len(set(sum(names, []))), sum(map(len, names)))
        files = {path.stem for path in Path(__file__).parent.glob("[!t]*.py") if "(Stacked)" in path.read_text()}
        self.assertEqual(files, {module for modules in suite.SUITES.values() for module in modules})
        one = "test_what_is_decided_has_a_name"
        self.assertEqual([test._testMethodName for test in suite.tests_of("acting", [f"Seen.{one}"])], [one])
        self.assertEqual(suite.tests_of("observing", ["Seen"]).countTestCases(), 0)


class Trails(unittest.TestCase):
    def test_the_same_seed_writes_the_same_trail(self):
        one, two = (list(t.files(t.day_of_work(staff(), 30, 20, START))) for t in (Trail(7), Trail(7)))
        self.assertEqual(one, two)
        self.assertEqual(len(one[0][1]) > 1000, True)
        self.assertRegex(one[0][0], r"^AWSLogs/\d{12}/CloudTrail/us-east-1/2026/03/02/\d{12}_CloudTrail_us-east-1_20260302T\d{4}Z_\w{16}\.json\.gz$")

    def test_records_are_whole_and_their_ids_differ(self):
        records = json.loads(gzip.decompress(log_file(Trail().day_of_work(staff(), 8, 20, START))))["Records"]
        self.assertEqual(len({record["eventID"] for record in records}), len(records))
        self.assertTrue(600 < len(records) < 1000, len(records))
        self.assertTrue(all(record["eventTime"].endswith("Z") and record["userIdentity"]["arn"] for record in records))

    def test_a_stolen_key_is_used_from_abroad_by_its_owner(self):
        owner = staff()[0]
        records = Trail().attack("stolen-key", owner, START)
        self.assertEqual([record["eventName"] for record in records],
                         ["GetCallerIdentity", "StopLogging", "CreateAccessKey", "AttachUserPolicy"])
        self.assertEqual({record["userIdentity"]["arn"] for record in records}, {owner.arn})
        self.assertNotIn(owner.address, {record["sourceIPAddress"] for record in records})


class SecurityHub(unittest.TestCase):
    ACCOUNT, REGION = "000000000000", "us-east-1"

    def finding(self, **other):
        severity = {"Label": "HIGH", "Normalized": 76, "Original": "0.760"}
        types = ["TTPs/Defense Evasion"]
        return {
            "SchemaVersion": "2018-10-08", "Id": "evasion/2026-03-02/1", "GeneratorId": "trailwarden/evasion",
            "ProductArn": f"arn:aws:securityhub:{self.REGION}:{self.ACCOUNT}:product/{self.ACCOUNT}/default",
            "AwsAccountId": self.ACCOUNT, "Types": types, "CreatedAt": "2026-03-02T10:00:00Z",
            "UpdatedAt": "2026-03-02T10:00:00.001Z", "Severity": severity, "Title": "t", "Description": "d",
            "Confidence": 80, "RecordState": "ACTIVE", "Resources": [{"Type": "AwsIamUser", "Id": "arn"}],
            "FindingProviderFields": {"Severity": {"Label": "HIGH", "Original": "0.760"}, "Types": types, "Confidence": 80},
        } | other

    def complaints(self, **other):
        return complaints(self.finding(**other), self.ACCOUNT, self.REGION)

    def test_a_good_finding_has_no_complaints(self):
        self.assertEqual(self.complaints(), [])
        body = json.dumps({"Findings": [self.finding()]}).encode()
        self.assertEqual(complaints_about_import(body, self.ACCOUNT, self.REGION), [])

    def test_each_rule_bites(self):
        for other in (
            {"Id": ""}, {"Title": "x" * 257}, {"Description": " "}, {"AwsAccountId": "111122223333"},
            {"ProductArn": "arn:aws:securityhub:eu-west-1:000000000000:product/000000000000/default"},
            {"UpdatedAt": "2026-03-02 10:00:00"}, {"UpdatedAt": "2026-03-01T10:00:00Z"},
            {"Severity": {"Label": "LOW", "Normalized": 76}}, {"Severity": {"Label": "BAD"}},
            {"Types": ["Evasion"]}, {"FindingProviderFields": None}, {"Resources": []}, {"Confidence": 101},
            {"ProductFields": {"a": ""}}, {"RecordState": "OPEN"}, {"ProductFields": {str(n): "x" * 2000 for n in range(130)}},
            {"Remediation": {"Recommendation": {"Text": "x" * 513}}}, {"Workflow": {"Status": "NEW"}},
        ):
            self.assertNotEqual(self.complaints(**other), [], other)

    def test_an_import_is_bounded_and_without_repetitions(self):
        body = json.dumps({"Findings": [self.finding()] * 2}).encode()
        self.assertEqual(len(complaints_about_import(body, self.ACCOUNT, self.REGION)), 1)
        self.assertEqual(len(complaints_about_import(b'{"Findings":[]}', self.ACCOUNT, self.REGION)), 1)


if __name__ == "__main__":
    unittest.main()
