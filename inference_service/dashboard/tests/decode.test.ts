import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DecodeError, decodeFrame } from "../src/live/decode.js";

const golden = new URL("../../../../../tests/unit/api/golden/live_frame_v1.bin", import.meta.url);

function bytes(): ArrayBuffer {
  const file = readFileSync(golden);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
}

test("the golden bytes of version 1 are read without a copy", () => {
  const buffer = bytes();
  const frame = decodeFrame(buffer);
  assert.equal(frame.rows, 6);
  assert.equal(frame.columns, 9);
  assert.equal(frame.analysed, true);
  assert.equal(frame.levels.length, 54);
  assert.equal(frame.levels.buffer, buffer);
  assert.equal(frame.levels[0], 0);
  assert.equal(frame.levels[53], 255);
  assert.ok(frame.white > frame.black);
  assert.equal(frame.atoms.count, 3);
  assert.deepEqual([...frame.atoms.x_px], [1.25, 7.5, 4]);
  assert.deepEqual([...frame.atoms.y_px], [2.5, 0.75, 5]);
  assert.deepEqual([...frame.atoms.p], [0.99, 0.75, 0.25].map(Math.fround));
  assert.deepEqual([...frame.atoms.atomic_number], [6, 14, 0]);
  assert.deepEqual([...frame.atoms.coordination], [3, 3, 1]);
  assert.equal(frame.view.index, 3);
  assert.deepEqual(frame.view.analysis?.drift_A, [1.5, -0.5]);
  assert.equal(frame.view.defects[0]?.type, "Si_C3");
});

test("a message cut anywhere, or with a byte too many, is refused", () => {
  const whole = bytes();
  for (let length = 0; length < whole.byteLength; length += 7) {
    assert.throws(() => decodeFrame(whole.slice(0, length)), DecodeError);
  }
  const longer = new Uint8Array(whole.byteLength + 1);
  longer.set(new Uint8Array(whole));
  assert.throws(() => decodeFrame(longer.buffer), DecodeError);
});

test("another version or kind is refused by name", () => {
  const version = new Uint8Array(bytes());
  version[0] = 2;
  assert.throws(() => decodeFrame(version.buffer), /protocol 2/);
  const kind = new Uint8Array(bytes());
  kind[1] = 9;
  assert.throws(() => decodeFrame(kind.buffer), /kind of message: 9/);
});
