/** Measurement and model of one place, in the same frame of reference and at the same scale. */

import { useEffect, useRef, useState } from "preact/hooks";
import {
  bestMatch,
  blurred,
  type Match,
  type Picture,
  type PlacedAtoms,
  placedAtoms,
  rendered,
  SMOOTHING_A,
} from "../../draw/forward_image.js";
import { scaleBar } from "../../draw/calibration.js";
import { elementStyle } from "../../draw/elements.js";
import type { AnswerView, RoiView } from "../../generated/messages.js";
import { type Measured, measuredAt, structureText } from "../../live/measured.js";
import { fixed } from "../figures.js";
import { structurePath } from "../structure_panel.js";

const SIDE_PX = 152;
const MODEL_PIXEL_A = 0.08;
const DARKEST = 0.003;
const BRIGHTEST = 0.997;
const SYMBOL_NUMBERS: Readonly<Record<string, number>> = { H: 1, B: 5, C: 6, N: 7, O: 8, Si: 14 };

interface Pair {
  readonly measured: Measured;
  /** For the eye. */
  readonly smoothed: Picture;
  readonly atoms: PlacedAtoms;
  readonly match: Match;
}

/** Nothing where the service keeps no pixels of the very frame that was computed. */
export function SideBySide({ answer, roi }: { answer: AnswerView; roi: RoiView }) {
  const [pair, setPair] = useState<Pair | string>("loading…");
  const [marked, setMarked] = useState(false);
  const [raw, setRaw] = useState(false);
  const { frame } = answer.provenance;
  const same = roi.image === frame;
  useEffect(() => {
    if (!same) return undefined;
    let wanted = true;
    compared(answer, frame).then(
      (found) => wanted && setPair(found),
      (error: unknown) => wanted && setPair(`Cannot compare: ${String(error)}`),
    );
    return () => {
      wanted = false;
    };
  }, [answer.job, frame, same]);
  if (!same) {
    return <p class="aside">The pixels this was computed from are not kept any more: nothing to compare.</p>;
  }
  if (typeof pair === "string") return <p class="aside">{pair}</p>;
  const window = { x: middle(pair.atoms.x_A), y: middle(pair.atoms.y_A), halfA: roi.radius_A + 1 };
  const bar = scaleBar(1, SIDE_PX / (2 * window.halfA), SIDE_PX / 2);
  return (
    <figure class="side-by-side" data-testid="side-by-side" data-correlation={pair.match.correlation}>
      <div class="pictures">
        <View name="Measured" picture={raw ? pair.measured : pair.smoothed} window={window} atoms={marked ? pair.atoms : null} />
        <View
          name="Model"
          picture={rendered(
            pair.atoms,
            modelGrid(window),
            raw ? pair.match.sigmaA : Math.hypot(pair.match.sigmaA, SMOOTHING_A),
          )}
          window={window}
          atoms={marked ? pair.atoms : null}
        />
      </div>
      <figcaption>
        <span class="mini-bar">
          <span class="scale-line" style={{ width: `${bar.screenPixels}px` }} />
          {bar.label}
        </span>
        <span>
          frame {pair.measured.frameIndex}; correlation{" "}
          <b>{fixed(raw ? pair.match.correlation : pair.match.smoothed, 3)}</b>
        </span>
        <label>
          <input type="checkbox" checked={raw} onChange={() => setRaw(!raw)} /> raw
        </label>
        <label>
          <input type="checkbox" checked={marked} onChange={() => setMarked(!marked)} /> relaxed atoms
        </label>
        <span class="note">
          Model: Gaussian probe, σ {fixed(pair.match.sigmaA, 2)} Å (fitted), contrast Z
          <sup>1.64</sup>
          {raw ? "" : `; both smoothed by ${fixed(SMOOTHING_A, 1)} Å, raw correlation ${fixed(pair.match.correlation, 3)}`}
        </span>
      </figcaption>
    </figure>
  );
}

async function compared(answer: AnswerView, frame: string): Promise<Pair> {
  const choice = { roi: answer.roi, job: answer.job, level: answer.result.level, title: "" };
  const [measured, text] = await Promise.all([
    measuredAt(answer.roi, frame),
    structureText(structurePath(choice)),
  ]);
  const atoms = placedAtoms(text);
  const smoothed = blurred(measured, SMOOTHING_A);
  return { measured, smoothed, atoms, match: bestMatch(atoms, measured) };
}

interface Window {
  readonly x: number;
  readonly y: number;
  readonly halfA: number;
}

interface ViewProps {
  readonly name: string;
  readonly picture: Picture;
  readonly window: Window;
  /** Marked on the picture; null for none. */
  readonly atoms: PlacedAtoms | null;
}

function View({ name, picture, window: seen, atoms }: ViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const ratio = devicePixelRatio;
    context.canvas.width = context.canvas.height = Math.round(SIDE_PX * ratio);
    paint(context, picture, seen, atoms);
  }, [picture, seen.x, seen.y, seen.halfA, atoms]);
  return (
    <div class="picture">
      <canvas ref={canvas} role="img" aria-label={`${name} image of this place`} />
      <span class="picture-name">{name}</span>
    </div>
  );
}

function paint(
  context: CanvasRenderingContext2D,
  picture: Picture,
  seen: Window,
  atoms: PlacedAtoms | null,
): void {
  const side = context.canvas.width;
  const perA = side / (2 * seen.halfA);
  const at = (x_A: number, y_A: number): [number, number] => [
    (x_A - seen.x + seen.halfA) * perA,
    (y_A - seen.y + seen.halfA) * perA,
  ];
  context.fillStyle = "#000";
  context.fillRect(0, 0, side, side);
  const [left, top] = at(picture.x_A - picture.pixelA / 2, picture.y_A - picture.pixelA / 2);
  const scale = picture.pixelA * perA;
  context.imageSmoothingEnabled = true;
  context.drawImage(bitmapOf(picture), left, top, picture.columns * scale, picture.rows * scale);
  atoms?.symbols.forEach((symbol, i) => {
    if (symbol === "H") return;
    const [x, y] = at(atoms.x_A[i] as number, atoms.y_A[i] as number);
    context.beginPath();
    context.arc(x, y, symbol === "C" ? side / 90 : side / 60, 0, 2 * Math.PI);
    context.fillStyle = elementStyle(SYMBOL_NUMBERS[symbol] ?? 0).colour;
    context.fill();
  });
}

/** Grey levels between robust darkest and brightest values. */
function bitmapOf(picture: Picture): OffscreenCanvas {
  const sorted = Float64Array.from(picture.levels).sort();
  const black = sorted[Math.floor(DARKEST * (sorted.length - 1))] as number;
  const white = sorted[Math.ceil(BRIGHTEST * (sorted.length - 1))] as number;
  const canvas = new OffscreenCanvas(picture.columns, picture.rows);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gives no 2D canvas");
  const image = context.createImageData(picture.columns, picture.rows);
  picture.levels.forEach((value, i) => {
    const level = (255 * (value - black)) / Math.max(white - black, 1e-12);
    image.data.set([level, level, level, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

function modelGrid(seen: Window): Omit<Picture, "levels"> {
  const side = Math.ceil((2 * seen.halfA) / MODEL_PIXEL_A);
  return {
    rows: side,
    columns: side,
    x_A: seen.x - seen.halfA,
    y_A: seen.y - seen.halfA,
    pixelA: MODEL_PIXEL_A,
  };
}

function middle(values: Float64Array): number {
  return (Math.min(...values) + Math.max(...values)) / 2;
}
