"""What happens in every history, and how often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simulation.happenings.beside import a_card_is_moved, something_happens_beside_the_board
from simulation.happenings.bursts import a_worker_moves_many_tasks, many_cards_are_edited
from simulation.happenings.masses import (
    many_cards_are_dragged_twice,
    many_cards_are_trashed,
    many_wrong_moves,
)
from simulation.happenings.people import (
    a_card_is_doubled,
    a_card_is_dragged,
    a_card_is_dragged_and_announced_at_once,
    a_card_is_dragged_rightly,
    a_card_is_made,
    a_card_is_trashed,
    a_channel_is_chosen,
    a_priority_is_set,
    a_status_is_emptied,
    a_status_is_unknown,
    a_text_is_typed,
    our_own_property_is_edited,
)
from simulation.happenings.processes import a_process_begins, a_process_dies, a_process_goes_on
from simulation.happenings.queueing import (
    a_card_is_queued_first,
    a_queued_card_loses_a_text,
)
from simulation.happenings.races import (
    a_person_chooses_again_what_we_wrote,
    a_process_dies_while_it_reads_a_page,
    a_query_lags_behind_an_edit,
    an_edit_falls_into_a_long_sweep,
    two_processes_come_to_one_card,
)
from simulation.happenings.webhooks import (
    a_day_passes,
    a_sweep_takes_long,
    an_event_has_had_bad_luck,
    an_old_webhook_comes_again,
    the_receiver_is_shut,
    time_passes,
    webhooks_arrive,
)
from simulation.happenings.workers import (
    a_worker_deletes_a_task,
    a_worker_inserts_a_task,
    a_worker_moves_a_task,
    a_worker_writes_plain_sql,
    a_worker_writes_what_people_own,
)
from simulation.world.world import World

Happening = Callable[[World], Awaitable[object]]

EVERYDAY: dict[Happening, float] = {
    a_process_goes_on: 22,
    a_process_begins: 20,
    a_process_dies: 1.5,
    a_card_is_made: 3,
    a_card_is_doubled: 1,
    a_card_is_queued_first: 1.5,
    a_queued_card_loses_a_text: 1.5,
    a_card_is_dragged: 4,
    a_card_is_dragged_and_announced_at_once: 1.5,
    a_card_is_dragged_rightly: 8,
    a_status_is_unknown: 0.7,
    a_status_is_emptied: 1,
    a_priority_is_set: 4,
    a_text_is_typed: 5,
    a_channel_is_chosen: 1,
    our_own_property_is_edited: 1.5,
    many_cards_are_edited: 0.4,
    many_cards_are_dragged_twice: 0.5,
    many_wrong_moves: 0.3,
    many_cards_are_trashed: 0.04,
    a_card_is_trashed: 1.5,
    a_card_is_moved: 0.7,
    something_happens_beside_the_board: 1,
    a_worker_moves_a_task: 9,
    a_worker_writes_plain_sql: 5,
    a_worker_moves_many_tasks: 0.3,
    a_worker_deletes_a_task: 0.3,
    a_worker_inserts_a_task: 2,
    a_worker_writes_what_people_own: 1,
    webhooks_arrive: 10,
    an_old_webhook_comes_again: 1,
    an_event_has_had_bad_luck: 1.5,
    the_receiver_is_shut: 0.5,
    time_passes: 10,
    a_sweep_takes_long: 3,
    an_edit_falls_into_a_long_sweep: 0.5,
    a_query_lags_behind_an_edit: 0.5,
    a_process_dies_while_it_reads_a_page: 0.2,
    a_person_chooses_again_what_we_wrote: 0.2,
    two_processes_come_to_one_card: 0.25,
    a_day_passes: 0.3,
}
"""By happening, its weight beside the others."""
