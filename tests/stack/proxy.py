"""A reverse proxy between the functions and the emulators: it sees every call, and can spoil it.

The Host header passes unchanged, since functions sign it. Calls look as if they came over TLS, as on AWS, so that
policies which refuse plain HTTP can be tested too.
"""

import http.client
import os
import signal
import socket
import struct
import threading
import time
from contextlib import closing, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from calls import answered, read_call
from faults import RESET, Faults, error
from ledger import Ledger, Traffic
from processes import Functions, name_of

HOST = "127.0.0.1"
# Headers about one connection, which the next one has its own of.
HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length", "te", "upgrade", "date", "server"}
# A call that takes longer is lost.
PATIENCE = 120


class Proxy:
    """Listens on one port before each emulator: `ports[n]` leads to `upstreams[n]`."""

    def __init__(self, upstreams, functions=None, seed=1):
        self.ledger, self.faults, self.traffic = Ledger(), Faults(seed), Traffic()
        # Functions that were killed in the middle of a call.
        self.deaths = 0
        self._functions = functions
        self._names, self._naming = {}, threading.Lock()
        self._servers = [self._serve(upstream) for upstream in upstreams]
        self.ports = [server.server_address[1] for server in self._servers]
        self.urls = [f"http://{HOST}:{port}" for port in self.ports]

    def _serve(self, upstream):
        handler = type("Relay", (Relay,), {"proxy": self, "upstream": upstream})
        server = Server((HOST, 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        return server

    def watch(self, gateway_port):
        """Whose function processes to know by name: those of the emulator on this port."""
        self._functions = Functions(gateway_port)

    def name(self, access_key, ports):
        """The function that calls with a key: each has its own, and is asked for its name once."""
        with self._naming:
            if access_key not in self._names and (process := self.owner(ports)):
                with suppress(Exception):
                    self._names[access_key] = name_of(process)
            return self._names.get(access_key, "")

    def caught(self, ports, patience=10):
        """The same, of a process that is to be killed: it is there, and looked for until it is found."""
        deadline = time.monotonic() + patience
        while self._functions and not (process := self.owner(ports)):
            if time.monotonic() > deadline:
                raise TimeoutError("who called is not found, and lives on")
            time.sleep(0.05)
        return process if self._functions else None

    def owner(self, ports):
        """The function process at the other end of a connection."""
        return self._functions.owner(*ports) if self._functions else None

    def close(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()


class Server(ThreadingHTTPServer):
    """One thread for each connection, so that a slow call holds up nobody else."""

    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """Clients that vanish are what this is for."""


class Relay(BaseHTTPRequestHandler):
    """Takes one call after the other off a connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy, upstream = None, 0

    def relay(self):
        with self.proxy.traffic.request():
            body = self.body()
            call = read_call(self.command, self.path, self.headers, body)
            ports = (self.client_address[1], self.server.server_address[1])
            call.function = self.proxy.name(call.access_key, ports)
            fate = self.proxy.faults.fate(call)
            call.fault = fate.word()
            try:
                reply = self.meet(call, fate, ports)
            finally:
                self.proxy.ledger.add(call)
            reply()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = relay

    def meet(self, call, fate, ports):
        """Lets a call meet its fate; gives what is then to be done with the caller."""
        process = self.proxy.caught(ports) if fate.killed else None
        time.sleep(fate.delay)
        if fate.killed == "before":
            return partial(self.kill, process)
        if fate.before:
            return partial(self.spoil, call, fate.before)
        for _ in range(1 + fate.is_doubled):
            status, headers, body = self.upstream_answer(call)
        answered(call, status, body)
        if fate.killed == "after":
            return partial(self.kill, process)
        if fate.after:
            return partial(self.spoil, call, fate.after)
        return partial(self.answer, status, headers, body)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self.chunks())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def chunks(self):
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def upstream_answer(self, call):
        """One connection for each call: a kept one may be closed under a call that must not be repeated."""
        upstream = http.client.HTTPConnection(HOST, self.upstream, timeout=PATIENCE)
        with closing(upstream):
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(call.request)))
            upstream.putheader("X-Forwarded-Proto", "https")
            upstream.endheaders(call.request)
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def spoil(self, call, kind):
        if kind == RESET:
            return self.reset()
        status, headers, body = error(call, kind)
        return self.answer(status, headers.items(), body.encode())

    def kill(self, process):
        """The process ends between two instructions, as environments do."""
        if process:
            with suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)
                self.proxy.deaths += 1
        return self.reset()

    def answer(self, status, headers, body):
        """In one piece. A HEAD's length is of the body it does not have."""
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        length = lengths[0] if self.command == "HEAD" and lengths else len(body)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.send_header("Date", self.date_time_string())
        self._headers_buffer.append(b"\r\n" + (b"" if self.command == "HEAD" else body))
        self.flush_headers()

    def reset(self):
        """The connection breaks: RST, not an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, *_):
        """The ledger has it."""

