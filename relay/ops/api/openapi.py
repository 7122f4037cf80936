"""`openapi.json`, made from the endpoints' own models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from relay.ops.api.endpoint import Endpoint
from relay.ops.api.problems import Problem

_REF: Final = "#/components/schemas/{model}"
_NAME: Final = re.compile(r"\{(\w+)\}")
_EVERYWHERE: Final = (401, 503)


def description(endpoints: Sequence[Endpoint], prefix: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    asked: set[type[BaseModel]] = {model for e in endpoints for model in (e.query, e.body) if model}
    told: set[type[BaseModel]] = {Problem} | {
        model for e in endpoints for model in (e.answer, *e.also.values())
    }
    models: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in sorted(asked, key=lambda m: m.__name__)),
        *((model, "serialization") for model in sorted(told, key=lambda m: m.__name__)),
    ]
    refs, schemas = models_json_schema(models, ref_template=_REF)
    named = {model: schema for (model, _), schema in refs.items()}
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(f"{prefix}{endpoint.path}", {})[endpoint.method.lower()] = _operation(
            endpoint, named
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Commerce Relay", "version": "1"},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, named: dict[Any, Any]) -> dict[str, Any]:
    told = {endpoint.status: endpoint.answer, **endpoint.also}
    operation: dict[str, Any] = {
        "summary": endpoint.says,
        "operationId": "_".join((endpoint.method.lower(), *re.findall(r"\w+", endpoint.path))),
        "parameters": [*_in_path(endpoint.path), *_in_query(endpoint.query)],
        "responses": {
            **{str(code): _content("application/json", named[model], code) for code, model in told.items()},
            **{
                str(code): _content("application/problem+json", named[Problem], code)
                for code in _problems(endpoint)
            },
        },
    }
    if endpoint.body:
        operation["requestBody"] = {
            "required": bool(any(f.is_required() for f in endpoint.body.model_fields.values())),
            "content": {"application/json": {"schema": named[endpoint.body]}},
        }
    return operation


def _problems(endpoint: Endpoint) -> list[int]:
    read = {400} if endpoint.query else set()
    read |= {400, 413, 422} if endpoint.body else set()
    return sorted({*_EVERYWHERE, *endpoint.problems, *read, *({404} if "{" in endpoint.path else set())})


def _content(kind: str, schema: Any, code: int) -> dict[str, Any]:
    return {"description": HTTPStatus(code).phrase, "content": {kind: {"schema": schema}}}


def _in_path(path: str) -> Iterable[dict[str, Any]]:
    for name in _NAME.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _in_query(model: type[BaseModel] | None) -> Iterable[dict[str, Any]]:
    if model is None:
        return
    schema = model.model_json_schema(ref_template=_REF)
    for name, said in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": said}
