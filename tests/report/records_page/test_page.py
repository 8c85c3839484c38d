"""The page of records: the answer first, then pictures, proof, and every figure as a table."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from r50bench.notices import Notice, disturbance
from r50bench.report.page import words
from r50bench.report.records_page import Shown, records_page
from r50bench.results.record import Limit, Record
from r50bench.results.samples import Samples
from support.records import looked_at, record_of, samples_of_latencies

_CEILING = Limit("VPDPBUSD", 15_440.0, 10.0, 10.0, (0, 1), "2026-01-31T12:00:00+00:00")


def shown(record: Record, samples: Samples | None = None) -> Shown:
    return Shown.of(record, samples, Path("runs") / record.id)


def timed(mode: str = "throughput", precision: str = "avx_int8", **changes: object) -> Shown:
    """A record whose two instances took 10 ms for each of their 200 batches."""
    images = 1 if mode == "latency" else 8
    samples = samples_of_latencies([[10.0] * 200] * 2, images=images)
    return shown(record_of(mode, precision, **changes), samples)  # type: ignore[arg-type]


def titles(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_the_answer_stands_first_and_what_bears_it_out_in_the_order_in_which_people_ask() -> None:
    page = records_page([timed(), timed("latency")], first=[words("Verdicts", ["as before"])])
    assert titles(page) == [
        "Each precision",
        "Throughput",
        "Latency",
        "Verdicts",
        "Where it ran",
        "Proof",
        "How to repeat it",
        "All figures",
    ]
    answer = page.index("avx_int8 on torch ran: 1600 ± 0 img/s on 2 × 1 core, batch 8.")
    assert answer < page.index("Each precision")
    assert "The latency of avx_int8 on torch at batch 1 is p50 10.0 ms (p99 10.0 ms)." in page


def test_the_fastest_of_several_is_named_with_its_share_of_the_peak() -> None:
    slow = timed(id="slow", precision="avx_fp32")
    record = record_of(id="fast", limit=_CEILING)
    record = replace(record, evidence=replace(record.evidence, gop_per_image=7.72))
    fast = shown(record, samples_of_latencies([[8.0] * 200] * 2))
    page = records_page([slow, fast])
    assert "avx_int8 on torch is the fastest: 2000 ± 0 img/s" in page
    assert ", 100 % of the measured peak." in page
    assert "the peak would allow 2000 img/s" in page


def disturbed(slow: int, **changes: object) -> Shown:
    """A record of one instance, the last ``slow`` of whose 100 batches ran on a slow core."""
    samples = looked_at(
        samples_of_latencies([[10.0] * (100 - slow) + [25.0] * slow]),
        canary_ns=[1_700] * (100 - slow) + [3_000] * slow,
    )
    return shown(record_of(**changes), samples)  # type: ignore[arg-type]


def test_a_record_of_slow_cores_has_both_figures_in_the_answer_in_a_table_and_in_its_strip() -> (
    None
):
    page = records_page([disturbed(40)])
    assert (
        "avx_int8 on torch in throughput: the cores were at full speed in 60 % of the batches;"
        " 60 of 100 passed undisturbed from end to end: undisturbed 800.0 ± 0, as experienced"
    ) in page
    assert page.index("Latency") < page.index("Undisturbed and as experienced")
    assert ">60 of 100<" in page
    assert "cores not at full speed" in page


def test_undisturbed_records_are_in_the_table_and_not_in_the_answer() -> None:
    page = records_page([disturbed(0)])
    assert "100 of 100" in page
    assert "full speed in" not in page
    assert "cores not at full speed" not in page
    several = records_page([disturbed(40, id="a"), disturbed(30, id="b"), disturbed(0, id="c")])
    assert "2 of 3 records were disturbed in more than one of ten batches; what" in several
    assert "stands below" in several
    hardly = records_page([disturbed(90, id="a"), disturbed(90, id="b")])
    assert "undisturbed ones are too few, or too mixed, to say" in hardly
    assert "stands below" not in hardly


def test_a_picture_speaks_of_the_peak_where_it_shows_one() -> None:
    without = records_page([disturbed(0)])
    assert "img/s<" in without
    assert "what the measured peak would allow" not in without


def test_no_word_of_a_record_becomes_markup() -> None:
    evil = '"><script>alert(1)</script>'
    record = record_of(notices=(Notice(evil, evil, evil),), host={"model_name": evil, "cores": 2})
    record = replace(record, evidence=replace(record.evidence, summary=evil, expected=evil))
    page = records_page(
        [
            Shown.of(record, samples_of_latencies([[10.0] * 9] * 2), Path(evil)),
            shown(record_of(id=evil, reason=evil)),
        ],
        evil,
        first=[words(evil, [evil])],
        notes=[evil],
    )
    assert "<script" not in page
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page


def test_a_page_asks_the_network_for_nothing() -> None:
    page = records_page([timed(), timed("latency")])
    named = page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search("https?:", named)
    assert not re.search(r"\b(src|href)=", page)


class _Tags(HTMLParser):
    """Counts tags that are opened and closed; SVG's own close themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "html", "p", "tr", "td", "th", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag


