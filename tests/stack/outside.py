"""What is outside AWS, on this machine: Slack, a ticket system, and Systems Manager, which neither emulator has.

Each remembers what arrived, and behaves as it is told: `behave("/slack/chat.postMessage", FAILS, TAKES_AND_HANGS)` spoils
the next requests, one after the other. Answers are those of Slack's and AWS's API references.
"""

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from ledger import Traffic

HOST = "127.0.0.1"
FAILS, BUSY, HANGS, TAKES_AND_HANGS = "fails", "busy", "hangs", "takes and hangs"
# Longer than the product waits.
HUNG = 9.0
SIGNED_BY = "a-shared-secret"


class Outside:
    """A server on a free port."""

    def __init__(self):
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with outside.traffic.request():
                    outside.meet(self, body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._lock, self.traffic = threading.Lock(), Traffic()
        self.forget()

    def forget(self):
        with self._lock:
            self.moods, self.requests = {}, []
            # Slack's channel, by timestamp; tickets by idempotency key; OpsItems by id.
            self.channel, self.tickets, self.ops_items, self.said = {}, {}, {}, []

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def behave(self, path, *moods):
        """How the next requests to a path are met, whatever was said before."""
        with self._lock:
            self.moods[path] = list(moods)

    def meet(self, handler, body):
        path = "/" + handler.headers.get("X-Amz-Target", "").rpartition(".")[2] if handler.path == "/" else handler.path
        with self._lock:
            self.requests.append((path, body))
            waiting = self.moods.get(path, [])
            mood = waiting.pop(0) if waiting else ""
        if mood == FAILS:
            return self.answer(handler, 500, {})
        if mood == BUSY:
            return self.answer(handler, 429, {}, {"Retry-After": "1"})
        if mood == HANGS:
            return time.sleep(HUNG)
        with self._lock:
            asked = json.loads(body) if body[:1] == b"{" else dict(parse_qsl(body.decode()))
            status, reply = self.take(path, handler.headers, asked, body)
        if mood == TAKES_AND_HANGS:
            return time.sleep(HUNG)
        return self.answer(handler, status, reply)

    @staticmethod
    def answer(handler, status, reply, headers=()):
        body = json.dumps(reply).encode()
        handler.send_response(status)
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def take(self, path, headers, asked, body):
        """What a request does where it arrives."""
        if path == "/slack/chat.postMessage":
            ts = f"{time.time():.4f}{len(self.channel):02}"
            self.channel[ts] = asked
            return 200, {"ok": True, "channel": asked["channel"], "ts": ts}
        if path == "/slack/chat.update":
            if asked["ts"] not in self.channel:
                return 200, {"ok": False, "error": "message_not_found"}
            self.channel[asked["ts"]] |= {name: asked[name] for name in ("text", "blocks")}
            return 200, {"ok": True, "ts": asked["ts"]}
        if path == "/slack/conversations.history":
            found = [{"ts": ts, **message} for ts, message in self.channel.items() if float(ts) >= float(asked["oldest"])]
            # Slack gives the newest first, and as few at a time as it likes.
            first, found = int(asked.get("cursor") or 0), found[::-1]
            more = {"next_cursor": str(first + 1) if first + 1 < len(found) else ""}
            return 200, {"ok": True, "messages": found[first:first + 1], "response_metadata": more}
        if path == "/tickets":
            return self.ticket(headers, asked, body)
        if path == "/CreateOpsItem":
            name = f"oi-{len(self.ops_items):012x}"
            self.ops_items[name] = asked
            return 200, {"OpsItemId": name}
        if path == "/UpdateOpsItem":
            self.ops_items[asked["OpsItemId"]] |= asked
            return 200, {}
        return 404, {}

    def ticket(self, headers, asked, body):
        """A receiver that demands the signature, and knows a key that it has seen."""
        expected = hmac.new(SIGNED_BY.encode(), headers["X-Trailwarden-Timestamp"].encode() + b"." + body, hashlib.sha256)
        if not hmac.compare_digest(headers["X-Trailwarden-Signature"], f"sha256={expected.hexdigest()}"):
            return 401, {}
        ticket = self.tickets.setdefault(headers["Idempotency-Key"], {"id": f"T-{len(self.tickets) + 1}", "asked": asked})
        return 201, {"id": ticket["id"]}

    def message_of(self, incident):
        """The messages about an incident, by what the bot said of them."""
        return [one for one in self.channel.values()
                if one.get("metadata", {}).get("event_payload", {}).get("incident") == incident]
