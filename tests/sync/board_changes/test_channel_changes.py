"""When channel files change, stored cards are validated again without reading the board."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kit.stage import CHANNELS, Stage

from models.tables.sync_state import CHANNELS as KNOWN_CHANNELS
from models.tables.sync_state import get_value


async def test_a_write_whose_answer_was_lost_stays_ours_when_the_channels_change(
    stage: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "channels"
    shutil.copytree(CHANNELS, folder)
    stage.ctx.settings = stage.ctx.settings.model_copy(update={"channel_configs": folder})
    page = await stage.add_valid(channel="")
    await stage.cycle()
    # The process died between Notion's answer and its commit: the note that it was sent is all that
    # is left.
    card = await stage.card(page)
    note = json.dumps({"at": stage.clock.now.isoformat(), "values": {"Attention": card.attention}})
    await stage.sql(
        "UPDATE cards SET notion_attention = '', write_in_flight = CAST(:note AS jsonb) "
        "WHERE notion_page_id = :page",
        note=note,
        page=page,
    )
    stage.clock.pass_(600)
    (folder / "cooking.yaml").write_text((CHANNELS / "deep_sea_stories.yaml").read_text())
    await stage.cycle()
    async with stage.sessions() as session:
        assert "cooking" in (await get_value(session, KNOWN_CHANNELS) or {})["ids"]
    await stage.edit(page, title="Colossal squid")
    stage.clock.pass_(600)
    await stage.cycle()
    assert [row for row in await stage.history(page) if row.action == "refused"] == []
