"""What was tuned on this host as defaults of later runs, and why it is not used where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from r50bench.assets.store import default_store
from r50bench.assets.weights import kept_weights
from r50bench.case import Case, CaseName, setting_text
from r50bench.errors import R50BenchError
from r50bench.host.identity import engine_versions, host_identity
from r50bench.host.topology import Host
from r50bench.notices import Notice
from r50bench.parameters import BY_NAME, PARAMETERS, Setting
from r50bench.planning.effective_case import EffectiveCase, TunedValues, effective_case
from r50bench.results.tuned import TunedResult, TunedResults, tuned_folder

__all__ = ["EffectiveOf", "TunedDefaults", "asked_for_speed", "effective_cases"]

EffectiveOf = Callable[[CaseName, Mapping[str, Setting]], EffectiveCase]
"""Gives the effective case of a name and of what was asked."""


def asked_for_speed(settings: Mapping[str, Setting]) -> dict[str, str]:
    """Returns, as text, what was asked of all that decides which configuration is best."""
    return {
        row.name: str(settings[row.name].value)
        for row in PARAMETERS
        if row.decides_speed and row.name in settings
    }


def effective_cases(host: Host, *, tuned: bool) -> EffectiveOf:
    """Returns what fills in cases on ``host``, from what was tuned there if ``tuned``."""
    if tuned:
        return TunedDefaults(host, TunedResults(tuned_folder())).effective
    return lambda name, settings: effective_case(name, settings, host)


class TunedDefaults:
    """Gives effective cases with what was tuned for them.

    A configuration was found as a whole and is used as a whole: only where all that is asked was
    asked when it was tuned, or is what it came to.
    """

    def __init__(self, host: Host, results: TunedResults) -> None:
        self._host = host
        self._results = results

    def effective(self, name: CaseName, settings: Mapping[str, Setting]) -> EffectiveCase:
        """Returns the case as :func:`.effective_case` does, with the tuned values that fit.

        Where there are some and they are not used, a note says why.

        Raises:
            UsageError, Unsupported: as :func:`.effective_case`.
        """
        plain = effective_case(name, settings, self._host)
        kept = self._results.of_case(plain.case.name)
        if not kept:
            return plain
        reasons: list[str] = []
        fitting: list[TunedResult] = []
        for result in kept:
            why = self._why_not(result, plain.case, settings)
            if why is None:
                fitting.append(result)
            elif why:
                reasons.append(why)
        if fitting:
            best = max(fitting, key=lambda one: len(one.asked))  # the newest of several
            return effective_case(name, settings, self._host, values_of(best))
        notices = tuple(
            Notice("tuned-unused", f"what was tuned is not used: {why}") for why in reasons[:1]
        )
        return replace(plain, notices=(*plain.notices, *notices))

    def _why_not(
        self, result: TunedResult, case: Case, settings: Mapping[str, Setting]
    ) -> str | None:
        """Returns why a result does not fit, None where it does; empty where nobody need know."""
        if result.host != host_identity(self._host):
            return ""
        for package, version in engine_versions(self._host).items():
            if (before := result.versions.get(package)) != version:
                return f"it was found with {package} {before}, and this is {version}; tune again"
        if result.weights != _weights_of(case):
            return "it was found with other weights"
        asked = asked_for_speed(settings)
        for name, text in result.asked.items():
            if asked.get(name) != text:
                return ""  # of a special request, such as one for batches of 1
        fields = {name: text for name, text in asked.items() if name not in result.asked}
        for name, text in fields.items():
            was = getattr(result.case, name, None)
            if str(was) != text:
                asked_for = f"{BY_NAME[name].key}={setting_text(settings[name].value)}"
                return f"{asked_for} was asked for, and it has {setting_text(was)}"
        return None


def values_of(result: TunedResult) -> TunedValues:
    """Returns the tuned fields of a result as defaults."""
    values: dict[str, Any] = {name: getattr(result.case, name) for name in result.chosen}
    return TunedValues(values, f"tuned {result.created[:10]} for {result.objective}")


def _weights_of(case: Case) -> str | None:
    """Returns the sha256 of the weights that ``case`` would take, None where that is open."""
    try:
        kept = kept_weights(case.weights, default_store(), need_real=False, seed=case.seed)
    except R50BenchError:
        return None
    return None if kept is None else kept.sha256
