/** What the service keeps of a ROI and its answers, fetched once and remembered for a while. */

import type { Picture } from "../draw/forward_image.js";

export interface Measured extends Picture {
  /** Of the frame it was cut from. */
  readonly frameIndex: number;
}

const KEPT = 48;
const remembered = new Map<string, Promise<unknown>>();

/** A ROI's pixels from a frame; another frame's are fetched anew. */
export function measuredAt(roi: string, frame: string): Promise<Measured> {
  return once(`image ${roi} ${frame}`, () => fetchPicture(roi));
}

/** A structure as extended XYZ. */
export function structureText(path: string): Promise<string> {
  return once(path, async () => (await answered(path)).text());
}

/** A JSON document. */
export async function json<T>(path: string): Promise<T> {
  return (await answered(path)).json() as Promise<T>;
}

async function answered(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  return response;
}

async function fetchPicture(roi: string): Promise<Measured> {
  const response = await answered(`/api/v1/rois/${encodeURIComponent(roi)}/image`);
  const bitmap = await createImageBitmap(await response.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser gives no 2D canvas");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const [x_A = 0, y_A = 0] = (response.headers.get("x-origin-a") ?? "").split(" ").map(Number);
  return {
    rows: bitmap.height,
    columns: bitmap.width,
    levels: Float64Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] as number),
    x_A,
    y_A,
    pixelA: Number(response.headers.get("x-pixel-size-a")),
    frameIndex: Number(response.headers.get("x-frame-index")),
  };
}

function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  const known = remembered.get(key) as Promise<T> | undefined;
  if (known !== undefined) return known;
  const fresh = make();
  fresh.catch(() => remembered.delete(key));
  remembered.set(key, fresh);
  for (const oldest of remembered.keys()) {
    if (remembered.size <= KEPT) break;
    remembered.delete(oldest);
  }
  return fresh;
}
