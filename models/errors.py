"""What can go wrong with a model; whoever called in translates it into the application's own errors.

ModelError
├── WeightsMissing    no weights of that name on this machine, and none may be fetched
├── WeightsCorrupt    files are there but are not what they should be
└── ModelUnavailable  the weights are fine and the machine can't run them (no such device, no such compute type)
"""

from __future__ import annotations


class ModelError(Exception):
    """Base of every error a model raises on purpose; `code` is for machines, the message says what to do."""

    code = "model_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class WeightsMissing(ModelError):
    """No weights of that name were found."""

    code = "weights_missing"


class WeightsCorrupt(ModelError):
    """The files found are not the weights they claim to be."""

    code = "weights_corrupt"


class ModelUnavailable(ModelError):
    """The weights can't be run as asked on this machine."""

    code = "model_unavailable"
