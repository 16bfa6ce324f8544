"""What only the whole run can tell: that everything that is granted is needed, and how large functions are."""

import unittest

import figures


class Granted(unittest.TestCase):
    """Reads what the suites report."""

    # What each suite reports; the template by which they were deployed, and where the functions were packed.
    reports, built, archives = [], None, None
    longMessage = True
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
        unused = {}
        for logical, actions in self.granted().items():
            function = self.WHOSE.get(logical) or kebab(logical.removesuffix("Role"))
            used = {self.IAM.get(action, action) for action in self.called(function)}
            granted = {self.DEPLOYED.get(action, action) for action in actions} - self.BY_LAMBDA
            excess = {action for action in granted - used if (function, action) not in self.NOT_CALLED}
            if excess:
                unused[function] = sorted(excess)
        self.assertEqual(unused, {}, "granted, but nothing in the whole run needed it")

    def granted(self):
        """What each role may do in any of the deployments."""
        logicals = {logical for report in self.reports for logical in report["granted"]}
        self.assertGreater(len(logicals), 10)
        return {logical: set().union(*(report["granted"].get(logical, ()) for report in self.reports)) for logical in logicals}

    def called(self, function):
        """What a function called in any of them."""
        return {action for report in self.reports for name, actions in report["called"].items()
                if name.endswith(f"-{function}") for action in actions}

    def test_functions_are_small_and_quick(self):
        peaks = {}
        for name, peak in (item for report in self.reports for item in report["memory"].items()):
            peaks[name] = max(peak, peaks.get(name, 0))
        self.assertEqual(figures.functions(self.built, self.archives, peaks), max(report["functions"] for report in self.reports))


def kebab(name):
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
