/** The overlay canvas: atoms by element, their error circles, and the defects. */

import type { Defect } from "../generated/messages.js";
import type { LiveFrame } from "../live/decode.js";
import { drawCover } from "./cover_layer.js";
import { addMark, elementStyle, HOST } from "./elements.js";
import { type Ink, ink, Stamps } from "./stamps.js";
import { type Point, toScreen, type Viewport } from "./viewport.js";

export type AtomMode = "none" | "defects" | "all";

export interface OverlayOptions {
  readonly atoms: AtomMode;
  readonly uncertainty: boolean;
  /** Error circles are drawn so many times their true radius. */
  readonly exaggeration: number;
}

/** Probability from which an atom counts as found. */
export const FOUND_P = 0.5;

const DEFECT_COLOUR = "#f0e442";
/** Opacity of host atoms whose error is typical, large, very large. */
const HOST_ALPHAS = [0.85, 0.6, 0.4];
const FULL_STRENGTH_PX_PER_A = 16;
const HOST_RADIUS_A = 0.22;
const GUEST_RADIUS_A = 0.42;
/** A quarter of a bond: error circles of neighbours stay apart. */
const LARGEST_ERROR_A = 0.35;
const MEMBER_RADIUS_A = 0.6;
/** Ring about a defect that names no atom, such as a gap: one bond length. */
const GAP_RADIUS_A = 1.42;

/** Draws what lies over the image; keeps its pixels from frame to frame. */
export class OverlayLayer {
  private image: ImageData | null = null;
  private stamps: Stamps | null = null;

