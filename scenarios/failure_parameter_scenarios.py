"""The failure state that a library in a Lambda function reads out of an SSM parameter."""

from __future__ import annotations

from typing import Any, ClassVar

from scenarios import failure_forms
from scenarios.base import Parameters
from scenarios.failure_parameter import ParameterScenario


class FailureLambda(ParameterScenario):
    """failure-lambda's: latency, an exception, a status code, a full /tmp, hosts that cannot be reached."""

    name = "failure_lambda"
    parameters: ClassVar[type[Parameters]] = failure_forms.FailureLambdaParameters

    def enabled(self, text: str, parameters: Any) -> str:
        """In the form that the parameter has: of 0.x, or the flags of 1.0."""
        return failure_forms.failure_lambda(text, parameters)


class ChaosLambda(ParameterScenario):
    """chaos_lambda's: latency, an exception, a status code."""

    name = "chaos_lambda"
    parameters: ClassVar[type[Parameters]] = failure_forms.ChaosLambdaParameters

    def enabled(self, text: str, parameters: Any) -> str:
        """With what else it holds."""
        return failure_forms.chaos_lambda(text, parameters)
