/** The scale bar: from the calibration of the very frame it lies on. */

import { pixelSize, scaleBar } from "../draw/calibration.js";
import type { Viewport } from "../draw/viewport.js";
import type { FrameView } from "../generated/messages.js";

const LONGEST_PX = 180;

export function ScaleBarView({ frame, view }: { frame: FrameView; view: Viewport }) {
  const size = pixelSize(frame);
  if (size === null) return <p class="scale-bar">no calibration: no scale bar</p>;
  const bar = scaleBar(size.angstrom, view.scale, LONGEST_PX);
  return (
    <div class="scale-bar" data-testid="scale-bar" data-angstrom={bar.angstrom} data-frame={frame.name}>
      <div class="scale-line" style={{ width: `${bar.screenPixels}px` }} />
      {bar.label}
    </div>
  );
}
