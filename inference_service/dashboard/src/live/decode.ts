/** The frame message of the live view, laid over its bytes without copying. */

import {
  ATOM_COLUMNS,
  type FrameView,
  HEADER_BYTES,
  KIND_FRAME,
  PROTOCOL_VERSION,
} from "../generated/messages.js";

export type AtomColumn = (typeof ATOM_COLUMNS)[number];

/** Atoms as columns: one typed array each, no object per atom. */
export interface AtomColumns extends Readonly<Record<AtomColumn, Float32Array>> {
  readonly count: number;
  readonly atomic_number: Uint8Array;
  readonly coordination: Uint8Array;
}

/** One frame with everything that belongs to it. */
export interface LiveFrame {
  readonly rows: number;
  readonly columns: number;
  /** Whether the detector has looked; no atoms then means none were found. */
  readonly analysed: boolean;
  /** Grey levels, row by row. */
  readonly levels: Uint8Array;
  /** Counts at level 0 and 255. */
  readonly black: number;
  readonly white: number;
  readonly atoms: AtomColumns;
  readonly view: FrameView;
}

/** Thrown where bytes are not a frame message this dashboard can read. */
export class DecodeError extends Error {}

/**
 * Read one binary message.
 *
 * @throws DecodeError where the version, the kind or a length is wrong.
 */
export function decodeFrame(buffer: ArrayBuffer): LiveFrame {
  if (buffer.byteLength < HEADER_BYTES) throw new DecodeError("message shorter than its header");
  const header = new DataView(buffer, 0, HEADER_BYTES);
  const version = header.getUint8(0);
  const kind = header.getUint8(1);
  if (version !== PROTOCOL_VERSION) {
    throw new DecodeError(`service speaks live protocol ${version}; reload this page`);
  }
  if (kind !== KIND_FRAME) throw new DecodeError(`unknown kind of message: ${kind}`);
  const rows = header.getUint32(4, true);
  const columns = header.getUint32(8, true);
  const count = header.getUint32(12, true);
  const jsonBytes = header.getUint32(16, true);
  const expected =
    HEADER_BYTES +
    padded(rows * columns) +
    ATOM_COLUMNS.length * 4 * count +
    2 * padded(count) +
    jsonBytes;
  if (expected !== buffer.byteLength) {
    throw new DecodeError(`message of ${buffer.byteLength} bytes, its header says ${expected}`);
  }
  let offset = HEADER_BYTES;
  const levels = new Uint8Array(buffer, offset, rows * columns);
  offset += padded(rows * columns);
  const floats = {} as Record<AtomColumn, Float32Array>;
  for (const name of ATOM_COLUMNS) {
    floats[name] = new Float32Array(buffer, offset, count);
    offset += 4 * count;
  }
  const atomicNumber = new Uint8Array(buffer, offset, count);
  const coordination = new Uint8Array(buffer, offset + padded(count), count);
  offset += 2 * padded(count);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, offset));
  return {
    rows,
    columns,
    analysed: (header.getUint16(2, true) & 1) === 1,
    levels,
    black: header.getFloat32(20, true),
    white: header.getFloat32(24, true),
    atoms: { ...floats, count, atomic_number: atomicNumber, coordination },
    view: JSON.parse(text) as FrameView,
  };
}

function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}
