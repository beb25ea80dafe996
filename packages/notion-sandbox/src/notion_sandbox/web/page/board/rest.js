/** What stands below the cards of a view that shows them piece by piece. */

import { cardsInOrder, store } from "../data/store.js";

/** Say how many of `found` cards are beyond the limit, and show a sentence when there is none. */
export function showRest(main, found, limit, step) {
  const more = main.querySelector(".more");
  more.hidden = found <= limit;
  more.textContent = `Show ${Math.min(step, found - limit)} more of ${found - limit}`;
  const none = main.querySelector(".none");
  none.hidden = found > 0 || store.loading;
  none.textContent = cardsInOrder().length ? "No card is in this view." : "There is no card yet.";
}
