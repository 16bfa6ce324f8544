"""The deployed-stack test: the template, the functions and IAM as they are deployed, with logs coming in by every lane.

Run by `bash tests/run`. Two suites run side by side, each with a deployment on an emulator of AWS of its own, on this machine,
and with a clock of its own (`clock.py`): `observing` as the template is deployed at first, `acting` with responses and the page.
What both used is then compared with what is granted. Nothing is left behind.

    python tests/stack/run.py                                   # everything
    python tests/stack/run.py Responses Seen                    # these classes
    python tests/stack/run.py Seen.test_what_is_decided_has_a_name

Functions are compiled as the other tests are; `TRAILWARDEN_BUILT=.aws-sam/build/template.yaml` takes what `sam build` made, for
figures that count.
"""

import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import clock
import figures
import stack
import suite
from granted import Granted


def main(names):
    with tempfile.TemporaryDirectory(prefix="trailwarden-run-") as folder:
        folder = Path(folder)
        template = built(folder)
        chosen = [name for name in suite.SUITES if suite.tests_of(name, names).countTestCases()]
        if not chosen:
            print(f"no such test: {' '.join(names)}", file=sys.stderr)
            return 2
        print(f"suites: {', '.join(chosen)}", flush=True)
        environment = os.environ | {"STACK_TEMPLATE": str(stack.packed(template, folder))}
        passed = run([start(name, names, folder, environment) for name in chosen])
        return 0 if (names or compared(folder, chosen, template)) and passed else 1


def built(folder):
    """The template beside which the functions lie."""
    template = os.environ.get("TRAILWARDEN_BUILT")
    if not template:
        figures.say("functions", "compiled as tests are: their times, sizes and dollars say little of those that sam build makes")
    return Path(template).resolve() if template else stack.lay_out(folder)


def start(name, names, folder, environment):
    """Starts a suite, which prints its lines with its name before them."""
    own = folder / name
    own.mkdir()
    process = subprocess.Popen(
        [sys.executable, Path(suite.__file__), name, folder / f"{name}.json", *names], env=environment | clock.environment(own),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")

    def relay():
        for line in process.stdout:
            print(f"{name:>9} | {line}", end="", flush=True)

    threading.Thread(target=relay).start()
    return process


def run(suites):
    """Waits for all; says whether they passed. Whoever ends this ends them, and they take their emulators with them."""
    try:
        return all([process.wait() == 0 for process in suites])
    finally:
        for process in suites:
            process.terminate()
            process.wait()


def compared(folder, chosen, template):
    """What is granted is used, and what the functions are like."""
    Granted.reports = [suite.read(folder / f"{name}.json") for name in chosen]
    Granted.built, Granted.archives = template, folder
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(Granted)
    return unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests).wasSuccessful()


if __name__ == "__main__":
    suite.end_orderly()
    sys.exit(main(sys.argv[1:]))
