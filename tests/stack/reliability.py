"""Redelivery, disorder, failures and deaths between the functions; writers of the table that race.

In memory, `stages.rs` lets every single use of a port fail in turn, before and after it was done. Here the same claims are held
against what that leaves out: real queues, redelivery by them, processes that die, copies of a function that run side by side.
One log of 26 hours is brought again and again, and must leave the same hours, findings, filings and alerts as undisturbed:

* delivered late, out of order, in part twice, to a slow table: and nobody is told twice;
* while a tenth of all calls fails, before or after the work was done;
* while functions die at every step: and nobody is told twice but of what a function told when it died;
* a second time as a whole: and nothing is written or filed again.
"""

import os
from datetime import timedelta

import figures
import stacked
from deployment import now
from stack import ROOT, command, compiled
from stacked import Stacked, calls
from trail import Trail, staff

HOURS_OF_WORK = 26
# Where each function dies: in the middle of a batch, between saving and sending, when it has sent.
MIDDLE = (("ingest", "GetObject"), ("feature-extract", "PutItem"), ("score", "Query"), ("compliance-check", "PutItem"),
          ("respond", "BatchImportFindings"))
SENDING = (("ingest", "SendMessageBatch"), ("feature-extract", "PutEvents"), ("score", "PutEvents"),
           ("compliance-check", "PutEvents"), ("respond", "PutEvents"))
SENT = (*SENDING[:-1], ("respond", "Publish"))
# How often people may be told again: where an answer is lost, or a function dies between telling and recording it. There is no
# knowing then, and to be told twice is better than never.
NEVER, ANY = 0, 1_000_000


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
            stacked.deployed.put(key, body)
        stacked.deployed.settle()
        self.kills_left = stacked.deployed.aws.faults.kills_left()
        stacked.deployed.aws.faults.calm()
        stacked.deployed.close()
        return stacked.deployed.state()

    def undisturbed(self):
        """Once; the other runs are measured by it."""
        if Reliability.calm is None:
            Reliability.calm = self.run_through(), stacked.deployed.alerts()
            stacked.deployed.forget()
        return Reliability.calm

    def assert_same(self, may_repeat=NEVER):
        (calm, told) = Reliability.calm
        state = stacked.deployed.state()
        self.assertEqual(state.hours.keys(), calm.hours.keys())
        different = [key for key in calm.hours if state.hours[key] != calm.hours[key]]
        self.assertEqual(different, [], "hours")
        self.assertEqual(state.findings, calm.findings)
        self.assertEqual(state.filed, calm.filed)
        alerts = stacked.deployed.alerts()
        self.assertEqual(alerts.keys(), told.keys())
        again = {message: alerts[message] - told[message] for message in told if alerts[message] != told[message]}
        self.assertTrue(all(times > 0 for times in again.values()), again)
        self.assertLessEqual(sum(again.values()), may_repeat, "somebody was told twice")
        self.assert_filed_well()

    def struck(self, word):
        """How many calls met a fault of this name."""
        return sum(times for fault, times in stacked.deployed.aws.ledger.faults().items() if word in fault)

    def disturbed(self, may_repeat=NEVER, files=None):
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

    def test_messages_come_twice_late_and_out_of_order_and_the_table_is_slow(self):
        """Objects come in reverse; every second comes again; half of what functions send is sent twice; each call to the table takes
        0.25 s; a third of all calls wait for up to 1.5 s more, so that messages overtake each other. Only half is doubled, since a
        message that is lost would be made up for by its copy; the replayed day doubles all.
        """
        deployed = stacked.deployed
        deployed.aws.faults.duplicate(0.5)
        deployed.aws.faults.hold(0.3, 1.5)
        deployed.aws.faults.slow("dynamodb", 0.25)
        self.disturbed(files=[*reversed(self.files), *self.files[::2]])
        self.assertGreater(self.struck("doubled"), 20)
        self.assertGreater(self.struck("delayed"), 100)

    def test_a_tenth_of_all_calls_fails(self):
        stacked.deployed.aws.faults.fail(0.1)
        self.disturbed(may_repeat=ANY)
        figures.say("faults survived in one run", stacked.deployed.aws.ledger.faults())
        self.assertGreater(self.struck("before"), 20)
        self.assertGreater(self.struck("after"), 20)

    def test_functions_die_before_they_save_before_they_send_and_when_they_have_sent(self):
        """Killed at twenty calls in one run. Told twice is at most what respond had just told when it died, and nothing else."""
        for kills, when, times in ((MIDDLE, "before", 2), (SENDING, "before", 1), (SENT, "after", 1)):
            for function, action in kills:
                stacked.deployed.aws.faults.kill(calls(function, action), when, times)
        before = stacked.deployed.aws.proxy.deaths
        self.disturbed(may_repeat=1)
        self.assertEqual(self.kills_left, 0, "a call was not made at which to kill")
        # One death serves two calls, if a function has both under way.
        self.assertGreaterEqual(stacked.deployed.aws.proxy.deaths - before, 16, "functions were not there to be killed")

    def test_a_replayed_day_changes_nothing(self):
        self.run_through()
        versions = self.versions()
        filed = len(stacked.deployed.aws.ledger.bodies("BatchImportFindings"))
        for key, body in self.files:
            stacked.deployed.put(key, body)
        stacked.deployed.settle()
        self.assertEqual(self.versions(), versions, "something was written again")
        self.assertEqual(len(stacked.deployed.aws.ledger.bodies("BatchImportFindings")), filed, "something was filed again")
        self.assert_same()

    def versions(self):
        return {key: item["version"] for key, item in stacked.deployed.stack.items(stacked.deployed.table).items()}


class Contract(Stacked):
    """The table keeps the contract that all tables keep, with writers racing."""

    def test_the_table_keeps_the_contract(self):
        environment = os.environ | {
            "CONTRACT_TABLE": stacked.deployed.table, "AWS_ENDPOINT_URL": stacked.deployed.aws.url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        program = compiled(are_tests=True)["contract"]
        self.assertIn("1 passed", command([program, "--ignored"], ROOT, environment, 120))
