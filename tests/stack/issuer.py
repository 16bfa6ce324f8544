"""An OpenID provider on this machine: its discovery document, its key, its token endpoint; and tokens of any sort."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HOST = "127.0.0.1"
CLIENT = "trailwarden"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """A provider on a free port."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                if path == "/authorize":
                    return issuer.let_in(self, dict(parse_qsl(query)))
                issuer.answer(self, issuer.documents().get(path))

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                issuer.answer(self, issuer.exchanged(dict(parse_qsl(body.decode()))))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        # Codes given out: what they were begun with.
        self.codes = {}
        # How often somebody came, and for how many seconds they are let in.
        self.came, self.lasts = 0, 600

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def answer(handler, document):
        body = json.dumps(document or {}).encode()
        handler.send_response(200 if document else 400)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def let_in(self, handler, query):
        """Whoever comes is Kim, and is sent back at once."""
        back = urlencode({"code": self.begin(query), "state": query["state"]})
        handler.send_response(302)
        handler.send_header("Location", f"{query['redirect_uri']}?{back}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def documents(self):
        numbers = self.key.public_key().public_numbers()
        as_bytes = lambda number: encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": as_bytes(numbers.n), "e": as_bytes(numbers.e)}
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys", "id_token_signing_alg_values_supported": ["RS256"]},
            "/keys": {"keys": [key]},
        }

    def token(self, **claims):
        """A token as the provider gives them, but for what is said."""
        said = {"iss": self.url, "aud": CLIENT, "sub": "1", "email": "kim@example.com",
                "iat": int(time.time()), "exp": int(time.time()) + self.lasts} | claims
        parts = [{"alg": "RS256", "typ": "JWT", "kid": "1"}, said]
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encoded(signature)}"

    def begin(self, query):
        """Somebody signs in: gives the code that they come back with."""
        self.came += 1
        code = f"code-{self.came}"
        self.codes[code] = query
        return code

    def exchanged(self, form):
        begun = self.codes.pop(form.get("code"), None)
        if not begun or form.get("client_id") != CLIENT or form.get("redirect_uri") != begun["redirect_uri"]:
            return None
        if encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest()) != begun["code_challenge"]:
            return None
        return {"id_token": self.token(nonce=begun["nonce"]), "token_type": "Bearer"}
