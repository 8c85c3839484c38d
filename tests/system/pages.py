# quick
"""The pages in a real browser: nothing is asked of the network, nothing is reported as wrong, and
what a pointer or the tabulator reaches tells its figure. One record and a thousand, and two sides.

    python tests/system/pages.py

Needs selenium, chromium and chromedriver; exits with 77 and the reason where one is missing.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from r50bench.comparison.compare import compare_sides
from r50bench.comparison.page import comparison_page
from r50bench.comparison.side import read_run, side_of
from r50bench.report.records_page import Shown, records_page
from support.measured_runs import leave
from support.records import record_of, samples_of_latencies

SKIPPED = 77
OPENED_WITHIN_S = 2.0


def main() -> None:
    missing = missing_part()
    if missing:
        print(missing)
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder)) as browser:
        few, many = Path(folder) / "few.html", Path(folder) / "many.html"
        few.write_text(records_page([shown("throughput"), shown("latency")]))
        one = shown("throughput")
        thousand = [replace(one, record=replace(one.record, id=f"r{at}")) for at in range(1000)]
        many.write_text(records_page(thousand))
        browser.open(few)
        check("nothing is reported as wrong", browser.complaints() == [])
        check("nothing is asked of the network", browser.requests() == [few.as_uri()])
        check("a bar tells its figure under the pointer", browser.told_by_pointer("rect[fill]"))
        check("a percentile tells its figure by the tabulator", browser.told_by_focus("circle"))
        for width in (360, 1000):
            browser.resize(width)
            check(f"nothing overflows a window of {width} px", browser.overflow() <= 0)
        took = browser.open(many)
        check(
            f"1,000 records open within {OPENED_WITHIN_S:g} s ({took:.2f} s)",
            took < OPENED_WITHIN_S,
        )
        check("every record is in the table", browser.rows() >= 1000)
        both = Path(folder) / "both.html"
        both.write_text(compared(Path(folder)))
        browser.open(both)
        check("of two sides nothing is reported as wrong", browser.complaints() == [])
        check("of two sides nothing is asked of the network", browser.requests() == [both.as_uri()])
        check("a ratio tells its interval by the tabulator", browser.told_by_focus(".point"))
        check("a process tells its figure under the pointer", browser.told_by_pointer("circle"))
        for width in (360, 1000):
            browser.resize(width)
            check(f"two sides do not overflow a window of {width} px", browser.overflow() <= 0)


def shown(mode: str) -> Shown:
    images = 1 if mode == "latency" else 8
    samples = samples_of_latencies([[10.0] * 200] * 2, images=images)
    return Shown.of(record_of(mode), samples, Path("runs"))


def compared(folder: Path) -> str:
    """Returns the page of two sides of three processes, one 5 % slower than the other."""
    sides = []
    for name, latency_ms in (("base", 10.0), ("new", 10.5)):
        for at in range(3):
            leave(folder / name, latency_ms + 0.1 * at)
        sides.append(side_of(name, map(read_run, sorted((folder / name).iterdir()))))
    base, new = sides
    return comparison_page(compare_sides(base, new), base.runs, new.runs)


def missing_part() -> str:
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed (pip install selenium)"
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return ""


def check(sentence: str, holds: bool) -> None:
    print(f"{'ok' if holds else 'FAILED':8}{sentence}", flush=True)
    if not holds:
        sys.exit(1)


class Browser:
    """Chromium without a screen, and what it tells of the page that is open."""

    def __init__(self, folder: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            f"--user-data-dir={folder / 'profile'}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self._driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.quit()

    def open(self, page: Path) -> float:
        """Opens the page and returns how long that took, in s."""
        began = time.monotonic()
        self._driver.get(page.as_uri())
        self._driver.execute_script("return document.body.offsetHeight")
        return time.monotonic() - began

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Returns the page's own address and all that it has fetched."""
        script = (
            "return [location.href, ...performance.getEntriesByType('resource').map(e => e.name)]"
        )
        return list(self._driver.execute_script(script))

    def resize(self, width: int) -> None:
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )

    def overflow(self) -> int:
        """Returns by how many px the page is wider than its window."""
        return int(
            self._driver.execute_script(
                "return document.documentElement.scrollWidth - window.innerWidth"
            )
        )

    def rows(self) -> int:
        return int(
            self._driver.execute_script("return document.querySelectorAll('tbody tr').length")
        )

    def told_by_pointer(self, shape: str) -> bool:
        """Says whether a mark's words become visible when the pointer is over its ``shape``."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.by import By

        element = self._driver.find_element(By.CSS_SELECTOR, f".mark {shape}")
        mark = element.find_element(By.XPATH, "..")
        before = self._visible(mark)
        self._driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        ActionChains(self._driver).move_to_element(element).perform()
        return not before and self._visible(mark)

    def told_by_focus(self, shape: str) -> bool:
        """Says whether a mark's words become visible when it has the keyboard's focus."""
        from selenium.webdriver.common.by import By

        mark = self._driver.find_element(By.CSS_SELECTOR, f".mark:has({shape})")
        before = self._visible(mark)
        self._driver.execute_script("arguments[0].focus()", mark)
        return not before and self._visible(mark)

    def _visible(self, mark: object) -> bool:
        script = "return getComputedStyle(arguments[0].querySelector('.readout')).visibility"
        return bool(self._driver.execute_script(script, mark) == "visible")


if __name__ == "__main__":
    main()
