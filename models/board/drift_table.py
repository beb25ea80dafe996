"""Every way in which a board can differ from its spec: severity, what it breaks, and the cure.

The modules `drift`, `drift_properties`, `drift_options` and `drift_views` detect these differences.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from models.board.drift_kinds import DriftKind, Part, RepairAction, Severity

_NOT_SYNCED: Final = "Nothing is synced; no card is marked as gone for it."
_NO_PAGES: Final = "What is made of a video is not shown there page by page; cards are synced."
_OUT_OF_ORDER: Final = "The board's columns do not follow the pipeline."

# The board as a whole.

BOARD_NOT_FOUND: Final = DriftKind(
    slug="board-not-found",
    severity=Severity.STOPS,
    part=Part.BOARD,
    wrong="Notion finds no board under this id.",
    breaks=_NOT_SYNCED,
    cure="In Notion: ••• of the board → Connections → add the connection. "
    "Or set NOTION_DATABASE_ID to the right board; `showrunner board create` makes one.",
)
BOARD_IN_TRASH: Final = DriftKind(
    slug="board-in-trash",
    severity=Severity.STOPS,
    part=Part.BOARD,
    wrong="The board is in Notion's trash.",
    breaks=_NOT_SYNCED,
    cure="In Notion: Trash → restore the board.",
)
DATA_SOURCE_UNCLEAR: Final = DriftKind(
    slug="data-source-unclear",
    severity=Severity.STOPS,
    part=Part.BOARD,
    wrong="The database has {count} data sources, and none or several of them are meant: {named}.",
    breaks=_NOT_SYNCED,
    cure="Set NOTION_DATA_SOURCE to the name or id of the one that is the board.",
)
SEVERAL_DATA_SOURCES: Final = DriftKind(
    slug="several-data-sources",
    severity=Severity.NOTE,
    part=Part.BOARD,
    wrong="The database has other data sources beside the board: {named}.",
    breaks="Nothing: their pages are not followed.",
    cure="Nothing to do.",
)

# Properties.

NEEDED_PROPERTY_MISSING: Final = DriftKind(
    slug="needed-property-missing",
    severity=Severity.STOPS,
    part=Part.PROPERTY,
    wrong="The board has no property “{about}”; it has {names}.",
    breaks="No card can be judged without it: nothing is synced.",
    cure="Rename the right one to “{about}”; {restore}or {repair} adds an empty one.",
    repair_action=RepairAction.ADD,
)
PROPERTY_MISSING: Final = DriftKind(
    slug="property-missing",
    severity=Severity.LOSES,
    part=Part.PROPERTY,
    wrong="The board has no property “{about}”.",
    breaks="{breaks}",
    cure="{restore}{repair} adds it.",
    repair_action=RepairAction.ADD,
)
DATE_MISSING: Final = replace(PROPERTY_MISSING, severity=Severity.COSMETIC)
FORMULA_MISSING: Final = replace(
    DATE_MISSING, slug="formula-missing", wrong="The board has no formula “{about}”."
)
RELATION_MISSING: Final = replace(
    DATE_MISSING, slug="relation-missing", wrong="The board has no relation “{about}”."
)
WRONG_TYPE: Final = DriftKind(
    slug="wrong-type",
    severity=Severity.STOPS,
    part=Part.PROPERTY,
    wrong="“{called}” is of type {type}, not {types}.",
    breaks="The board cannot be read or written as it is: nothing is synced.",
    cure="In Notion, click “{called}” → Edit property → Type → {types}.",
)
WRONG_TYPE_OF_OPTIONAL: Final = replace(
    WRONG_TYPE,
    severity=Severity.LOSES,
    breaks="{breaks} Everything else is synced.",
    cure="In Notion, click “{called}” → Edit property → Type → {types}. "
    "If it is yours, rename it, and {repair} adds ours beside it.",
)
WRONG_TYPE_OF_COSMETIC: Final = replace(WRONG_TYPE_OF_OPTIONAL, severity=Severity.COSMETIC)
TWO_OF_A_NAME: Final = DriftKind(
    slug="two-of-a-name",
    severity=Severity.LOSES,
    part=Part.PROPERTY,
    wrong="“{called}” is the {about} that Showrunner knows, "
    "and there is another one called “{about}”.",
    breaks="What people write into the other “{about}” is not followed.",
    cure="Keep one: delete or rename the new “{about}”, or move its values into “{called}” first.",
)
PROPERTY_RENAMED: Final = DriftKind(
    slug="property-renamed",
    severity=Severity.NOTE,
    part=Part.PROPERTY,
    wrong="{about} is called “{called}” on this board.",
    breaks="Nothing: it is known by its id and goes on working.",
    cure="Nothing to do.",
)
ATTENTION_HOLDS_NOTES: Final = DriftKind(
    slug="attention-holds-notes",
    severity=Severity.LOSES,
    part=Part.PROPERTY,
    wrong="“{called}” holds text on {cards} that Showrunner did not write.",
    breaks="It stays until Showrunner has something to say on that card, and is replaced then; "
    "the card's history keeps the text (`showrunner card show`).",
    cure="If the column is people's: before the first cycle rename it, e.g. to “Notes”, "
    "and {repair} adds ours. Later it is known by its id: copy the texts into a column of "
    "another name. Otherwise nothing to do.",
)

# Options of Status, Priority and Channel.

OPTION_RENAMED: Final = DriftKind(
    slug="{property}-option-renamed",
    severity=Severity.LOSES,
    part=Part.PROPERTY,
    wrong="The {about} option “{option}” is called “{called}” on this board.",
    breaks="{breaks} Cards in “{called}” are not followed.",
    cure="In Notion, click the option and call it “{option}” again: the API cannot rename options.",
)
OPTION_MISSING: Final = DriftKind(
    slug="{property}-option-missing",
    severity=Severity.LOSES,
    part=Part.PROPERTY,
    wrong="{about} has no option {missing}.",
    breaks="{breaks}",
    cure="{repair} adds it at its place. If you renamed one, call it that again instead.",
    repair_action=RepairAction.ADD,
)
OPTION_MISSING_IN_LONG_LIST: Final = replace(
    OPTION_MISSING,
    cure="Notion's API cannot add to a list of over {most} options: add them in Notion by hand.",
    repair_action=None,
)
CHANNEL_NOT_CONFIGURED: Final = DriftKind(
    slug="channel-not-configured",
    severity=Severity.EXCLUDES,
    part=Part.PROPERTY,
    wrong="Channel offers {foreign}, which no file in channel_configs stands for.",
    breaks="Cards with it are not followed; their Attention says so.",
    cure="Add the channel's file, or move its cards and delete the option in Notion.",
)
STATUS_UNKNOWN: Final = DriftKind(
    slug="status-unknown",
    severity=Severity.EXCLUDES,
    part=Part.PROPERTY,
    wrong="“{called}” has {foreign}, which is none of the 26 statuses.",
    breaks="Cards with it are not followed; their Attention says so.",
    cure="Move its cards to one of the 26, then delete the option in Notion.",
)
TOO_MANY_OPTIONS: Final = DriftKind(
    slug="too-many-options",
    severity=Severity.COSMETIC,
    part=Part.PROPERTY,
    wrong="“{called}” has {count} options.",
    breaks="Notion's API cannot change a list of over {most}: {repair} can add nothing to it.",
    cure="Delete options that no card uses, in Notion.",
)
OPTIONS_OUT_OF_ORDER: Final = DriftKind(
    slug="options-out-of-order",
    severity=Severity.COSMETIC,
    part=Part.PROPERTY,
    wrong="The options of “{called}” are not in the order of the pipeline, from “{first}” on.",
    breaks=_OUT_OF_ORDER,
    cure="{repair} puts them in order.",
    repair_action=RepairAction.SET,
)
OPTIONS_OUT_OF_ORDER_BY_HAND: Final = replace(
    OPTIONS_OUT_OF_ORDER, cure="Drag the options into order in Notion.", repair_action=None
)
COLOUR_DIFFERENT: Final = DriftKind(
    slug="colour-different",
    severity=Severity.COSMETIC,
    part=Part.PROPERTY,
    wrong="The colours of “{called}” are others: {named}.",
    breaks="Draft, work, review, done and error look alike.",
    cure="Choose the colours in Notion, if you care: the API cannot change them.",
)

# The databases of the pieces.

PIECES_NOT_SEEN: Final = DriftKind(
    slug="pieces-not-seen",
    severity=Severity.COSMETIC,
    part=Part.PIECES,
    wrong="Notion does not show the connection the database behind the relation “{about}”.",
    breaks=_NO_PAGES,
    cure="In Notion: ••• of that database → Connections → add the connection.",
)
PIECE_PROPERTIES_MISSING: Final = DriftKind(
    slug="piece-properties-missing",
    severity=Severity.COSMETIC,
    part=Part.PIECES,
    wrong="The database behind “{about}” has no {missing}.",
    breaks=_NO_PAGES,
    cure="{repair} adds what is missing.",
    repair_action=RepairAction.ADD,
)
PIECE_PROPERTY_MISFIT: Final = DriftKind(
    slug="piece-property-of-another-type",
    severity=Severity.COSMETIC,
    part=Part.PIECES,
    wrong="In the database behind “{about}”, “{called}” is of type {type}.",
    breaks="It is not written. Without “Piece” no page is made.",
    cure="Rename it if it is yours, and {repair} adds ours.",
)
GALLERY_MISSING: Final = DriftKind(
    slug="gallery-missing",
    severity=Severity.COSMETIC,
    part=Part.PIECES,
    wrong="The database behind “{about}” has no gallery that shows the files.",
    breaks="People open page after page to see the pictures.",
    cure="{repair} adds one.",
    repair_action=RepairAction.ADD,
)

# Views.

SAVED_VIEW_MISSING: Final = DriftKind(
    slug="saved-view-missing",
    severity=Severity.COSMETIC,
    part=Part.VIEW,
    wrong="There is no view “{name}”.",
    breaks="People do not find the cards whose {property} is {options} in one place.",
    cure="{repair} adds it.",
    repair_action=RepairAction.ADD,
)
CHANNEL_VIEW_MISSING: Final = replace(SAVED_VIEW_MISSING, slug="channel-view-missing")
PIPELINE_VIEW_MISSING: Final = replace(
    SAVED_VIEW_MISSING,
    slug="pipeline-view-missing",
    breaks="People do not find the cards by Status in one place.",
)
VIEW_SHOWS_OTHER_CARDS: Final = DriftKind(
    slug="view-shows-other-cards",
    severity=Severity.COSMETIC,
    part=Part.VIEW,
    wrong="The view “{called}” does not show exactly the cards whose {property} is {options}.",
    breaks="People who rely on “{called}” miss cards, or see others.",
    cure="{repair} sets its filter again. If the filter is yours: keep it in a view of your own.",
    repair_action=RepairAction.SET,
)
PIPELINE_VIEW_FILTERED: Final = DriftKind(
    slug="pipeline-view-filtered",
    severity=Severity.NOTE,
    part=Part.VIEW,
    wrong="The view “{called}” has a filter.",
    breaks="It does not show every card.",
    cure="If nobody wants that: remove the filter in Notion.",
)
PIPELINE_VIEW_NOT_A_BOARD: Final = DriftKind(
    slug="pipeline-view-not-by-status",
    severity=Severity.COSMETIC,
    part=Part.VIEW,
    wrong="The view “{called}” is a {type}, not a board.",
    breaks="People do not see the pipeline as columns.",
    cure="In Notion: ••• of the view → Layout → Board, grouped by Status. "
    "The API cannot change a layout.",
)
PIPELINE_VIEW_NOT_BY_STATUS: Final = DriftKind(
    slug="pipeline-view-not-by-status",
    severity=Severity.COSMETIC,
    part=Part.VIEW,
    wrong="The view “{called}” is not grouped by Status.",
    breaks="Its columns do not follow the pipeline.",
    cure="{repair} groups it by Status in the order of the options.",
    repair_action=RepairAction.SET,
)
PIPELINE_VIEW_SORTED: Final = replace(
    PIPELINE_VIEW_NOT_BY_STATUS,
    slug="pipeline-view-sorted",
    wrong="The view “{called}” sorts its columns.",
)
CARD_PREVIEW_HIDES: Final = DriftKind(
    slug="card-preview",
    severity=Severity.COSMETIC,
    part=Part.VIEW,
    wrong="A card in “{called}” {does}.",
    breaks="People do not see at a glance what a card needs.",
    cure="{repair} sets that and leaves the rest as it is.",
    repair_action=RepairAction.SET,
)
CARD_PREVIEW_SHOWS: Final = replace(
    CARD_PREVIEW_HIDES, breaks="Cards show what is of no use to people."
)
