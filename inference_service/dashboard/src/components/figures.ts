/** Numbers in words: with their unit, with a true minus sign, and never more digits than meant. */

export const NOT_KNOWN = "–";

export function fixed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

export function age(seconds: number): string {
  if (seconds < 9.95) return `${fixed(seconds, 1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function milliseconds(ms: number): string {
  return ms < 9.95 ? `${fixed(ms, 1)} ms` : ms < 9950 ? `${Math.round(ms)} ms` : age(ms / 1000);
}

/** A dose in e/Å² with a power of ten: 4.2 × 10⁵. */
export function dose(value: number): string {
  if (value < 1000) return value.toPrecision(3);
  const power = Math.floor(Math.log10(value));
  return `${(value / 10 ** power).toFixed(1)} × 10${superscript(power)}`;
}

export function percent(fraction: number): string {
  return `${Math.round(100 * fraction)} %`;
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function superscript(power: number): string {
  return [...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}
