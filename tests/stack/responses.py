"""Responses in the deployed stack: what is done in accounts, by whose leave, and what people see of it.

Findings are put on the queue as the bus would bring them, so that each says just what a playbook is for; one attack comes by the
trail. IAM is enforced on the responder as on every function.
"""

import json
import time
import urllib.error
import urllib.request
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import stacked
from deployment import now, place
from emulator import ACCOUNT, REGION
from outside import BUSY, FAILS, HANGS, SIGNED_BY, TAKES_AND_HANGS
from stacked import Stacked, calls
from trail import Principal, Trail, stamp

PLAYBOOKS = ("credential-compromise", "privilege-escalation", "data-exfiltration", "evasion")
ENFORCED = "".join(f'[[response.enforce]]\nplaybook = "{name}"\nseverity = "HIGH"\n' for name in PLAYBOOKS)
FOREIGN_ACCOUNT = "999900001111"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}, indent=1)
MEMBER = "111122223333"
STORE = "d-1234567890"
# As the README makes it, beside a rule of the organisation's own.
DENIAL = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Sid": "Leave", "Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"},
    {"Sid": "TrailwardenDeniedPeople", "Effect": "Deny", "Action": "*", "Resource": "*",
     "Condition": {"StringEquals": {"identitystore:userId": ["nobody"]}}}]})


class Person(Principal):
    """Somebody behind Identity Center."""

    @property
    def arn(self):
        return f"arn:aws:sts::{self.account}:assumed-role/AWSReservedSSO_Admin_0a1b2c3d4e5f6071/{self.name}"


