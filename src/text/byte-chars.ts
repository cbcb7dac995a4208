/**
 * GPT-2's way to write bytes as characters (Radford et al. 2019, `bytes_to_unicode`): printable Latin-1 stands for itself, the other 68
 * bytes for U+0100 onwards. Vocabularies of byte-level tokenizers are written in it.
 */

const printable = (b: number): boolean => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;

/** The character of every byte. */
export const byteChars: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(printable(b) ? b : next++));
})();

/** The byte of a character code, or -1: an array over U+0000 to U+0143. */
const byteOfCode = new Int16Array(0x144).fill(-1);
for (const [b, c] of byteChars.entries()) byteOfCode[c.charCodeAt(0)] = b;

/** Bytes in the order of their characters, which is the order of ids that trainers give them. */
export const bytesInOrder: readonly number[] = Array.from(byteOfCode).filter(b => b >= 0);

const encoder = new TextEncoder();

/** Text as byte characters. */
export function toByteChars(text: string): string {
  let s = "";
  for (const b of encoder.encode(text)) s += byteChars[b];
  return s;
}

/** The bytes that byte characters stand for; undefined where one of them stands for none. */
export function fromByteChars(chars: string): Uint8Array | undefined {
  const bytes = new Uint8Array(chars.length);
  for (let i = 0; i < chars.length; i++) {
    const b = byteOfCode[chars.charCodeAt(i)] ?? -1;
    if (b < 0) return undefined;
    bytes[i] = b;
  }
  return bytes;
}
