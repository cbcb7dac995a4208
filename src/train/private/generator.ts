/**
 * Random numbers that nobody who lacks the key can foretell: AES-256 in counter mode, a stream of its own for each step and purpose, so a resumed run draws
 * again what it drew. Normals are sums of four Box-Muller normals, halved: single ones of double precision have gaps in their low bits from which a noised
 * number can be told (Mironov 2012; Holohan & Braghin 2021, "Secure random sampling in differential privacy").
 */
import { createCipheriv, randomBytes } from "node:crypto";

/** What is drawn: who is in a step's sample, and noise. */
const purposes = { sample: 1, noise: 2 } as const;

export interface PrivateGenerator {
  /** Uniform numbers in (0, 1) of 53 bits. */
  uniforms(step: number, purpose: keyof typeof purposes, count: number): Float64Array;
  /** Normal numbers of deviation 1. */
  normals(step: number, count: number): Float64Array;
}

export const newKey = (): Uint8Array => Uint8Array.from(randomBytes(32));

/** Normals that are made at once: 2 MB of key stream. */
const chunk = 2 ** 15;

export function privateGenerator(key: Uint8Array): PrivateGenerator {
  const stream = (step: number, purpose: keyof typeof purposes) => {
    const start = Buffer.alloc(16);
    start.writeUInt32BE(purposes[purpose], 0);
    start.writeUInt32BE(step, 4);
    const cipher = createCipheriv("aes-256-ctr", key, start);
    return (count: number): Float64Array => {
      const bytes = cipher.update(Buffer.alloc(8 * count));
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return Float64Array.from({ length: count }, (_, i) => {
        const high = view.getUint32(8 * i) >>> 5;
        const low = view.getUint32(8 * i + 4) >>> 6;
        return (high * 2 ** 26 + low + 0.5) * 2 ** -53;
      });
    };
  };
  return {
    uniforms: (step, purpose, count) => stream(step, purpose)(count),
    normals(step, count) {
      const draw = stream(step, "noise");
      const out = new Float64Array(count);
      for (let from = 0; from < count; from += chunk) {
        const size = Math.min(chunk, count - from);
        const u = draw(8 * size);
        for (let i = 0; i < size; i++) {
          let sum = 0;
          for (let k = 8 * i; k < 8 * i + 8; k += 2) sum += Math.sqrt(-2 * Math.log(u[k]!)) * Math.cos(2 * Math.PI * u[k + 1]!);
          out[from + i] = sum / 2;
        }
      }
      return out;
    },
  };
}
