/** The right rail: every ROI as a card, the active ones first, the refused and the lost apart. */

import type { RoiView } from "../generated/messages.js";
import { useStore } from "../state/store.js";
import { answersOf, asksForALook, ordered } from "../state/rois.js";
import { OrderLog } from "./orders/log.js";
import { RoiCard } from "./roi_card.js";

/** Cards in the page; REST lists the rest. */
const MOST_CARDS = 100;

export function Rail() {
  const rois = ordered(useStore((state) => state.rois));
  const selected = useStore((state) => state.selected);
  const refused = rois.filter((roi) => roi.state === "refused" && !asksForALook(roi));
  const lost = rois.filter((roi) => roi.state === "stale");
  const apart = new Set([...refused, ...lost]);
  const wanted = rois.filter((roi) => !apart.has(roi));
  const answers = useStore((state) => state.answers);
  // The card that is read: the chosen one, else the latest that has something to say.
  const told = wanted.filter((roi) => answersOf(answers, roi.key).length > 0);
  const open = selected ?? (told.find((roi) => roi.state === "done") ?? told[0])?.key ?? null;
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
      <Cards rois={wanted} open={open} />
      <Group name="Not seen any more" className="stale-group" rois={lost} open={open} />
      <Group name="Refused" className="refused-group" rois={refused} open={open} />
      <OrderLog />
      {answers.size === 0 ? null : (
        <p class="table-link">
          <a class="download" href="/api/v1/answers?format=csv" download>
            All answers as a table (CSV)
          </a>
        </p>
      )}
    </aside>
  );
}

interface GroupProps {
  readonly name: string;
  readonly className: string;
  readonly rois: readonly RoiView[];
  readonly open: string | null;
}

function Group({ name, className, rois, open }: GroupProps) {
  const chosen = useStore((state) => state.selected);
  if (rois.length === 0) return null;
  return (
    <details class={`group ${className}`} open={rois.some((roi) => roi.key === chosen)}>
      <summary>
        {name} <span class="count">{rois.length}</span>
      </summary>
      <Cards rois={rois} open={open} />
    </details>
  );
}

function Cards({ rois, open }: { rois: readonly RoiView[]; open: string | null }) {
  const more = rois.length - MOST_CARDS;
  return (
    <>
      <ol class="cards">
        {rois.slice(0, MOST_CARDS).map((roi) => (
          <RoiCard key={roi.key} roi={roi} open={roi.key === open} />
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
