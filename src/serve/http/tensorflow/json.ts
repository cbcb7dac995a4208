/** TensorFlow Serving's JSON: NaN, Infinity and -Infinity stand in it as they are, and bytes as `{"b64": "..."}`. */
import { serveErrors } from "../../errors.ts";

/** Stands for a number that JSON has no word for; a private-use character, so that no text says it by chance. */
const mark = "\uE0F1number ";
const tokens = /"(?:[^"\\]|\\.)*"|-?Infinity\b|NaN\b/gs;

export const parseJson = (text: string): unknown =>
  JSON.parse(
    text.replace(tokens, t => (t.startsWith('"') ? t : JSON.stringify(mark + t))),
    (_, v: unknown) => (typeof v === "string" && v.startsWith(mark) ? Number(v.slice(mark.length)) : v),
  );

export const stringifyJson = (value: unknown): string =>
  JSON.stringify(value, (_, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? mark + String(v) : v)).replaceAll(
    new RegExp(`"${mark}(-?Infinity|NaN)"`, "g"),
    "$1",
  );

export const isBytes = (v: unknown): v is { readonly b64: string } =>
  typeof v === "object" && v !== null && typeof (v as { b64?: unknown }).b64 === "string" && Object.keys(v).length === 1;

/** A text, or the bytes of one. Errors: serve/type, serve/parameter. */
export function tensorText(value: unknown, place: string): string {
  if (typeof value === "string") return value;
  if (!isBytes(value))
    throw serveErrors.fail("type", { place, expected: 'a text, or { "b64": "..." }', received: value === null ? "null" : typeof value });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(value.b64, "base64"));
  } catch (error) {
    throw serveErrors.fail("parameter", { place, expected: "bytes that are a text in UTF-8", received: "other bytes" }, error);
  }
}
