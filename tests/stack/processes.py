"""The processes in which the emulator runs functions.

It runs each execution environment as a process of its own, from a folder named by its port. Only such processes are
ever looked at or killed.
"""

import os
import re
import signal
import time
from contextlib import suppress

import psutil

GONE = (psutil.Error, OSError)
# Seconds in which a process must be dead that was killed.
DIES = 30


class Functions:
    """The function processes of the emulator that listens on a port."""

    def __init__(self, gateway_port):
        self._home = re.compile(rf"/ministack-provided-code-{gateway_port}/")

    def processes(self):
        """Those that run now. Their program is asked for anew each time: psutil remembers the one that it first saw, and whoever is
        just being started still has that of the emulator."""
        found = []
        for process in psutil.process_iter():
            with suppress(*GONE):
                if self._home.search(os.readlink(f"/proc/{process.pid}/exe")):
                    found.append(process)
        return found

    def owner(self, local_port, remote_port):
        """The function process that holds the near end of a connection; `None` if no function does."""
        number = socket_between(local_port, remote_port)
        for process in self.processes() if number else []:
            with suppress(*GONE):
                if holds(process.pid, number):
                    return process
        return None

    def used(self):
        """Seconds of processor time that each process has used: those that wait for an event use none."""
        found = {}
        for process in self.processes():
            with suppress(*GONE):
                found[process.pid] = sum(process.cpu_times()[:2])
        return found

    def peak_memory(self):
        """The most MB that any process of each function ever held."""
        peaks = {}
        for process in self.processes():
            with suppress(*GONE):
                name = name_of(process)
                peaks[name] = max(peaks.get(name, 0.0), high_water(process.pid))
        return peaks

    def kill(self, name=""):
        """Ends those whose function's name ends so, and waits until their parent can know: it would give them the next call."""
        deadline, killed = time.monotonic() + DIES, []
        # Whoever was just being started is found at the next look.
        while (found := [process for process in self.processes() if not name or is_called(process, name)]) or any(map(runs, killed)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"killed, and not dead: {found or killed}")
            for process in found:
                with suppress(*GONE):
                    os.kill(process.pid, signal.SIGKILL)
            killed += found
            time.sleep(0.01)


def socket_between(local_port, remote_port):
    """The kernel's number of a connection's near end; `None` if there is no such connection."""
    local, remote = f":{local_port:04X} ", f":{remote_port:04X} "
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            if local in line and remote in line:
                _, near, far, *fields = line.split()
                if near.endswith(local.strip()) and far.endswith(remote.strip()):
                    return fields[6]
    return None


def holds(pid, number):
    """Whether a process has a socket of this number."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{name}") == f"socket:[{number}]":
                return True
    return False


def is_called(process, name):
    with suppress(*GONE):
        return name_of(process).endswith(name)
    return False


def runs(process):
    """Whether a process has not ended, waited for by its parent or not."""
    with suppress(*GONE):
        return process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    return False


def name_of(process):
    """The name of the function that a process runs, as it is told itself."""
    return process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "?")


def high_water(pid):
    """The kernel's own high-water mark of resident memory, in MB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