class Responses(Stacked):
    """The stack as it is deployed to act."""

    @classmethod
    def setUpClass(cls):
        cls.observed = cls.may_act()
        contacts = {"slack_bot_token": "xoxb-example", "slack_channel": "C0EXAMPLE", "slack_api": f"{cls.outside().url}/slack",
                    "slack_signing_secret": "signing", "webhook_url": f"{cls.outside().url}/tickets", "webhook_secret": SIGNED_BY}
        secret = stacked.deployed.aws.client("secretsmanager").create_secret(
            Name=f"contacts-{uuid.uuid4().hex[:6]}", SecretString=json.dumps(contacts))
        organizations = stacked.deployed.aws.client("organizations")
        denial = organizations.create_policy(Type="SERVICE_CONTROL_POLICY", Name="denied", Description="", Content=DENIAL)
        cls.denial = denial["Policy"]["PolicySummary"]["Id"]
        organizations.attach_policy(PolicyId=cls.denial, TargetId=organizations.list_roots()["Roots"][0]["Id"])
        stacked.deployed.deploy(ResponseMode="enforce", ContactsSecretArn=secret["ARN"], OpsItems="true",
                                ResponseReissue="true", DenialPolicyId=cls.denial)
        cls.analyst = cls.somebody("analyst", {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"})

    @staticmethod
    def may_act():
        """What the stack may do in accounts: the roles it may assume, and whether there is one to assume."""
        iam = stacked.deployed.aws.client("iam")
        roles = {role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]}
        responder = stacked.deployed.stack.resources("AWS::IAM::Role")["RespondRole"]
        return stacked.deployed.policy(responder) & {"sts:AssumeRole"}, roles & {"TrailwardenResponse"}

    @staticmethod
    def outside():
        return stacked.deployed.aws.outside

    @staticmethod
    def somebody(name, *statements):
        """A user with a key that may do this; gives the key."""
        iam = stacked.deployed.aws.client("iam")
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="theirs", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def setUp(self):
        super().setUp()
        stacked.deployed.settings(ENFORCED)

    def tearDown(self):
        seen = {path.strip("/") for path, _ in self.outside().requests}
        notify = stacked.exercised.setdefault("trailwarden-notify", set())
        notify.update(f"ssm:{action}" for action in seen & {"CreateOpsItem", "UpdateOpsItem"})
        super().tearDown()

    # Bringing findings and asking

    def raise_finding(self, detector, principal, deeds, number=0, times=1, **more):
        """A finding on respond's queue, as the bus brings it; deeds as (call, target, recipient, detail)."""
        seen = now() - timedelta(minutes=1)
        done = [{"call": call, "target": target, "recipient": recipient, "detail": detail, "outcome": "Success",
                 "account_id": ACCOUNT, "region": REGION} for call, target, recipient, detail in deeds]
        reason = {"text": f"{detector} by {principal.name}", "points": 0.95, "first_seen": stamp(seen), "last_seen": stamp(seen),
                  "event_ids": ["e"], "deeds": done}
        finding = {"id": f"{detector}/{stamp(seen)[:10]}/{abs(hash((principal.arn, number))):016x}", "kind": "threat",
                   "detector": detector, "title": "A test's finding", "severity": "CRITICAL", "score": 0.95, "confidence": 0.9,
                   "principal": principal.arn, "principal_kind": principal.kind, "callers": [], "account_id": ACCOUNT,
                   "region": REGION, "first_seen": stamp(seen), "last_seen": stamp(seen), "techniques": ["T1098.001"],
                   "tactics": ["TA0003"], "event_ids": ["e"], "evidence": [reason["text"]], "recommendations": ["Look at it"],
                   "controls": [], "status": "open", "contributions": [reason], "usual": [], "features": None} | more
        raised = {"scope": {"Principal": principal.arn}, "revision": 1, "finding": finding}
        envelope = {"source": "trailwarden", "detail-type": "FindingRaised", "detail": raised}
        stacked.deployed.send("FindingsQueueUrl", *[json.dumps(envelope)] * times)

    def ask(self, method, path, body=None, who=None, headers=()):
        """Asks the API, signed by somebody's key, or by nobody's; gives (status, JSON)."""
        api = urlsplit(stacked.deployed.outputs["IncidentsUrl"]).netloc.partition(".")[0]
        url = f"{stacked.deployed.aws.url}/_aws/execute-api/{api}{path}"
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode() if method == "POST" else b""
        request = AWSRequest(method, url, data=data, headers={"Content-Type": "application/json"} | dict(headers))
        if who:
            SigV4Auth(who, "execute-api", REGION).add_auth(request)
        sent = urllib.request.Request(url, data or None, dict(request.headers), method=method)
        try:
            with urllib.request.urlopen(sent, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or b"{}")

    def incident_of(self, principal):
        """The one incident of a principal, whole."""
        _, listed = self.ask("GET", "/incidents?days=2", who=self.analyst)
        [line] = [one for one in listed["incidents"] if one["principal"] == principal.arn]
        status, incident = self.ask("GET", f"/incidents/{line['id']}", who=self.analyst)
        self.assertEqual(status, 200, incident)
        return incident

    def progress(self, incident):
        return {act["text"]: (act["progress"], act["note"]) for act in incident["acts"]}

    def undo(self, principal):
        incident = self.incident_of(principal)
        status, answer = self.ask("POST", f"/incidents/{incident['id']}/undo", who=self.analyst)
        self.assertEqual(status, 202, answer)
        stacked.deployed.settle()
        return self.incident_of(principal)

    # What is there in the account

    def user(self, name):
        """All that a response may change of a user."""
        iam = stacked.deployed.aws.client("iam")
        inline = {policy: iam.get_user_policy(UserName=name, PolicyName=policy)["PolicyDocument"]
                  for policy in iam.list_user_policies(UserName=name)["PolicyNames"]}
        attached = [one["PolicyArn"] for one in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]]
        keys = {key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]}
        return {"inline": inline, "attached": attached, "keys": keys}

    def role(self, name):
        iam = stacked.deployed.aws.client("iam")
        inline = {policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                  for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]}
        attached = [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]]
        return {"inline": inline, "attached": attached, "trust": iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]}

    def group(self, name):
        iam = stacked.deployed.aws.client("iam")
        inline = {policy: iam.get_group_policy(GroupName=name, PolicyName=policy)["PolicyDocument"]
                  for policy in iam.list_group_policies(GroupName=name)["PolicyNames"]}
        return inline, [one["PolicyArn"] for one in iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]]

    def new_user(self, name, **more):
        stacked.deployed.aws.client("iam").create_user(UserName=name, **more)
        stacked.deployed.aws.client("iam").create_access_key(UserName=name)
        return Principal(name, account=ACCOUNT)

    def new_role(self, name, *trusted, **more):
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
            "AWS": [f"arn:aws:iam::{account}:root" for account in trusted] or "*"}}]}
        stacked.deployed.aws.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(trust, indent=2), **more)
        return Principal(name, "role", ACCOUNT)

    def restored(self, principal, before, look):
        """The incident is contained, what is there has changed, and undoing puts it back to the letter."""
        incident = self.incident_of(principal)
        self.assertEqual(incident["state"], "contained", self.progress(incident))
        self.assertNotEqual(look(), before)
        undone = self.undo(principal)
        self.assertEqual({act["progress"] for act in undone["acts"]}, {"undone"}, self.progress(undone))
        self.assertEqual(look(), before)
        self.assertEqual(undone["timeline"][-1]["by"], "trailwarden")
        self.assertTrue(any(entry["by"].endswith(":user/analyst") for entry in undone["timeline"]), undone["timeline"])

    # Shows

    def test_to_observe_is_to_have_no_permission_to_act(self):
        self.assertEqual(self.observed, (set(), set()), "before it was deployed to act")
        self.assertEqual(self.may_act(), ({"sts:AssumeRole"}, {"TrailwardenResponse"}))

    def test_credential_compromise(self):
        thief, second = self.new_user("stolen"), self.new_user("second-way-in")
        made = self.new_user("made-by-thief")
        look = lambda: (self.user("stolen"), self.user("second-way-in"), self.user("made-by-thief"))
        before = look()
        deeds = [("iam:CreateAccessKey", second.name, second.name, ""), ("iam:CreateUser", made.name, made.name, "")]
        self.raise_finding("persistence", thief, deeds)
        stacked.deployed.settle()
        after = self.user("stolen")
        self.assertEqual(set(after["keys"].values()), {"Inactive"})
        self.assertEqual(set(after["inline"]), {"TrailwardenQuarantine", "TrailwardenRevokeOlderSessions"})
        self.assertEqual(set(self.user("second-way-in")["keys"].values()), {"Inactive"})
        self.restored(thief, before, look)
        self.assert_filed_well()

    def test_a_quarantined_user_can_do_nothing(self):
        """The policy is not only there: IAM acts on it."""
        key = self.somebody("powerful", {"Effect": "Allow", "Action": "*", "Resource": "*"})
        client = lambda: stacked.deployed.aws.as_user(key.access_key, key.secret_key, "sqs")
        client().list_queues()
        self.raise_finding("persistence", Principal("powerful", account=ACCOUNT), [])
        stacked.deployed.settle()
        with self.assertRaises(Exception) as refused:
            client().list_queues()
        self.assertRegex(str(refused.exception), "AccessDenied|InvalidClientTokenId|not authorized|Forbidden")

    def test_a_person_behind_identity_center_is_denied_everything_and_nobody_else_is(self):
        aws = stacked.deployed.aws
        organizations, store = aws.client("organizations"), aws.client("identitystore")
        people = {name: store.create_user(IdentityStoreId=STORE, UserName=name, DisplayName=name,
                                          Name={"GivenName": name, "FamilyName": "X"})["UserId"]
                  for name in ("kim@x.example", "eva@x.example")}
        stacked.deployed.settings(f"""{ENFORCED}
[response.identity_center]
account = "{ACCOUNT}"
region = "{REGION}"
store = "{STORE}"
policy = "{self.denial}"
""")
        look = lambda: json.loads(organizations.describe_policy(PolicyId=self.denial)["Policy"]["Content"])
        denied = lambda: look()["Statement"][1]["Condition"]["StringEquals"]["identitystore:userId"]
        person = lambda name: Person(name, "person", MEMBER)
        before = look()
        self.raise_finding("persistence", person("kim@x.example"), [], account_id=MEMBER)
        stacked.deployed.settle()
        self.assertEqual(denied(), ["nobody", people["kim@x.example"]])
        self.assertEqual(look()["Statement"][0], before["Statement"][0], "what is the organisation's own stays")
        self.restored(person("kim@x.example"), before, look)
        self.raise_finding("persistence", person("ghost@x.example"), [], account_id=MEMBER)
        stacked.deployed.settle()
        [(progress, note)] = self.progress(self.incident_of(person("ghost@x.example"))).values()
        self.assertEqual((progress, look()), ("refused", before), note)

    def test_privilege_escalation(self):
        iam = stacked.deployed.aws.client("iam")
        climber, helper = self.new_user("climber"), self.new_role("helper", ACCOUNT, FOREIGN_ACCOUNT)
        iam.attach_user_policy(UserName="climber", PolicyArn=ADMINISTRATOR)
        iam.put_user_policy(UserName="climber", PolicyName="mine", PolicyDocument=ALLOW_ALL)
        iam.attach_role_policy(RoleName="helper", PolicyArn=ADMINISTRATOR)
        iam.put_role_policy(RoleName="helper", PolicyName="theirs", PolicyDocument=ALLOW_ALL)
        iam.create_group(GroupName="helpers")
        iam.attach_group_policy(GroupName="helpers", PolicyArn=ADMINISTRATOR)
        iam.put_group_policy(GroupName="helpers", PolicyName="ours", PolicyDocument=ALLOW_ALL)
        look = lambda: (self.user("climber"), self.role("helper"), self.group("helpers"))
        before, attaches = look(), "attaches AdministratorAccess"
        allows = "allows every action on every resource, inline policy "
        self.raise_finding("privilege-escalation", climber, [
            ("iam:AttachUserPolicy", "climber", "climber", attaches), ("iam:PutUserPolicy", "climber", "climber", allows + "mine"),
            ("iam:AttachRolePolicy", "helper", "helper", attaches), ("iam:PutRolePolicy", "helper", "helper", allows + "theirs"),
            ("iam:AttachGroupPolicy", "helpers", "helpers", attaches), ("iam:PutGroupPolicy", "helpers", "helpers", allows + "ours"),
            ("iam:UpdateAssumeRolePolicy", "helper", FOREIGN_ACCOUNT, "")])
        stacked.deployed.settle()
        self.assertEqual(self.user("climber")["attached"], [], "what it gave itself goes at once")
        self.assertEqual(self.role("helper"), before[1], "what others may have had before waits for a person")
        incident = self.incident_of(climber)
        plan = {"plan": incident["plan"]}
        self.assertEqual(self.ask("POST", f"/incidents/{incident['id']}/approve", plan, self.analyst)[0], 202)
        stacked.deployed.settle()
        self.assertEqual(self.role("helper")["attached"], [])
        self.assertNotIn(FOREIGN_ACCOUNT, json.dumps(self.role("helper")["trust"]))
        self.assertEqual(self.group("helpers"), ({}, []))
        self.restored(climber, before, look)

    def test_data_exfiltration(self):
        aws = stacked.deployed.aws
        ec2, rds, s3, kms = (aws.client(name) for name in ("ec2", "rds", "s3", "kms"))
        carrier = self.new_role("carrier", ACCOUNT)
        volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        share = {"Attribute": "createVolumePermission", "OperationType": "add"}
        ec2.modify_snapshot_attribute(SnapshotId=snapshot, UserIds=[FOREIGN_ACCOUNT], **share)
        ec2.modify_snapshot_attribute(SnapshotId=snapshot, GroupNames=["all"], **share)
        instance = ec2.run_instances(ImageId=ec2.describe_images()["Images"][0]["ImageId"], MinCount=1, MaxCount=1)["Instances"][0]
        image = ec2.create_image(InstanceId=instance["InstanceId"], Name="taken")["ImageId"]
        ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": FOREIGN_ACCOUNT}]})
        rds.create_db_instance(DBInstanceIdentifier="cards", DBInstanceClass="db.t3.micro", Engine="postgres",
                               AllocatedStorage=20, MasterUsername="u", MasterUserPassword="longenough")
        rds.create_db_snapshot(DBSnapshotIdentifier="cards-copy", DBInstanceIdentifier="cards")
        rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="cards-copy", AttributeName="restore", ValuesToAdd=[FOREIGN_ACCOUNT])
        s3.create_bucket(Bucket="opened")
        s3.delete_public_access_block(Bucket="opened")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.disable_key(KeyId=key)

        def look():
            volumes = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
            images = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]
            shared = rds.describe_db_snapshot_attributes(DBSnapshotIdentifier="cards-copy")
            try:
                block = s3.get_public_access_block(Bucket="opened")["PublicAccessBlockConfiguration"]
            except s3.exceptions.ClientError:
                block = None
            values = shared["DBSnapshotAttributesResult"]["DBSnapshotAttributes"][0]["AttributeValues"]
            return (sorted(map(str, volumes["CreateVolumePermissions"])), images, values, block,
                    kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], self.role("carrier"))

        before = look()
        self.raise_finding("data-exfiltration", carrier, [
            ("ec2:ModifySnapshotAttribute", snapshot, FOREIGN_ACCOUNT, ""), ("ec2:ModifySnapshotAttribute", snapshot, "*", ""),
            ("ec2:ModifyImageAttribute", image, FOREIGN_ACCOUNT, ""), ("rds:ModifyDBSnapshotAttribute", "cards-copy", FOREIGN_ACCOUNT, ""),
            ("s3:PutBucketPolicy", "opened", "*", ""), ("kms:DisableKey", key, "", "")])
        stacked.deployed.settle()
        after = look()
        self.assertEqual(after[:3], ([], [], []))
        self.assertEqual((set(after[3].values()), after[4]), ({True}, "Enabled"))
        self.restored(carrier, before, look)

    def test_a_key_that_is_to_be_deleted_is_saved(self):
        kms = stacked.deployed.aws.client("kms")
        destroyer = self.new_user("destroyer")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.raise_finding("impact", destroyer, [("kms:ScheduleKeyDeletion", key, "", "")])
        stacked.deployed.settle()
        self.assertEqual(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Enabled")
        self.undo(destroyer)
        self.assertEqual(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled", "in part: no response deletes a key")

    def test_evasion(self):
        aws = stacked.deployed.aws
        cloudtrail, config, guardduty, ec2 = (aws.client(name) for name in ("cloudtrail", "config", "guardduty", "ec2"))
        blinder = self.new_user("blinder")
        cloudtrail.create_trail(Name="main", S3BucketName="example-trail")
        cloudtrail.stop_logging(Name="main")
        config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": f"arn:aws:iam::{ACCOUNT}:role/config"})
        detector = guardduty.create_detector(Enable=False)["DetectorId"]
        group = ec2.create_security_group(GroupName="door", Description="door")["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "temporary"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

        def look():
            recorder = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"][0]["recording"]
            rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
            ranges = [(one["FromPort"], one["IpRanges"]) for one in rules]
            return (cloudtrail.get_trail_status(Name="main")["IsLogging"], recorder,
                    guardduty.get_detector(DetectorId=detector)["Status"], ranges, self.user("blinder"))

        before = look()
        self.raise_finding("evasion", blinder, [
            ("cloudtrail:StopLogging", "main", "", ""), ("config:StopConfigurationRecorder", "default", "", ""),
            ("guardduty:UpdateDetector", detector, "", "switched off"),
            ("ec2:AuthorizeSecurityGroupIngress", group, "*", "port 22 open to everybody")])
        stacked.deployed.settle()
        self.assertEqual(look()[:4], (True, True, "ENABLED", []))
        self.restored(blinder, before, look)

    def test_unusual_access_and_violations_are_left_to_people(self):
        """Their playbooks stop nobody, whatever the settings say."""
        odd, sloppy = self.new_user("odd"), self.new_user("sloppy")
        before = self.user("odd"), self.user("sloppy")
        self.raise_finding("anomalous-access", odd, [])
        self.raise_finding("root-use", sloppy, [], kind="compliance")
        stacked.deployed.settle()
        self.assertEqual((self.user("odd"), self.user("sloppy")), before)
        for principal in (odd, sloppy):
            incident = self.incident_of(principal)
            self.assertEqual((incident["acts"], incident["level"]), ([], "ESCALATE"))
            self.assertTrue(incident["next_steps"])

    def test_the_same_finding_five_times_acts_once(self):
        thief = self.new_user("delivered-five-times")
        self.raise_finding("persistence", thief, [], times=5)
        stacked.deployed.settle()
        written = stacked.deployed.aws.ledger.calls(service="iam", action="PutUserPolicy")
        self.assertEqual(len(written), 2, "a quarantine and a revocation")
        self.assertEqual(len(stacked.deployed.aws.ledger.calls(service="iam", action="UpdateAccessKey")), 1)
        self.assertEqual(len(self.outside().channel), 1)

    def test_a_crash_between_two_acts_resumes_and_repeats_nothing(self):
        for when in ("before", "after"):
            with self.subTest(when):
                thief = self.new_user(f"crashed-{when}")
                stacked.deployed.aws.ledger.clear()
                stacked.deployed.aws.faults.kill(calls("respond", "PutUserPolicy"), when, 1)
                self.raise_finding("persistence", thief, [])
                stacked.deployed.settle()
                self.assertEqual(stacked.deployed.aws.faults.kills_left(), 0)
                done = [call for call in stacked.deployed.aws.ledger.calls(service="iam", action="PutUserPolicy") if call.status == 200]
                self.assertEqual(len(done), 2)
                self.assertEqual(self.incident_of(thief)["state"], "contained")

    def test_nobody_protected_and_no_role_of_ours_is_touched(self):
        tagged = self.new_user("emergency", Tags=[{"Key": "trailwarden:protected", "Value": "true"}])
        listed = self.new_user("listed")
        stacked.deployed.settings(f'protected_principals = ["{listed.arn}"]\n' + ENFORCED)
        own = stacked.deployed.stack.resources("AWS::IAM::Role")["RespondRole"]
        before = self.user("emergency"), self.user("listed"), self.role(own), self.role("TrailwardenResponse")
        self.raise_finding("persistence", tagged, [])
        self.raise_finding("persistence", listed, [])
        self.raise_finding("instance-credentials", Principal(own, "role", ACCOUNT), [])
        self.raise_finding("instance-credentials", Principal("TrailwardenResponse", "role", ACCOUNT), [])
        stacked.deployed.settle()
        self.assertEqual((self.user("emergency"), self.user("listed"), self.role(own), self.role("TrailwardenResponse")), before)
        notes = " ".join(note for _, note in self.progress(self.incident_of(tagged)).values())
        self.assertIn("trailwarden:protected", notes)
        incident = self.incident_of(listed)
        self.assertEqual(incident["level"], "ESCALATE")
        status, answer = self.ask("POST", f"/incidents/{incident['id']}/approve", {"plan": incident["plan"]}, self.analyst)
        self.assertNotEqual(status, 202, answer)

    def test_the_limit_holds_however_many_findings_come_at_once(self):
        """More findings than a page of incidents has, and many times the limit."""
        stacked.deployed.settings(f"[response]\nhourly_limit = 7\n{ENFORCED}")
        people = [self.new_role(f"crowd-{number}", ACCOUNT) for number in range(120)]
        for person in people:
            self.raise_finding("instance-credentials", person, [])
        stacked.deployed.settle()
        written = stacked.deployed.aws.ledger.calls(service="iam", action="PutRolePolicy")
        self.assertEqual(len(written), 7)
        _, listed = self.ask("GET", "/incidents?days=2&from=100", who=self.analyst)
        self.assertEqual((listed["count"], len(listed["incidents"])), (120, 20))

    def test_a_person_approves_the_plan_that_was_shown_and_once(self):
        stacked.deployed.settings("")
        thief = self.new_user("asked-about")
        before = self.user(thief.name)
        self.raise_finding("persistence", thief, [])
        stacked.deployed.settle()
        incident = self.incident_of(thief)
        self.assertEqual(self.user(thief.name), before, "nothing is enforced")
        path = f"/incidents/{incident['id']}/approve"
        plan = {"plan": incident["plan"]}
        self.assertEqual(self.ask("POST", path, plan)[0], 403, "unsigned")
        stranger = self.somebody("stranger")
        self.assertEqual(self.ask("POST", path, plan, stranger)[0], 403, "whom IAM does not let in")
        self.assertIn(self.ask("GET", path, who=self.analyst)[0], (404, 405), "a link changes nothing")
        self.assertEqual(self.ask("POST", path, {"plan": "0"}, self.analyst)[0], 409)
        self.assertEqual(self.user(thief.name), before)
        self.assertEqual(self.ask("POST", path, plan, self.analyst)[0], 202)
        self.assertEqual(self.ask("POST", path, plan, self.analyst)[0], 409, "single use")
        stacked.deployed.settle()
        approved = self.incident_of(thief)
        self.assertEqual({act["by"] for act in approved["acts"]}, {f"arn:aws:iam::{ACCOUNT}:user/analyst"})
        self.assertEqual(approved["state"], "contained")

    def test_a_password_goes_only_when_a_person_says_so(self):
        """Nobody can give it back; nor is its user stopped, whom the thief chose."""
        iam = stacked.deployed.aws.client("iam")
        thief, victim = self.new_user("sets-passwords"), self.new_user("password-set")
        iam.create_login_profile(UserName=victim.name, Password="A-long-one-1!")
        self.raise_finding("persistence", thief, [("iam:UpdateLoginProfile", victim.name, victim.name, "")])
        stacked.deployed.settle()
        self.assertIn("TrailwardenQuarantine", self.user(thief.name)["inline"])
        self.assertEqual(self.user(victim.name)["inline"], {})
        iam.get_login_profile(UserName=victim.name)
        incident = self.incident_of(thief)
        plan = {"plan": incident["plan"]}
        self.assertEqual(self.ask("POST", f"/incidents/{incident['id']}/approve", plan, self.analyst)[0], 202)
        stacked.deployed.settle()
        self.assertIn("TrailwardenQuarantine", self.user(victim.name)["inline"])
        with self.assertRaises(iam.exceptions.NoSuchEntityException):
            iam.get_login_profile(UserName=victim.name)
        calls = {call.action for call in stacked.deployed.aws.ledger.calls(service="iam")}
        self.assertLessEqual({"GetLoginProfile", "DeleteLoginProfile"}, calls)

    def test_a_credential_is_made_anew_when_a_person_asks_and_handed_over_in_a_secret(self):
        iam, secrets = (stacked.deployed.aws.client(name) for name in ("iam", "secretsmanager"))
        kim = self.new_user("rotated")
        [old] = self.user(kim.name)["keys"]
        self.raise_finding("evasion", kim, [])
        stacked.deployed.settle()
        incident = self.incident_of(kim)
        for credential in ("key", "password"):
            body = {"credential": credential}
            status, answer = self.ask("POST", f"/incidents/{incident['id']}/reissue", body, who=self.analyst)
            self.assertEqual(status, 202, answer)
            stacked.deployed.settle()
        acts = self.incident_of(kim)["acts"][-2:]
        self.assertEqual([act["progress"] for act in acts], ["done", "done"], acts)
        handed = [json.loads(secrets.get_secret_value(SecretId=act["action"]["secret"])["SecretString"]) for act in acts]
        keys = {key["AccessKeyId"] for key in iam.list_access_keys(UserName=kim.name)["AccessKeyMetadata"]}
        self.assertEqual(keys, {old, handed[0]["access_key_id"]})
        self.assertTrue(iam.get_login_profile(UserName=kim.name)["LoginProfile"]["PasswordResetRequired"])
        self.assertEqual(len(handed[1]["password"]), 32)
        kept = json.dumps(self.incident_of(kim)) + "".join(line for _, line in stacked.deployed.stack.logs("trailwarden-respond"))
        for secret in (handed[0]["secret_access_key"], handed[1]["password"]):
            self.assertNotIn(secret, kept)
        at = len(self.incident_of(kim)["acts"]) - 2
        status, answer = self.ask("POST", f"/incidents/{incident['id']}/undo", {"act": at}, who=self.analyst)
        self.assertEqual(status, 202, answer)
        stacked.deployed.settle()
        self.assertEqual({key["AccessKeyId"] for key in iam.list_access_keys(UserName=kim.name)["AccessKeyMetadata"]}, {old})
        self.assertIsNotNone(secrets.describe_secret(SecretId=acts[0]["action"]["secret"]).get("DeletedDate"))

    def test_a_plan_that_is_stale_is_not_carried_out(self):
        stacked.deployed.settings("")
        thief = self.new_user("changed-meanwhile")
        self.raise_finding("persistence", thief, [])
        stacked.deployed.settle()
        incident = self.incident_of(thief)
        stacked.deployed.aws.client("iam").create_access_key(UserName=thief.name)
        self.ask("POST", f"/incidents/{incident['id']}/approve", {"plan": incident["plan"]}, self.analyst)
        stacked.deployed.settle()
        keys = next(act for act in self.incident_of(thief)["acts"] if act["action"]["action"] == "deactivate_keys")
        self.assertEqual(keys["progress"], "waiting")
        self.assertIn("has changed", keys["note"])
        self.assertEqual(set(self.user(thief.name)["keys"].values()), {"Active"})

    def test_the_kill_switch(self):
        self.assertEqual(self.ask("POST", "/response/stop", who=self.analyst)[0], 200)
        thief = self.new_user("not-stopped")
        before = self.user(thief.name)
        self.raise_finding("persistence", thief, [])
        stacked.deployed.settle()
        self.assertEqual(self.user(thief.name), before)
        self.assertIn("stopped, by arn", " ".join(note for _, note in self.progress(self.incident_of(thief)).values()))
        self.assertEqual(self.ask("POST", "/response/start", who=self.analyst)[0], 200)
        status, switch = self.ask("GET", "/response", who=self.analyst)
        self.assertEqual((status, switch["stopped_by"], [turn["stops"] for turn in switch["turns"]]), (200, None, [False, True]))
        self.assertEqual(self.ask("GET", "/metrics", who=self.analyst)[1]["all"]["incidents"], 1)

    def test_our_acts_are_known_in_the_trail_and_any_other_use_of_our_role_is_critical(self):
        thief = self.new_user("seen-in-the-trail")
        self.raise_finding("persistence", thief, [])
        stacked.deployed.settle()
        ours = Principal("TrailwardenResponse", "role", ACCOUNT)
        trail = Trail(200)
        own = trail.record(ours, "iam:PutUserPolicy", now(), {"userName": thief.name, "policyName": "TrailwardenQuarantine",
                                                              "policyDocument": ALLOW_ALL.replace("Allow", "Deny")})
        stacked.deployed.put_all(trail.files([own]))
        stacked.deployed.settle()
        self.assertEqual(self.findings_about(ours), [])
        stacked.deployed.put_all(trail.files([trail.record(ours, "iam:ListUsers", now(), readOnly=True)]))
        stacked.deployed.settle()
        filed = [one for one in self.findings_about(ours) if one["GeneratorId"] == "trailwarden/own-role"]
        self.assertEqual([one["Severity"]["Label"] for one in filed], ["CRITICAL"])
        self.assert_filed_well()

    def test_an_attack_in_the_trail_is_answered_and_told(self):
        """From the log to the account: nothing is made up but the log."""
        thief = self.new_user("by-the-trail")
        stacked.deployed.aws.client("cloudtrail").create_trail(Name="organization-trail", S3BucketName="example-trail")
        records = Trail(201).attack("stolen-key", thief, now() - timedelta(minutes=3))
        stacked.deployed.put_all(Trail(201).files(records))
        stacked.deployed.settle()
        incident = self.incident_of(thief)
        self.assertGreaterEqual(len(incident["findings"]), 2, "its findings are one incident")
        self.assertTrue(any(text.startswith("Start the trail organization-trail") for text in self.progress(incident)))
        [message] = self.outside().message_of(incident["id"])
        self.assertIn("by-the-trail", json.dumps(message))
        self.assertIn(incident["ticket"], {"T-1", "oi-000000000000"})

    def test_what_fails_hangs_and_is_busy_loses_and_doubles_nothing(self):
        outside = self.outside()
        outside.behave("/slack/chat.postMessage", *[HANGS] * 100)
        outside.behave("/tickets", TAKES_AND_HANGS, FAILS, BUSY)
        outside.behave("/CreateOpsItem", BUSY, FAILS)
        thieves = [self.new_user(f"told-{number}") for number in range(3)]
        started = time.monotonic()
        for thief in thieves:
            self.raise_finding("persistence", thief, [])
        while any("Active" in self.user(thief.name)["keys"].values() for thief in thieves):
            self.assertLess(time.monotonic() - started, 300, "while Slack hangs, nobody is contained")
            time.sleep(1)
        outside.behave("/slack/chat.postMessage", FAILS, BUSY, TAKES_AND_HANGS, HANGS)
        stacked.deployed.settle()
        for thief in thieves:
            incident = self.incident_of(thief)
            self.assertEqual(len(outside.message_of(incident["id"])), 1, "one message for each incident")
            self.assertIn("contained", outside.message_of(incident["id"])[0]["text"], "as it is at last")
            self.assertEqual([key for key in outside.tickets if key == incident["id"]], [incident["id"]])
        self.assertEqual(len(outside.channel), 3)
        self.assertEqual(len(outside.ops_items), 3)
        self.assertEqual(outside.moods, {path: [] for path in outside.moods}, "each mood was met")

    def test_a_message_that_somebody_deleted_is_said_again(self):
        thief = self.new_user("deleted-about")
        self.raise_finding("persistence", thief, [])
        stacked.deployed.settle()
        incident = self.incident_of(thief)
        self.outside().channel.clear()
        status, answer = self.ask("POST", f"/incidents/{incident['id']}/assign", {"to": "eva"}, self.analyst)
        self.assertEqual(status, 202, answer)
        stacked.deployed.settle()
        self.assertEqual(len(self.outside().message_of(incident["id"])), 1)

    def test_hostile_names_arrive_harmless(self):
        name = "<!channel>*x*\u202e<img src=x>\x1b[31m"
        hostile = Principal(name, account=ACCOUNT)
        self.raise_finding("anomalous-access", hostile, [], evidence=[f"<@U1> {name}"])
        stacked.deployed.settle()
        [message] = self.outside().channel.values()
        self.assertNotIn("<", message["text"])
        self.assertNotIn("\u202e", json.dumps(message, ensure_ascii=False))
        self.assertNotIn("\x1b", json.dumps(message, ensure_ascii=False))

        def kinds(value):
            if isinstance(value, dict):
                return ({value["type"]} if "text" in value and isinstance(value.get("text"), str) else set()).union(
                    *map(kinds, value.values()))
            return set().union(*map(kinds, value)) if isinstance(value, list) else set()

        self.assertEqual(kinds(message["blocks"]), {"plain_text"}, "nothing is read for markup")

    def test_a_storm_becomes_a_digest(self):
        for number in range(30):
            self.raise_finding("anomalous-access", Principal(f"storm-{number}", account=ACCOUNT), [], severity="HIGH")
        stacked.deployed.settle()
        texts = [one["text"] for one in self.outside().channel.values()]
        self.assertEqual((len(texts), sum("more incidents in this hour" in text for text in texts)), (21, 1))
        self.assertIn("10 more incidents in this hour", texts)

    def test_a_button_in_slack(self):
        import hashlib
        import hmac
        from urllib.parse import urlencode
        stacked.deployed.settings('[response]\napprovers = ["slack:U0ANALYST"]\n')
        thief = self.new_user("pressed-about")
        self.raise_finding("persistence", thief, [])
        stacked.deployed.settle()
        incident = self.incident_of(thief)
        [message] = self.outside().message_of(incident["id"])
        [button] = [one for block in message["blocks"] if block["type"] == "actions" for one in block["elements"]
                    if one["action_id"] == "approve"]

        def press(user, secret="signing", at=None):
            payload = json.dumps({"user": {"id": user}, "actions": [{"action_id": "approve", "value": button["value"]}]})
            body, at = urlencode({"payload": payload}).encode(), str(int(at or time.time()))
            signature = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
            headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": at,
                       "X-Slack-Signature": f"v0={signature}"}
            return self.ask("POST", "/slack/actions", body, headers=headers.items())[0]

        self.assertEqual(press("U0ANALYST", "another"), 401)
        self.assertEqual(press("U0ANALYST", at=time.time() - 600), 401, "a replay")
        self.assertEqual(press("U0SOMEBODY"), 403)
        self.assertEqual(press("U0ANALYST"), 202)
        stacked.deployed.settle()
        self.assertEqual({act["by"] for act in self.incident_of(thief)["acts"]}, {"slack:U0ANALYST"})
