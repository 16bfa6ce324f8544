"""The account of every call that passed the proxy: who called what, what it cost, what was refused.

The emulator keeps no trace of a refused call, and reports no capacity: this is where least privilege and cost are seen.
"""

import threading
from collections import Counter, defaultdict
from contextlib import contextmanager
from statistics import median

# Requests that are kept whole, since the test looks into them.
KEPT = {"BatchImportFindings", "Publish"}


class Traffic:
    """How many requests began, and how many of them are not yet answered: it changes while somebody is at work."""

    def __init__(self):
        self._lock = threading.Lock()
        self._begun, self._open = 0, 0

    @contextmanager
    def request(self):
        with self._lock:
            self._begun, self._open = self._begun + 1, self._open + 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    def counts(self):
        """(begun, open)"""
        with self._lock:
            return self._begun, self._open


class Ledger:
    """Calls in the order in which they were answered."""

    def __init__(self):
        self._lock = threading.Lock()
        self._calls = []
        self._bodies = []

    def __len__(self):
        with self._lock:
            return len(self._calls)

    def add(self, call):
        """Enters a call and lets its bodies go."""
        with self._lock:
            if call.action in KEPT:
                self._bodies.append((call.action, call.request))
            call.forget_bodies()
            self._calls.append(call)

    def clear(self):
        """Begins a new page."""
        with self._lock:
            self._calls, self._bodies = [], []

    def calls(self, **of):
        """Calls whose fields have these values: `calls(function="ingest", action="GetObject")`."""
        with self._lock:
            calls = list(self._calls)
        return [call for call in calls if all(getattr(call, name) == value for name, value in of.items())]

    def bodies(self, action):
        """The whole requests of an action in `KEPT`."""
        with self._lock:
            return [body for name, body in self._bodies if name == action]

    def requests(self):
        """How often each function called each action: {function: {"dynamodb:PutItem": 3}}."""
        table = defaultdict(Counter)
        for call in self.calls():
            table[call.function][f"{call.service}:{call.action}"] += 1
        return {function: dict(counts) for function, counts in table.items()}

    def by_service(self):
        """Requests, things carried, bytes and charged request units of each service."""
        table = defaultdict(Counter)
        for call in self.calls():
            counts = {"requests": 1, "items": call.items, "bytes": call.sent_bytes, "units": call.request_units}
            table[call.service].update(counts)
        return {service: dict(counts) for service, counts in table.items()}

    def denied(self):
        """Calls that IAM refused: {(function, "service:Action", resource): how often}."""
        denied = self.calls(denied=True)
        return dict(Counter((call.function, f"{call.service}:{call.action}", call.resource) for call in denied))

    def faults(self):
        """How often each fault struck."""
        return dict(Counter(call.fault for call in self.calls() if call.fault))

    def capacity(self):
        """DynamoDB's units: {function: {"read": 1.5, "write": 3}}, and those of all under `""`."""
        table = defaultdict(lambda: {"read": 0.0, "write": 0.0})
        for call in self.calls(service="dynamodb"):
            for function in (call.function or "?", ""):
                table[function]["read"] += call.read_units
                table[function]["write"] += call.write_units
        return dict(table)

    def item_sizes(self):
        """Items written, by kind of sort key: {kind: {"count", "median", "largest"}} in bytes."""
        sizes = defaultdict(list)
        for call in self.calls(service="dynamodb"):
            for kind, size in call.written:
                sizes[kind].append(size)
        return {
            kind: {"count": len(of), "median": int(median(of)), "largest": max(of)} for kind, of in sizes.items()
        }
