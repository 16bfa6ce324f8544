"""Figures: how soon, how much, at what price."""

import json
import os
import threading
import time
from datetime import timedelta

import figures
import stacked
from deployment import now
from stacked import Stacked
from trail import Principal, Trail, staff


class Measured(Stacked):
    """Not judged here, but printed: how soon, how much, at what price."""

    OBJECTS = 50 if "TRAILWARDEN_BUILT" in os.environ else 10

    def test_from_object_to_finding(self):
        for lane in ("bulk", "fast"):
            stacked.deployed.forget()
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
                stacked.deployed.put_all(Trail(100 + number).files(records))
            else:
                stacked.deployed.send("FastQueueUrl", json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": records[1]}))
            time.sleep(0.2)
        stacked.deployed.settle()
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
        for filed in stacked.deployed.aws.findings().values():
            found.setdefault(filed["ProductFields"]["trailwarden/principal"], time.monotonic())

    def test_what_a_million_events_cost(self):
        """40 objects of 500 events, by 40 principals in five hours: about what an account of some size delivers."""
        trail = Trail(60)
        people = staff(users=20, roles=20)
        end = now().replace(minute=0, second=0, microsecond=0)
        records = trail.day_of_work(people, 5, 100, end - timedelta(hours=5))
        files = list(trail.files(records))
        stacked.deployed.put_all(files)
        stacked.deployed.settle()
        stacked.deployed.close()
        figures.cost("bulk", len(records), stacked.deployed, objects=len(files))
        self.assertEqual(stacked.deployed.state().findings, {}, "innocent work")

    def test_what_the_fast_lane_costs(self):
        """200 people sign in with MFA: most of what the fast lane sees is as innocent."""
        trail = Trail(61)
        signed_in = {"responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": "Yes"},
                     "eventType": "AwsConsoleSignIn"}
        records = [trail.record(Principal(f"signs-in-{n}"), "signin:ConsoleLogin", now() - timedelta(minutes=30), **signed_in)
                   for n in range(200)]
        stacked.deployed.send("FastQueueUrl", *(json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": record})
                                        for record in records))
        stacked.deployed.settle()
        figures.cost("fast", len(records), stacked.deployed, objects=0)
