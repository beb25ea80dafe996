"""Three shapes, one delivery; what cannot be read is refused, what is merely new is kept."""

from __future__ import annotations

import json

import pytest
from kit.deliveries import PAGE, automation_event, encode, flat_event, notion_event

from models.tables.webhook_events import Delivery
from webhook.events import DEPTH_MAX, Shape, handshake_token, parse, read_delivery, shape_of
from webhook.refusals import Refusal


def read(payload: object) -> Delivery:
    body = encode(payload)
    return read_delivery(parse(body), body)


def test_each_shape_is_told_by_what_only_it_has() -> None:
    assert shape_of(notion_event()) is Shape.NOTION
    assert shape_of(automation_event()) is Shape.AUTOMATION
    assert shape_of(flat_event()) is Shape.FLAT
    assert shape_of({"verification_token": "t"}) is Shape.HANDSHAKE
    assert shape_of({"id": "e", "type": "something.new"}) is Shape.NOTION


@pytest.mark.parametrize(
    ("payload", "event_id", "event_type"),
    [
        (notion_event(), "event-1", "page.properties_updated"),
        (automation_event(), "run-1", "automation"),
        (flat_event(), "flat-1", "page.updated"),
    ],
)
def test_every_shape_becomes_a_delivery_about_its_page(
    payload: object, event_id: str, event_type: str
) -> None:
    expected = Delivery(
        event_id=event_id, event_type=event_type, page_id=PAGE, payload=json.loads(encode(payload))
    )
    assert read(payload) == expected


def test_unknown_types_and_fields_are_kept() -> None:
    payload = notion_event(type="page.teleported", new_field={"deep": [1, None, True]})
    delivery = read(payload)
    assert delivery.event_type == "page.teleported"
    assert delivery.page_id == PAGE
    assert delivery.payload == payload


@pytest.mark.parametrize(
    "entity",
    [{"id": "ds-1", "type": "data_source"}, {"id": 5, "type": "view"}, {}, None, "page", ["page"]],
)
def test_an_event_about_no_page_has_no_page_id(entity: object) -> None:
    assert read(notion_event(entity=entity)).page_id is None


def test_an_automation_about_something_else_than_a_page_has_no_page_id() -> None:
    assert read(automation_event() | {"data": {"object": "database", "id": "d"}}).page_id is None
    assert read(automation_event() | {"data": None}).page_id is None


@pytest.mark.parametrize(
    "spelling", [PAGE, PAGE.upper(), PAGE.replace("-", ""), PAGE.replace("-", "").upper()]
)
def test_a_page_has_one_id_however_it_is_spelled(spelling: str) -> None:
    assert read(notion_event(entity={"id": spelling, "type": "page"})).page_id == PAGE
    assert read(flat_event(object={"id": spelling})).page_id == PAGE


@pytest.mark.parametrize(
    "id_", ["Page-7", "\r\nX: y", "../users/me", f"{PAGE}?x=y", f"{PAGE}\n", "p" * 100]
)
def test_an_id_that_is_none_is_no_page_and_its_event_is_kept(id_: str) -> None:
    for payload in (
        notion_event(entity={"id": id_, "type": "page"}),
        flat_event(object={"id": id_}),
        automation_event() | {"data": {"object": "page", "id": id_}},
    ):
        assert read(payload).page_id is None
        assert read(payload).payload == payload


@pytest.mark.parametrize("page_id", [None, 7, "", " ", "p" * 101, ["x"], {"id": "x"}])
def test_a_page_id_that_no_column_holds_is_refused(page_id: object) -> None:
    for payload in (
        notion_event(entity={"id": page_id, "type": "page"}),
        flat_event(object={"id": page_id}),
        automation_event() | {"data": {"object": "page", "id": page_id}},
    ):
        with pytest.raises(Refusal, match="page_id_invalid"):
            read(payload)


@pytest.mark.parametrize("event_id", [None, 7, "", " ", "e" * 201, ["x"], "e\r\nX: y", "\x1b[2J"])
def test_an_event_id_that_no_column_holds_is_refused(event_id: object) -> None:
    for payload in (
        notion_event(id=event_id),
        flat_event(id=event_id),
        automation_event(event_id=event_id),
    ):
        with pytest.raises(Refusal, match="event_id_invalid"):
            read(payload)


@pytest.mark.parametrize("event_type", [None, 7, "", "t" * 101, "page\ncreated"])
def test_an_event_type_that_no_column_holds_is_refused(event_type: object) -> None:
    with pytest.raises(Refusal, match="event_type_invalid"):
        read(notion_event(type=event_type))


def test_the_longest_ids_are_taken() -> None:
    delivery = read(notion_event(id="e" * 200, type="t" * 100))
    assert (len(delivery.event_id), len(delivery.event_type)) == (200, 100)


def test_another_attempt_of_an_automation_is_the_same_event() -> None:
    assert read(automation_event(attempt=1)).event_id == read(automation_event(attempt=2)).event_id


def test_an_automation_without_an_event_id_is_known_by_its_bytes() -> None:
    nameless = automation_event()
    del nameless["source"]["event_id"]
    assert read(nameless).event_id == read(nameless).event_id
    assert read(nameless).event_id != read(nameless | {"more": 1}).event_id


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"hello=world", "not_json"),
        (b"\xff\xfe\xfa", "not_json"),
        (b'{"a":' + b"9" * 5000 + b"}", "not_json"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"a":NaN}', "not_finite"),
        (b'{"a":-Infinity}', "not_finite"),
        (b'{"a":1e400}', "not_finite"),
        (b"[" * 100_000, "nested_too_deep"),
        (b'{"a":' * 40_000, "nested_too_deep"),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "nested_too_deep"),
        (b'{"a":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}", "nested_too_deep"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_storable_object_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(body)
    assert (refused.value.status, refused.value.reason) == (400, reason)


def test_nesting_up_to_the_limit_is_taken() -> None:
    body = b'{"a":' + b"[" * (DEPTH_MAX - 1) + b"1" + b"]" * (DEPTH_MAX - 1) + b"}"
    assert encode(parse(body)) == body


def test_what_jsonb_cannot_hold_is_cleaned_everywhere() -> None:
    body = (
        rb'{"k\u0000ey":["a\u0000b",{"x":"\ud800!","ok":"\ud83c\udfac"}],"n":1.5,"t":true,"z":null}'
    )
    assert parse(body) == {
        "k\ufffdey": ["a\ufffdb", {"x": "\ufffd!", "ok": "🎬"}],
        "n": 1.5,
        "t": True,
        "z": None,
    }


@pytest.mark.parametrize("token", [None, 7, "", "  ", "t" * 201, ["t"]])
def test_a_token_that_could_be_no_secret_is_none(token: object) -> None:
    assert handshake_token({"verification_token": token}) is None
