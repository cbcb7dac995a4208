/** What the text module asks of Node's Buffer, over a browser's arrays. The bundle puts it in Buffer's place. */

type Coding = "utf8" | "latin1" | "base64";
const encoders: { readonly [C in Coding]: (text: string) => Uint8Array } = {
  utf8: text => new TextEncoder().encode(text),
  latin1: text => Uint8Array.from(text, c => c.charCodeAt(0)),
  base64: text => Uint8Array.from(atob(text), c => c.charCodeAt(0)),
};

/** Letters that one call of `fromCharCode` takes: engines bound the number of arguments. */
const mostLetters = 4096;

class ByteArray extends Uint8Array {
  override toString(coding: Coding = "utf8"): string {
    if (coding === "utf8") return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this);
    let letters = "";
    for (let i = 0; i < this.length; i += mostLetters) letters += String.fromCharCode(...this.subarray(i, i + mostLetters));
    return coding === "latin1" ? letters : btoa(letters);
  }
}

export const Bytes = {
  from(source: string | ArrayBuffer | ArrayLike<number>, codingOrOffset?: Coding | number, length?: number): Uint8Array {
    if (typeof source === "string") return new ByteArray(encoders[typeof codingOrOffset === "string" ? codingOrOffset : "utf8"](source));
    if (source instanceof ArrayBuffer) return new ByteArray(source, typeof codingOrOffset === "number" ? codingOrOffset : 0, length);
    return new ByteArray(source);
  },

  byteLength: (text: string): number => encoders.utf8(text).length,

  compare(a: Uint8Array, b: Uint8Array): number {
    const at = a.findIndex((x, i) => x !== b[i]);
    return at < 0 || at >= b.length ? Math.sign(a.length - b.length) : Math.sign(a[at]! - b[at]!);
  },
} as const;
