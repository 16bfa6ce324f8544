"""What every test of the deployed stack begins and ends with."""

import time
import unittest

import security_hub
from deployment import place

# The one deployment of the run, once it is there.
deployed = None
# What each function called in the whole run: {function: {"dynamodb:PutItem"}}.
exercised = {}


class Stacked(unittest.TestCase):
    """Begins with an empty table and ends without a refusal."""

    longMessage = True
    maxDiff = 2000

    def setUp(self):
        deployed.forget()

    def tearDown(self):
        for function, actions in deployed.aws.ledger.requests().items():
            exercised.setdefault(function, set()).update(actions)
        self.assertEqual(deployed.aws.ledger.denied(), {}, "IAM refused something")
        self.assertEqual(deployed.stack.dead_letters(), {}, "dead letters")

    def findings_about(self, principal):
        """Security Hub's findings about a principal."""
        found = deployed.aws.findings().values()
        return [one for one in found if one["ProductFields"].get("trailwarden/principal") == principal.arn]

    def assert_filed_well(self):
        """Every call to Security Hub obeys its rules, not only those that the emulator knows."""
        for body in deployed.aws.ledger.bodies("BatchImportFindings"):
            self.assertEqual(security_hub.complaints_about_import(body, *place()), [])


def calls(function, action):
    """Calls of a function, by the end of its name."""
    return lambda call: call.function.endswith(f"-{function}") and call.action == action


class Timed(unittest.TextTestResult):
    """Says of each test how long it took."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok, {time.monotonic() - self.began:.0f} s")
