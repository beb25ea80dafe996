"""The properties of a data source in requests: how they are made, changed and removed.

Source: Notion's "Property object" and "Update a data source properties" pages.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from notion_sandbox.errors import body_error, shape_error, unsupported, validation_error
from notion_sandbox.schema.conversion import can_become
from notion_sandbox.schema.options import OPTION_KINDS, parse_options
from notion_sandbox.schema.property_values import (
    KINDS,
    UNSUPPORTED_KINDS,
    find_property,
    property_named,
)
from notion_sandbox.store.objects import DataSource, Property, Relation, Schema
from notion_sandbox.values.checks import (
    check_length,
    first_key,
    require_object,
    require_text,
    require_uuid,
)
from notion_sandbox.values.formulas import Formula, parse_formula
from notion_sandbox.values.ids import TITLE_ID, new_property_id

MAX_DESCRIPTION = 280
MAX_PREFIX = 10
_DATE_KINDS = ("date", "created_time", "last_edited_time")
_RELATION_FORMS = ("dual_property", "single_property")
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
        deleted: The deleted properties.
        two_way: By id of a relation that needs a counterpart on the other side: the name that the
            request gives the counterpart, if any.
        retyped: By id of a property that has another type now: the property as it was before.
    """

    schema: Schema
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[Property] = field(default_factory=list)
    two_way: dict[str, str | None] = field(default_factory=dict)
    retyped: dict[str, Property] = field(default_factory=dict)


class SchemaEditor:
    """Applies the `properties` of a request to a copy of a schema, so a refusal changes nothing.

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
                sandbox does not support.
        """
        require_object(properties, path)
        # A formula may name a property made beside it, so formulas come last.
        for key, body in sorted(properties.items(), key=_formulas_last):
            self._apply_one(key, body, f"{path}.{key}")
        self._check_title()
        self._order_columns(list(properties))
        return self._change

    def _check_title(self) -> None:
        titles = [prop for prop in self._change.schema.values() if prop.kind == "title"]
        if not titles:
            raise validation_error("Title is not provided")
        if len(titles) > 1:
            raise validation_error("Only one title property is allowed.")

    def _order_columns(self, names: list[str]) -> None:
        """Put new properties last, in the order of the request."""
        schema = self._change.schema
        positions = {name: index for index, name in enumerate(names)}
        new = {prop_id: schema.pop(prop_id) for prop_id in self._change.created}
        schema |= sorted(new.items(), key=lambda item: positions.get(item[1].name, 0))

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
            if other.formula and other.formula.property_id == prop.id:
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
        changed = prop
        kind = _kind_of(body, path)
        if kind is not None:
            retyped = self._retyped(prop, kind)
            changed = self._configured(retyped, body[kind], f"{path}.{kind}")
        name = body.get("name", prop.name)
        if name != prop.name:
            self._check_name(name, path)
        description = _description(body, prop.description, path)
        changed = replace(changed, name=name, description=description)
        if changed != prop:
            self._change.schema[prop.id] = changed
            self._note_update(prop.id)

    def _note_update(self, prop_id: str) -> None:
        if prop_id not in (*self._change.created, *self._change.updated):
            self._change.updated.append(prop_id)

    def _retyped(self, prop: Property, kind: str) -> Property:
        """The property with another type, without what only its old type had."""
        if kind == prop.kind:
            return prop
        if prop.kind == "title" or kind == "title":
            raise validation_error(
                f"Cannot change the type of {prop.name} from {prop.kind} to {kind}."
            )
        if not can_become(prop.kind, kind):
            raise unsupported(
                f"a change of a property's type ({prop.name!r} from {prop.kind} to {kind})"
            )
        self._change.retyped[prop.id] = prop
        if kind in OPTION_KINDS:
            return Property(prop.id, prop.name, kind, options=prop.options)
        return Property(prop.id, prop.name, kind)

    def _check_name(self, name: Any, path: str) -> None:
        _require_name(name, f"{path}.name")
        if property_named(self._change.schema, name) is not None:
            raise validation_error(
                f"Cannot create new database property: '{name}' property already exists."
            )

    def _configured(self, prop: Property, config: Any, path: str) -> Property:
        """The property with the settings of its type that the request gives."""
        settings = require_object(config, path)
        match prop.kind:
            case "select" | "multi_select" | "status":
                return replace(prop, options=parse_options(prop, settings, path, self._rng))
            case "unique_id":
                return replace(prop, prefix=_prefix(settings, prop.prefix, path))
            case "number":
                number_format = settings.get("format", prop.number_format)
                require_text(number_format, f"{path}.format")
                return replace(prop, number_format=number_format)
            case "formula":
                return replace(prop, formula=self._formula(settings, path))
            case "relation":
                return replace(prop, relation=self._relation(prop, settings, path))
        return prop

    def _formula(self, config: dict[str, Any], path: str) -> Formula:
        expression = require_text(config.get("expression"), f"{path}.expression")
        name, unit, suffix = parse_formula(expression)
        target = property_named(self._change.schema, name)
        if target is None:
            raise validation_error(f'Type error with formula: Undefined property "{name}".')
        if target.kind not in _DATE_KINDS:
            raise validation_error(f'Type error with formula: property "{name}" is not a date.')
        return Formula(target.id, unit, suffix)

    def _relation(self, prop: Property, config: dict[str, Any], path: str) -> Relation:
        source_id = require_uuid(config.get("data_source_id"), f"{path}.data_source_id")
        target = self._find_source(source_id)
        form = config.get("type") or first_key(config, _RELATION_FORMS)
        if form not in _RELATION_FORMS or form not in config:
            raise body_error(f"{path} should have `single_property` or `dual_property`.")
        is_two_way = form == "dual_property"
        name = _synced_name(config[form], f"{path}.{form}")
        if prop.relation is None:
            relation = Relation(source_id)
        else:
            relation = prop.relation
            _check_unchanged(relation, target, name, is_two_way=is_two_way)
        if is_two_way and relation.synced_id is None:
            self._change.two_way[prop.id] = name
        return relation


def _check_unchanged(
    relation: Relation, target: DataSource, name: str | None, *, is_two_way: bool
) -> None:
    """Refuse changes of a relation that the sandbox does not support."""
    synced_id = relation.synced_id
    if relation.data_source_id != target.id or (synced_id is not None and not is_two_way):
        raise unsupported("a change of where a relation points or of its two-way form")
    if synced_id is not None and name not in (None, target.schema[synced_id].name):
        raise unsupported("a new name for the other side of a relation: rename it where it is")


def _formulas_last(item: tuple[str, Any]) -> bool:
    return isinstance(item[1], dict) and "formula" in item[1]


def _kind_of(body: dict[str, Any], path: str) -> str | None:
    """The type that the body configures; None when it configures none."""
    kinds = [key for key in body if key not in _COMMON_KEYS]
    for kind in kinds:
        if kind in UNSUPPORTED_KINDS:
            raise unsupported(f"properties of type {kind!r}")
        if kind not in KINDS:
            raise body_error(f"{path}.{kind} should be not present, instead was `{body[kind]}`.")
    if not kinds:
        return None
    if kinds != [body.get("type", kinds[0])]:
        raise body_error(f"{path} should have the configuration of exactly one property type.")
    return kinds[0]


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
    name = require_object(config, path).get("synced_property_name")
    if name is not None:
        _require_name(name, f"{path}.synced_property_name")
    return name


def _require_name(name: Any, path: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise shape_error(path, "a non-empty string", name)
