/** ROI boxes on the moving image: real buttons, so that keys and screen readers reach them. */

import { roiCentre } from "../draw/calibration.js";
import { toScreen, type Viewport } from "../draw/viewport.js";
import type { Atoms, RoiView } from "../generated/messages.js";
import type { LiveFrame } from "../live/decode.js";
import { answersOf, ordered, roiName, stateStyle } from "../state/rois.js";
import { store, useStore } from "../state/store.js";
import { headline } from "./answer_card.js";

export function RoiBoxes({ frame, view }: { frame: LiveFrame; view: Viewport }) {
  const rois = useStore((state) => state.rois);
  const selected = useStore((state) => state.selected);
  const answers = useStore((state) => state.answers);
  const { analysis, session } = frame.view;
  // Without an analysis the drift is unknown, and with it every position: draw no box.
  if (analysis === null) return null;
  const here = ordered(rois).filter(
    (roi) => roi.session === session && (roi.state !== "stale" || roi.key === selected),
  );
  return (
    <div class="boxes">
      {here.map((roi) => (
        <RoiBox
          key={roi.key}
          roi={roi}
          analysis={analysis}
          frame={frame}
          view={view}
          selected={roi.key === selected}
          found={roi.state === "done" ? headline(answersOf(answers, roi.key)) : null}
        />
      ))}
    </div>
  );
}

interface RoiBoxProps {
  readonly roi: RoiView;
  readonly analysis: Atoms;
  readonly frame: LiveFrame;
  readonly view: Viewport;
  readonly selected: boolean;
  /** Its energy, once there is one. */
  readonly found: string | null;
}

function RoiBox({ roi, analysis, frame, view, selected, found }: RoiBoxProps) {
  const centre = roiCentre(roi, analysis);
  const radius = roi.radius_A / analysis.pixel_size_A;
  if (isOutside(centre.x, frame.columns, radius) || isOutside(centre.y, frame.rows, radius)) {
    return null;
  }
  const at = toScreen(view, centre);
  const half = radius * view.scale;
  const { icon, text } = stateStyle(roi);
  return (
    <button
      type="button"
      class={`roi-box ${roi.state} from-${roi.origin}${selected ? " selected" : ""}`}
      style={{
        left: `${at.x - half}px`,
        top: `${at.y - half}px`,
        width: `${2 * half}px`,
        height: `${2 * half}px`,
      }}
      aria-pressed={selected}
      aria-label={`ROI ${roiName(roi)}, ${found ?? text}`}
      data-testid={`box-${roi.key}`}
      onClick={() => store.set({ selected: selected ? null : roi.key })}
    >
      <span class="roi-label">
        <span aria-hidden="true">{icon}</span> {found ?? text}
      </span>
    </button>
  );
}

function isOutside(position: number, size: number, radius: number): boolean {
  return position < -radius || position > size + radius;
}
