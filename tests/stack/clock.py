"""The clock of a run: all its processes read the same time of day, and only a test moves it on.

`clock.c` answers whoever asks for the time of day: the emulators, the functions, the browser, the test itself. How long something
takes is still measured by the machine's own clock, so timeouts are real. No test has to wait until an hour ends or until a message
is delivered again, and none depends on the hour at which it is started.
"""

import os
import struct
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

# A Tuesday, in the middle of the day.
START = datetime(2026, 3, 3, 10, 5, tzinfo=timezone.utc)
HOUR, DAY = 3600, 86400
# A test begins within these minutes of an hour and these hours of a day, so that neither ends under it.
MINUTES, HOURS = range(4, 35), range(4, 20)
# Where the offset is kept, as nanoseconds in eight bytes.
FILE = "STACK_CLOCK"
NANOSECONDS = struct.Struct("=q")


def environment(folder):
    """What a process must be started with to read a new clock, which begins at `START` and is kept in this folder."""
    offset, library = Path(folder) / "clock", Path(folder) / "clock.so"
    offset.write_bytes(NANOSECONDS.pack(int((START.timestamp() - time.time()) * 1e9)))
    source = Path(__file__).with_suffix(".c")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), FILE: str(offset)}


def without(environment):
    """For a program that has nothing to do with the run: the machine's own time."""
    return {name: value for name, value in environment.items() if name not in ("LD_PRELOAD", FILE)}


def advance(seconds):
    """Moves this run's clock on, for all its processes."""
    if seconds < 0:
        raise ValueError(f"time does not go back: {seconds}")
    with open(os.environ[FILE], "r+b", buffering=0) as file:
        (offset,) = NANOSECONDS.unpack(file.read())
        file.seek(0)
        file.write(NANOSECONDS.pack(offset + int(seconds * 1e9)))


def reach(moment):
    """Moves the clock on to a moment, in seconds since 1970, unless it is past."""
    advance(max(0, moment - time.time()))


def reach_midday():
    """Moves the clock on to where neither an hour nor a day ends soon."""
    at = datetime.now(timezone.utc)
    if at.minute not in MINUTES:
        reach((at.timestamp() // HOUR + 1) * HOUR + 60 * MINUTES[0])
        at = datetime.now(timezone.utc)
    if at.hour not in HOURS:
        to = at.timestamp() // DAY * DAY + HOURS[0] * HOUR + 60 * MINUTES[0]
        reach(to if at.hour < HOURS[0] else to + DAY)
