"""Where files of a submission lie, in the tree of each round."""

from __future__ import annotations

from r50bench.mlperf.submission.layout import Layout

OLD, NEW = (Layout(version, "closed", "Us") for version in ("v5.1", "v6.1"))


def test_results_systems_and_calibration_lie_alike_in_all_rounds() -> None:
    for layout in (OLD, NEW):
        assert str(layout.system("box")) == "closed/Us/systems/box.json"
        assert str(layout.results("box", "Offline")) == "closed/Us/results/box/resnet50/Offline"
        assert str(layout.calibration) == "closed/Us/documentation/calibration.md"


def test_measurements_and_compliance_had_branches_of_their_own() -> None:
    assert str(OLD.measurements("box", "Server")) == "closed/Us/measurements/box/resnet50/Server"
    assert str(OLD.compliance("box", "Server", "TEST01")) == (
        "closed/Us/compliance/box/resnet50/Server/TEST01"
    )


def test_they_lie_with_the_results_since_then() -> None:
    results = NEW.results("box", "Server")
    assert NEW.measurements("box", "Server") == results
    assert NEW.compliance("box", "Server", "TEST04") == results / "TEST04"


def test_the_implementation_and_the_code_are_named_as_the_round_names_them() -> None:
    assert OLD.implementation("box", "Offline", "r50").name == "box_r50_Offline.json"
    assert NEW.implementation("box", "Offline", "r50").name == "measurements.json"
    assert str(OLD.code_readme) == "closed/Us/code/resnet50/README.md"
    assert str(NEW.code_readme) == "closed/Us/src/resnet50/README.md"
