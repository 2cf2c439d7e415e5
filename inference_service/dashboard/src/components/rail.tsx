/** The right rail: every ROI as a card, the active ones first. */

import { useStore } from "../state/store.js";
import { ordered } from "../state/rois.js";
import { RoiCard } from "./roi_card.js";

/** Cards in the page; REST lists the rest. */
const MOST_CARDS = 100;

export function Rail() {
  const rois = useStore((state) => state.rois);
  const cards = ordered(rois);
  return (
    <aside class="rail" aria-label="ROIs and their answers">
      <h2>
        ROIs <span class="count">{cards.length}</span>
      </h2>
      {cards.length === 0 ? (
        <p class="hint">
          No ROI yet. The dispatcher picks confident defects; each appears here with the state of its
          computation.
        </p>
      ) : null}
      <ol class="cards">
        {cards.slice(0, MOST_CARDS).map((roi) => (
          <RoiCard key={roi.key} roi={roi} />
        ))}
      </ol>
      {cards.length > MOST_CARDS ? (
        <p class="hint">
          {cards.length - MOST_CARDS} more: <a href="/api/v1/rois">/api/v1/rois</a>
        </p>
      ) : null}
    </aside>
  );
}