  draw(
    context: CanvasRenderingContext2D,
    frame: LiveFrame,
    view: Viewport,
    ratio: number,
    options: OverlayOptions,
  ): void {
    const { width, height } = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const analysis = frame.view.analysis;
    if (analysis === null || options.atoms === "none") return;
    const cssPerA = view.scale / analysis.pixel_size_A;
    const stamps = this.sheet(context, width, height);
    if (options.atoms === "all") stampHost(stamps, frame, view, cssPerA, ratio);
    if (options.uncertainty) stampErrors(stamps, frame, view, options, ratio);
    if (this.image !== null) context.putImageData(this.image, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawCover(context, frame, view);
    drawGuests(context, frame, view, cssPerA);
    for (const defect of frame.view.defects) drawDefect(context, frame, view, cssPerA, defect);
  }

  private sheet(context: CanvasRenderingContext2D, width: number, height: number): Stamps {
    if (this.stamps === null || this.stamps.width !== width || this.stamps.height !== height) {
      this.image = context.createImageData(width, height);
      this.stamps = new Stamps(this.image.data, width, height);
    }
    this.stamps.clear();
    return this.stamps;
  }
}

/** Host atoms: small translucent dots, fainter the less certain their place. */
function stampHost(
  stamps: Stamps,
  frame: LiveFrame,
  view: Viewport,
  cssPerA: number,
  ratio: number,
): void {
  const { atoms } = frame;
  const radius = Math.max(1.2, Math.min(7, HOST_RADIUS_A * cssPerA)) * ratio;
  // Seen from afar the dots stand close: let the image through.
  const strength = Math.max(0.5, Math.min(1, cssPerA / FULL_STRENGTH_PX_PER_A));
  const inks = HOST_ALPHAS.map((alpha) => ink(elementStyle(HOST).colour, alpha * strength));
  const typical = typicalSigma(frame);
  for (let i = 0; i < atoms.count; i += 1) {
    if (atoms.atomic_number[i] !== HOST || (atoms.p[i] as number) < FOUND_P) continue;
    const sigma = sigmaPx(frame, i);
    const bin = sigma < 1.5 * typical ? 0 : sigma < 3 * typical ? 1 : 2;
    const at = atomAt(frame, view, i);
    stamps.disc(at.x * ratio, at.y * ratio, radius, inks[bin] as Ink);
  }
}

/** An ellipse of one standard error, exaggerated, about each atom found. */
function stampErrors(
  stamps: Stamps,
  frame: LiveFrame,
  view: Viewport,
  options: OverlayOptions,
  ratio: number,
): void {
  const { atoms } = frame;
  const factor = view.scale * options.exaggeration * ratio;
  const line = ink(DEFECT_COLOUR, 0.85);
  for (let i = 0; i < atoms.count; i += 1) {
    if ((atoms.p[i] as number) < FOUND_P) continue;
    if (options.atoms === "defects" && atoms.atomic_number[i] === HOST) continue;
    const at = atomAt(frame, view, i);
    const rx = (atoms.sigma_x_px[i] as number) * factor;
    const ry = (atoms.sigma_y_px[i] as number) * factor;
    stamps.ring(at.x * ratio, at.y * ratio, rx, ry, ratio, line);
  }
}

function atomAt(frame: LiveFrame, view: Viewport, index: number): Point {
  return toScreen(view, {
    x: frame.atoms.x_px[index] as number,
    y: frame.atoms.y_px[index] as number,
  });
}

/** Every other element at full strength, in its own colour and shape. */
function drawGuests(
  context: CanvasRenderingContext2D,
  frame: LiveFrame,
  view: Viewport,
  cssPerA: number,
): void {
  const { atoms } = frame;
  const radius = Math.max(4, Math.min(14, GUEST_RADIUS_A * cssPerA));
  const paths = new Map<number, Path2D>();
  for (let i = 0; i < atoms.count; i += 1) {
    const number = atoms.atomic_number[i] as number;
    if (number === HOST || (atoms.p[i] as number) < FOUND_P) continue;
    const path = paths.get(number) ?? new Path2D();
    paths.set(number, path);
    const at = atomAt(frame, view, i);
    addMark(path, elementStyle(number).shape, at.x, at.y, radius);
  }
  for (const [number, path] of paths) {
    context.lineWidth = 4;
    context.strokeStyle = "rgb(0 0 0 / 70%)";
    context.stroke(path);
    context.lineWidth = 2;
    context.strokeStyle = elementStyle(number).colour;
    context.stroke(path);
  }
}

function drawDefect(
  context: CanvasRenderingContext2D,
  frame: LiveFrame,
  view: Viewport,
  cssPerA: number,
  defect: Defect,
): void {
  const path = new Path2D();
  const isGap = defect.atoms.length === 0 && defect.path_px === null;
  const radius = Math.max(5, (isGap ? GAP_RADIUS_A : MEMBER_RADIUS_A) * cssPerA);
  for (const index of defect.atoms) {
    const at = atomAt(frame, view, index);
    path.moveTo(at.x + radius, at.y);
    path.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  }
  if (isGap) {
    const at = toScreen(view, { x: defect.x_px, y: defect.y_px });
    path.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  }
  (defect.path_px ?? []).forEach(([x, y], step) => {
    const at = toScreen(view, { x, y });
    if (step === 0) path.moveTo(at.x, at.y);
    else path.lineTo(at.x, at.y);
  });
  context.lineWidth = 1.5;
  context.strokeStyle = DEFECT_COLOUR;
  context.setLineDash([3, 2]);
  context.stroke(path);
  context.setLineDash([]);
  const centre = toScreen(view, { x: defect.x_px, y: defect.y_px });
  label(context, `${defect.type} ${Math.round(100 * defect.p)} %`, centre.x, centre.y + radius + 12);
}

function label(context: CanvasRenderingContext2D, text: string, x: number, y: number): void {
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3.5;
  context.lineJoin = "round";
  context.strokeStyle = "rgb(0 0 0 / 85%)";
  context.strokeText(text, x, y);
  context.fillStyle = DEFECT_COLOUR;
  context.fillText(text, x, y);
}

/** Standard error of an atom's place: root mean square of both axes, pixels. */
export function sigmaPx(frame: LiveFrame, index: number): number {
  const x = frame.atoms.sigma_x_px[index] as number;
  const y = frame.atoms.sigma_y_px[index] as number;
  return Math.sqrt((x * x + y * y) / 2);
}

const typicalSigmas = new WeakMap<LiveFrame, number>();

/** The median error of the atoms found, pixels; 0 where there are none. */
export function typicalSigma(frame: LiveFrame): number {
  const known = typicalSigmas.get(frame);
  if (known !== undefined) return known;
  const sigmas: number[] = [];
  for (let i = 0; i < frame.atoms.count; i += 1) {
    if ((frame.atoms.p[i] as number) >= FOUND_P) sigmas.push(sigmaPx(frame, i));
  }
  sigmas.sort((a, b) => a - b);
  const typical = sigmas[sigmas.length >> 1] ?? 0;
  typicalSigmas.set(frame, typical);
  return typical;
}

/** The largest round factor that keeps the typical error circle well inside a bond. */
export function exaggerationFor(frame: LiveFrame): number {
  const typicalA = typicalSigma(frame) * (frame.view.analysis?.pixel_size_A ?? 0);
  return [100, 50, 20, 10, 5, 2].find((factor) => factor * typicalA <= LARGEST_ERROR_A) ?? 1;
}

/** The found atom nearest to a point of the image within `reach` pixels; -1 where there is none. */
export function atomNear(frame: LiveFrame, x: number, y: number, reach: number): number {
  let best = -1;
  let least = reach * reach;
  for (let i = 0; i < frame.atoms.count; i += 1) {
    if ((frame.atoms.p[i] as number) < FOUND_P) continue;
    const dx = (frame.atoms.x_px[i] as number) - x;
    const dy = (frame.atoms.y_px[i] as number) - y;
    const square = dx * dx + dy * dy;
    if (square <= least) {
      least = square;
      best = i;
    }
  }
  return best;
}
