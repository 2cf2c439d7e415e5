/** Lengths on the sample: from the frame's own calibration, never from an earlier one. */

import type { Atoms, FrameView, RoiView } from "../generated/messages.js";
import type { Point } from "./viewport.js";

export interface PixelSize {
  readonly angstrom: number;
  /** Who says so, in words. */
  readonly source: string;
}

const SOURCES: Readonly<Record<string, string>> = {
  fft: "from the lattice",
  header: "from the header",
  flag: "from the operator",
};

/** The pixel size of a frame: what the analysis used, else what the header says, else nothing. */
export function pixelSize(view: FrameView): PixelSize | null {
  const used = view.analysis;
  if (used !== null) {
    return { angstrom: used.pixel_size_A, source: SOURCES[used.pixel_size_source] ?? "" };
  }
  const { pixel_size_A, source } = view.calibration;
  return pixel_size_A === null ? null : { angstrom: pixel_size_A, source: SOURCES[source] ?? "" };
}

/** How far the header's pixel size is from the one used, as a fraction; null where unknown. */
export function headerError(analysis: Atoms): number | null {
  const header = analysis.header_pixel_size_A;
  return header === null ? null : header / analysis.pixel_size_A - 1;
}

/** Where a ROI lies in a frame, in its pixels, following the drift. */
export function roiCentre(roi: Pick<RoiView, "x_A" | "y_A">, analysis: Atoms): Point {
  const [row, column] = analysis.drift_A;
  return {
    x: (roi.x_A - column) / analysis.pixel_size_A,
    y: (roi.y_A - row) / analysis.pixel_size_A,
  };
}

export interface ScaleBar {
  readonly angstrom: number;
  readonly screenPixels: number;
  readonly label: string;
}

/** The longest bar of 1, 2 or 5 times a power of ten that is no longer than `room`. */
export function scaleBar(pixelA: number, screenScale: number, room: number): ScaleBar {
  const longest = (room / screenScale) * pixelA;
  const decade = 10 ** Math.floor(Math.log10(longest));
  const step = [5, 2, 1].find((factor) => factor * decade <= longest) ?? 1;
  const angstrom = step * decade;
  return {
    angstrom,
    screenPixels: (angstrom / pixelA) * screenScale,
    label: angstrom >= 10 ? `${trimmed(angstrom / 10)} nm` : `${trimmed(angstrom)} Å`,
  };
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(2)));
}
