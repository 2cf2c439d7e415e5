/** A structure as the microscope would show it: one Gaussian for each atom, bright as Z^1.64. */

export interface PlacedAtoms {
  readonly symbols: readonly string[];
  /** Column and row positions in the frame the structure was cut from, Å. */
  readonly x_A: Float64Array;
  readonly y_A: Float64Array;
}

/** A picture of part of a frame. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  /** Brightness, row by row, any scale. */
  readonly levels: Float64Array;
  /** Of the centre of the first pixel in the frame, Å. */
  readonly x_A: number;
  readonly y_A: number;
  readonly pixelA: number;
}

export interface Match {
  /** Width of the probe that fits best, Å. */
  readonly sigmaA: number;
  /** Normalised cross-correlation with the measurement as it is, -1 to 1: noise lowers it. */
  readonly correlation: number;
  /** The same with both smoothed by `SMOOTHING_A`. */
  readonly smoothed: number;
}

/** Shot noise hides the atoms from the eye at doses at which a fit still finds them, Å. */
export const SMOOTHING_A = 0.4;

/** Contrast of atoms in annular dark field (Krivanek et al., doi:10.1038/nature08879), as the recipe has it. */
const CONTRAST_POWER = 1.64;
const REACH_SIGMAS = 4;
const BOND_A = 1.42;
const WIDTHS_A = [0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8];

const NUMBERS: Readonly<Record<string, number>> = {
  H: 1, B: 5, C: 6, N: 7, O: 8, Al: 13, Si: 14, P: 15, S: 16, Ti: 22, Cr: 24, Fe: 26, Ni: 28,
  Cu: 29, Pd: 46, Pt: 78, Au: 79,
};

/**
 * Read extended XYZ.
 *
 * @throws Error where it is not what it should be.
 */
export function placedAtoms(extxyz: string): PlacedAtoms {
  const lines = extxyz.split("\n");
  const count = Number(lines[0]);
  if (!Number.isInteger(count) || lines.length < count + 2) throw new Error("not extended XYZ");
  const [x0 = 0, y0 = 0] = (/origin_A="([^"]*)"/.exec(lines[1] ?? "")?.[1] ?? "0 0")
    .trim()
    .split(/\s+/)
    .map(Number);
  const symbols: string[] = [];
  const x_A = new Float64Array(count);
  const y_A = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const [symbol = "X", x, y] = (lines[i + 2] ?? "").trim().split(/\s+/);
    symbols.push(symbol);
    x_A[i] = Number(x) + x0;
    y_A[i] = Number(y) + y0;
  }
  return { symbols, x_A, y_A };
}

/** Draw atoms on the grid of a picture, with a probe of the given width. */
export function rendered(atoms: PlacedAtoms, grid: Omit<Picture, "levels">, sigmaA: number): Picture {
  const { rows, columns, pixelA } = grid;
  const levels = new Float64Array(rows * columns);
  const reach = (REACH_SIGMAS * sigmaA) / pixelA;
  const fall = pixelA ** 2 / (2 * sigmaA ** 2);
  for (let i = 0; i < atoms.symbols.length; i += 1) {
    const weight = (NUMBERS[atoms.symbols[i] as string] ?? 6) ** CONTRAST_POWER;
    const column = ((atoms.x_A[i] as number) - grid.x_A) / pixelA;
    const row = ((atoms.y_A[i] as number) - grid.y_A) / pixelA;
    const lastRow = Math.min(rows - 1, Math.floor(row + reach));
    const lastColumn = Math.min(columns - 1, Math.floor(column + reach));
    for (let r = Math.max(0, Math.ceil(row - reach)); r <= lastRow; r += 1) {
      for (let c = Math.max(0, Math.ceil(column - reach)); c <= lastColumn; c += 1) {
        const at = r * columns + c;
        const far = (r - row) ** 2 + (c - column) ** 2;
        levels[at] = (levels[at] as number) + weight * Math.exp(-far * fall);
      }
    }
  }
  return { ...grid, levels };
}

/** The probe's width that makes the structure look most like the measurement, and how alike. */
export function bestMatch(atoms: PlacedAtoms, measured: Picture): Match {
  const inside = covered(atoms, measured);
  let best = { sigmaA: WIDTHS_A[4] as number, correlation: -1 };
  for (const sigmaA of WIDTHS_A) {
    const model = rendered(atoms, measured, sigmaA);
    const correlation = correlated(model.levels, measured.levels, inside);
    if (correlation > best.correlation) best = { sigmaA, correlation };
  }
  const model = rendered(atoms, measured, Math.hypot(best.sigmaA, SMOOTHING_A));
  const smoothed = correlated(model.levels, blurred(measured, SMOOTHING_A).levels, inside);
  return { ...best, smoothed };
}

/** A picture seen through a Gaussian of the given width; its border is continued outwards. */
export function blurred(picture: Picture, sigmaA: number): Picture {
  const { rows, columns } = picture;
  const sigma = sigmaA / picture.pixelA;
  const reach = Math.ceil(3 * sigma);
  const bell = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const sum = bell.reduce((total, value) => total + value, 0);
  const weights = bell.map((value) => value / sum);
  const across = convolved(picture.levels, weights, rows, columns, columns, 1);
  return { ...picture, levels: convolved(across, weights, columns, rows, 1, columns) };
}

/** Convolve each of `lines` lines of `length` values; `line` and `next` are strides. */
function convolved(
  values: Float64Array,
  weights: readonly number[],
  lines: number,
  length: number,
  line: number,
  next: number,
): Float64Array {
  const after = new Float64Array(values.length);
  const reach = (weights.length - 1) / 2;
  for (let l = 0; l < lines; l += 1) {
    for (let i = 0; i < length; i += 1) {
      let sum = 0;
      for (let k = -reach; k <= reach; k += 1) {
        const from = Math.min(length - 1, Math.max(0, i + k));
        sum += (weights[k + reach] as number) * (values[l * line + from * next] as number);
      }
      after[l * line + i * next] = sum;
    }
  }
  return after;
}

/** Pixels that the structure speaks for: about its inner atoms, whose neighbours it has, too. */
function covered(atoms: PlacedAtoms, grid: Picture): readonly number[] {
  const heavy = [...atoms.symbols.keys()].filter((i) => atoms.symbols[i] !== "H");
  const x = heavy.map((i) => atoms.x_A[i] as number);
  const y = heavy.map((i) => atoms.y_A[i] as number);
  const middle = { x: mean(x), y: mean(y) };
  const extent = Math.max(...heavy.map((_, i) => Math.hypot((x[i] as number) - middle.x, (y[i] as number) - middle.y)));
  const radius = Math.max(extent - BOND_A, BOND_A);
  const found: number[] = [];
  for (let r = 0; r < grid.rows; r += 1) {
    for (let c = 0; c < grid.columns; c += 1) {
      const far = Math.hypot(grid.x_A + c * grid.pixelA - middle.x, grid.y_A + r * grid.pixelA - middle.y);
      if (far < radius) found.push(r * grid.columns + c);
    }
  }
  return found;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}

function correlated(a: Float64Array, b: Float64Array, inside: readonly number[]): number {
  const n = inside.length;
  let sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (const i of inside) {
    const p = a[i] as number;
    const q = b[i] as number;
    sa += p;
    sb += q;
    saa += p * p;
    sbb += q * q;
    sab += p * q;
  }
  const spread = Math.sqrt((saa - (sa * sa) / n) * (sbb - (sb * sb) / n));
  return spread > 0 ? (sab - (sa * sb) / n) / spread : 0;
}
