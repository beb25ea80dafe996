"""The distribution as it is installed: entry points, contracts, the README's maker."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter import configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from media_kit import WHALE, request_for

import showrunner_makers
from models.production.config import production_of
from models.production.reuse import input_hash
from models.production.steps import Step
from showrunner_makers.colours import DEFAULTS
from showrunner_makers.ffmpeg import Ffmpeg
from showrunner_makers.frame import Frame
from showrunner_makers.probe import probe
from showrunner_makers.services.elevenlabs import ElevenLabs, ElevenLabsOptions
from showrunner_makers.services.gemini import Gemini, GeminiOptions
from showrunner_makers.services.kling.maker import Kling, KlingOptions
from showrunner_makers.services.options import Options
from showrunner_makers.services.settings import ALL as SERVICES
from showrunner_makers.services.youtube.maker import YouTube
from showrunner_makers.services.youtube.video import YouTubeOptions

configuration.configure()

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINTER = SETTINGS["tool"]["importlinter"]
KINDS = {"layers": LayersContract, "forbidden": ForbiddenContract}
CONTRACTS: dict[str, dict[str, Any]] = {one["name"]: one for one in LINTER["contracts"]}
BROKEN_BY = {
    "modules stand in layers, and no two import each other": [
        ("showrunner_makers.program", "showrunner_makers.film")
    ],
    "the makers of services know nothing of each other": [
        ("showrunner_makers.services.kling.maker", "showrunner_makers.services.gemini"),
        ("showrunner_makers.services.http", "showrunner_makers.services.at_once"),
    ],
    "of Showrunner's core only models.production and models.errors are imported": [
        ("showrunner_makers.film", "models.rules.statuses"),
        ("showrunner_makers.frame", "tasks"),
    ],
}
"""By contract: who may not import what."""
GROUP = "showrunner.makers"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_makers_are_found_by_their_names() -> None:
    found = {
        one.name: one.load()
        for one in metadata.entry_points(group=GROUP)
        if one.dist is not None and one.dist.name == "showrunner-makers"
    }
    assert found == {
        "elevenlabs": ElevenLabs,
        "ffmpeg": Ffmpeg,
        "frame": Frame,
        "gemini": Gemini,
        "kling": Kling,
        "youtube": YouTube,
    }
    assert {name: maker().name for name, maker in found.items()} == {name: name for name in found}


def test_together_they_make_every_step_but_the_upload() -> None:
    assert Frame.steps | Ffmpeg.steps == frozenset(Step) - {Step.UPLOAD}
    assert Frame.steps.isdisjoint(Ffmpeg.steps)


def test_what_is_installed_says_its_version_its_types_and_its_licences() -> None:
    installed = metadata.metadata("showrunner-makers")
    assert installed["Version"] == showrunner_makers.__version__
    assert installed["License-Expression"] == "MIT AND Bitstream-Vera"
    assert Path(showrunner_makers.__file__).with_name("py.typed").exists()
    for name in SETTINGS["project"]["license-files"]:
        assert (ROOT / name).stat().st_size > 500


def test_the_readme_names_every_option_and_its_default() -> None:
    rows = dict(re.findall(r"^\| `((?:frame|ffmpeg)\.\w+)` \| ([^|]+?) \|", README, re.MULTILINE))
    assert {name: rows[f"frame.{name}"] for name in DEFAULTS} == {
        name: f'`"{colour}"`' for name, colour in DEFAULTS.items()
    }
    assert rows.keys() == {*(f"frame.{name}" for name in DEFAULTS), "frame.font", "ffmpeg.sound"}


@pytest.mark.parametrize("number", [0, 1])
def test_the_readmes_channels_can_be_produced(number: int) -> None:
    yaml = pytest.importorskip("yaml")
    makers: dict[str, Any] = {
        one.name: one.load()() for one in metadata.entry_points(group=GROUP) if one.dist
    }
    found = production_of(yaml.safe_load(blocks("yaml")[number]), makers)
    assert found is not None
    for name, options in found.options.items():
        makers[name].check(options)


@pytest.mark.parametrize(
    ("maker", "options"),
    [
        ("gemini", GeminiOptions),
        ("kling", KlingOptions),
        ("elevenlabs", ElevenLabsOptions),
        ("youtube", YouTubeOptions),
    ],
)
def test_the_readme_names_every_option_of_a_service(maker: str, options: type[Options]) -> None:
    rows = dict(re.findall(rf"^\| `{maker}\.(\w+)` \| ([^|]+?) \|", README, re.MULTILINE))
    assert rows.keys() == options.model_fields.keys()
    for name, field in options.model_fields.items():
        usual = field.get_default(call_default_factory=True)
        if isinstance(usual, str | float | bool) and usual != "":
            assert rows[name].strip("`").lower() == str(usual).lower(), name


def test_the_readme_names_every_variable() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", README))
    for kind in SERVICES:
        prefix = kind.model_config["env_prefix"]
        assert {f"{prefix}{name.upper()}" for name in kind.model_fields} <= named


async def test_the_readmes_own_maker_is_found_and_makes_a_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [code], [entry] = blocks("python"), blocks("toml")
    assert len([line for line in code.splitlines() if line.strip()]) <= 26
    (tmp_path / "plain_tone.py").write_text(code)
    (about := tmp_path / "plain_tone-1.0.dist-info").mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-tone\nVersion: 1.0\n")
    group = tomllib.loads(entry)["project"]["entry-points"]
    lines = [f"{name} = {target}" for name, target in group[GROUP].items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    maker = metadata.entry_points(group=GROUP)["tone"].load()()
    assert maker is not None
    assert import_module("plain_tone").Tone.name == "tone"
    monkeypatch.delitem(sys.modules, "plain_tone")
    maker.check({})
    with pytest.raises(ValueError, match="hertz: "):
        maker.check({"hertz": 3})
    asked = request_for(Step.AUDIO, tmp_path, WHALE, options={"hertz": 220})
    assert len(input_hash(maker.inputs(asked))) == 64
    made = await maker.make(asked)
    assert made.path.parent == tmp_path
    assert probe(made.path).audio_seconds == pytest.approx(made.seconds)


@pytest.fixture
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *LINTER["root_packages"], include_external_packages=True, cache_dir=None
    )


def kept(name: str, graph: grimp.ImportGraph) -> bool:
    options = {
        key: str(value) if isinstance(value, bool) else value
        for key, value in CONTRACTS[name].items()
        if key not in {"name", "type"}
    }
    session = {"root_packages": LINTER["root_packages"], "include_external_packages": True}
    contract = KINDS[CONTRACTS[name]["type"]](name, session, options)
    return bool(contract.check(graph, verbose=False).kept)


@pytest.mark.parametrize(
    ("name", "importer", "imported"),
    [(name, *pair) for name in CONTRACTS for pair in BROKEN_BY[name]],
)
def test_an_import_that_breaks_a_contract_is_refused(
    graph: grimp.ImportGraph, name: str, importer: str, imported: str
) -> None:
    assert kept(name, graph)
    if imported not in graph.modules:
        graph.add_module(imported, is_squashed=True)
    graph.add_import(importer=importer, imported=imported)
    assert not kept(name, graph)
