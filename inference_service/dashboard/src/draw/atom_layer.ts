/** The overlay canvas: atoms by element, their error circles, and the defects. */

import type { Defect } from "../generated/messages.js";
import type { LiveFrame } from "../live/decode.js";
import { addMark, elementStyle, HOST } from "./elements.js";
import { toScreen, type Viewport } from "./viewport.js";

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
const HOST_RADIUS_A = 0.22;
const GUEST_RADIUS_A = 0.42;
const MEMBER_RADIUS_A = 0.6;
/** Ring about a defect that names no atom, such as a gap: one bond length. */
const GAP_RADIUS_A = 1.42;

/** Draw everything that lies over the image, in CSS pixels. */
export function drawOverlay(
  context: CanvasRenderingContext2D,
  frame: LiveFrame,
  view: Viewport,
  ratio: number,
  options: OverlayOptions,
): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const analysis = frame.view.analysis;
  if (analysis === null || options.atoms === "none") return;
  const cssPerA = view.scale / analysis.pixel_size_A;
  if (options.atoms === "all") drawHost(context, frame, view, cssPerA);
  if (options.uncertainty) drawErrors(context, frame, view, options.exaggeration);
  drawGuests(context, frame, view, cssPerA);
  for (const defect of frame.view.defects) drawDefect(context, frame, view, cssPerA, defect);
}

/** Host atoms: small translucent dots, fainter the less certain their place. */
function drawHost(
  context: CanvasRenderingContext2D,
  frame: LiveFrame,
  view: Viewport,
  cssPerA: number,
): void {
  const { atoms } = frame;
  const style = elementStyle(HOST);
  const radius = Math.max(1.2, Math.min(7, HOST_RADIUS_A * cssPerA));
  const alphas = [0.85, 0.6, 0.4];
  const paths = alphas.map(() => new Path2D());
  const typical = typicalSigma(frame);
  for (let i = 0; i < atoms.count; i += 1) {
    if (atoms.atomic_number[i] !== HOST || (atoms.p[i] as number) < FOUND_P) continue;
    const sigma = sigmaPx(frame, i);
    const bin = sigma < 1.5 * typical ? 0 : sigma < 3 * typical ? 1 : 2;
    const at = toScreen(view, { x: atoms.x_px[i] as number, y: atoms.y_px[i] as number });
    addMark(paths[bin] as Path2D, style.shape, at.x, at.y, radius);
  }
  context.fillStyle = style.colour;
  paths.forEach((path, bin) => {
    context.globalAlpha = alphas[bin] as number;
    context.fill(path);
  });
  context.globalAlpha = 1;
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
    const at = toScreen(view, { x: atoms.x_px[i] as number, y: atoms.y_px[i] as number });
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

function drawErrors(
  context: CanvasRenderingContext2D,
  frame: LiveFrame,
  view: Viewport,
  exaggeration: number,
): void {
  const { atoms } = frame;
  const path = new Path2D();
  for (let i = 0; i < atoms.count; i += 1) {
    if ((atoms.p[i] as number) < FOUND_P) continue;
    const at = toScreen(view, { x: atoms.x_px[i] as number, y: atoms.y_px[i] as number });
    const rx = (atoms.sigma_x_px[i] as number) * view.scale * exaggeration;
    const ry = (atoms.sigma_y_px[i] as number) * view.scale * exaggeration;
    path.moveTo(at.x + rx, at.y);
    path.ellipse(at.x, at.y, rx, ry, 0, 0, 2 * Math.PI);
  }
  context.lineWidth = 1;
  context.strokeStyle = "rgb(240 228 66 / 80%)";
  context.stroke(path);
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
    const at = toScreen(view, {
      x: frame.atoms.x_px[index] as number,
      y: frame.atoms.y_px[index] as number,
    });
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

/** The median error of the atoms found, pixels; 0 where there are none. */
export function typicalSigma(frame: LiveFrame): number {
  const sigmas: number[] = [];
  for (let i = 0; i < frame.atoms.count; i += 1) {
    if ((frame.atoms.p[i] as number) >= FOUND_P) sigmas.push(sigmaPx(frame, i));
  }
  sigmas.sort((a, b) => a - b);
  return sigmas[sigmas.length >> 1] ?? 0;
}

/** A round factor that makes the typical error circle about 6 screen pixels wide. */
export function exaggerationFor(frame: LiveFrame, scale: number): number {
  const typical = typicalSigma(frame) * scale;
  if (typical === 0) return 1;
  return [1, 2, 5, 10, 20, 50, 100, 200].find((factor) => factor * typical >= 5) ?? 200;
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
