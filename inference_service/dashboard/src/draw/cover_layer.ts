/** Contamination over the sheet: hatched, so that the image stays visible beneath. */

import type { LiveFrame } from "../live/decode.js";
import { toScreen, type Viewport } from "./viewport.js";

const COLOUR = "#cc79a7";
const SPACING_PX = 9;

/** Outlines and hatches what the detector calls covered; no atom under it is to be trusted. */
export function drawCover(
  context: CanvasRenderingContext2D,
  frame: LiveFrame,
  view: Viewport,
): void {
  const outlines = frame.view.analysis?.cover_px ?? [];
  if (outlines.length === 0) return;
  const rim = new Path2D();
  for (const outline of outlines) {
    outline.forEach(([x, y], step) => {
      const at = toScreen(view, { x, y });
      if (step === 0) rim.moveTo(at.x, at.y);
      else rim.lineTo(at.x, at.y);
    });
    rim.closePath();
  }
  context.save();
  context.strokeStyle = COLOUR;
  context.lineWidth = 1.5;
  context.setLineDash([6, 3]);
  context.stroke(rim);
  context.setLineDash([]);
  context.clip(rim, "evenodd");
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.stroke(hatching(context.canvas.width, context.canvas.height));
  context.restore();
}

/** Parallel lines at 45° over the whole canvas. */
function hatching(width: number, height: number): Path2D {
  const lines = new Path2D();
  for (let start = -height; start < width; start += SPACING_PX) {
    lines.moveTo(start, height);
    lines.lineTo(start + height, 0);
  }
  return lines;
}
