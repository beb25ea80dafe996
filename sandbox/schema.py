"""The properties of a data source in requests: making, changing and removing them.

Source: Notion's "Property object" and "Update a data source properties" pages; the options rules are from the
practice noted there and in public reports: a list of options replaces the old one, a colour cannot be changed, a
rename of an option is accepted and has no effect.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sandbox.errors import body_error, missing_error, shape_error, unsupported, validation_error
from sandbox.formulas import Formula, parse_formula
from sandbox.ids import TITLE_ID, new_property_id, new_uuid, parse_uuid
from sandbox.objects import Option, Property, Relation, Schema
from sandbox.rich_text import OPTION_COLORS
from sandbox.schema_rendering import STATUS_GROUPS
from sandbox.values import ELSEWHERE, KINDS, check_option_name, find_property

MAX_OPTIONS = 100
_STATUS_DEFAULTS = (
    ("Not started", "default", "To-do"),
    ("In progress", "blue", "In progress"),
    ("Done", "green", "Complete"),
)
_DATE_KINDS = ("date", "created_time", "last_edited_time")
_COMMON_KEYS = ("id", "name", "type", "description")

FindSource = Callable[[str], object]
"""Looks up a data source by id; raises NotionError when there is none."""


@dataclass
class SchemaChange:
    """A schema after a request, and what is new in it.

    Attributes:
        schema: The whole new schema.
        created: Ids of new properties.
        updated: Ids of changed ones.
        deleted: The properties that are gone.
        two_way: Ids of new relations that want a counterpart on the other side.
    """

    schema: Schema
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[Property] = field(default_factory=list)
    two_way: list[str] = field(default_factory=list)


class SchemaEditor:
    """Applies the `properties` of a request to a copy of a schema, so that a refused request changes nothing.

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
            NotionError: validation_error for what Notion refuses, sandbox_unsupported for what the sandbox has not.
        """
        if not isinstance(properties, dict):
            raise shape_error(path, "an object", properties)
        # A formula may name a property made beside it, so formulas come last.
        for key, body in sorted(properties.items(), key=_formulas_last):
            self._apply_one(key, body, f"{path}.{key}")
        titles = [prop for prop in self._change.schema.values() if prop.kind == "title"]
        if len(titles) != 1:
            raise validation_error("Title is not provided" if not titles else "Only one title property is allowed.")
        # The order of the request is the order of the columns.
        order = {key: index for index, key in enumerate(properties)}
        created = sorted(self._change.created, key=lambda pid: order.get(self._change.schema[pid].name, 0))
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
                raise unsupported(f"an answer for removing {prop.name!r}, which the formula {other.name!r} uses")
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
        fresh = Property(prop_id, name, kind)
        self._change.schema[prop_id] = self._configured(fresh, body[kind], f"{path}.{kind}")
        self._change.created.append(prop_id)

    def _update(self, prop: Property, body: dict[str, Any], path: str) -> None:
        kind = _kind_of(body, path)
        changed = prop
        if kind is not None and kind != prop.kind:
            raise unsupported(f"a change of a property's type ({prop.name!r} from {prop.kind} to {kind})")
        if kind is not None:
            changed = self._configured(changed, body[kind], f"{path}.{kind}")
        name = body.get("name", prop.name)
        if name != prop.name:
            self._check_name(name, path)
            changed = replace(changed, name=name)
        if changed != prop:
            self._change.schema[prop.id] = changed
            if prop.id not in self._change.created and prop.id not in self._change.updated:
                self._change.updated.append(prop.id)

    def _check_name(self, name: Any, path: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise shape_error(f"{path}.name", "a non-empty string", name)
        if any(prop.name == name for prop in self._change.schema.values()):
            raise validation_error(f"Cannot create new database property: '{name}' property already exists.")

    def _configured(self, prop: Property, config: Any, path: str) -> Property:
        if not isinstance(config, dict):
            raise shape_error(path, "an object", config)
        if prop.kind in ("select", "status"):
            return replace(prop, options=self._options(prop, config, path))
        if prop.kind == "number":
            return replace(prop, number_format=_number_format(config, prop.number_format, path))
        if prop.kind == "formula":
            return replace(prop, formula=self._formula(config, path))
        if prop.kind == "relation":
            return replace(prop, relation=self._relation(prop, config, path))
        return prop

    def _options(self, prop: Property, config: dict[str, Any], path: str) -> tuple[Option, ...]:
        listed = config.get("options")
        if listed is None:
            return prop.options or (self._status_defaults() if prop.kind == "status" else ())
        if not isinstance(listed, list):
            raise shape_error(f"{path}.options", "an array", listed)
        if len(listed) > MAX_OPTIONS:
            raise body_error(f"{path}.options.length should be ≤ `{MAX_OPTIONS}`, instead was `{len(listed)}`.")
        if prop.kind == "status" and not listed:
            raise body_error(f"{path}.options.length should be ≥ `1`, instead was `0`.")
        options = tuple(self._option(prop, item, f"{path}.options[{index}]") for index, item in enumerate(listed))
        names = [option.name.casefold() for option in options]
        if len(set(names)) != len(names):
            raise validation_error(f"The options of {prop.name} must have different names.")
        return options

    def _status_defaults(self) -> tuple[Option, ...]:
        return tuple(Option(new_uuid(self._rng), name, color, group) for name, color, group in _STATUS_DEFAULTS)

    def _option(self, prop: Property, item: Any, path: str) -> Option:
        if not isinstance(item, dict):
            raise shape_error(path, "an object", item)
        option_id, name, color = item.get("id"), item.get("name"), item.get("color")
        if color is not None and color not in OPTION_COLORS:
            raise shape_error(f"{path}.color", "one of Notion's colors", color)
        if name is not None:
            check_option_name(name, f"{path}.name")
        existing = prop.option(option_id) if option_id is not None else None
        if existing is None and name is not None:
            existing = prop.option_named(name)
        if existing is not None:
            if color is not None and color != existing.color:
                raise validation_error(f"Cannot update color of {prop.kind} with name: {existing.name}")
            return existing
        if name is None:
            raise missing_error(f"{path}.name")
        group = _status_group(item.get("group"), f"{path}.group") if prop.kind == "status" else None
        return Option(new_uuid(self._rng), name, color or self._rng.choice(OPTION_COLORS), group)

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
            raise shape_error(f"{path}.data_source_id", "a valid uuid", config.get("data_source_id"))
        self._find_source(target)
        form = config.get("type") or ("dual_property" if "dual_property" in config else "single_property")
        if form not in ("single_property", "dual_property") or (form not in config):
            raise body_error(f"{path} should have `single_property` or `dual_property`.")
        if prop.relation is not None:
            if prop.relation.data_source_id != target or (prop.relation.synced_id is None) == (form == "dual_property"):
                raise unsupported("a change of where a relation points or of its two-way form")
            return prop.relation
        if form == "dual_property":
            self._change.two_way.append(prop.id)
        return Relation(target)


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
    if body.get("description") is not None:
        raise unsupported("descriptions of properties")
    return keys[0] if keys else None


def _number_format(config: dict[str, Any], present: str, path: str) -> str:
    name = config.get("format", present)
    if not isinstance(name, str):
        raise shape_error(f"{path}.format", "a string", name)
    return name


def _status_group(name: Any, path: str) -> str:
    groups = [group for group, _ in STATUS_GROUPS]
    if name is None:
        return groups[0]
    if name not in groups:
        raise shape_error(path, f"one of {', '.join(groups)}", name)
    return str(name)
