"""The channel folder: what loads, and that everything wrong in it is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.channels import Channel, load_configured_channels
from models.errors import ChannelConfigError

GOOD = "display_name: The Deep\n"


def fault_of(folder: Path) -> str:
    with pytest.raises(ChannelConfigError) as caught:
        load_configured_channels(folder)
    return str(caught.value)


def test_a_channel_is_named_by_its_file_and_keeps_the_pipelines_keys(tmp_path: Path) -> None:
    (tmp_path / "deep_sea.yaml").write_text("display_name: ' The Deep '\nvoice: calm\nchannel_id: deep_sea\n")
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
        pytest.param("a.yaml", b"display_name: '  '\n", "display_name is missing", id="blank-display-name"),
        pytest.param("a.yaml", b"display_name: 7\n", "display_name is missing or not text", id="display-name-no-text"),
        pytest.param("a,b.yaml", GOOD.encode(), "comma", id="comma"),
        pytest.param(f"{'x' * 101}.yaml", GOOD.encode(), "101 characters", id="long-name"),
        pytest.param("a.yml", GOOD.encode(), "rename it to end in .yaml", id="yml"),
        pytest.param("a.YAML", GOOD.encode(), "rename it to end in .yaml", id="upper-case-ending"),
        pytest.param("a.yaml", b"display_name: \xff\n", "not UTF-8", id="not-utf-8"),
        pytest.param("a.yaml", b"display_name: x\nchannel_id: b\n", "channel_id says 'b'", id="channel-id-differs"),
        pytest.param("a.yaml", b"display_name: x\n7: y\n", "the key 7 must be text", id="key-no-text"),
        pytest.param("a.yaml", b"display_name: x\non: y\n", "the key True must be text", id="key-yaml-makes-a-boolean"),
        pytest.param("a.yaml", b"display_name: \x01\n", "not YAML", id="control-character"),
        pytest.param("a.yaml", b"display_name: x\nsince: 2026-13-45\n", "month", id="no-such-day"),
    ],
)
def test_a_wrong_file_is_named_with_its_reason(tmp_path: Path, file: str, content: bytes, reason: str) -> None:
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


def test_everything_wrong_in_the_folder_is_said_at_once_and_nothing_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "a,b.yaml").write_text(GOOD)
    (tmp_path / "c.yml").write_text(GOOD)
    (tmp_path / "d.yaml").write_text("voice: calm")
    (tmp_path / "e.yaml").write_text("display_name: [")
    fault = fault_of(tmp_path)
    assert [name for name in ("a,b.yaml", "c.yml", "d.yaml", "e.yaml", "good.yaml") if f"{name}: " in fault] == [
        "a,b.yaml",
        "c.yml",
        "d.yaml",
        "e.yaml",
    ]


def test_an_empty_folder_says_what_to_add(tmp_path: Path) -> None:
    assert "add at least one <channel_id>.yaml" in fault_of(tmp_path)


def test_a_missing_folder_says_to_make_it(tmp_path: Path) -> None:
    assert "is not a folder: make it" in fault_of(tmp_path / "nowhere")


def test_the_channels_of_this_repository_load() -> None:
    channels = load_configured_channels(Path(__file__).parents[2] / "channel_configs")
    assert sorted(channels) == ["deep_sea_stories", "history_in_ten"]
