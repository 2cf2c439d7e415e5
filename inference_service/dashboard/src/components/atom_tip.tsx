/** What is known of the atom under the pointer. */

import { atomNear, sigmaPx } from "../draw/atom_layer.js";
import { elementStyle } from "../draw/elements.js";
import type { Point } from "../draw/viewport.js";
import type { LiveFrame } from "../live/decode.js";
import { fixed, percent } from "./figures.js";

export interface Hover {
  /** On the stage, CSS pixels. */
  readonly at: Point;
  /** In the image. */
  readonly point: Point;
  readonly reach: number;
}

const PM_PER_A = 100;

/** Looks the atom up in the frame on the screen, so that a new frame never shows old numbers. */
export function AtomTip({ frame, hover }: { frame: LiveFrame; hover: Hover }) {
  const { analysis } = frame.view;
  const index = atomNear(frame, hover.point.x, hover.point.y, hover.reach);
  if (index < 0 || analysis === null) return null;
  const { atoms } = frame;
  const style = elementStyle(atoms.atomic_number[index] as number);
  const sigma = sigmaPx(frame, index) * analysis.pixel_size_A * PM_PER_A;
  return (
    <div class="tip" role="tooltip" style={{ left: `${hover.at.x + 14}px`, top: `${hover.at.y + 14}px` }}>
      <b style={{ color: style.colour }}>
        {style.symbol} ({style.name})
      </b>
      <br />p {percent(atoms.p[index] as number)} · σ {fixed(sigma, 1)} pm · {atoms.coordination[index]}{" "}
      bonds
      <br />x {fixed(atoms.x_px[index] as number, 2)} px, y {fixed(atoms.y_px[index] as number, 2)} px
    </div>
  );
}
