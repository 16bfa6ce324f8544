"""The page in the deployed stack: who is let in, what they see, what it reads."""

import hashlib
import json
import sys
import time
import unittest
import urllib.error
import urllib.request
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import clock
import stacked
from deployment import now
from emulator import ACCOUNT
from issuer import CLIENT, Issuer, encoded
from stack import ROOT
from stacked import Stacked, calls
from trail import Principal, Trail

sys.path.append(str(ROOT / "tests" / "page"))
from browsed import CHROMIUM, PHONE, assert_sound, browser, opened


class Stays(urllib.request.HTTPRedirectHandler):
    """Where somebody is sent is looked at, and not followed."""

    def redirect_request(self, *_):
        return None


class Seen(Stacked):
    """The stack with a page."""

    @classmethod
    def setUpClass(cls):
        cls.issuer, cls.stranger = Issuer(), Issuer()
        stacked.deployed.deploy(OidcIssuer=cls.issuer.url, OidcClientId=CLIENT)
        cls.browser = browser(cls) if CHROMIUM else None

    @classmethod
    def tearDownClass(cls):
        cls.issuer.close()
        cls.stranger.close()

    def origin(self):
        """Where a browser finds the page."""
        api = urlsplit(stacked.deployed.outputs["DashboardUrl"]).netloc.partition(".")[0]
        return f"http://{api}.execute-api.localhost:{stacked.deployed.aws.gateway_port}"

    def ask(self, path, token=None, body=None, **headers):
        """Gives (status, headers, text)."""
        api = urlsplit(stacked.deployed.outputs["DashboardUrl"]).netloc.partition(".")[0]
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{stacked.deployed.aws.url}/_aws/execute-api/{api}{path}", data, headers)
        try:
            with urllib.request.build_opener(Stays).open(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read().decode()

    def seen(self, path):
        status, _, text = self.ask(path, self.issuer.token())
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def attacked(self, number):
        # Of the account in which responses may look.
        principal = Principal(f"seen-{number}", account=ACCOUNT)
        trail = Trail(300 + number)
        stacked.deployed.put_all(trail.files(trail.attack("stolen-key", principal, now() - timedelta(minutes=20))))
        stacked.deployed.settle()
        # Whoever showed an earlier test's findings may remember them.
        stacked.deployed.aws.functions.kill("-dashboard")
        return principal

    def test_nobody_is_let_in_without_a_token_of_the_provider(self):
        tokens = {
            "none": None,
            "expired": self.issuer.token(iat=int(time.time()) - 7200, exp=int(time.time()) - 3600),
            "another issuer's": self.stranger.token(),
            "another issuer's that claims to be ours": self.stranger.token(iss=self.issuer.url),
            "for somebody else": self.issuer.token(aud="another"),
            "nonsense": "nonsense",
        }
        for name, token in tokens.items():
            for path in ("/api/board", "/pages/board", "/api/findings"):
                with self.subTest(name, path=path):
                    self.assertIn(self.ask(path, token)[0], (401, 403))
            with self.subTest(name, path="/api/verdict"):
                self.assertIn(self.ask("/api/verdict", token, {"id": "", "of": "", "verdict": "true_positive"})[0], (401, 403))
        self.assertEqual(self.ask("/api/board", self.issuer.token())[0], 200)

    def test_the_page_without_a_name_tells_nothing(self):
        principal = self.attacked(1)
        for path in ("/", "/findings", "/app.js", "/style.css", "/api/openapi.json"):
            status, headers, text = self.ask(path)
            self.assertEqual(status, 200, path)
            self.assertNotIn(principal.name, text)
            self.assertIn("default-src 'none'", headers["content-security-policy"])

    def test_an_attack_is_seen_and_only_by_the_index(self):
        principal = self.attacked(2)
        stacked.deployed.aws.ledger.clear()
        board = self.seen("/api/board")
        about = [one for one in board["findings"] if one["principal"] == principal.arn]
        self.assertTrue({"evasion", "persistence"} <= {one["detector"] for one in about}, board["findings"])
        self.assertIn(principal.arn, [one["principal"] for one in board["overview"]["riskiest"]])
        self.assertEqual([one["principal"] for one in board["incidents"]], [principal.arn])
        made = stacked.deployed.aws.ledger.calls()
        reads = {call.action for call in made if calls("dashboard", call.action)(call)}
        self.assertEqual(reads, {"Query", "GetItem"}, "nothing scans")
        worst = next(one for one in about if one["detector"] == "persistence")
        where = f"id={quote(worst['id'], safe='')}&of={quote(worst['of'], safe='')}"
        finding = self.seen(f"/api/finding?{where}")
        self.assertTrue(finding["finding"]["contributions"] and finding["plan"]["actions"] and finding["week"], finding)
        status, headers, page = self.ask(f"/pages/finding?{where}", self.issuer.token())
        self.assertEqual(status, 200)
        self.assertIn(principal.name, page)
        again = self.ask(f"/pages/finding?{where}", self.issuer.token(), **{"If-None-Match": headers["etag"]})
        self.assertEqual((again[0], again[2]), (304, ""))
        person = self.seen(f"/api/principal?of={quote(principal.arn, safe='')}")
        self.assertTrue(person["risk"] and person["findings"] and person["week"]["active"], person)

    def test_what_is_decided_has_a_name(self):
        principal = self.attacked(3)
        [line] = [one for one in self.seen("/api/findings?severity=medium")["items"]
                  if one["principal"] == principal.arn and one["detector"] == "evasion"]
        said = {"id": line["id"], "of": line["of"], "verdict": "true_positive"}
        self.assertEqual(self.ask("/api/verdict", self.issuer.token(), said)[0], 200)
        where = f"id={quote(line['id'], safe='')}&of={quote(line['of'], safe='')}"
        kept = self.seen(f"/api/finding?{where}")["verdict"]
        self.assertEqual((kept["verdict"], kept["by"]), ("true_positive", "kim@example.com"))
        [incident] = self.seen("/api/incidents")["items"]
        status, _, text = self.ask(f"/api/incidents/{incident['id']}/assign", self.issuer.token(), {"to": "kim"})
        self.assertEqual(status, 202, text)
        whole = self.seen(f"/api/incident?id={incident['id']}")
        self.assertEqual((whole["assignee"], whole["timeline"][-1]["by"]), ("kim", "kim@example.com"))
        self.assertEqual(self.seen("/api/metrics")["all"]["incidents"], 1)
        stacked.deployed.settle()

    def test_only_who_is_named_for_it_decides(self):
        self.attacked(4)
        [incident] = self.seen("/api/incidents")["items"]
        approve = f"/api/incidents/{incident['id']}/approve"
        plan = {"plan": "0" * 16}
        member = self.issuer.token(groups=["security", "everybody else"])
        self.assertEqual(self.ask(approve, member, plan)[0], 403, "nobody is named yet")
        stacked.deployed.settings('[response]\napprovers = ["group:security"]\n')
        status, _, text = self.ask(approve, self.issuer.token(groups=["everybody else"]), plan)
        self.assertEqual(status, 403, text)
        self.assertIn("person:1, group:everybody else", text)
        status, _, text = self.ask(approve, member, plan)
        self.assertEqual(status, 409, f"they may; but there is no such plan: {text}")
        self.assertEqual(self.ask("/api/response/stop", self.issuer.token(), {})[0], 200, "anybody may stop it all")
        self.assertEqual(self.ask("/api/response/start", self.issuer.token(), {})[0], 403)
        status, _, text = self.ask("/api/response/start", member, {})
        self.assertEqual((status, [turn["stops"] for turn in json.loads(text)["turns"]]), (200, [False, True]))
        stacked.deployed.settle()

    @unittest.skipUnless(CHROMIUM, "there is no Chromium here")
    def test_who_is_at_the_page_when_their_token_ends_is_back_at_once(self):
        page = opened(self, type(self).browser)
        page.goto(f"{self.origin()}/findings?days=3")
        before = self.issuer.came
        page.get_by_role("button", name="Sign in").click()
        page.locator("#list").wait_for()
        clock.advance(self.issuer.lasts)
        deadline = time.monotonic() + 180
        while self.issuer.came < before + 2:
            self.assertLess(time.monotonic(), deadline, "nobody came again")
            page.wait_for_timeout(500)
        page.wait_for_url("**/findings?days=3")
        page.locator("#list").wait_for()

    @unittest.skipUnless(CHROMIUM, "there is no Chromium here")
    def test_somebody_signs_in_by_a_browser_and_out_again(self):
        principal = self.attacked(5)
        origin = self.origin()
        started = type(self).browser
        for viewport in (None, PHONE):
            page = opened(self, started, viewport)
            page.goto(f"{origin}/findings?days=2")
            self.assertNotIn(principal.name, page.content())
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("link", name=principal.name).first.wait_for()
            self.assertEqual(page.url, f"{origin}/findings?days=2", "where somebody wanted to go")
            self.assertEqual(page.locator("#name").inner_text(), "kim@example.com")
            assert_sound(self, page, origin, self.issuer.url)
        worst = page.locator("main a[href*='/finding?']").first
        worst.click()
        button = page.get_by_role("button", name="It was right")
        button.click()
        page.locator('button[data-verdict="true_positive"][aria-pressed="true"]').wait_for()
        self.assertIn("by kim@example.com", page.locator('[data-value="verdict"]').inner_text())
        # Another tab of theirs need not sign in, and ends with this one.
        came, beside = self.issuer.came, page.context.new_page()
        beside.goto(f"{origin}/incidents")
        beside.locator("#list").wait_for()
        self.assertEqual(self.issuer.came, came)
        page.get_by_role("button", name="Sign out").click()
        beside.get_by_role("button", name="Sign in").wait_for()
        page.get_by_role("button", name="Sign in").wait_for()
        self.assertIsNone(page.evaluate("sessionStorage.getItem('trailwarden-token')"))
        self.assertNotIn(principal.name, page.locator("body").inner_text())
        self.assertEqual(page.complaints, [])
        stacked.deployed.settle()

    def test_the_way_in_leads_through_the_provider(self):
        verifier = "v" * 43
        begun = {"state": "s", "nonce": "n", "back": "https://page.example/",
                 "challenge": encoded(hashlib.sha256(verifier.encode()).digest())}
        status, headers, _ = self.ask(f"/sign-in?{urlencode(begun)}")
        self.assertIn(status, (302, 303, 307))
        to = urlsplit(headers["location"])
        self.assertEqual(f"{to.scheme}://{to.netloc}{to.path}", f"{self.issuer.url}/authorize")
        query = dict(parse_qsl(to.query))
        self.assertEqual((query["client_id"], query["code_challenge_method"], query["scope"]), (CLIENT, "S256", "openid email"))
        code = self.issuer.begin(query)
        given = {"code": code, "verifier": verifier, "back": begun["back"]}
        status, _, text = self.ask("/token", body=given)
        self.assertEqual(status, 200, text)
        self.assertEqual(self.ask("/api/board", json.loads(text)["id_token"])[0], 200)
        self.assertEqual(self.ask("/token", body=given)[0], 502, "a code is used once")
        stolen = self.issuer.begin(query)
        self.assertEqual(self.ask("/token", body=given | {"code": stolen, "verifier": "w" * 43})[0], 502)
