"""Relations: one-way, two-way, long."""

from typing import Any

from sandbox_harness import Harness


async def test_a_single_relation_holds_pages_of_the_other_data_source_only(box: Harness) -> None:
    assets = await box.board()
    config = {"data_source_id": assets, "single_property": {}}
    source = await box.board({"Name": {"title": {}}, "Assets": {"relation": config}})
    shown = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Assets"]["relation"]
    assert (shown["type"], shown["data_source_id"]) == ("single_property", assets)
    asset = await box.page(assets)
    page = await box.page(source, Assets={"relation": [{"id": asset["id"]}]})
    assert page["properties"]["Assets"]["relation"] == [{"id": asset["id"]}]
    assert page["properties"]["Assets"]["has_more"] is False
    body = {"properties": {"Assets": {"relation": [{"id": page["id"]}]}}}
    assert (await box.refused("PATCH", f"/v1/pages/{page['id']}", body))[:2] == (
        400,
        "validation_error",
    )


async def test_a_relation_shows_25_pages_and_the_property_endpoint_all(box: Harness) -> None:
    assets = await box.board()
    config = {"data_source_id": assets, "single_property": {}}
    source = await box.board({"Name": {"title": {}}, "Assets": {"relation": config}})
    ids = [{"id": (await box.page(assets))["id"]} for _ in range(30)]
    prop = (await box.page(source, Assets={"relation": ids}))["properties"]["Assets"]
    assert (prop["relation"], prop["has_more"]) == (ids[:25], True)
    page = (await box.query(source))["results"][0]
    items = await box.ok("GET", f"/v1/pages/{page['id']}/properties/{prop['id']}")
    assert [item["relation"] for item in items["results"]] == ids
    replaced = await box.write(page["id"], Assets={"relation": ids[:1]})
    assert replaced["properties"]["Assets"]["relation"] == ids[:1]


async def test_a_two_way_relation_is_kept_on_both_sides(box: Harness) -> None:
    assets = await box.board()
    config = {"data_source_id": assets, "type": "dual_property", "dual_property": {}}
    source = await box.board({"Name": {"title": {}}, "Assets": {"relation": config}})
    here = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Assets"]
    there = (await box.ok("GET", f"/v1/data_sources/{assets}"))["properties"][
        "Related to Board (Assets)"
    ]
    assert here["relation"]["dual_property"] == {
        "synced_property_name": there["name"],
        "synced_property_id": there["id"],
    }
    first, second = [(await box.page(assets))["id"] for _ in range(2)]
    page = await box.page(source, Assets={"relation": [{"id": first}]})
    await box.write(page["id"], Assets={"relation": [{"id": second}]})

    async def related(asset: str) -> Any:
        return (await box.ok("GET", f"/v1/pages/{asset}"))["properties"][there["name"]]["relation"]

    assert (await related(first), await related(second)) == ([], [{"id": page["id"]}])
    await box.schema(source, {"Assets": None})
    assert list((await box.ok("GET", f"/v1/data_sources/{assets}"))["properties"]) == ["Name"]


async def test_the_other_side_of_a_relation_is_renamed_where_it_is(box: Harness) -> None:
    target = await box.board()
    dual = {"synced_property_name": "Back"}
    relation = {
        "relation": {"data_source_id": target, "type": "dual_property", "dual_property": dual}
    }
    source = await box.board({"Name": {"title": {}}, "Out": relation})
    shown = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["Out"]
    assert shown["relation"]["dual_property"]["synced_property_name"] == "Back"
    await box.schema(source, {"Out": {"relation": shown["relation"]}})
    dual["synced_property_name"] = "Other"
    status, code, _ = await box.refused(
        "PATCH", f"/v1/data_sources/{source}", {"properties": {"Out": relation}}
    )
    assert (status, code) == (501, "sandbox_unsupported")
    await box.schema(target, {"Back": {"name": "Other"}})
    await box.schema(source, {"Out": relation})
