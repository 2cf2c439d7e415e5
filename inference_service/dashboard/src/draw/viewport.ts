/** Where the image lies on the screen: pure geometry, in CSS pixels and image pixels. */

export interface Viewport {
  /** CSS pixels for one image pixel. */
  readonly scale: number;
  /** Screen position of the image's top left corner, CSS pixels. */
  readonly left: number;
  readonly top: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

const SMALLEST_SCALE = 0.05;
const LARGEST_SCALE = 64;

/** The whole image, as large as the stage allows, in its middle. */
export function fit(image: Size, stage: Size): Viewport {
  return centred(image, stage, Math.min(stage.width / image.width, stage.height / image.height));
}

/** The image's middle in the stage's middle at a given scale. */
export function centred(image: Size, stage: Size, scale: number): Viewport {
  return {
    scale,
    left: (stage.width - image.width * scale) / 2,
    top: (stage.height - image.height * scale) / 2,
  };
}

/** Zoom by a factor about a point of the screen, which keeps its place. */
export function zoomed(view: Viewport, factor: number, about: Point): Viewport {
  const scale = Math.min(LARGEST_SCALE, Math.max(SMALLEST_SCALE, view.scale * factor));
  const ratio = scale / view.scale;
  return {
    scale,
    left: about.x - (about.x - view.left) * ratio,
    top: about.y - (about.y - view.top) * ratio,
  };
}

export function panned(view: Viewport, dx: number, dy: number): Viewport {
  return { ...view, left: view.left + dx, top: view.top + dy };
}

/** Screen position of a point of the image; pixel centres are at integers. */
export function toScreen(view: Viewport, point: Point): Point {
  return {
    x: view.left + (point.x + 0.5) * view.scale,
    y: view.top + (point.y + 0.5) * view.scale,
  };
}

/** Point of the image under a screen position; pixel centres are at integers. */
export function toImage(view: Viewport, point: Point): Point {
  return {
    x: (point.x - view.left) / view.scale - 0.5,
    y: (point.y - view.top) / view.scale - 0.5,
  };
}
