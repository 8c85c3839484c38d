"""The table of parameters, and how values are collected from options, --set and environment."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r50bench.case import Case
from r50bench.errors import UsageError
from r50bench.parameters import PARAMETERS, Parameter, Setting, collect
from support.docker_line import DOCKER_LINE
from support.rights import folder_for_all, rights_of_nobody

ORIGINAL_KEYS = {
    "WORKLOAD",
    "PLATFORM",
    "MODE",
    "TOPOLOGY",
    "FUNCTION",
    "PRECISION",
    "BATCH_SIZE",
    "WARMUP_STEPS",
    "STEPS",
    "DATA_TYPE",
    "CORES_PER_INSTANCE",
    "INSTANCE_MODE",
    "WEIGHT_SHARING",
    "CASE_TYPE",
    "VERBOSE",
    "CUSTOMER_ENV",
    "TORCH_MKLDNN_MATMUL_MIN_DIM",
}


def by_set(text: str) -> dict[str, Setting]:
    return collect({}, [text], {})


def test_the_table_holds_every_key_of_the_original_workloads() -> None:
    beside = {"INSTANCES", "ENGINE", "WEIGHTS", "DATASET", "SEED", "REPEAT"}
    assert {one.key for one in PARAMETERS if one.bare} == ORIGINAL_KEYS | beside


def test_names_keys_and_options_are_unique() -> None:
    for attribute in ("name", "key", "option"):
        values = [getattr(one, attribute) for one in PARAMETERS]
        assert len(values) == len(set(values))


def test_every_field_of_a_case_can_be_asked_for() -> None:
    names = {one.name for one in PARAMETERS}
    assert {field.name for field in fields(Case)} <= names


def test_the_docker_line_of_the_original_workload_is_understood() -> None:
    found = collect({}, [], DOCKER_LINE)
    assert {name: setting.value for name, setting in found.items()} == {
        "workload": "resnet50_pytorch_xeon_public",
        "platform": "SPR",
        "mode": "throughput",
        "topology": "resnet50",
        "function": "inference",
        "precision": "avx_fp32",
        "batch_size": 64,
        "steps": 100,
        "data_type": "dummy",
        "cores_per_instance": 56,
        "weight_sharing": False,
        "verbose": False,
        "instance_mode": "flex",
    }
    assert {setting.source for setting in found.values()} == {"environment"}


def test_an_option_is_stronger_than_set_and_set_than_the_environment() -> None:
    options, sets, environ = {"batch_size": "1"}, ["BATCH_SIZE=2"], {"BATCH_SIZE": "3"}
    assert collect(options, sets, environ)["batch_size"] == Setting(1, "option")
    assert collect({"batch_size": None}, sets, environ)["batch_size"] == Setting(2, "--set")
    assert collect({}, [], environ)["batch_size"] == Setting(3, "environment")


def test_a_prefixed_variable_is_stronger_than_a_bare_one() -> None:
    environ = {"R50BENCH_STEPS": "7", "STEPS": "8"}
    assert collect({}, [], environ)["steps"].value == 7


@pytest.mark.parametrize("key", ["INSTANCES", "REPEAT", "SEED"])
def test_size_model_and_input_are_read_from_bare_variables_too(key: str) -> None:
    assert collect({}, [], {key: "2"})[key.lower()] == Setting(2, "environment")


def test_the_rest_is_not_taken_from_a_shells_own_variables() -> None:
    environ = {"DEVICE": "cuda", "TIMEOUT": "soon", "ALLOCATOR": "mine"}
    assert collect({}, [], environ) == {}
    assert collect({}, [], {"R50BENCH_DEVICE": "cuda"})["device"] == Setting("cuda", "environment")


def test_a_misspelt_variable_with_the_prefix_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="R50BENCH_BATCHSIZE") as caught:
        collect({}, [], {"R50BENCH_BATCHSIZE": "4"})
    assert "did you mean R50BENCH_BATCH_SIZE" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["CACHE", "DATA", "RECORDED", "TEST_IMAGENET"])
def test_variables_of_ours_that_are_no_parameters_are_let_alone(name: str) -> None:
    assert collect({}, [], {f"R50BENCH_{name}": "somewhere"}) == {}


def test_of_several_sets_for_one_key_the_last_counts() -> None:
    assert collect({}, ["STEPS=1", "steps=2"], {})["steps"].value == 2


def test_an_empty_value_is_the_default_and_hides_weaker_ones() -> None:
    assert collect({}, ["BATCH_SIZE="], {"BATCH_SIZE": "64"}) == {}
    assert collect({"batch_size": ""}, ["BATCH_SIZE=2"], {}) == {}
    assert collect({}, [], {one.key: " " for one in PARAMETERS if one.bare}) == {}


def test_a_misspelt_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown parameter 'BACH_SIZE'") as caught:
        by_set("BACH_SIZE=3")
    assert caught.value.exit_code == 2
    assert "BATCH_SIZE" in str(caught.value.hint)


def test_a_key_far_from_all_is_answered_with_all() -> None:
    with pytest.raises(UsageError) as caught:
        by_set("Q=3")
    assert "BATCH_SIZE" in str(caught.value.hint)


def test_a_set_without_equals_sign_is_refused() -> None:
    with pytest.raises(UsageError, match="not KEY=VALUE"):
        by_set("BATCH_SIZE")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "abc", "1_0", "٣", "0x10", "1e3"])
def test_a_batch_size_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"BATCH_SIZE=.*: must be .*1 or more"):
        by_set(f"BATCH_SIZE={value}")


@pytest.mark.parametrize("key", ["STEPS", "WARMUP_STEPS", "REPEAT"])
def test_more_batches_than_any_memory_holds_are_refused(key: str) -> None:
    assert by_set(f"{key}=10000000")
    with pytest.raises(UsageError, match=f"{key}=.*: must be .* to 10000000"):
        by_set(f"{key}=10000000000")


@pytest.mark.parametrize("value", ["1 2 4", "1 2 4 ... 64", "1000 1300 … 2000", "1/2", "1\t2"])
def test_lists_and_ranges_are_refused_with_a_sentence(value: str) -> None:
    with pytest.raises(UsageError, match="one value; 'r50bench sweep' takes lists"):
        by_set(f"BATCH_SIZE={value}")


@pytest.mark.parametrize("value", ["1 2", "avx_int8 avx_fp32", "dummy real", "True False"])
@pytest.mark.parametrize("key", ["MODE", "PRECISION", "DATA_TYPE", "VERBOSE"])
def test_lists_of_words_are_refused_likewise(key: str, value: str) -> None:
    with pytest.raises(UsageError, match="takes one value"):
        by_set(f"{key}={value}")


@pytest.mark.parametrize(
    ("environ", "options", "sets", "where"),
    [
        ({"STEPS": "x"}, {}, [], "environment variable STEPS"),
        ({"R50BENCH_STEPS": "x"}, {}, [], "environment variable R50BENCH_STEPS"),
        ({}, {"steps": "x"}, [], "--steps"),
        ({}, {}, ["STEPS=x"], "--set"),
    ],
)
def test_a_bad_value_is_named_with_its_source(
    environ: dict[str, str], options: dict[str, str], sets: list[str], where: str
) -> None:
    with pytest.raises(UsageError) as caught:
        collect(options, sets, environ)
    assert caught.value.message == f"STEPS=x ({where}): must be a whole number, 1 to 10000000"


def test_a_bad_variable_may_be_a_strangers_and_the_hint_says_so() -> None:
    with pytest.raises(UsageError) as caught:
        collect({}, [], {"MODE": "production"})
    assert caught.value.hint == "unset MODE if it was not meant for r50bench"


@pytest.mark.parametrize("word", ["True", "1", "yes", "on", "TRUE"])
def test_yes_has_many_spellings(word: str) -> None:
    assert by_set(f"WEIGHT_SHARING={word}")["weight_sharing"].value is True


@pytest.mark.parametrize("word", ["False", "0", "no", "off", "FALSE"])
def test_no_has_many_spellings(word: str) -> None:
    assert by_set(f"VERBOSE={word}")["verbose"].value is False


def test_any_other_truth_is_refused() -> None:
    with pytest.raises(UsageError, match=r"WEIGHT_SHARING=maybe .*: must be True or False"):
        by_set("WEIGHT_SHARING=maybe")


def test_flags_given_as_options_are_read() -> None:
    assert collect({"verbose": True}, [], {"VERBOSE": "0"})["verbose"].value is True
    assert collect({"verbose": False}, [], {"VERBOSE": "1"})["verbose"].value is False


def test_the_arm_workloads_precision_is_read() -> None:
    assert by_set("PRECISION=FP32")["precision"].value == "fp32"


def test_a_misspelt_precision_is_named_with_its_source() -> None:
    with pytest.raises(UsageError) as caught:
        collect({}, [], {"PRECISION": "avx_bloat16"})
    assert "environment variable PRECISION" in caught.value.message
    assert "avx_bfloat16" in str(caught.value.hint)


def test_training_is_refused_as_a_setting_too() -> None:
    with pytest.raises(UsageError, match="training is not supported"):
        by_set("FUNCTION=training")


@pytest.mark.parametrize("value", ["resnet18", "TOPOLOGY"])
def test_another_topology_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="must be resnet50"):
        by_set(f"TOPOLOGY={value}")


def test_the_workload_may_be_written_with_dashes() -> None:
    found = by_set("WORKLOAD=ResNet50-PyTorch-Xeon-Public")
    assert found["workload"].value == "resnet50_pytorch_xeon_public"


def test_customer_env_becomes_pairs_and_not_a_sweep() -> None:
    found = by_set('CUSTOMER_ENV=A=1 B=2 C="3 4" D= E=x=y')
    assert found["customer_env"].value == (
        ("A", "1"),
        ("B", "2"),
        ("C", "3 4"),
        ("D", ""),
        ("E", "x=y"),
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("A=1 B", "'B' is not NAME=VALUE"),
        ("1A=2", "'1A=2' is not NAME=VALUE"),
        ("A B=2", "'A' is not NAME=VALUE"),
        ("=2", "'=2' is not NAME=VALUE"),
        ("A='1", "cannot be taken apart"),
        ("A=1 A=2", "A is given twice"),
        ("ONEDNN_VERBOSE=1", "ONEDNN_VERBOSE may not be set"),
        ("R50BENCH_CACHE=x", "R50BENCH_CACHE is r50bench's own"),
    ],
)
def test_a_bad_item_of_customer_env_is_named(value: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        by_set(f"CUSTOMER_ENV={value}")


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True).filter(
            lambda name: not name.endswith("_VERBOSE") and not name.startswith("R50BENCH_")
        ),
        st.from_regex(r"[A-Za-z0-9/.=,-]{0,8}", fullmatch=True),
    )
)
def test_customer_env_reads_back_what_was_written(pairs: dict[str, str]) -> None:
    text = " ".join(f"{name}={value}" for name, value in pairs.items())
    found = by_set(f"CUSTOMER_ENV={text}")
    assert dict(found["customer_env"].value if found else ()) == pairs  # type: ignore[arg-type]


@given(st.sampled_from(PARAMETERS), st.text(max_size=12))
def test_any_text_is_a_value_of_the_parameter_or_a_usage_error_with_a_hint(
    parameter: Parameter, text: str
) -> None:
    refused = None
    try:
        found = by_set(f"{parameter.key}={text}")
    except UsageError as error:
        refused = error
    assert refused.hint if refused else set(found) <= {parameter.name}


def test_weights_are_a_word_or_an_existing_file(tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
    file.touch()
    assert by_set("WEIGHTS=V1.5")["weights"].value == "v1.5"
    assert by_set(f"WEIGHTS={file}")["weights"].value == str(file)
    with pytest.raises(UsageError, match="no such file"):
        by_set("WEIGHTS=v2")


@pytest.mark.parametrize("key", ["DATASET", "WEIGHTS"])
def test_the_home_folder_of_nobody_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="no home folder for '~no-such-user'"):
        by_set(f"{key}=~no-such-user/pictures")


def test_a_home_folder_is_found_also_where_no_shell_expands_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert by_set("DATASET=~/pictures")["dataset"].value == str(tmp_path / "pictures")
    assert by_set("DATASET=Sample")["dataset"].value == "sample"


@pytest.mark.parametrize("value", ["-1", "4294967296"])
def test_a_seed_outside_32_bits_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="0 to 4294967295"):
        by_set(f"SEED={value}")


def test_weights_in_a_folder_that_may_not_be_entered_are_told_from_weights_that_are_not_there():
    with folder_for_all() as folder:
        (folder / "shut").mkdir(mode=0)
        with (
            rights_of_nobody(folder),
            pytest.raises(UsageError, match=r"shut/mine\.pth cannot be read: permission denied"),
        ):
            collect({}, [f"WEIGHTS={folder}/shut/mine.pth"], {})


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "v1:" + "x" * 300])
def test_a_path_that_is_too_long_is_refused_as_a_value(name):
    with pytest.raises(UsageError, match=r"file name too long|no such file"):
        collect({}, [f"WEIGHTS={name}"], {})


def test_a_folder_of_weights_names_the_file_in_it(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(UsageError, match=r"this is a folder: name model\.safetensors in it"):
        collect({}, [f"WEIGHTS={tmp_path}"], {})


@pytest.mark.parametrize("prefix", ["v1:", "v1.5:"])
def test_the_graph_of_a_file_of_weights_stays_before_its_path(tmp_path, prefix):
    (tmp_path / "mine.pth").touch()
    asked = collect({}, [f"WEIGHTS={prefix}{tmp_path}/mine.pth"], {})
    assert asked["weights"].value == f"{prefix}{tmp_path}/mine.pth"
