/** How each element looks: by colour and by shape (palette of Okabe and Ito, 2008). */

export type Shape = "dot" | "diamond" | "triangle" | "square" | "hexagon" | "cross";

export interface ElementStyle {
  readonly symbol: string;
  readonly name: string;
  readonly colour: string;
  readonly shape: Shape;
}

const UNKNOWN: ElementStyle = {
  symbol: "X",
  name: "unknown element",
  colour: "#d0d0d0",
  shape: "cross",
};

const STYLES: ReadonlyMap<number, ElementStyle> = new Map([
  [0, UNKNOWN],
  [1, { symbol: "H", name: "hydrogen", colour: "#ffffff", shape: "dot" }],
  [5, { symbol: "B", name: "boron", colour: "#d55e00", shape: "square" }],
  [6, { symbol: "C", name: "carbon", colour: "#56b4e9", shape: "dot" }],
  [7, { symbol: "N", name: "nitrogen", colour: "#009e73", shape: "triangle" }],
  [8, { symbol: "O", name: "oxygen", colour: "#cc79a7", shape: "hexagon" }],
  [14, { symbol: "Si", name: "silicon", colour: "#e69f00", shape: "diamond" }],
]);

/** The host lattice: drawn small and translucent so that the image stays visible. */
export const HOST = 6;

export function elementStyle(atomicNumber: number): ElementStyle {
  return (
    STYLES.get(atomicNumber) ?? {
      symbol: `Z=${atomicNumber}`,
      name: `element ${atomicNumber}`,
      colour: "#f0e442",
      shape: "hexagon",
    }
  );
}

/** Add an element's mark of radius `r` about a point to a path. */
export function addMark(path: Path2D, shape: Shape, x: number, y: number, r: number): void {
  if (shape === "dot") {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
  } else if (shape === "cross") {
    path.moveTo(x - r, y - r);
    path.lineTo(x + r, y + r);
    path.moveTo(x + r, y - r);
    path.lineTo(x - r, y + r);
  } else {
    addPolygon(path, CORNERS[shape], x, y, r);
  }
}

/** Corners of each polygon: how many, and the angle of the first in turns. */
const CORNERS: Readonly<Record<"diamond" | "triangle" | "square" | "hexagon", [number, number]>> = {
  diamond: [4, 0],
  triangle: [3, -0.25],
  square: [4, 0.125],
  hexagon: [6, 0],
};

function addPolygon(path: Path2D, form: [number, number], x: number, y: number, r: number): void {
  const [corners, first] = form;
  const reach = r * 1.25;
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = 2 * Math.PI * (first + corner / corners);
    const px = x + reach * Math.cos(angle);
    const py = y + reach * Math.sin(angle);
    if (corner === 0) path.moveTo(px, py);
    else path.lineTo(px, py);
  }
  path.closePath();
}
