/** The image canvas: grey levels of the frame under the viewport. */

import type { LiveFrame } from "../live/decode.js";
import { drawsInSoftware } from "./renderer.js";
import type { Viewport } from "./viewport.js";

/** Opaque grey, one 32-bit pixel for each level (little-endian: alpha, blue, green, red). */
const GREY = Uint32Array.from({ length: 256 }, (_, level) => 0xff000000 | (level * 0x010101));

/** Keeps the last frame as a bitmap of its own size, so that panning costs no conversion. */
export class ImageLayer {
  private readonly bitmap = document.createElement("canvas");
  private shown: LiveFrame | null = null;

  draw(context: CanvasRenderingContext2D, frame: LiveFrame, view: Viewport, ratio: number): void {
    if (frame !== this.shown) this.load(frame);
    const { width, height } = context.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = view.scale * ratio < 2;
    context.imageSmoothingQuality = "medium";
    context.drawImage(
      this.bitmap,
      view.left * ratio,
      view.top * ratio,
      frame.columns * view.scale * ratio,
      frame.rows * view.scale * ratio,
    );
  }

  private load(frame: LiveFrame): void {
    if (this.bitmap.width !== frame.columns || this.bitmap.height !== frame.rows) {
      this.bitmap.width = frame.columns;
      this.bitmap.height = frame.rows;
    }
    const context = this.bitmap.getContext("2d", { willReadFrequently: drawsInSoftware() });
    if (context === null) throw new Error("this browser gives no 2D canvas");
    const image = context.createImageData(frame.columns, frame.rows);
    const pixels = new Uint32Array(image.data.buffer);
    const { levels } = frame;
    for (let index = 0; index < pixels.length; index += 1) {
      pixels[index] = GREY[levels[index] as number] as number;
    }
    context.putImageData(image, 0, 0);
    this.shown = frame;
  }
}
