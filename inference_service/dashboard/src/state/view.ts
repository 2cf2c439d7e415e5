/** The part of the image that is shown, and the place of the sample under a point of it. */

import { fit, type Point, toImage, type Viewport, zoomed } from "../draw/viewport.js";
import type { Place, State } from "./store.js";

/** The viewport in force: the operator's, or the whole image. */
export function viewport(state: State): Viewport | null {
  if (state.view !== null) return state.view;
  const image = imageSize(state);
  return image === null || state.stage.width === 0 ? null : fit(image, state.stage);
}

/** Zoom about a point of the stage. */
export function zoomedAbout(state: State, factor: number, about: Point): Partial<State> {
  const view = viewport(state);
  return view === null ? {} : { view: zoomed(view, factor, about) };
}

/** The place of the sample under a point of the stage; null where the drift is not known. */
export function placeAt(state: State, at: Point): Place | null {
  const view = viewport(state);
  const frame = state.shown?.frame.view;
  if (view === null || !frame?.analysis) return null;
  const { pixel_size_A: size, drift_A } = frame.analysis;
  const { x, y } = toImage(view, at);
  return { at, x_A: x * size + drift_A[1], y_A: y * size + drift_A[0], session: frame.session };
}

/** Columns and rows of the frame on the screen; null where there is none. */
export function imageSize(state: State): { width: number; height: number } | null {
  const frame = state.shown?.frame;
  return frame === undefined ? null : { width: frame.columns, height: frame.rows };
}
