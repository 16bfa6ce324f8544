"""A suite: tests that share a deployment, run in a process of their own. Started by `run.py`."""

import json
import os
import signal
import sys
import time
import unittest
from importlib import import_module
from pathlib import Path

import figures
import stacked
from deployment import Deployment

# Modules in the order in which they run: the page is added to what can act.
SUITES = {"observing": ("lanes", "reliability", "judging", "measured"), "acting": ("responses", "seen")}


def tests_of(name, wanted):
    """The tests of a suite: all, or those of these classes or methods."""
    loader, found = unittest.defaultTestLoader, unittest.TestSuite()
    for module in map(import_module, SUITES[name]):
        for case in cases(module):
            for method in loader.getTestCaseNames(case):
                if not wanted or {case.__name__, f"{case.__name__}.{method}"} & set(wanted):
                    found.addTest(case(method))
    return found


def cases(module):
    """A module's classes of tests, as they stand in it."""
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, unittest.TestCase)]
    return [one for one in found if one.__module__ == module.__name__]


def end_orderly():
    """Whoever is told to end cleans up first: unittest takes an exit for a failed test, and goes on; an interrupt it lets through."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def main(name, report, wanted):
    started = time.monotonic()
    with Deployment(Path(os.environ["STACK_TEMPLATE"])) as deployed:
        stacked.deployed = deployed
        figures.say("deployed", f"{time.monotonic() - started:.0f} s")
        runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=stacked.Timed)
        result = runner.run(tests_of(name, wanted))
        write(report, deployed)
    figures.say("in all", f"{time.monotonic() - started:.0f} s")
    return 0 if result.wasSuccessful() else 1


def write(report, deployed):
    """What only both suites together can tell: what was called, what is granted, how much memory was used."""
    roles = deployed.stack.resources("AWS::IAM::Role")
    said = {
        "called": {function: sorted(actions) for function, actions in stacked.exercised.items()},
        "granted": {logical: sorted(deployed.policy(role)) for logical, role in roles.items()},
        "functions": len(deployed.stack.resources("AWS::Lambda::Function")),
        "memory": deployed.aws.peak_memory(),
    }
    Path(report).write_text(json.dumps(said))


def read(report):
    """The same again; nothing of a suite that did not come so far."""
    report = Path(report)
    return json.loads(report.read_text()) if report.exists() else {"called": {}, "granted": {}, "functions": 0, "memory": {}}


if __name__ == "__main__":
    end_orderly()
    sys.exit(main(*sys.argv[1:3], sys.argv[3:]))
