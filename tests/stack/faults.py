"""What can go wrong between a function and AWS, made to go wrong at will.

Each fault is one that AWS documents: refusals by rate, errors after the work was done, answers that get lost, messages
delivered twice or late, environments that vanish in the middle of a call. The chance comes from a seeded generator.
"""

import json
import random
import threading
from dataclasses import dataclass

# Calls that deliver: to relay one twice is what at-least-once delivery looks like from outside.
DELIVERIES = {"SendMessageBatch", "SendMessage", "PutEvents"}
# What services call an error of their own, where it is not InternalError.
BREAKDOWNS = {"dynamodb": "InternalServerError", "sns": "InternalFailure"}
THROTTLED, BROKEN, RESET = "throttled", "broken", "reset"


@dataclass
class Fate:
    """What shall happen to one call."""

    delay: float = 0.0
    before: str = ""
    after: str = ""
    is_doubled: bool = False
    killed: str = ""

    def word(self):
        """In one word, for the ledger."""
        words = {self.before and f"{self.before} before", self.after and f"{self.after} after"}
        words |= {"doubled" if self.is_doubled else "", self.killed and f"killed {self.killed}"}
        words.add("delayed" if self.delay else "")
        return ", ".join(sorted(words - {""}))


class Faults:
    """Switches, to be turned while functions run. Predicates take a `calls.Call`."""

    def __init__(self, seed=1):
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self.calm()

    def calm(self):
        """Nothing goes wrong any more."""
        with self._lock:
            self._fail, self._fails = 0.0, lambda call: True
            self._double, self._hold, self._held = 0.0, 0.0, 0.0
            self._slow, self._kills = {}, []

    def fail(self, rate, only=lambda call: True):
        """This part of calls fails: half before anything was done, half after, when only the answer is lost."""
        self._fail, self._fails = rate, only

    def slow(self, service, seconds):
        """A service answers late by so much."""
        self._slow[service] = seconds

    def hold(self, rate, seconds):
        """Random calls wait for up to so long: messages overtake each other."""
        self._hold, self._held = rate, seconds

    def duplicate(self, rate):
        """This part of all messages and events is delivered twice."""
        self._double = rate

    def kill(self, predicate, when="before", times=1):
        """Kills the calling process when such a call arrives, `before` it is done or `after`."""
        if when not in ("before", "after"):
            raise ValueError(when)
        with self._lock:
            self._kills.append([predicate, when, times])

    def kills_left(self):
        """Kills that are still to come."""
        with self._lock:
            return sum(times for _, _, times in self._kills)

    def fate(self, call):
        """Decides about a call."""
        with self._lock:
            fate = Fate(delay=self._slow.get(call.service, 0.0), killed=self._killed(call))
            if self._chance(self._hold):
                fate.delay += self._random.uniform(0, self._held)
            fate.is_doubled = call.action in DELIVERIES and self._chance(self._double)
            if self._chance(self._fail) and self._fails(call):
                self._fails_now(fate)
            return fate

    def _fails_now(self, fate):
        """Who is throttled was not served: that happens before only."""
        if self._chance(0.5):
            fate.before = self._random.choice((THROTTLED, BROKEN, RESET))
        else:
            fate.after = self._random.choice((BROKEN, RESET))

    def _chance(self, rate):
        return rate > 0 and self._random.random() < rate

    def _killed(self, call):
        for kill in self._kills:
            predicate, when, times = kill
            if times > 0 and predicate(call):
                kill[2] -= 1
                return when
        return ""


def error(call, kind):
    """An error in the words of the service's own protocol: status, headers, body."""
    if kind == BROKEN:
        status, code = 500, BREAKDOWNS.get(call.service, "InternalError")
    else:
        status, code = throttling(call.service)
    if call.service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{kind}</Message></Error>"
        return status, {"Content-Type": "application/xml"}, body
    if call.service == "sns":
        fault = "Receiver" if status == 500 else "Sender"
        body = f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{kind}</Message></Error>"
        space = "http://sns.amazonaws.com/doc/2010-03-31/"
        return status, {"Content-Type": "text/xml"}, f'<ErrorResponse xmlns="{space}">{body}</ErrorResponse>'
    body = {"__type": json_type(call.service, code), "message": kind}
    return status, json_headers(call.service, code), json.dumps(body)


def throttling(service):
    """How a service says: not so fast."""
    return {
        "dynamodb": (400, "ProvisionedThroughputExceededException"),
        "s3": (503, "SlowDown"),
        "sns": (400, "Throttling"),
        "securityhub": (429, "TooManyRequestsException"),
    }.get(service, (400, "ThrottlingException"))


def json_type(service, code):
    spaces = {"dynamodb": "com.amazonaws.dynamodb.v20120810#", "sqs": "com.amazonaws.sqs#"}
    return spaces.get(service, "") + code


def json_headers(service, code):
    """JSON 1.0 names the error in the body, REST in a header, SQS in both."""
    versions = {"dynamodb": "application/x-amz-json-1.0", "sqs": "application/x-amz-json-1.0"}
    headers = {"Content-Type": versions.get(service, "application/x-amz-json-1.1"), "x-amzn-ErrorType": code}
    return headers | ({"x-amzn-query-error": f"{code};Sender"} if service == "sqs" else {})
