"""What the test measured, said in lines that a person can read, with the prices that make money of it.

Prices: us-east-1, on demand, November 2026, without free tiers. The emulator ignores batching windows, so batches here are
smaller, and calls more, than on AWS; Lambda's times are this machine's, with the emulator beside it.
"""

import re
import statistics
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Dollars for one.
PRICES = {
    "lambda GB-second, arm64": 0.0000133334,
    "lambda request": 0.20e-6,
    "sqs request of 64 KB": 0.40e-6,
    "dynamodb write unit": 0.625e-6,
    "dynamodb read unit": 0.125e-6,
    "s3 GET": 0.40e-6,
    "s3 PUT or LIST": 5.0e-6,
    "eventbridge event of 64 KB": 1.00e-6,
    "sns publish": 0.50e-6,
}
# GB of memory that the template gives: ingest has 512 MB, dashboard 1 GB, the others 256.
MEMORY = {"ingest": 0.5, "dashboard": 1.0}
REPORT = re.compile(r"REPORT .*?Duration: ([\d.]+) ms")


def say(what, figure):
    print(f"  {what}: {figure}", flush=True)


def latency(lane, seconds):
    """From an attack's arrival to its finding in Security Hub."""
    ordered = sorted(seconds)
    p50, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95) - 1]
    say(f"{lane} lane, arrival to finding in Security Hub, {len(ordered)} attacks", f"p50 {p50:.2f} s, p95 {p95:.2f} s")


def durations(deployed):
    """Milliseconds of each invocation, by function, since the table was last forgotten."""
    found = {}
    for name in deployed.stack.resources("AWS::Lambda::Function").values():
        lines = [line for at, line in deployed.stack.logs(name) if at >= deployed.since]
        matches = [REPORT.search(line) for line in lines]
        found[name.removeprefix("trailwarden-")] = [float(match[1]) for match in matches if match]
    return found


def cost(lane, events, deployed, objects):
    """Requests for 1,000 events, and dollars for a million."""
    ledger, times = deployed.aws.ledger, durations(deployed)
    services = ledger.by_service()
    thousands = events / 1000
    requests = {name: round(of["requests"] / thousands, 1) for name, of in sorted(services.items())}
    say(f"{lane} lane, {events} events: AWS requests for 1,000 events", requests)
    capacity = ledger.capacity().get("", {"read": 0, "write": 0})
    invocations = sum(len(of) for of in times.values())
    # A queue's messages are also received and deleted, by Lambda, where the proxy does not look: once each an invocation.
    sent = services.get("sqs", {}).get("units", 0) + objects
    seconds = {name: sum(of) / 1000 * MEMORY.get(name, 0.25) for name, of in times.items()}
    reads, writes = (len(ledger.calls(service="s3", action=action)) for action in ("GetObject", "PutObject"))
    dollars = {
        "lambda": sum(seconds.values()) * PRICES["lambda GB-second, arm64"] + invocations * PRICES["lambda request"],
        "sqs": (sent * 2 + invocations) * PRICES["sqs request of 64 KB"],
        "dynamodb": capacity["write"] * PRICES["dynamodb write unit"] + capacity["read"] * PRICES["dynamodb read unit"],
        "s3": reads * PRICES["s3 GET"] + writes * PRICES["s3 PUT or LIST"],
        "eventbridge": services.get("events", {}).get("units", 0) * PRICES["eventbridge event of 64 KB"],
        "sns": services.get("sns", {}).get("requests", 0) * PRICES["sns publish"],
    }
    million = {name: round(value / events * 1e6, 3) for name, value in dollars.items()}
    say(f"{lane} lane: dollars for a million events", f"{sum(million.values()):.2f}, of it {million}")
    say(f"{lane} lane: DynamoDB units for 1,000 events",
        f"{capacity['read'] / thousands:.0f} read, {capacity['write'] / thousands:.0f} written")
    say(f"{lane} lane: items written, bytes", ledger.item_sizes())
    warm = {name: f"{statistics.median(of):.0f} ms x {len(of)}" for name, of in times.items() if of}
    say(f"{lane} lane: median time of an invocation", warm)


def functions(built, archives, peaks):
    """Size, start and memory of each function that lies beside a built template, packed in a folder; gives how many there are."""
    programs = sorted(Path(built).parent.glob("*/bootstrap"))
    for folder in (program.parent for program in programs):
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in folder.name.removesuffix("Function"))
        name = name.lstrip("-")
        size = (Path(archives) / f"{folder.name}.zip").stat().st_size / 1e6
        memory = next((f"{peak:.0f} MB" for function, peak in peaks.items() if function.endswith(f"-{name}")), "no longer known")
        say(name, f"zip {size:.1f} MB, exec to ready {ready(folder / 'bootstrap') * 1000:.0f} ms, peak memory {memory}")
    return len(programs)


def ready(path, times=5):
    """Seconds from exec until a function asks for its first event; the median."""
    return statistics.median(once(path) for _ in range(times))


def once(path):
    asked = threading.Event()

    class Runtime(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.set()
            time.sleep(1)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    names = ("TABLE_NAME", "EVENT_BUS_NAME", "DATA_BUCKET", "ACTIVITY_QUEUE_URL", "COMPLIANCE_QUEUE_URL", "SCORE_QUEUE_URL",
             "INGEST_QUEUE_URL", "ALERT_TOPIC_ARN", "HUB_ACCOUNT_ID", "RESPONSE_ROLE_NAME", "OWN_ROLES",
             "RESPONSE_REISSUE", "OIDC_ISSUER", "OIDC_CLIENT_ID")
    environment = {name: "x" for name in names} | {"REPORT_DAYS": "30", "RESPONSE_MODE": "observe"} | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}", "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "x", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_LOG_STREAM_NAME": "x", "AWS_LAMBDA_LOG_GROUP_NAME": "x", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    started = time.perf_counter()
    process = subprocess.Popen([path], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not asked.wait(10):
            raise TimeoutError(f"{path} does not start")
        return time.perf_counter() - started
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
