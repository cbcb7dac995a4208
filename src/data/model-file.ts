/**
 * The file of a small model that Loam trains itself: a magic word, the length of a JSON header, the header, the weights (f32, little-endian, or
 * whole numbers of eight bits, deflated), and the SHA-256 of all before. What does not add up is refused, never guessed.
 */
import { createHash } from "node:crypto";
import { endianness } from "node:os";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { z } from "zod";
import { dataErrors } from "./errors.ts";

export interface ModelFileFormat<Schema extends z.ZodType> {
  /** The first bytes of the file, with the version of the layout. */
  readonly magic: string;
  /** How people call it: `quality model`. */
  readonly what: string;
  /** The command that makes one. */
  readonly maker: string;
  readonly header: Schema;
  /** Weights that a header promises. */
  numWeights(header: z.output<Schema>): number;
  /** Whether they are whole numbers of eight bits. Default: never. */
  isInt8?(header: z.output<Schema>): boolean;
}

const digestBytes = 32;
/** A header is a page of numbers; a longer one is no header. */
const maxHeaderBytes = 2 ** 22;

const isSwapped = (): boolean => endianness() === "BE";

/** Bytes of a model. */
export function encodeModel<Schema extends z.ZodType>(
  { magic }: ModelFileFormat<Schema>,
  header: z.input<Schema>,
  numbers: Float32Array | Int8Array,
): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const weights = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const stored =
    numbers instanceof Int8Array ? deflateRawSync(weights, { level: 9 }) : isSwapped() ? Buffer.from(weights).swap32() : weights;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const body = Buffer.concat([Buffer.from(magic), length, json, stored]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

interface DecodedModel<Header, Weights> {
  readonly header: Header;
  readonly weights: Weights;
}

/** Header and weights of a model's bytes; `place` names the file. Errors: data/resource. */
export function decodeModel<Schema extends z.ZodType>(
  format: ModelFileFormat<Schema>,
  bytes: Buffer,
  place: string,
): DecodedModel<z.output<Schema>, Float32Array> {
  const { header, weights } = decodeAnyModel(format, bytes, place);
  return { header, weights: weights instanceof Float32Array ? weights : Float32Array.from(weights) };
}

/** The same, with weights of eight bits as they are. Errors: data/resource. */
export function decodeAnyModel<Schema extends z.ZodType>(
  { magic, what, maker, header: schema, numWeights, isInt8 }: ModelFileFormat<Schema>,
  bytes: Buffer,
  place: string,
): DecodedModel<z.output<Schema>, Float32Array | Int8Array> {
  const refuse = (expected: string, received: string, hint = `\`${maker}\` rebuilds it.`) =>
    dataErrors.fail("resource", { place, expected, received, hint });
  const start = magic.length + 4;
  if (bytes.length < start + digestBytes || bytes.toString("latin1", 0, magic.length) !== magic)
    throw refuse(`a ${what}`, bytes.length === 0 ? "an empty file" : "another file", `\`${maker}\` makes one.`);
  const body = bytes.subarray(0, -digestBytes);
  if (!createHash("sha256").update(body).digest().equals(bytes.subarray(-digestBytes)))
    throw refuse(`a whole ${what}`, "one whose checksum is wrong: it was cut or changed");
  const length = body.readUInt32LE(magic.length);
  if (length > maxHeaderBytes || start + length > body.length) throw refuse("a header within the file", `one of ${length} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8", start, start + length));
  } catch {
    throw refuse("a header of JSON", "another");
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`a ${what} of this version of Loam`, `${issue!.path.join(".")}: ${issue!.message}`);
  }
  const raw = Buffer.from(body.subarray(start + length));
  const count = numWeights(parsed.data);
  if (isInt8?.(parsed.data)) {
    const whole = inflated(raw, count);
    if (whole?.length !== count) throw refuse(`${count} weights`, whole === undefined ? "data that cannot be inflated" : `${whole.length}`);
    return { header: parsed.data, weights: new Int8Array(whole.buffer, whole.byteOffset, whole.length) };
  }
  if (raw.length !== 4 * count) throw refuse(`${count} weights`, `${raw.length / 4}`);
  if (isSwapped()) raw.swap32();
  const weights = new Float32Array(raw.length / 4);
  new Uint8Array(weights.buffer).set(raw);
  if (!weights.every(Number.isFinite)) throw refuse("finite weights", "others");
  return { header: parsed.data, weights };
}

/** No more than the header promises is ever made of the bytes. */
function inflated(bytes: Buffer, most: number): Buffer | undefined {
  try {
    return inflateRawSync(bytes, { maxOutputLength: most });
  } catch {
    return undefined;
  }
}
