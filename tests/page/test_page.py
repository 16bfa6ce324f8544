"""The page in a real browser: on a simulated organisation, on nothing, on a desk and on a phone.

Needs Chromium (Debian's `chromium`), driven by Playwright; axe-core comes with axe-playwright-python.
"""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from browsed import PHONE, assert_sound, browser, opened

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "target" / "debug" / "trailwarden"
# Two refreshes, and some.
SOON = 15_000


class Served:
    """`trailwarden serve` of a state."""

    def __init__(self, state, *logs):
        arguments = [COMMAND, "serve", "--port", "0", "--state", state, *logs]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.link = self.process.stdout.readline().strip()
        parts = urlsplit(self.link)
        self.origin, self.key = f"{parts.scheme}://{parts.netloc}", parts.query.removeprefix("key=")

    def api(self, path):
        request = urllib.request.Request(self.origin + path, headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Browsed(unittest.TestCase):
    """Has a browser, and a folder."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="trailwarden-page-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.browser = browser(cls)

    def open(self, served, path="", viewport=None, **context):
        page = opened(self, self.browser, viewport, **context)
        page.goto(served.link)
        if path:
            page.goto(served.origin + path)
        return page

    def assert_sound(self, page, served):
        assert_sound(self, page, served.origin)


class Organisation(Browsed):
    """A month of people, machines and attacks."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.logs, cls.state = cls.folder / "logs", cls.folder / "state"
        subprocess.run([COMMAND, "simulate", "--out", cls.logs, "--days", "30", "--people", "14", "--workloads", "6",
                        "--attacks", "10"], check=True, capture_output=True)
        cls.served = Served(cls.state, cls.logs / "AWSLogs")
        cls.addClassCleanup(cls.served.close)

    def value(self, page, name):
        return page.locator(f'[data-value="{name}"]').inner_text().strip()

    def test_each_widget_says_what_the_api_says(self):
        page, board = self.open(self.served), self.served.api("/api/board")
        overview = board["overview"]
        said = {
            "threat": overview["threat"]["level"], "watched": overview["watched"], "high-risk": overview["high_risk"],
            "active-threats": overview["active_threats"], "anomalies": overview["anomalies"]["now"],
            "failed-sign-ins": overview["failed_sign_ins"]["now"], "violations": overview["violations"]["now"],
            "responses": overview["responses"]["now"], "threshold-high": f'{overview["thresholds"]["high"]:.3f}',
            "threshold-medium": f'{overview["thresholds"]["medium"]:.3f}',
            "response": "off: plans are told, nothing is done",
        }
        for name, value in said.items():
            with self.subTest(name):
                self.assertEqual(self.value(page, name), f"{value:,}" if isinstance(value, int) else value)
        self.assertEqual(page.locator("#threat .score").text_content(), str(overview["threat"]["score"]))
        self.assertEqual(page.locator("#threat .because li").all_inner_texts(), [one["text"] for one in overview["threat"]["because"]])
        for section, rows in (("risk", overview["riskiest"]), ("matrix", overview["matrix"]), ("findings", board["findings"]),
                              ("compliance", board["compliance"]["frameworks"])):
            with self.subTest(section):
                self.assertGreater(len(rows), 0)
                self.assertEqual(page.locator(f"#{section} tbody tr").count(), len(rows))
        self.assertEqual(page.locator("#incidents li").count(), len(board["incidents"]))
        scores = [f"{one['score']:.2f}" for one in board["findings"]]
        self.assertEqual(page.locator("#findings tbody td.number").all_inner_texts(), scores)
        cells = page.locator("#matrix tbody td.cell").count()
        self.assertEqual(cells, sum(day is not None for _, days in overview["matrix"] for day in days))
        bars = page.locator("#timeline svg a title").all_text_contents()
        counted = [sum(int(part.split()[0]) for part in bar.split(": ", 1)[1].split(", ")) for bar in bars]
        self.assertEqual(counted, [sum(bucket["findings"]) for bucket in board["timeline"] if any(bucket["findings"])])
        self.assertGreater(sum(counted), 0)

    def test_all_pages_are_sound_on_a_desk_in_the_dark_and_on_a_phone(self):
        finding = self.served.api("/api/board")["findings"][0]
        paths = ["", "/findings", "/incidents", "/nothing-here"]
        for form in ({}, {"color_scheme": "dark"}, {"viewport": PHONE}):
            for path in paths:
                with self.subTest(path=path, **{name: str(value) for name, value in form.items()}):
                    page = self.open(self.served, path, **form)
                    if path == "/nothing-here":
                        page.complaints.clear()  # the browser says of a 404 that it is one
                    self.assert_sound(page, self.served)
            with self.subTest("by links", **{name: str(value) for name, value in form.items()}):
                page = self.open(self.served, **form)
                page.locator("#findings tbody a").first.click()
                page.wait_for_selector("#verdict")
                self.assertIn(finding["title"], page.locator("h1").inner_text())
                self.assert_sound(page, self.served)
                page.locator("#what a.principal").click()
                page.wait_for_selector("#habits")
                self.assert_sound(page, self.served)
                page.locator("#incidents li a").first.click()
                page.wait_for_selector("#plan")
                self.assert_sound(page, self.served)

    def test_it_refreshes_without_flicker_and_keeps_whoever_is_at_a_button(self):
        page = self.open(self.served, "/findings?severity=high&kind=threat&days=31")
        page.locator("tbody a").first.click()
        button = page.locator("#verdict button").first
        button.focus()
        page.evaluate("document.querySelectorAll('main > *').forEach((one) => { one.mark = 'same'; })")
        page.locator("#features summary").click()
        button.focus()
        with page.expect_response(lambda answer: "/pages/" in answer.url, timeout=SOON):
            pass
        page.wait_for_timeout(500)
        self.assertTrue(page.evaluate("[...document.querySelectorAll('main > *')].every((one) => one.mark === 'same')"))
        self.assertTrue(page.evaluate("document.querySelector('#features').open"))
        self.assertEqual(page.evaluate("document.activeElement.dataset.verdict"), "true_positive")

    def test_what_is_no_page_and_what_was_refused_take_nothing_away(self):
        page = self.open(self.served, "/incidents?state=open")
        page.locator("ul.incidents a").first.click()
        page.wait_for_selector("#plan")
        page.route("**/pages/**", lambda route: route.fulfill(status=429, json={"message": "Too Many Requests"}))
        page.locator("#live.away", has_text="out of reach").wait_for(timeout=SOON)
        self.assertTrue(page.locator("#plan").is_visible(), "what was there stays")
        page.unroute("**/pages/**")
        page.route("**/assign", lambda route: route.fulfill(status=503, json={"error": "not now"}))
        page.get_by_role("button", name="Assign").click()
        page.locator("dialog input").fill("eva")
        page.keyboard.press("Enter")
        page.locator("dialog [role=alert]", has_text="not now").wait_for()
        self.assertEqual(page.locator("dialog input").input_value(), "eva", "to be sent again")
        page.unroute("**/assign")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog", state="detached")
        page.locator("#what", has_text="With eva").wait_for()
        # What somebody chose, and where they are, is theirs.
        page.goto(f"{self.served.origin}/findings")
        page.select_option("select[name=severity]", "HIGH")
        page.locator("h1").click()
        page.wait_for_timeout(6_000)
        self.assertEqual(page.locator("select[name=severity]").input_value(), "HIGH")
        page.goto(f"{self.served.origin}/no/such/page")
        self.assertIn("no such page", page.locator("main").inner_text())

    def test_the_terminal_says_the_same(self):
        told = subprocess.run([COMMAND, "status", "--format", "json", "--state", self.state, self.logs / "AWSLogs"],
                              check=True, capture_output=True, text=True).stdout
        # What was decided on the page, the board of an instant ago may not show.
        served = Served(self.state, self.logs / "AWSLogs")
        self.addCleanup(served.close)
        self.assertEqual(json.loads(told), served.api("/api/board"))

    def test_bars_and_cells_lead_to_what_they_count(self):
        page = self.open(self.served)
        to = page.locator("#matrix td.cell a").first
        to.click()
        page.wait_for_selector("#list")
        self.assertIn("day=", page.url)
        self.assertGreater(page.locator("#list tbody tr").count(), 0)
        page.goto(self.served.origin)
        bar = page.locator("#timeline svg a").first
        counted = sum(int(word) for word in re.findall(r"(\d+) [A-Z]", bar.get_attribute("aria-label")))
        bar.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#list")
        # A bar is of six hours; it leads to their day, and to no other.
        day = urllib.parse.parse_qs(urlsplit(page.url).query)["day"][0]
        seen = page.locator("#list tbody td:last-child").all_inner_texts()
        self.assertEqual([one for one in seen if not one.startswith(day)], [])
        whole = sum(sum(bucket["findings"]) for bucket in self.served.api("/api/board")["timeline"] if bucket["from"].startswith(day))
        self.assertEqual(self.served.api(f"/api/findings?day={day}")["count"], whole)
        self.assertLessEqual(counted, whole)

    def test_keys_alone_lead_everywhere(self):
        page = self.open(self.served)
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
        page.keyboard.press("Enter")
        self.assertEqual(page.evaluate("document.activeElement.id"), "main")
        page.keyboard.press("Tab")
        self.assertTrue(page.evaluate("document.querySelector('main').contains(document.activeElement)"))

    def test_verdicts_move_the_history_of_thresholds(self):
        page = self.open(self.served)
        self.assertIsNone(self.served.api("/api/board")["tomorrow"])
        alerts = self.served.api("/api/findings?days=31&severity=medium&limit=500")["items"]
        for one in [one for one in alerts if one["kind"] != "compliance"][:9]:
            page.goto(f"{self.served.origin}/finding?" + urllib.parse.urlencode({"id": one["id"], "of": one["of"]}))
            page.locator('button[data-verdict="false_positive"]').click()
            page.wait_for_selector('button[data-verdict="false_positive"][aria-pressed="true"]')
            self.assertRegex(self.value(page, "verdict"), r"^It was said to be a false alarm by .+, .+ UTC\.$")
        page.goto(self.served.origin + "/")
        tomorrow = self.served.api("/api/board")["tomorrow"]
        self.assertGreater(tomorrow["thresholds"]["medium"], 0.4)
        row = page.locator("#thresholds tbody tr").first.inner_text()
        self.assertIn(f'{tomorrow["thresholds"]["medium"]:.3f}', row)
        self.assertIn("say false", row)
        self.assertEqual(page.complaints, [])
        # The days that follow are judged by them.
        later = self.folder / "later"
        subprocess.run([COMMAND, "simulate", "--out", later, "--start", "2026-03-05", "--days", "6", "--people", "14",
                        "--workloads", "6", "--attacks", "3"], check=True, capture_output=True)
        told = subprocess.run([COMMAND, "analyze", "--format", "ndjson", "--state", self.state, later / "AWSLogs"],
                              check=True, capture_output=True, text=True).stdout.splitlines()
        found = [one for one in map(json.loads, told) if one["last_seen"] > "2026-03-06" and one["kind"] != "compliance"]
        self.assertTrue(found)
        for one in found:
            self.assertGreater(one["thresholds"]["medium"], 0.41, one["id"])

    def test_an_incident_is_given_to_somebody(self):
        page = self.open(self.served, "/incidents?state=open")
        page.locator(".incidents a").first.click()
        page.get_by_role("button", name="Assign").click()
        page.locator("dialog input").fill("<b>kim</b>")
        page.get_by_role("button", name="OK").click()
        page.get_by_text("With <b>kim</b>").wait_for()
        self.assertEqual(page.locator("#what b").count(), 0, "a name is text")
        self.assertEqual(page.complaints, [])

    def test_who_has_no_key_sees_nothing(self):
        page = self.browser.new_page()
        self.addCleanup(page.close)
        page.goto(self.served.origin + "/findings")
        self.assertIn("trailwarden serve", page.locator("main").inner_text())
        for path in ("/api/board", "/pages/board", "/?key=0"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(self.served.origin + path)
            self.assertEqual(refused.exception.code, 401, path)
            refused.exception.close()
        elsewhere = urllib.request.Request(self.served.origin + "/", headers={"Host": "evil.example"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(elsewhere)
        self.assertEqual(refused.exception.code, 421)
        refused.exception.close()


class Empty(Browsed):
    """Before anything was read."""

    def test_it_says_what_to_do_and_fills_by_itself(self):
        state, logs = self.folder / "state", self.folder / "logs"
        served = Served(state)
        self.addCleanup(served.close)
        for form in ({}, {"viewport": PHONE}):
            page = self.open(served, **form)
            self.assertIn("trailwarden analyze --state", page.locator("#empty").inner_text())
            self.assert_sound(page, served)
        self.assertTrue(served.api("/api/board")["is_empty"])
        subprocess.run([COMMAND, "simulate", "--out", logs, "--days", "6", "--people", "4", "--workloads", "2",
                        "--attacks", "1"], check=True, capture_output=True)
        subprocess.run([COMMAND, "analyze", "--state", state, logs / "AWSLogs"], check=True, capture_output=True)
        page.wait_for_selector("#threat", timeout=SOON)
        self.assertEqual(page.locator('[data-value="watched"]').inner_text(), str(served.api("/api/board")["overview"]["watched"]))
        self.assertEqual(page.complaints, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
