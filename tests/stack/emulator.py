"""Two emulators of AWS on free ports of this machine, the proxy before them, and clients for the test itself.

MiniStack is AWS, with IAM enforced; moto is Security Hub, which MiniStack lacks. Functions inherit MiniStack's
environment, and with it the way to the proxy; the test's own clients go straight to the emulators.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import boto3
from botocore.config import Config

from outside import Outside
from processes import Functions
from proxy import HOST, Proxy

REGION = "us-east-1"
ACCOUNT = "000000000000"
# What moto plays.
BY_MOTO = {"securityhub", "ec2", "guardduty", "identitystore", "rds"}
OWNER = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
BIN = Path(sys.executable).parent
# Seconds in which an emulator must be up, and in which it must end when told to.
STARTS, ENDS = 180, 10


class Emulator:
    """`with Emulator() as aws:` runs both, and leaves nothing behind."""

    def __init__(self, seed=1):
        self.folder = Path(tempfile.mkdtemp(prefix="trailwarden-stack-"))
        # Held until ours have theirs, which could be the same.
        held = free_sockets(2)
        self.gateway_port, self.hub_port = (one.getsockname()[1] for one in held)
        self.url, self.hub_url = (f"http://{HOST}:{port}" for port in (self.gateway_port, self.hub_port))
        self.functions = Functions(self.gateway_port)
        self.proxy = Proxy([self.gateway_port, self.hub_port], self.functions, seed)
        self.ledger, self.faults = self.proxy.ledger, self.proxy.faults
        self.outside = Outside()
        for one in held:
            one.close()
        self._started, self._clients = [], {}

    def __enter__(self):
        try:
            self._start("moto", [BIN / "moto_server", "-H", HOST, "-p", str(self.hub_port)], clean_environment())
            self._start("ministack", [BIN / "ministack"], self.environment())
            healthy(f"{self.hub_url}/moto-api/")
            healthy(f"{self.url}/_ministack/health")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def environment(self):
        """MiniStack's environment, which every function inherits."""
        way, hub_way = self.proxy.urls
        return clean_environment() | {
            "AUTH": "true",
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.gateway_port),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(self.folder),
            "STATE_DIR": str(self.folder / "state"),
            # Warm functions stay, however far the clock is moved.
            "LAMBDA_WARM_TTL_SECONDS": str(10 * 365 * 86400),
            "AWS_ENDPOINT_URL": way,
            "AWS_ENDPOINT_URL_SECURITYHUB": hub_way,
            # What the emulator lacks, or has in part: moto knows it, and knows no IAM.
            "AWS_ENDPOINT_URL_EC2": hub_way,
            "AWS_ENDPOINT_URL_GUARDDUTY": hub_way,
            "AWS_ENDPOINT_URL_IDENTITYSTORE": hub_way,
            "AWS_ENDPOINT_URL_RDS": hub_way,
            # What neither has.
            "AWS_ENDPOINT_URL_SSM": self.outside.url,
        }

    def _start(self, name, command, environment):
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                list(map(str, command)), env=environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        self._started.append(process)

    def stop(self):
        """Ends the emulators, then whatever function processes they left, then the proxy."""
        for process in reversed(self._started):
            end(process)
        self._started = []
        self.functions.kill()
        self.proxy.close()
        self.outside.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, name="ministack"):
        """What an emulator has printed, for a test that fails."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def client(self, service):
        """The account's owner, at the emulator itself: not seen by the proxy, nor spoilt."""
        if service not in self._clients:
            self._clients[service] = self._client(service)
        return self._clients[service]

    def _client(self, service):
        config = Config(max_pool_connections=50, s3={"addressing_style": "path"}, read_timeout=120)
        url = self.hub_url if service in BY_MOTO else self.url
        client = boto3.session.Session().client(service, endpoint_url=url, config=config, **OWNER)
        client.meta.events.register("before-send.*", as_if_by_tls)
        return client

    def as_user(self, key, secret, service):
        """Somebody else's client, on whom IAM is enforced."""
        client = boto3.session.Session().client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret)
        client.meta.events.register("before-send.*", as_if_by_tls)
        return client

    def forget_findings(self):
        """Empties Security Hub."""
        request = urllib.request.Request(f"{self.hub_url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request, timeout=60).close()

    def findings(self):
        """All that Security Hub holds, by id."""
        pages = self.client("securityhub").get_paginator("get_findings").paginate()
        return {finding["Id"]: finding for page in pages for finding in page["Findings"]}

    def work(self):
        """What functions have done so far: how many requests they made, how much processor time they used.

        None while a request waits for its answer: then somebody is at work, whatever else stands still.
        """
        (calls, waiting), (requests, held) = self.proxy.traffic.counts(), self.outside.traffic.counts()
        return None if waiting or held else (calls, requests, self.functions.used())

    def messages(self):
        """Until when each message is hidden, in seconds since 1970, by queue; 0 if it can be received."""
        url = f"{self.url}/_ministack/sqs/messages?account={ACCOUNT}&region={REGION}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            queues = json.loads(answer.read())["messages"].get(ACCOUNT, {}).get(REGION, {})
        hidden = lambda message: 0 if message["IsVisible"] else message["VisibleAt"]
        return {url.rpartition("/")[2]: sorted(map(hidden, messages)) for url, messages in queues.items() if messages}

    def peak_memory(self):
        """MB that each function ever held, of the processes that still run."""
        return self.functions.peak_memory()


def as_if_by_tls(request, **_):
    """Policies refuse plain HTTP, and so they should. Added after signing."""
    request.headers["X-Forwarded-Proto"] = "https"


def clean_environment():
    """This process's environment without a word about AWS."""
    words = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return words | {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}


def free_sockets(count):
    """Sockets on ports that nobody else has, to be closed by whoever wants these."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind((HOST, 0))
    return sockets


def healthy(url):
    """Waits until something answers there."""
    deadline = time.monotonic() + STARTS
    while True:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing answers at {url}")
        time.sleep(0.1)


def end(process):
    """Asks the whole group to end, and makes it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS)
