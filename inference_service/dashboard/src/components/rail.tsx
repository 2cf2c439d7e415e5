/** The right rail: every ROI as a card, the active ones first, the refused ones apart. */

import type { RoiView } from "../generated/messages.js";
import { useStore } from "../state/store.js";
import { ordered } from "../state/rois.js";
import { RoiCard } from "./roi_card.js";

/** Cards in the page; REST lists the rest. */
const MOST_CARDS = 100;

export function Rail() {
  const rois = ordered(useStore((state) => state.rois));
  const refused = rois.filter((roi) => roi.state === "refused");
  const wanted = rois.filter((roi) => roi.state !== "refused");
  return (
    <aside class="rail" aria-label="ROIs and their answers" tabIndex={0}>
      <h2>
        ROIs <span class="count">{wanted.length}</span>
      </h2>
      {rois.length === 0 ? (
        <p class="hint">
          No ROI yet. The dispatcher picks confident defects; each appears here with the state of its
          computation.
        </p>
      ) : null}
      <Cards rois={wanted} />
      {refused.length > 0 ? <Refused rois={refused} /> : null}
    </aside>
  );
}

function Refused({ rois }: { rois: readonly RoiView[] }) {
  const chosen = useStore((state) => state.selected);
  return (
    <details class="refused-group" open={rois.some((roi) => roi.key === chosen)}>
      <summary>
        Refused <span class="count">{rois.length}</span>
      </summary>
      <Cards rois={rois} />
    </details>
  );
}

function Cards({ rois }: { rois: readonly RoiView[] }) {
  const more = rois.length - MOST_CARDS;
  return (
    <>
      <ol class="cards">
        {rois.slice(0, MOST_CARDS).map((roi) => (
          <RoiCard key={roi.key} roi={roi} />
        ))}
      </ol>
      {more > 0 ? (
        <p class="hint">
          {more} more: <a href="/api/v1/rois">/api/v1/rois</a>
        </p>
      ) : null}
    </>
  );
}
