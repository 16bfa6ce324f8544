"""What is judged: controls, identities, accounts that fall silent; and who says how: settings, AWS Config, analysts."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import clock
import stacked
from deployment import now, place
from stack import ROOT
from stacked import Stacked
from trail import FOREIGN, STRANGER, WORK, Principal, Trail, staff, stamp

EVENTS = ROOT / "events"


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
        stacked.deployed.aws.client("s3").put_object(Bucket=stacked.deployed.data, Key="settings/settings.toml", Body=text.encode())
        stacked.deployed.aws.functions.kill()

    def attacked(self, name, number):
        principal = Principal(name)
        stacked.deployed.put_all(Trail(number).files(Trail(number).attack("stolen-key", principal, now() - timedelta(minutes=7))))
        stacked.deployed.settle()
        return {one["GeneratorId"] for one in self.findings_about(principal) if "Compliance" not in one}

    def test_settings_are_taken_up_and_broken_ones_refused(self):
        self.settings(self.SUPPRESSED)
        self.assertEqual(self.attacked("red-team", 50), set())
        self.assertTrue(self.attacked("somebody", 51))
        self.settings("[[suppression]\nnot toml")
        self.assertEqual(self.attacked("red-team", 52), set(), "the last good settings stay in force")
        logged = " ".join(line for at, line in stacked.deployed.stack.logs("trailwarden-score") if at >= stacked.deployed.since)
        self.assertIn("SettingsRefused", logged)

    def test_an_account_that_falls_silent_is_a_finding(self):
        trail, principal = Trail(53), Principal("hourly", "role")
        # For nine days, until yesterday, something every third hour.
        end = now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
        records = [trail.record(principal, "ec2:DescribeInstances", end - timedelta(hours=3 * back), readOnly=True)
                   for back in reversed(range(9 * 8))]
        stacked.deployed.put_all(trail.files(records))
        stacked.deployed.settle()
        stacked.deployed.close()
        filed = [one for one in stacked.deployed.aws.findings().values() if one["GeneratorId"] == "trailwarden/silence"]
        self.assertEqual([one["Title"] for one in filed], ["An account fell silent: account:111122223333"])
        self.assert_filed_well()


class Compliance(Stacked):
    """Who broke which control is told at once, and written down."""

    def test_a_stopped_trail_names_the_controls(self):
        """One StopLogging comes down the fast lane: Security Hub and people learn which controls it breaks."""
        principal = Principal("stops-the-trail")
        record = Trail(90).record(principal, "cloudtrail:StopLogging", now() - timedelta(minutes=1), requestParameters={"name": "main"})
        stacked.deployed.send("FastQueueUrl", json.dumps({"detail-type": "AWS API Call via CloudTrail", "source": "aws.cloudtrail", "detail": record}))
        stacked.deployed.settle()
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
        stacked.deployed.send("FastQueueUrl", json.dumps(envelope))
        stacked.deployed.settle()
        [filed] = stacked.deployed.aws.findings().values()
        self.assertEqual(filed["GeneratorId"], "trailwarden/config-rule")
        self.assertIn("HIPAA 164.312(b)", filed["Compliance"]["RelatedRequirements"])
        self.assert_filed_well()

    def test_a_report_is_written(self):
        """What a thief did yesterday stands in the report of today, with a hash that the evidence gives again."""
        yesterday = now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
        principal = Principal("of-yesterday")
        stacked.deployed.put_all(Trail(91).files(Trail(91).attack("stolen-key", principal, yesterday)))
        stacked.deployed.settle()
        answer = stacked.deployed.call("ComplianceReportFunctionName", json.loads((EVENTS / "compliance-report.json").read_text()))
        self.assertGreater(answer["open"], 0)
        s3 = stacked.deployed.aws.client("s3")
        files = {name: s3.get_object(Bucket=stacked.deployed.data, Key=f"{answer['folder']}/{name}") for name in
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
    published = (parse_qs(body.decode()) for body in stacked.deployed.aws.ledger.bodies("Publish"))
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
        stacked.deployed.put_all(trail.files(records))
        stacked.deployed.settle()
        stacked.deployed.close()
        self.assertEqual(stacked.deployed.aws.findings(), {}, "a month of work")
        [thief] = [replace(everybody[0], address=FOREIGN, agent=STRANGER)]
        asked = ("kms:ListKeys", "rds:DescribeDBInstances", "iam:ListRoles", "iam:ListUsers", "secretsmanager:ListSecrets",
                 "organizations:ListAccounts", "lambda:ListLayers", "ecs:ListClusters")
        stolen = [trail.record(thief, call, now() - timedelta(minutes=3), readOnly=True) for call in asked]
        work = [trail.record(principal, "ec2:DescribeInstances", now() - timedelta(minutes=3), readOnly=True)
                for principal in everybody]
        stacked.deployed.put_all(trail.files(stolen + work))
        stacked.deployed.settle()
        stacked.deployed.close()
        filed = stacked.deployed.aws.findings().values()
        found = {(one["GeneratorId"], one["ProductFields"]["trailwarden/principal"]) for one in filed}
        self.assertEqual(found, {("trailwarden/anomalous-access", everybody[0].arn)})
        [finding] = filed
        self.assertIn("a network it never used", finding["Description"])
        self.assert_filed_well()

    def test_what_analysts_say_comes_back(self):
        principal = Principal("judged")
        stacked.deployed.put_all(Trail(71).files(Trail(71).attack("stolen-key", principal, now() - timedelta(minutes=5))))
        stacked.deployed.settle()
        filed = self.findings_about(principal)
        self.assertTrue(filed)
        event = {"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported"}
        said = [json.dumps(event | {"detail": {"findings": [one | {"Workflow": {"Status": "SUPPRESSED"}}]}}) for one in filed]
        forged = dict(filed[0], Id="evasion/2026-03-02/0", Workflow={"Status": "SUPPRESSED"})
        said.append(json.dumps(event | {"detail": {"findings": [forged]}}))
        stacked.deployed.send("FindingsQueueUrl", *said)
        stacked.deployed.settle()
        # Yesterday's last hour closes at three.
        clock.advance(clock.DAY)
        stacked.deployed.close()
        kept = {sort for partition, sort in stacked.deployed.stack.items(stacked.deployed.table) if partition == "ORG"}
        alerts = [one for one in filed if "Compliance" not in one]
        self.assertTrue(0 < len(alerts) < len(filed), "both sorts of findings were judged")
        self.assertEqual({sort for sort in kept if sort.startswith("VERDICT#")}, {f"VERDICT#{one['Id']}" for one in alerts},
                         "violations are facts: what is said of them teaches no threshold")
        self.assertTrue(any(sort.startswith("LEARNT#") for sort in kept), "the watermark learns once a day")
        self.assertTrue(any(sort.startswith("JUDGED#") for sort in kept))
