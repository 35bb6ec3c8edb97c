"""The page of `kata report`, opened in Chromium."""

import json
import os
import shutil
from pathlib import Path

import pytest

from grader.report_page import page
from grader.tests.states import everything

selenium = pytest.importorskip(
    "selenium.webdriver", reason="needs selenium: pip install -e .[screens]"
)
PROGRAMS = [shutil.which("chromium"), shutil.which("chromedriver")]
pytestmark = pytest.mark.skipif(
    None in PROGRAMS, reason="needs chromium and chromedriver, as the system's packages have them"
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIDEWAYS = "return document.documentElement.scrollWidth"
COLOURS = """
    const style = getComputedStyle(document.body);
    return [style.backgroundColor, style.color];
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def browser(folder):
    options = selenium.ChromeOptions()
    options.binary_location, driver = PROGRAMS
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = selenium.ChromeService(driver, env=os.environ | {"HOME": str(folder)})
    started = selenium.Chrome(options=options, service=service)
    yield started
    started.quit()


@pytest.fixture(scope="module")
def address(folder) -> str:
    file = folder / "page.html"
    file.write_text(page(*everything()), "utf-8")
    return file.as_uri()


def show(browser, address: str, width: int, scheme: str) -> None:
    """Open the page in a window of a width, for somebody who asked for dark or light."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wish = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wish]})
    browser.get(address)


def test_nothing_is_asked_of_the_network_and_nothing_complains(browser, address):
    browser.get("about:blank")  # Chromium begins with a page of its own, which asks for much
    browser.get_log("browser")
    show(browser, address, 1200, "light")
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        event["params"]["requestId"]: event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
        and event["params"]["documentURL"] == address
    }
    failed = [event["params"] for event in events if event["method"] == "Network.loadingFailed"]
    assert {url for url in asked.values() if not url.startswith("data:")} == {address}
    assert [params for params in failed if params["requestId"] in asked] == []
    assert browser.get_log("browser") == []


def test_what_a_learner_wrote_makes_no_elements(browser, address):
    show(browser, address, 1200, "light")
    assert browser.execute_script("return document.scripts.length") == 0
    assert browser.execute_script("return document.querySelectorAll('pre img, pre b').length") == 0
    assert "alert(1)" in browser.execute_script("return document.querySelector('pre').innerText")


@pytest.mark.parametrize("width", [320, 360, 1200])
def test_the_page_never_scrolls_sideways(browser, address, width):
    show(browser, address, width, "light")
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.execute_script(SIDEWAYS) <= width


def test_text_is_of_a_readable_size_on_a_phone(browser, address):
    show(browser, address, 360, "light")
    sizes = browser.execute_script(
        "return [...document.body.querySelectorAll('*')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12


@pytest.mark.parametrize(
    ("scheme", "ground", "ink"),
    [
        ("light", "rgb(253, 252, 250)", "rgb(35, 37, 43)"),
        ("dark", "rgb(22, 24, 28)", "rgb(223, 225, 230)"),
    ],
)
def test_it_is_dark_for_who_wants_it_dark(browser, address, scheme, ground, ink):
    show(browser, address, 1200, scheme)
    assert browser.execute_script(COLOURS) == [ground, ink]


def test_pictures_are_drawn(browser, address):
    show(browser, address, 1200, "light")
    widths = browser.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert len(widths) == 5
    assert min(widths) > 500
