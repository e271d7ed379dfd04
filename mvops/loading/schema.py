"""JSON Schemas of the YAML files, so that an editor completes and checks them (`mvops schema`).

Draft 7, because that is what the YAML extension of VS Code reads best. Where a schema cannot know, it lets pass: a
model's file may leave out anything, as `model_defaults` may bring it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from mvops.core.config import gate
from mvops.core.config.features import check_column
from mvops.core.config.project import Project
from mvops.core.config.rates import none_if_off, parse_rate, parse_ratio
from mvops.core.durations import parse_duration, parse_period
from mvops.core.naming import check_name
from mvops.core.sizes import parse_size

_DRAFT = "http://json-schema.org/draft-07/schema#"
_NUMBER = r"\d+(\.\d+)?"
_DURATION = rf"{_NUMBER}\s*[smhdw]"
_METRIC = r"[a-z][a-z0-9_]*"

_A_DURATION: JsonSchemaValue = {
    "type": "string",
    "pattern": rf"^\s*{_DURATION}\s*$",
    "description": "A number and s, m, h, d or w, such as 30m or 1d.",
}
_WRITTEN: dict[Callable[..., Any], JsonSchemaValue] = {
    parse_duration: {**_A_DURATION, "type": ["string", "number"], "minimum": 0, "maximum": 0},
    parse_period: _A_DURATION,
    parse_size: {
        "type": "string",
        "pattern": rf"^\s*{_NUMBER}\s*([MGTmgt][Bb]|[MGTmgt]i[Bb]?)\s*$",
        "description": "A number and MB, GB, MiB or GiB, such as 4GB.",
    },
    parse_rate: {
        "type": "string",
        "pattern": rf"^\s*{_NUMBER}\s+per\s+{_DURATION}\s*$",
        "description": "How many in how long, such as 1 per 30d.",
    },
    parse_ratio: {
        "type": ["string", "number"],
        "pattern": rf"^\s*{_NUMBER}\s*x\s*$",
        "exclusiveMinimum": 0,
        "description": "A factor, such as 2x.",
    },
    check_name: {
        "type": "string",
        "pattern": "^[a-z][a-z0-9_]{0,62}$",
        "description": "A lower-case letter, then letters, digits and _.",
    },
    check_column: {
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,62}$",
        "description": "A column: letters, digits and _.",
    },
    gate._check: {  # noqa: SLF001 -- the validator has no other name
        "type": "string",
        "pattern": rf"^\s*{_METRIC}\s*(>=|<=|>|<)\s*(champion(\s*[-+*]\s*{_NUMBER})?|-?{_NUMBER})\s*$",
        "description": "Such as 'roc_auc >= 0.68' or 'roc_auc >= champion - 0.005'.",
    },
}

_DEFAULTS_LIST: JsonSchemaValue = {
    "title": "Defaults",
    "type": "array",
    "description": "What this project starts from: `- preset: small/day_30`, other groups, and `- _self_` last.",
    "items": {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {"preset": {"type": "string", "description": "Team size and phase: small/day_30"}},
                "additionalProperties": {"type": ["string", "array", "null"], "items": {"type": "string"}},
            },
        ]
    },
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Four: `project` for configs/project.yaml, `model` for configs/models/, and so on for `features` and `env`."""
    generated = Project.model_json_schema(schema_generator=_AsWritten)
    definitions: dict[str, Any] = generated.pop("$defs")
    _relax(definitions, "Model")
    model = copy.deepcopy(definitions["Model"])
    view = definitions["FeatureView"]
    reference = "#/$defs/Model"
    properties = {
        "defaults": _DEFAULTS_LIST,
        **generated["properties"],
        "model_defaults": {"$ref": reference, "description": "Under every model's own YAML, key by key."},
    }
    del properties["preset"], properties["environment"]  # the defaults list and the command line bring them
    project = {**generated, "properties": properties, "required": ["defaults", "project"]}
    partial = {key: value for key, value in view.items() if key != "required"}
    overlay = {key: value for key, value in project.items() if key != "required"}
    overlay["description"] = "What an environment has otherwise than the project: `mvops --env NAME`."
    return {
        "project": {"$schema": _DRAFT, **project, "title": "mvops project", "$defs": definitions},
        "model": {"$schema": _DRAFT, **model, "title": "mvops model", "$defs": _used(model, definitions)},
        "env": {"$schema": _DRAFT, **overlay, "title": "mvops env", "$defs": {**definitions, "FeatureView": partial}},
        "features": {"$schema": _DRAFT, **view, "title": "mvops features", "$defs": _used(view, definitions)},
    }


def _relax(definitions: dict[str, Any], name: str) -> None:
    """Nothing of a model, and nothing below, has to be in its own file."""
    for used in (name, *_used(definitions[name], definitions)):
        definitions[used].pop("required", None)


def _used(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions that `schema` refers to, directly or not."""
    found: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
            waiting += node.values()
    return dict(sorted(found.items()))


class _AsWritten(GenerateJsonSchema):
    """Describes durations, rates, ratios, names and conditions by how they are written, not by what they become."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        asked = schema["function"]["function"]
        if asked is none_if_off:
            inner = super().function_before_schema(schema)
            return {"anyOf": [*inner.get("anyOf", [inner]), {"const": False}]}
        written = _WRITTEN.get(asked)
        return dict(written) if written else super().function_before_schema(schema)

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        written = _WRITTEN.get(schema["function"]["function"])
        return dict(written) if written else super().function_after_schema(schema)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A docstring is wrapped for people who read code; an editor wraps by itself."""
        made = super().model_schema(schema)
        if "description" in made:
            made["description"] = "\n\n".join(" ".join(part.split()) for part in made["description"].split("\n\n"))
        return made
