"""The files that LoadGen reads."""

from __future__ import annotations

from r50bench.load import LoadgenSettings
from r50bench.measure.loads.loadgen.conf_files import audit_config, user_conf
from r50bench.mlperf.run.official_settings import fill_in


def filled(scenario="Offline", mode="PerformanceOnly", pictures=50_000, **given):
    return fill_in(LoadgenSettings(scenario=scenario, mode=mode, **given), pictures)


def test_user_conf_names_the_model_the_scenario_and_every_value():
    lines = user_conf(filled("MultiStream", target_latency_ms=12.5, duration_s=10.0)).splitlines()
    assert lines == [
        "resnet50.MultiStream.min_duration = 10000",
        "resnet50.MultiStream.min_query_count = 662",
        "resnet50.MultiStream.performance_sample_count_override = 1024",
        "resnet50.MultiStream.target_latency = 12.500000",
        "resnet50.MultiStream.samples_per_query = 8",
    ]


def test_server_is_sent_pictures_without_pause_where_nothing_is_timed():
    def rate(**given):
        lines = user_conf(filled("Server", "AccuracyOnly", **given)).splitlines()
        return [line for line in lines if "target_qps" in line]

    assert rate() == ["resnet50.Server.target_qps = 10000.000000"]  # LoadGen's own is 1/s
    assert rate(target_qps=5.0) == ["resnet50.Server.target_qps = 5.000000"]
    assert "target_qps" not in user_conf(filled("Server"))


def test_only_compliance_runs_have_an_audit_config():
    assert audit_config(filled()) == ""
    assert "accuracy_log_sampling_target = 4096" in audit_config(filled(compliance_test="TEST01"))
    assert "performance_issue_same_index = 3" in audit_config(filled(compliance_test="TEST04"))