def test_every_element_that_is_opened_is_closed() -> None:
    parser = _Tags()
    parser.feed(records_page([timed(), timed("latency"), shown(record_of("accuracy"))]))
    assert parser.open == []


def test_an_invalid_record_is_counted_and_has_no_figures_in_the_table() -> None:
    page = records_page([timed(), shown(record_of(id="lost", reason="worker 1 died"))])
    assert "1 of 2 records is invalid and has no figures." in page
    row = next(line for line in page.splitlines() if ">lost<" in line)
    assert '<td class="missing">invalid</td>' in row


def test_nothing_but_invalid_records_is_a_page_that_says_so() -> None:
    page = records_page([shown(record_of(reason="worker 1 died"))])
    assert "No record here has a figure." in page


def test_records_of_two_models_share_no_table() -> None:
    page = records_page([timed(id="a"), timed(id="b", graph="v1.5")])
    assert "<h3>ResNet-50 v1</h3>" in page
    assert "<h3>ResNet-50 v1.5</h3>" in page


@pytest.mark.parametrize("count", [1, 1000])
def test_pictures_stay_small_and_the_table_whole_however_many_records_there_are(count: int) -> None:
    one = timed()
    many = [replace(one, record=replace(one.record, id=f"r{at:04}")) for at in range(count)]
    page = records_page(many)
    assert page.count(">r0") == count
    assert len(page) < 250_000 + 1_600 * count
    if count > 40:
        assert "The first 40 of 1000 records; all are in the table at the end." in page


def test_a_notice_is_said_once_with_its_mend_and_the_number_of_records() -> None:
    notice = Notice("governor", "the governor is powersave", "cpupower frequency-set")
    page = records_page([timed(id="a", notices=(notice,)), timed(id="b", notices=(notice,))])
    assert page.count("cpupower frequency-set") == 1
    assert "<td>governor</td><td>the governor is powersave</td>" in page


def test_a_disturbance_that_a_record_tells_itself_is_counted_once() -> None:
    told = disturbance(0.5)
    assert told is not None
    page = records_page([timed(id="a", notices=(told,), lost_cpu_share=0.5)])
    row = next(line for line in page.splitlines() if "<td>disturbed</td>" in line)
    assert row.endswith('<td class="figure">1</td></tr>')


def test_what_repeats_a_run_can_be_pasted_into_a_shell() -> None:
    record = record_of()
    one = Shown.of(record, samples_of_latencies([[10.0] * 9] * 2), Path("my runs") / "it's one")
    page = records_page([one])
    assert "r50bench replay &#x27;my runs/it&#x27;&quot;&#x27;&quot;&#x27;s one&#x27;" in page
    assert "r50bench run inference_throughput_avx_int8 " in page
    line = next(line for line in page.splitlines() if "r50bench run " in line)
    assert sorted(line.replace("</pre></div>", "").replace("</pre>", "").split()[3:]) == [
        "--batch-size=8",
        "--cores-per-instance=1",
        "--instances=2",
        "--no-tuned",
        "--steps=100",
        "--warmup-steps=20",
        "--weights=v1",
    ]
