/**
 * Thousands of small marks, written straight into pixels.
 *
 * A canvas path of 3,000 circles costs a software renderer hundreds of milliseconds; computing the
 * coverage of each mark's few pixels costs a handful, with or without a GPU.
 */

export interface Ink {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  /** Opacity of a fully covered pixel, 0 to 1. */
  readonly alpha: number;
}

/** Read `#rrggbb`. */
export function ink(colour: string, alpha: number): Ink {
  const value = Number.parseInt(colour.slice(1), 16);
  return { red: value >> 16, green: (value >> 8) & 255, blue: value & 255, alpha };
}

/** A sheet of pixels, RGBA, in device pixels. */
export class Stamps {
  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}

  clear(): void {
    this.data.fill(0);
  }

  /** A disc about a point, pixel edges at integers, its rim smoothed over one pixel. */
  disc(x: number, y: number, radius: number, colour: Ink): void {
    this.cover(x, y, radius + 1, radius + 1, colour, (dx, dy) => {
      return radius + 0.5 - Math.sqrt(dx * dx + dy * dy);
    });
  }

  /** An upright ellipse's outline, `line` pixels wide. */
  ring(x: number, y: number, radiusX: number, radiusY: number, line: number, colour: Ink): void {
    const rx = Math.max(0.5, radiusX);
    const ry = Math.max(0.5, radiusY);
    const small = Math.min(rx, ry);
    this.cover(x, y, rx + line, ry + line, colour, (dx, dy) => {
      const off = Math.abs(Math.sqrt((dx / rx) ** 2 + (dy / ry) ** 2) - 1) * small;
      return line / 2 + 0.5 - off;
    });
  }

  private cover(
    x: number,
    y: number,
    reachX: number,
    reachY: number,
    colour: Ink,
    coverage: (dx: number, dy: number) => number,
  ): void {
    const top = Math.max(0, Math.floor(y - reachY));
    const bottom = Math.min(this.height - 1, Math.ceil(y + reachY));
    const left = Math.max(0, Math.floor(x - reachX));
    const right = Math.min(this.width - 1, Math.ceil(x + reachX));
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const part = coverage(column + 0.5 - x, row + 0.5 - y);
        if (part > 0) this.blend(4 * (row * this.width + column), colour, Math.min(1, part));
      }
    }
  }

  /** Lay ink over what is there; the pixels' colours are not premultiplied. */
  private blend(at: number, colour: Ink, part: number): void {
    const { data } = this;
    const over = colour.alpha * part;
    const under = ((data[at + 3] as number) / 255) * (1 - over);
    const alpha = over + under;
    data[at] = (colour.red * over + (data[at] as number) * under) / alpha;
    data[at + 1] = (colour.green * over + (data[at + 1] as number) * under) / alpha;
    data[at + 2] = (colour.blue * over + (data[at + 2] as number) * under) / alpha;
    data[at + 3] = 255 * alpha;
  }
}
