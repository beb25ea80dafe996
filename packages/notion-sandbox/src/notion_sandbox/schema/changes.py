"""The properties of a data source in requests: making, changing and removing them.

Source: Notion's "Property object" and "Update a data source properties" pages.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from notion_sandbox.errors import body_error, shape_error, unsupported, validation_error
from notion_sandbox.schema.conversion import can_become
from notion_sandbox.schema.options import OPTION_KINDS, parse_options
from notion_sandbox.schema.property_values import ELSEWHERE, KINDS, find_property
from notion_sandbox.store.objects import DataSource, Property, Relation, Schema
from notion_sandbox.values.formulas import Formula, parse_formula
from notion_sandbox.values.ids import TITLE_ID, new_property_id, parse_uuid
from notion_sandbox.values.rich_text import check_length

MAX_DESCRIPTION = 280
MAX_PREFIX = 10
_DATE_KINDS = ("date", "created_time", "last_edited_time")
_COMMON_KEYS = ("id", "name", "type", "description")

FindSource = Callable[[str], DataSource]
"""Looks up a data source by id; raises NotionError when there is none."""


@dataclass
class SchemaChange:
    """A schema after a request, and what is new in it.

    Attributes:
        schema: The whole new schema.
        created: Ids of new properties.
        updated: Ids of changed ones.
        deleted: The properties that are gone.
        two_way: Ids of relations that want a counterpart on the other side, with the name asked for
            it, if any.
        retyped: What properties of another type now were before, by id.
    """

    schema: Schema
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[Property] = field(default_factory=list)
    two_way: dict[str, str | None] = field(default_factory=dict)
    retyped: dict[str, Property] = field(default_factory=dict)


class SchemaEditor:
    """Applies the `properties` of a request to a copy of a schema.

    So that a refused request changes nothing.

    Args:
        schema: The present schema; empty for a new data source.
        rng: Source of ids and of the colours of options that name none.
        find_source: Looks up the target of a relation.
    """

    def __init__(self, schema: Schema, *, rng: Random, find_source: FindSource) -> None:
        self._change = SchemaChange(dict(schema))
        self._rng = rng
        self._find_source = find_source

    def apply(self, properties: Any, path: str) -> SchemaChange:
        """Make, change, rename and remove properties as the request says.

        Raises:
            NotionError: validation_error for what Notion refuses, sandbox_unsupported for what the
                sandbox has not.
        """
        if not isinstance(properties, dict):
            raise shape_error(path, "an object", properties)
        # A formula may name a property made beside it, so formulas come last.
        for key, body in sorted(properties.items(), key=_formulas_last):
            self._apply_one(key, body, f"{path}.{key}")
        titles = [prop for prop in self._change.schema.values() if prop.kind == "title"]
        if len(titles) != 1:
            raise validation_error(
                "Title is not provided" if not titles else "Only one title property is allowed."
            )
        # The order of the request is the order of the columns.
        order = {key: index for index, key in enumerate(properties)}
        created = sorted(
            self._change.created, key=lambda pid: order.get(self._change.schema[pid].name, 0)
        )
        kept = [pid for pid in self._change.schema if pid not in created]
        self._change.schema = {pid: self._change.schema[pid] for pid in (*kept, *created)}
        return self._change

    def _apply_one(self, key: str, body: Any, path: str) -> None:
        prop = find_property(self._change.schema, key)
        if body is None:
            self._remove(prop, key)
        elif not isinstance(body, dict):
            raise shape_error(path, "an object or `null`", body)
        elif prop is None:
            self._create(key, body, path)
        else:
            self._update(prop, body, path)

    def _remove(self, prop: Property | None, key: str) -> None:
        if prop is None:
            raise validation_error(f"{key} is not a property that exists.")
        if prop.kind == "title":
            raise validation_error("Cannot delete the title property.")
        for other in self._change.schema.values():
            if other.formula is not None and other.formula.property_id == prop.id:
                raise unsupported(
                    f"an answer for removing {prop.name!r}, which the formula {other.name!r} uses"
                )
        self._change.deleted.append(self._change.schema.pop(prop.id))

    def _create(self, name: str, body: dict[str, Any], path: str) -> None:
        kind = _kind_of(body, path)
        if kind is None:
            raise validation_error(f"{name} is not a property that exists.")
        if body.get("name", name) != name:
            raise body_error(f"{path}.name should be `{name}` or absent for a new property.")
        self._check_name(name, path)
        taken = {*self._change.schema, TITLE_ID}
        prop_id = TITLE_ID if kind == "title" else new_property_id(self._rng, taken)
        if prop_id in self._change.schema:
            raise validation_error("Only one title property is allowed.")
        fresh = Property(prop_id, name, kind, description=_description(body, None, path))
        self._change.schema[prop_id] = self._configured(fresh, body[kind], f"{path}.{kind}")
        self._change.created.append(prop_id)

    def _update(self, prop: Property, body: dict[str, Any], path: str) -> None:
        kind = _kind_of(body, path)
        changed = prop
        if kind is not None and kind != prop.kind:
            changed = self._retyped(prop, kind)
        if kind is not None:
            changed = self._configured(changed, body[kind], f"{path}.{kind}")
        name = body.get("name", prop.name)
        if name != prop.name:
            self._check_name(name, path)
            changed = replace(changed, name=name)
        changed = replace(changed, description=_description(body, prop.description, path))
        if changed != prop:
            self._change.schema[prop.id] = changed
            if prop.id not in self._change.created and prop.id not in self._change.updated:
                self._change.updated.append(prop.id)

    def _retyped(self, prop: Property, kind: str) -> Property:
        if prop.kind == "title" or kind == "title":
            raise validation_error(
                f"Cannot change the type of {prop.name} from {prop.kind} to {kind}."
            )
        if not can_become(prop.kind, kind):
            raise unsupported(
                f"a change of a property's type ({prop.name!r} from {prop.kind} to {kind})"
            )
        self._change.retyped[prop.id] = prop
        keeps_options = prop.kind in OPTION_KINDS and kind in OPTION_KINDS
        return Property(prop.id, prop.name, kind, options=prop.options if keeps_options else ())

    def _check_name(self, name: Any, path: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise shape_error(f"{path}.name", "a non-empty string", name)
        if any(prop.name == name for prop in self._change.schema.values()):
            raise validation_error(
                f"Cannot create new database property: '{name}' property already exists."
            )

    def _configured(self, prop: Property, config: Any, path: str) -> Property:
        if not isinstance(config, dict):
            raise shape_error(path, "an object", config)
        if prop.kind in OPTION_KINDS:
            return replace(prop, options=parse_options(prop, config, path, self._rng))
        if prop.kind == "unique_id":
            return replace(prop, prefix=_prefix(config, prop.prefix, path))
        if prop.kind == "number":
            return replace(prop, number_format=_number_format(config, prop.number_format, path))
        if prop.kind == "formula":
            return replace(prop, formula=self._formula(config, path))
        if prop.kind == "relation":
            return replace(prop, relation=self._relation(prop, config, path))
        return prop

    def _formula(self, config: dict[str, Any], path: str) -> Formula:
        expression = config.get("expression")
        if not isinstance(expression, str):
            raise shape_error(f"{path}.expression", "a string", expression)
        name, unit, suffix = parse_formula(expression)
        target = next((prop for prop in self._change.schema.values() if prop.name == name), None)
        if target is None:
            raise validation_error(f'Type error with formula: Undefined property "{name}".')
        if target.kind not in _DATE_KINDS:
            raise validation_error(f'Type error with formula: property "{name}" is not a date.')
        return Formula(target.id, unit, suffix)

    def _relation(self, prop: Property, config: dict[str, Any], path: str) -> Relation:
        target = parse_uuid(config.get("data_source_id"))
        if target is None:
            raise shape_error(
                f"{path}.data_source_id", "a valid uuid", config.get("data_source_id")
            )
        there = self._find_source(target)
        form = config.get("type") or (
            "dual_property" if "dual_property" in config else "single_property"
        )
        if form not in ("single_property", "dual_property") or (form not in config):
            raise body_error(f"{path} should have `single_property` or `dual_property`.")
        if prop.relation is not None and (
            prop.relation.data_source_id != target
            or (prop.relation.synced_id is not None and form == "single_property")
        ):
            raise unsupported("a change of where a relation points or of its two-way form")
        wanted = _synced_name(config[form], f"{path}.{form}")
        synced_id = None if prop.relation is None else prop.relation.synced_id
        if synced_id is not None and wanted not in (None, there.schema[synced_id].name):
            raise unsupported("a new name for the other side of a relation: rename it where it is")
        if form == "dual_property" and synced_id is None:
            self._change.two_way[prop.id] = wanted
        return prop.relation or Relation(target)


def _formulas_last(item: tuple[str, Any]) -> bool:
    return isinstance(item[1], dict) and "formula" in item[1]


def _kind_of(body: dict[str, Any], path: str) -> str | None:
    keys = [key for key in body if key not in _COMMON_KEYS]
    for key in keys:
        if key in ELSEWHERE:
            raise unsupported(f"properties of type {key!r}")
        if key not in KINDS:
            raise body_error(f"{path}.{key} should be not present, instead was `{body[key]}`.")
    if len(keys) > 1 or (keys and body.get("type", keys[0]) != keys[0]):
        raise body_error(f"{path} should have the configuration of exactly one property type.")
    return keys[0] if keys else None


def _number_format(config: dict[str, Any], present: str, path: str) -> str:
    name = config.get("format", present)
    if not isinstance(name, str):
        raise shape_error(f"{path}.format", "a string", name)
    return name


def _description(body: dict[str, Any], present: str | None, path: str) -> str | None:
    return _optional_text(body, "description", present, MAX_DESCRIPTION, path)


def _prefix(config: dict[str, Any], present: str | None, path: str) -> str | None:
    return _optional_text(config, "prefix", present, MAX_PREFIX, path)


def _optional_text(
    config: dict[str, Any], key: str, present: str | None, longest: int, path: str
) -> str | None:
    """The text under the key, or the present one without the key; None when it is empty."""
    text = config.get(key, present)
    if text is None:
        return None
    if not isinstance(text, str):
        raise shape_error(f"{path}.{key}", "a string or `null`", text)
    check_length(text, longest, f"{path}.{key}")
    return text or None


def _synced_name(config: Any, path: str) -> str | None:
    if not isinstance(config, dict):
        raise shape_error(path, "an object", config)
    name = config.get("synced_property_name")
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise shape_error(f"{path}.synced_property_name", "a non-empty string", name)
    return name
