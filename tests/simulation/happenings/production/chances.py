"""How often what happens to videos in work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from simulation.happenings.production.outside import (
    a_lost_worker_comes_back,
    an_outside_worker_acts,
    an_outside_worker_dies,
)
from simulation.happenings.production.reviewers import (
    a_card_in_work_is_touched,
    somebody_decides,
)
from simulation.happenings.production.staged import (
    a_film_is_rejected_and_made_again,
    a_video_is_stopped_between_two_pieces,
    answers_of_services_are_lost,
)
from simulation.happenings.production.videos import (
    a_lease_runs_out,
    a_video_is_ordered,
    production_begins,
    production_goes_on,
)
from simulation.world.world import World

OFTEN: Final = 0.4
"""How often one of these happens beside an everyday happening, in histories with production."""
WITH_PRODUCTION: Final = 0.85
"""How many histories have it."""

PRODUCTION: Final[dict[Callable[[World], Awaitable[object]], float]] = {
    an_outside_worker_acts: 26,
    an_outside_worker_dies: 3,
    a_lost_worker_comes_back: 4,
    somebody_decides: 13,
    a_card_in_work_is_touched: 8,
    a_video_is_ordered: 3,
    production_begins: 7,
    production_goes_on: 30,
    a_lease_runs_out: 3,
    answers_of_services_are_lost: 2,
    a_video_is_stopped_between_two_pieces: 2,
    a_film_is_rejected_and_made_again: 2,
}
"""By happening, its weight beside the others."""
