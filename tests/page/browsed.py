"""Chromium, and what is watched of a page in it: what it asks for, what it complains of, whom it keeps out."""

import os
import shutil
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run"]
DESK, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


def browser(case):
    """A browser for a class of tests."""
    playwright = sync_playwright().start()
    case.addClassCleanup(playwright.stop)
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    case.addClassCleanup(started.close)
    return started


def opened(test, started, viewport=None, **context):
    """An empty page for one test, of somebody who was never here: it keeps its `complaints`, and the origins that it `asked`."""
    context = started.new_context(viewport=viewport or DESK, **context)
    test.addCleanup(context.close)
    page = context.new_page()
    page.complaints, page.asked = [], set()
    page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.asked.add("{0.scheme}://{0.netloc}".format(urlsplit(request.url))))
    return page


def assert_sound(test, page, *origins):
    """No complaint, nothing from elsewhere, nothing wider than the screen, nothing that keeps somebody out."""
    test.assertEqual(page.complaints, [])
    test.assertEqual(page.asked, set(origins))
    width = page.evaluate("document.documentElement.scrollWidth")
    test.assertLessEqual(width, page.viewport_size["width"])
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    told = [(one["id"], one["help"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    test.assertEqual(told, [], page.url)
