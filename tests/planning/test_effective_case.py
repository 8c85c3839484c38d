"""The effective case: defaults, case types, contradictions, notes."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.case import CASE_TYPES, MODES, Case, CaseName
from r50bench.errors import Unsupported, UsageError
from r50bench.host.topology import Host
from r50bench.parameters import collect
from r50bench.planning.effective_case import EffectiveCase, effective_case
from r50bench.planning.placement import place
from r50bench.precision import NUMERICS, PRECISIONS
from support import synthetic_hosts as hosts

ON_FAKE_GPU = ("ENGINE=fake", "DEVICE=cuda")


def effective(
    name: str,
    *sets: str,
    host: Host | None = None,
    environ: dict[str, str] | None = None,
) -> EffectiveCase:
    return effective_case(
        CaseName.parse(name), collect({}, sets, environ or {}), host or hosts.two_core_vm()
    )


def layout(case: Case) -> tuple[int, int]:
    return case.instances, case.cores_per_instance


@pytest.mark.parametrize(
    ("host", "latency", "throughput"),
    [
        (hosts.two_core_vm(), (1, 2), (1, 2)),
        (hosts.spr_two_sockets(), (28, 4), (2, 56)),
        (hosts.spr_snc4(), (24, 4), (8, 14)),
        (hosts.uneven_numa(), (1, 4), (2, 3)),
        (hosts.container_with_quota(2.5), (1, 2), (1, 2)),
        (hosts.graviton3(), (16, 4), (1, 64)),
    ],
)
def test_instances_fill_the_host_as_the_mode_says(
    host: Host, latency: tuple[int, int], throughput: tuple[int, int]
) -> None:
    assert layout(effective("inference_latency_fp32", host=host).case) == latency
    assert layout(effective("inference_throughput_fp32", host=host).case) == throughput
    assert layout(effective("inference_accuracy_fp32", host=host).case) == throughput


def test_across_nodes_an_instance_gets_a_socket() -> None:
    case = effective("inference_throughput_fp32", "ACROSS_NODES=1", host=hosts.spr_snc4()).case
    assert layout(case) == (2, 56)


def test_latency_and_throughput_have_the_defaults_of_the_original_workloads() -> None:
    latency = effective("inference_latency_avx_int8").case
    throughput = effective("inference_throughput_avx_int8").case
    assert (latency.batch_size, latency.steps, latency.warmup_steps) == (1, 100, 20)
    assert throughput.batch_size == NUMERICS["int8"].best_batch
    assert (throughput.steps, throughput.warmup_steps, throughput.data_type) == (100, 20, "dummy")


@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_gated_is_a_short_run_on_whole_sockets_with_a_warm_up_that_works(mode: str) -> None:
    found = effective(f"inference_{mode}_avx_int8_gated", host=hosts.spr_two_sockets())
    case = found.case
    assert (case.steps, case.batch_size, case.warmup_steps) == (10, 1, 5)
    assert layout(case) == (2, 56)
    assert str(found.request["steps"]) == "10 (case type gated)"
    assert str(found.request["cores_per_instance"]) == "56 (case type gated)"


def test_pkm_has_the_common_parameters() -> None:
    plain = effective("inference_throughput_avx_int8").case
    pkm = effective("inference_throughput_avx_int8_pkm").case
    assert replace(pkm, case_type="") == plain


def test_pkm_on_arm_has_those_of_the_arm_workload() -> None:
    found = effective("throughput_pkm", host=hosts.graviton3())
    case = found.case
    assert (case.precision, case.batch_size, layout(case)) == ("arm_fp32", 1, (64, 1))
    assert case.matmul_min_dim == 1024
    assert str(found.request["cores_per_instance"]) == "1 (case type pkm)"


@pytest.mark.parametrize(
    ("sets", "environ"),
    [(("PRECISION=BF16",), {}), ((), {"PRECISION": "BF16"}), (("PRECISION=arm_bf16",), {})],
)
def test_the_arm_workload_s_case_takes_its_precision_from_outside(
    sets: tuple[str, ...], environ: dict[str, str]
) -> None:
    found = effective("throughput_pkm", *sets, environ=environ, host=hosts.graviton3())
    assert found.case.precision == "arm_bf16"
    assert found.case.name == "inference_throughput_arm_bf16_pkm"
    assert not found.notices


def test_a_name_that_says_its_precision_is_not_overruled_by_another() -> None:
    with pytest.raises(UsageError, match="PRECISION=bf16"):
        effective("inference_throughput_fp32_pkm", "PRECISION=BF16", host=hosts.graviton3())


def test_asked_values_are_stronger_than_the_case_type() -> None:
    found = effective("inference_latency_avx_int8_gated", "STEPS=7", environ={"BATCH_SIZE": "2"})
    assert (found.case.steps, found.case.batch_size) == (7, 2)
    assert str(found.request["steps"]) == "7 (--set)"
    assert str(found.request["batch_size"]) == "2 (environment)"


def test_the_best_precision_of_the_host_is_taken_for_its_numerics() -> None:
    found = effective("inference_latency_int8", host=hosts.spr_two_sockets())
    assert found.case.precision == "amx_int8"
    assert str(found.request["precision"]) == "amx_int8 (best here)"


def test_parts_that_nobody_named_are_said_to_come_from_where_they_do() -> None:
    environ = {"PRECISION": "int8", "MODE": "throughput"}
    settings = collect({}, ["CASE_TYPE=gated"], environ)
    name = CaseName.of_parts("throughput", "int8", "gated")
    found = effective_case(name, settings, hosts.two_core_vm())
    assert str(found.request["mode"]) == "throughput (environment)"
    assert str(found.request["precision"]) == "avx_int8 (environment, best here)"
    assert str(found.request["case_type"]) == "gated (--set)"
    assert str(found.request["function"]) == "inference (default)"


def test_parts_of_a_name_come_from_the_name_although_the_environment_says_the_same() -> None:
    environ = {"PRECISION": "avx_int8", "MODE": "latency"}
    found = effective("inference_latency_avx_int8", environ=environ)
    assert str(found.request["mode"]) == "latency (name)"
    assert str(found.request["precision"]) == "avx_int8 (name)"
    assert str(found.request["case_type"]) == "none (default)"


def test_a_case_type_beside_a_name_without_one_is_not_the_name_s() -> None:
    found = effective("inference_latency_avx_int8", environ={"CASE_TYPE": "gated"})
    assert str(found.request["case_type"]) == "gated (environment)"


def test_a_precision_the_host_lacks_is_refused_with_what_it_has() -> None:
    with pytest.raises(Unsupported) as caught:
        effective("inference_latency_amx_int8")
    assert "avx_int8" in str(caught.value.hint)


def test_instances_alone_share_out_the_cores() -> None:
    found = effective("inference_throughput_avx_int8", "INSTANCES=2")
    assert layout(found.case) == (2, 1)
    assert str(found.request["cores_per_instance"]) == "1 (to fit 2 instances)"


def test_cores_per_instance_alone_fill_the_host() -> None:
    case = effective(
        "inference_throughput_avx_int8", "CORES_PER_INSTANCE=14", host=hosts.spr_two_sockets()
    ).case
    assert layout(case) == (8, 14)


@pytest.mark.parametrize(
    ("sets", "way_out"),
    [
        (["CORES_PER_INSTANCE=3"], "cores_per_instance=2"),
        (["INSTANCES=3"], "instances=2"),
        (["INSTANCES=2", "CORES_PER_INSTANCE=2"], "cores_per_instance=1"),
    ],
)
def test_a_layout_that_cannot_fit_is_refused_with_one_that_does(
    sets: list[str], way_out: str
) -> None:
    with pytest.raises(UsageError, match="not fit") as caught:
        effective("inference_throughput_avx_int8", *sets)
    assert way_out in str(caught.value.hint)


def test_int8_is_refused_for_eager_before_anything_is_started() -> None:
    with pytest.raises(Unsupported, match="no int8 convolutions") as caught:
        effective("inference_throughput_avx_int8", "ENGINE=torch-eager")
    assert "--engine torch" in str(caught.value.hint)
    assert effective("inference_throughput_avx_fp32", "ENGINE=torch-eager")


@pytest.mark.parametrize(
    ("name", "sets", "said"),
    [
        ("inference_throughput_avx_bfloat16", ["ENGINE=onnxruntime"], "no bf16 convolutions"),
        ("inference_throughput_int8", ["DEVICE=cuda"], "no engine has int8 convolutions on CUDA"),
        ("inference_throughput_fp32", ["DEVICE=cuda"], "cuda_fp32 runs on a GPU, and this host"),
        ("inference_throughput_avx_int8", ["ENGINE=openvino", "ALLOCATOR=tcmalloc"], "aborts"),
        ("inference_throughput_avx_int8", ["ENGINE=openvino", "WEIGHT_SHARING=1"], "a copy"),
    ],
)
def test_what_an_engine_cannot_do_is_refused_before_anything_runs(name, sets, said):
    with pytest.raises(Unsupported, match=said):
        effective(name, *sets)


@pytest.mark.parametrize(
    ("host", "name", "said"),
    [
        (hosts.graviton3(), "inference_throughput_arm_fp32", "kernels of its own for avx_fp32"),
        (
            hosts.host_of([[2]], model="haswell"),
            "inference_throughput_avx_fp32",
            "the CPU has no AVX-512",
        ),
    ],
)
def test_our_own_kernels_are_refused_where_they_cannot_run_and_torch_is_named(host, name, said):
    with pytest.raises(Unsupported, match=said) as caught:
        effective(name, "ENGINE=r50", host=host)
    assert caught.value.exit_code == 6
    assert "--engine torch runs it here" in caught.value.hint
    assert effective(name, host=host).case.engine == "torch"


@pytest.mark.parametrize("engine", ["torch", "r50"])
def test_int8_on_arm_without_kernels_is_refused_and_what_runs_is_named(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr("r50bench.engines.torch.arm_int8.version", lambda _: "2.9.1")
    with pytest.raises(Unsupported, match=f"engine {engine} cannot run arm_int8") as caught:
        effective("inference_throughput_int8", f"ENGINE={engine}", host=hosts.graviton3())
    assert caught.value.exit_code == 6
    assert str(caught.value.hint).endswith("--engine torch runs on this CPU: arm_fp32, arm_bf16")


def test_int8_on_arm_is_planned_where_torch_may_have_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("r50bench.engines.torch.arm_int8.version", lambda _: "2.13.0")
    case = effective("inference_throughput_int8", host=hosts.graviton3()).case
    assert (case.precision, case.engine) == ("arm_int8", "torch")


def test_a_former_name_of_an_engine_means_what_it_is_called_now():
    found = effective("inference_throughput_avx_int8", "ENGINE=torch-aot")
    assert found.case == effective("inference_throughput_avx_int8").case
    assert found.case.engine == "torch"
    assert [notice.code for notice in found.notices] == ["engine-renamed"]


def test_a_peer_runs_what_it_can():
    assert effective("inference_throughput_avx_bfloat16", "ENGINE=openvino")
    assert effective("inference_throughput_avx_int8", "ENGINE=onnxruntime")


def test_instance_mode_lends_the_layout_of_the_other_mode() -> None:
    host = hosts.spr_two_sockets()
    lent = effective("inference_throughput_avx_int8", "INSTANCE_MODE=latency", host=host).case
    flex = effective("inference_throughput_avx_int8", "INSTANCE_MODE=flex", host=host).case
    assert layout(lent) == (28, 4)
    assert layout(flex) == (2, 56)


@pytest.mark.parametrize("precision", ["avx_fp32", "amx_bfloat32"])
def test_weight_sharing_is_refused_for_fp32_and_bf32_unless_forced(precision: str) -> None:
    name, host = f"inference_throughput_{precision}", hosts.spr_two_sockets()
    with pytest.raises(UsageError, match=f"not supported for {precision}") as caught:
        effective(name, "WEIGHT_SHARING=True", host=host)
    assert "--force-weight-sharing" in str(caught.value.hint)
    forced = effective(name, "WEIGHT_SHARING=True", "FORCE_WEIGHT_SHARING=1", host=host)
    assert forced.case.weight_sharing
    assert forced.notices == ()


def test_weight_sharing_is_taken_for_int8() -> None:
    found = effective("inference_throughput_avx_int8", "WEIGHT_SHARING=True", "INSTANCES=2")
    assert found.case.weight_sharing
    assert found.notices == ()


def test_accuracy_runs_the_data_set_once_on_real_pictures() -> None:
    case = effective("inference_accuracy_avx_int8").case
    assert (case.steps, case.warmup_steps, case.repeat, case.data_type) == (None, 0, 1, "real")
    assert case.batch_size == NUMERICS["int8"].best_batch


@pytest.mark.parametrize(
    "text", ["MODE=latency", "PRECISION=avx_fp32", "PRECISION=bf16", "CASE_TYPE=pkm"]
)
def test_a_setting_that_contradicts_the_name_is_refused_or_overruled(text: str) -> None:
    name = "inference_throughput_avx_int8_gated"
    with pytest.raises(UsageError, match="contradicts the case name"):
        effective(name, text)
    key, _, value = text.partition("=")
    found = effective(name, environ={key: value})
    assert found.case.name == name
    (notice,) = found.notices
    assert notice.code == "overruled"
    assert notice.text == f"{text} (environment) is overruled by the name {name}"


@pytest.mark.parametrize("text", ["MODE=throughput", "PRECISION=int8", "PRECISION=avx_int8"])
def test_a_setting_that_agrees_with_the_name_is_silent(text: str) -> None:
    assert effective("inference_throughput_avx_int8", text).notices == ()
    assert effective("inference_throughput_int8", text).notices == ()


def test_a_case_type_completes_a_name_that_has_none() -> None:
    found = effective("inference_throughput_avx_int8", environ={"CASE_TYPE": "gated"})
    assert found.case.name == "inference_throughput_avx_int8_gated"
    assert found.case.steps == 10


def test_on_gpus_there_is_one_instance_for_each_unless_fewer_are_asked() -> None:
    host = hosts.with_gpus(hosts.spr_two_sockets(), 4)
    found = effective("inference_throughput_cuda_bfloat16", "ENGINE=fake", host=host)
    assert (found.case.instances, str(found.request["instances"])) == (4, "4 (one per GPU)")
    assert found.case.device == "cuda"
    asked = effective("inference_throughput_bf16", *ON_FAKE_GPU, "INSTANCES=3", host=host)
    assert (asked.case.instances, asked.case.precision) == (3, "cuda_bfloat16")


def test_batches_on_a_gpu_are_those_of_its_precision() -> None:
    host = hosts.with_gpus(hosts.spr_two_sockets(), 1)
    for precision in ("cuda_fp32", "cuda_tf32", "cuda_bfloat16", "cuda_fp16"):
        found = effective(f"inference_throughput_{precision}", "ENGINE=fake", host=host)
        assert found.case.batch_size == PRECISIONS[precision].best_batch > 16
        assert effective(f"inference_latency_{precision}", *ON_FAKE_GPU, host=host).case.cuda_graph


@pytest.mark.parametrize(
    ("name", "sets", "said"),
    [
        ("inference_latency_avx_fp32", ["DEVICE=cuda"], "contradicts avx_fp32, which runs on CPUs"),
        ("inference_latency_cuda_fp32", ["DEVICE=cpu"], "contradicts cuda_fp32, which runs on GPU"),
        ("inference_latency_cuda_fp32", ["INSTANCES=2"], "each instance has a GPU of its own"),
        ("inference_latency_cuda_fp32", ["CORES_PER_INSTANCE=999"], "112 cores may be used"),
        ("inference_latency_cuda_fp32", ["BATCH_SIZE=100000"], "GiB of GPU memory, and 80.0 are"),
    ],
)
def test_what_contradicts_a_gpu_or_does_not_fit_it_is_refused(name, sets, said):
    host = hosts.with_gpus(hosts.spr_two_sockets(), 1)
    with pytest.raises(UsageError, match=said):
        effective(name, "ENGINE=fake", *sets, host=host)


def test_what_torch_has_no_kernels_for_is_no_way_out_of_a_refusal(monkeypatch) -> None:
    monkeypatch.setattr("r50bench.engines.torch.arm_int8.version", lambda _: "2.9.1")
    with pytest.raises(Unsupported, match="for x86_64, this CPU is aarch64") as caught:
        effective("inference_throughput_amx_int8", host=hosts.graviton3())
    assert caught.value.hint == "it runs arm_fp32, arm_bf16"


@pytest.mark.parametrize("engine", ["r50", "openvino"])
def test_an_engine_of_cpus_alone_is_refused_on_a_gpu(engine: str) -> None:
    host = hosts.with_gpus(hosts.spr_two_sockets(), 1)
    with pytest.raises(Unsupported, match="is run on CPUs only"):
        effective("inference_throughput_cuda_fp32", f"ENGINE={engine}", host=host)


def test_a_torch_without_cuda_is_refused_while_the_case_is_planned(monkeypatch) -> None:
    host = hosts.with_gpus(hosts.spr_two_sockets(), 1)
    why = "torch 2.13.0+cpu is built without CUDA"
    monkeypatch.setattr("r50bench.engines.torch.cuda_build.no_cuda_build", lambda: why)
    with pytest.raises(Unsupported, match=f"on NVIDIA H100 80GB HBM3: {why}".replace("+", r"\+")):
        effective("inference_throughput_cuda_fp32", host=host)


def test_a_gpu_too_old_for_a_precision_is_refused_by_its_compute_capability() -> None:
    host = hosts.with_gpus(hosts.spr_two_sockets(), 1, capability=(7, 5))
    assert effective("inference_latency_cuda_fp16", *ON_FAKE_GPU, host=host)
    with pytest.raises(Unsupported, match=r"capability is 7\.5, and 8\.0 is the first") as caught:
        effective("inference_latency_cuda_bfloat16", *ON_FAKE_GPU, host=host)
    assert caught.value.hint == "it runs cuda_fp32, cuda_fp16"


def test_what_is_no_field_of_a_case_is_kept_in_the_request() -> None:
    found = effective("inference_latency_avx_int8", environ={"PLATFORM": "SPR"})
    assert str(found.request["platform"]) == "SPR (environment)"


cases = st.builds(
    CaseName,
    st.just("inference"),
    st.sampled_from(MODES),
    st.sampled_from(["fp32", "int8"]),
    st.sampled_from(CASE_TYPES),
)
machines = st.builds(
    hosts.host_of,
    st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3), min_size=1, max_size=3),
    model=st.sampled_from(["spr", "graviton3", "icx"]),
    quota=st.none() | st.floats(0.5, 20),
)


@given(cases, machines, st.booleans())
def test_the_defaults_of_any_case_fit_any_host(name: CaseName, host: Host, across: bool) -> None:
    # What an engine has no kernels for is refused; the fake one has no kernels to lack.
    asked = collect({}, [f"ACROSS_NODES={across}", "ENGINE=fake"], {})
    found = effective_case(name, asked, host)
    placement = place(host, found.case)
    assert len(placement.slots) == found.case.instances
    assert found.request.keys() >= {field.name for field in fields(Case)}
    assert all(said.source for said in found.request.values())
