"""The JSON API, version 1. Errors are RFC 9457; `openapi.json` is made from what the handlers use."""

from relay.ops.api.problems import http_problem, problem, sealed_problem
from relay.ops.api.routes import PREFIX, Api

__all__ = ["PREFIX", "Api", "http_problem", "problem", "sealed_problem"]
