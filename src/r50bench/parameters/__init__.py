"""The parameters of a case: one table, and where their values come from."""

from r50bench.parameters.parameter import LoadWord, Parameter, Value
from r50bench.parameters.sources import Setting, Source, asked_device, collect
from r50bench.parameters.table import BY_NAME, PARAMETERS, UNDERSTOOD_VARIABLES

__all__ = [
    "BY_NAME",
    "PARAMETERS",
    "UNDERSTOOD_VARIABLES",
    "LoadWord",
    "Parameter",
    "Setting",
    "Source",
    "Value",
    "asked_device",
    "collect",
]
