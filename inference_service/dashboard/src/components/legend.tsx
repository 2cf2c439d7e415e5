/** The line below the image: what each mark means, and how many there are. */

import { type AtomMode, exaggerationFor, FOUND_P, typicalSigma } from "../draw/atom_layer.js";
import { elementStyle, type ElementStyle, type Shape } from "../draw/elements.js";
import type { LiveFrame } from "../live/decode.js";
import { useStore } from "../state/store.js";
import { fixed } from "./figures.js";

const MODES: Readonly<Record<AtomMode, string>> = {
  none: "atoms hidden",
  defects: "defects only",
  all: "all atoms",
};

export function Legend() {
  const frame = useStore((state) => state.shown?.frame ?? null);
  const mode = useStore((state) => state.atoms);
  const uncertainty = useStore((state) => state.uncertainty);
  if (frame === null) return <p class="legend" />;
  if (!frame.analysed) {
    return <p class="legend">This frame has no atoms yet: the detector has not looked at it.</p>;
  }
  return (
    <p class="legend" data-testid="legend">
      {counts(frame).map(([style, count]) => (
        <span class="legend-entry" key={style.symbol}>
          <Mark style={style} /> {style.symbol} {count}
        </span>
      ))}
      <span class="legend-entry">Defects: {defects(frame)}</span>
      <span class="legend-entry">
        <kbd>A</kbd> {MODES[mode]}
      </span>
      <span class="legend-entry">
        <kbd>U</kbd> {uncertainty ? errors(frame) : "error circles off"}
      </span>
    </p>
  );
}

function errors(frame: LiveFrame): string {
  const analysis = frame.view.analysis;
  if (analysis === null) return "no errors known";
  const typical = typicalSigma(frame) * analysis.pixel_size_A * 100;
  return `circles: σ × ${exaggerationFor(frame)}; median σ ${fixed(typical, 1)} pm`;
}

/** How many defects of each class. */
function defects(frame: LiveFrame): string {
  const tally = new Map<string, number>();
  for (const { type } of frame.view.defects) tally.set(type, (tally.get(type) ?? 0) + 1);
  return [...tally].map(([type, n]) => `${type} ${n}`).join(", ") || "none";
}

function counts(frame: LiveFrame): [ElementStyle, number][] {
  const tally = new Map<number, number>();
  for (let i = 0; i < frame.atoms.count; i += 1) {
    if ((frame.atoms.p[i] as number) < FOUND_P) continue;
    const number = frame.atoms.atomic_number[i] as number;
    tally.set(number, (tally.get(number) ?? 0) + 1);
  }
  return [...tally].sort((a, b) => b[1] - a[1]).map(([number, n]) => [elementStyle(number), n]);
}

const OUTLINES: Readonly<Record<Exclude<Shape, "dot">, string>> = {
  diamond: "M7 1 13 7 7 13 1 7Z",
  triangle: "M7 1 13 12 1 12Z",
  square: "M2 2H12V12H2Z",
  hexagon: "M13 7 10 12 4 12 1 7 4 2 10 2Z",
  cross: "M2 2 12 12M12 2 2 12",
};

function Mark({ style }: { style: ElementStyle }) {
  return (
    <svg class="mark" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
      {style.shape === "dot" ? (
        <circle cx="7" cy="7" r="4" fill={style.colour} />
      ) : (
        <path d={OUTLINES[style.shape]} fill="none" stroke={style.colour} stroke-width="2" />
      )}
    </svg>
  );
}
