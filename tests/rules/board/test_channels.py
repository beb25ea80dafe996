"""The channel folder: what loads, and that everything wrong in it is said at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.errors import ChannelConfigError
from models.rules.channels import (
    Channel,
    channel_named,
    load_configured_channels,
    read_channels,
    read_channels_in_force,
)

NFC, NFD = "Caf\u00e9", "Cafe\u0301"
GOOD = "display_name: The Deep\n"


def fault_of(folder: Path) -> str:
    try:
        found = read_channels(folder)
        return " ".join(str(fault) for fault in found.faults) or str(found.usable())
    except ChannelConfigError as error:
        return str(error)


def unusable(folder: Path) -> str:
    with pytest.raises(ChannelConfigError) as caught:
        load_configured_channels(folder)
    return str(caught.value)


def test_a_channel_is_named_by_its_file_and_keeps_the_pipelines_keys(tmp_path: Path) -> None:
    (tmp_path / "deep_sea.yaml").write_text(
        "display_name: ' The Deep '\nvoice: calm\nchannel_id: deep_sea\n"
    )
    (tmp_path / "Größe 10.yaml").write_text("display_name: Ä\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("not a channel")
    assert load_configured_channels(tmp_path) == {
        "Größe 10": Channel(id="Größe 10", display_name="Ä"),
        "deep_sea": Channel(id="deep_sea", display_name="The Deep", settings={"voice": "calm"}),
    }


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        pytest.param("a.yaml", b"display_name: x\n\tvoice: y\n", "line 2:", id="not-yaml"),
        pytest.param("a.yaml", b"- display_name\n", "key: value", id="a-list"),
        pytest.param("a.yaml", b"", "key: value", id="empty-file"),
        pytest.param("a.yaml", b"voice: calm\n", "display_name is missing", id="no-display-name"),
        pytest.param(
            "a.yaml", b"display_name: '  '\n", "display_name is missing", id="blank-display-name"
        ),
        pytest.param(
            "a.yaml",
            b"display_name: 7\n",
            "display_name is missing or not text",
            id="display-name-no-text",
        ),
        pytest.param("a,b.yaml", GOOD.encode(), "comma", id="comma"),
        pytest.param(f"{'x' * 101}.yaml", GOOD.encode(), "101 characters", id="long-name"),
        pytest.param("a.yml", GOOD.encode(), "rename it to end in .yaml", id="yml"),
        pytest.param("a.YAML", GOOD.encode(), "rename it to end in .yaml", id="upper-case-ending"),
        pytest.param("a.yaml", b"display_name: \xff\n", "not UTF-8", id="not-utf-8"),
        pytest.param(
            "a.yaml",
            b"display_name: x\nchannel_id: b\n",
            "channel_id says 'b'",
            id="channel-id-differs",
        ),
        pytest.param(
            "a.yaml", b"display_name: x\n7: y\n", "the key 7 must be text", id="key-no-text"
        ),
        pytest.param(
            "a.yaml",
            b"display_name: x\non: y\n",
            "the key True must be text",
            id="key-yaml-makes-a-boolean",
        ),
        pytest.param("a.yaml", b"display_name: \x01\n", "not YAML", id="control-character"),
        pytest.param("a.yaml", b"display_name: x\nsince: 2026-13-45\n", "month", id="no-such-day"),
    ],
)
def test_a_wrong_file_is_named_with_its_reason(
    tmp_path: Path, file: str, content: bytes, reason: str
) -> None:
    (tmp_path / file).write_bytes(content)
    fault = fault_of(tmp_path)
    assert f"{file}: " in fault
    assert reason in fault


def test_two_files_that_notion_takes_for_one_option_are_refused(tmp_path: Path) -> None:
    (tmp_path / "Deep.yaml").write_text(GOOD)
    (tmp_path / "deep.yaml").write_text(GOOD)
    assert "deep.yaml: Notion takes “deep” and “Deep” for the same option" in fault_of(tmp_path)


def test_a_folder_that_poses_as_a_channel_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    assert "a.yaml: it cannot be read" in fault_of(tmp_path)


def test_everything_wrong_in_the_folder_is_said_at_once_and_the_rest_is_loaded(
    tmp_path: Path,
) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "a,b.yaml").write_text(GOOD)
    (tmp_path / "c.yml").write_text(GOOD)
    (tmp_path / "d.yaml").write_text("voice: calm")
    (tmp_path / "e.yaml").write_text("display_name: [")
    fault = fault_of(tmp_path)
    assert [
        name
        for name in ("a,b.yaml", "c.yml", "d.yaml", "e.yaml", "good.yaml")
        if f"{name}: " in fault
    ] == [
        "a,b.yaml",
        "c.yml",
        "d.yaml",
        "e.yaml",
    ]
    assert sorted(load_configured_channels(tmp_path)) == ["good"]
    (tmp_path / "good.yaml").unlink()
    assert unusable(tmp_path) == f"{tmp_path}: {fault}"


@pytest.mark.parametrize(
    "name",
    [
        ".#a.yaml",
        ".a.yaml.swp",
        ".hidden.yaml",
        "._a.yaml",
        "a.yaml~",
        "#a.yaml#",
        "~$a.yaml",
        "a.yaml.bak",
    ],
)
def test_an_editors_lock_backup_or_swap_file_and_a_hidden_file_are_no_channels(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    if name == ".#a.yaml":
        (tmp_path / name).symlink_to("ada@desk.4711:1764230000")
    else:
        (tmp_path / name).write_text("display_name: [")
    found = read_channels(tmp_path)
    assert (sorted(found.channels), found.faults) == (["a"], ())


def test_a_link_that_leads_nowhere_is_named_with_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone.yaml")
    assert (
        fault_of(tmp_path)
        == f"a.yaml: it is a link to {tmp_path / 'gone.yaml'}, which does not exist."
    )


def test_a_pipe_a_name_that_is_no_text_and_endless_nesting_are_reported(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / os.fsdecode(b"\xff.yaml")).write_text(GOOD)
    (tmp_path / "deep.yaml").write_text("[" * 50_000)
    (tmp_path / "long.yaml").write_text(GOOD + "#" * 70_000)
    said = fault_of(tmp_path)
    for reason in (
        "it is no file",
        "text that can be read",
        "nested too deep",
        "65,536 are allowed",
    ):
        assert reason in said


def test_a_file_name_is_the_composed_form_of_what_the_file_system_makes_of_it(
    tmp_path: Path,
) -> None:
    (tmp_path / f"{NFD}.yaml").write_text(GOOD)
    assert sorted(load_configured_channels(tmp_path)) == [NFC]
    (tmp_path / f"{NFC}.yaml").write_text(GOOD)
    assert f"Notion takes “{NFC}” and “{NFC}” for the same option" in fault_of(tmp_path)


@pytest.mark.parametrize("read", [NFC, NFD, f" {NFC} ", f"{NFD}\xa0", NFC.upper(), NFD.lower()])
def test_names_are_the_same_that_people_read_as_the_same(read: str) -> None:
    assert channel_named(read, ["Other", NFC]) == NFC
    assert channel_named(NFC, ["Other", read]) == read
    assert channel_named(read, ["Cafe", "Café 2"]) is None


def test_of_a_file_that_is_wrong_the_last_good_text_counts_and_of_one_that_never_was_right_none(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yaml").write_text("display_name: [")
    (tmp_path / "new.yaml").write_text("display_name: [")
    (tmp_path / "b.yaml").write_text(GOOD)
    kept = read_channels(tmp_path).with_last_good(
        ["a", "b", "gone"], {"a": "display_name: Was\nvoice: calm\n"}
    )
    assert kept.channels["a"] == Channel(id="a", display_name="Was", settings={"voice": "calm"})
    assert sorted(kept.channels) == ["a", "b"]
    assert [fault.file for fault in kept.faults] == ["a.yaml", "new.yaml"]
    assert sorted(read_channels(tmp_path).with_last_good(["a"], {}).channels) == ["a", "b"]


def test_an_empty_folder_says_what_to_add(tmp_path: Path) -> None:
    assert "add at least one <channel_id>.yaml" in fault_of(tmp_path)


def test_a_missing_folder_says_to_make_it(tmp_path: Path) -> None:
    assert "is not a folder: make it" in fault_of(tmp_path / "nowhere")


def test_the_channels_of_this_repository_load() -> None:
    channels = load_configured_channels(Path(__file__).parents[3] / "channel_configs")
    assert sorted(channels) == ["deep_sea_stories", "history_in_ten", "kitchen_science"]


def test_of_two_files_for_one_option_the_configured_one_counts_and_the_newcomer_is_wrong(
    tmp_path: Path,
) -> None:
    (tmp_path / "history.yaml").write_text(GOOD)
    (tmp_path / "History.yaml").write_text(GOOD)
    found = read_channels(tmp_path, ["history"])
    assert (sorted(found.channels), [fault.file for fault in found.faults]) == (
        ["history"],
        ["History.yaml"],
    )
    assert sorted(read_channels(tmp_path, ["History"]).channels) == ["History"]


def test_a_newcomer_does_not_take_the_place_of_a_configured_channel_whose_file_is_wrong(
    tmp_path: Path,
) -> None:
    (tmp_path / "history.yaml").write_text("display_name: [")
    (tmp_path / "History.yaml").write_text(GOOD)
    known = {"ids": ["history"], "texts": {"history": "display_name: Was\n"}}
    found = read_channels_in_force(tmp_path, known)
    assert {id_: one.display_name for id_, one in found.channels.items()} == {"history": "Was"}
    assert [fault.file for fault in found.faults] == ["history.yaml", "History.yaml"]
