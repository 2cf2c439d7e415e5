/** Why this ROI is here and stands where it stands. */

import type { RoiView } from "../../generated/messages.js";
import { roiName, successor } from "../../state/rois.js";
import { store, useStore } from "../../state/store.js";
import { fixed, percent } from "../figures.js";

const WISHES: Readonly<Record<RoiView["wish"], string | null>> = {
  first: "★ picked by the operator",
  usual: null,
  never: "dismissed by the operator",
};

const ORIGINS: Readonly<Record<RoiView["origin"], { name: string; why: string } | null>> = {
  defect: null,
  random: { name: "random", why: "Drawn at random, for comparison with the defects." },
  operator: { name: "asked for", why: "Somebody said: look here." },
};

export function Origin({ roi }: { roi: RoiView }) {
  const origin = ORIGINS[roi.origin];
  return origin === null ? null : (
    <span class="tag" title={origin.why}>
      {origin.name}
    </span>
  );
}

export function Why({ roi }: { roi: RoiView }) {
  const wish = WISHES[roi.wish];
  return (
    <>
      <p class="aside">
        <Where roi={roi} /> · seen in {roi.seen_frames} {roi.seen_frames === 1 ? "frame" : "frames"}
        {roi.priority === 0 ? "" : ` · priority ${fixed(roi.priority, 2)}`}
        {roi.similarity === null ? null : <Likeness similarity={roi.similarity} />} ·{" "}
        <span class="mono">{roi.key}</span>
      </p>
      {wish === null ? null : <p class={`wish ${roi.wish}`}>{wish}</p>}
      <History roi={roi} />
      {roi.reason === null ? null : <p class="reason">{roi.reason}</p>}
    </>
  );
}

function Likeness({ similarity }: { similarity: number }) {
  if (similarity === 0) return <> · unlike anything computed</>;
  return similarity === 1 ? <> · the same was computed</> : <> · {percent(similarity)} like one computed</>;
}

/** What the beam made of what. */
function History({ roi }: { roi: RoiView }) {
  const rois = useStore((state) => state.rois);
  const after = successor(rois, roi.key);
  if (roi.previous === null && after === null) return null;
  const before = roi.previous === null ? null : (rois.get(roi.previous) ?? null);
  return (
    <p class="history">
      {roi.previous === null ? null : (
        <>
          changed by the beam from{" "}
          {before === null ? <span class="mono">{roi.previous}</span> : <Jump roi={before} />}
        </>
      )}
      {after === null ? null : (
        <>
          {roi.previous === null ? "" : "; "}the beam turned it into <Jump roi={after} />
        </>
      )}
    </p>
  );
}

function Jump({ roi }: { roi: RoiView }) {
  return (
    <button type="button" class="jump" onClick={() => store.set({ selected: roi.key })}>
      {roiName(roi)}
    </button>
  );
}

function Where({ roi }: { roi: RoiView }) {
  const session = useStore((state) => state.shown?.frame.view.session ?? null);
  if (roi.session === null) return <>frame no longer known</>;
  return <>{roi.session === session ? `frame ${roi.frame_index}` : `earlier session ${roi.session}`}</>;
}
