"""The report in a real browser: no console error, no request, and nothing too wide."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from castor.pipelines import report

pytestmark = pytest.mark.browser

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-port=0", "--remote-allow-origins=*")  # fmt: skip


class Browser:
    """One tab, spoken to over the DevTools protocol; notes errors and requests."""

    def __init__(self, address: str) -> None:
        import websocket

        self._socket = websocket.create_connection(address, timeout=60)
        self._number = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters):
        self._number += 1
        wanted = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(wanted))
        while True:
            message = json.loads(self._socket.recv())
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def visit(self, path: pathlib.Path) -> None:
        self.errors.clear()
        self.requests.clear()
        self.ask("Page.navigate", url=path.as_uri())
        while self.run("document.readyState + location.protocol") != "completefile:":
            time.sleep(0.05)
        self.run("new Promise(done => setTimeout(done, 200))")

    def run(self, script: str):
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def _note(self, message) -> None:
        found = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(found["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if found["type"] in ("error", "assert"):
                self.errors.append(str(found["args"]))
            case "Log.entryAdded" if found["entry"]["level"] == "error":
                self.errors.append(found["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(found["request"]["url"])


@contextlib.contextmanager
def browsing(profile: pathlib.Path) -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs a browser: there is no chromium here")
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        noted = profile / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not noted.is_file() or len(noted.read_text().splitlines()) < 2:
            assert process.poll() is None, "chromium ended before it was asked anything"
            assert time.monotonic() < end, "chromium did not start within a minute"
            time.sleep(0.05)
        port = noted.read_text().splitlines()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            tabs = json.load(answer)
        yield Browser(next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page"))
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


def test_a_browser_shows_it_without_an_error_or_a_request(browser, pictured_run):
    path = report.build(pictured_run)
    browser.visit(path)
    assert browser.errors == []
    assert [u for u in browser.requests if not u.startswith("data:")] == [path.as_uri()]
    assert browser.run("document.querySelector('.pictures img').naturalWidth") == 96


def test_the_browser_test_sees_an_error(browser, made):
    path = report.build(made)
    html = path.read_text()
    policy = re.search(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", html).group()
    path.write_text(html.replace(policy, "").replace(
        '"use strict";', '"use strict"; console.error("injected");'))  # fmt: skip
    browser.visit(path)
    assert len(browser.errors) == 1
    assert "injected" in browser.errors[0]


def test_the_page_s_own_policy_stops_foreign_scripts_and_requests(browser, made):
    path = report.build(made)
    html = path.read_text()
    foreign = "<script>document.title = 'foreign'</script><img src='https://a.example/x.png'>"
    path.write_text(html.replace("</main>", f"{foreign}</main>"))
    browser.visit(path)
    assert browser.run("document.title") == "made · Castor"
    assert len([e for e in browser.errors if "Content Security Policy" in e]) == 2


def test_hostile_text_does_nothing_in_a_browser(browser, hostile_run):
    browser.visit(report.build(hostile_run))
    assert browser.errors == []
    assert browser.run("document.querySelectorAll('script').length") == 1
    assert browser.run("document.querySelectorAll('[onerror]').length") == 0


def test_tables_sort_and_keys_move(browser, made):
    browser.visit(report.build(made))
    rows = "[...document.querySelector('#sources table').tBodies[0].rows]"
    order = f"{rows}.map(row => row.cells[0].firstChild.data.trim()).join()"
    assert browser.run(order) == "web,code"
    browser.run("document.querySelectorAll('#sources thead button')[0].click()")
    head = "document.querySelector('#sources th').getAttribute('aria-sort')"
    assert browser.run(head) == "descending"
    browser.run("document.querySelectorAll('#sources thead button')[3].click()")
    assert browser.run(order) == "web,code"
    browser.run("document.querySelectorAll('#sources thead button')[3].click()")
    assert browser.run(order) == "code,web"
    press = "dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}))"
    browser.run(f"document.body.{press}")
    assert browser.run("document.activeElement.id") == "sources"
    assert browser.errors == []


# Elements that reach beyond the screen without a box around them that scrolls.
TOO_WIDE = """
[...document.querySelectorAll("main *, header *, footer *")]
  .filter(e => e.getBoundingClientRect().right > WIDTH + 1 && !e.closest(".wide, pre, svg"))
  .map(e => e.tagName + " " + e.className + " " + e.textContent.slice(0, 40)).slice(0, 3).join()
"""


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_but_tables_is_wider_than_the_screen(browser, made, width):
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=800,
                deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
    try:
        browser.visit(report.build(made))
        assert browser.run(TOO_WIDE.replace("WIDTH", str(width))) == ""
        assert browser.run("document.documentElement.scrollWidth") <= width
    finally:
        browser.ask("Emulation.clearDeviceMetricsOverride")
