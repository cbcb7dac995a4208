/**
 * A text as hashed features: words and pairs of neighbouring words, and on request runs of characters inside words (fastText's idea, Joulin et
 * al. 2016; hashing: Weinberger et al. 2009). A feature counts once a text, whatever its number, and a text has length 1, so that long texts
 * are not louder. Letters count without case, digits alike; signs are words of their own, and so are characters of scripts without spaces.
 */

export interface FeatureOptions {
  /** Longest run of words: 1 to 3. */
  readonly words: number;
  /** Shortest and longest run of characters inside a word (its ends marked); none where absent. */
  readonly characters?: readonly [number, number] | undefined;
  /** Features are numbers of so many bits. */
  readonly bits: number;
}

/** Raise it when the same text would have other features: models of another version are refused. */
export const featuresVersion = 1;

const space = 0;
const word = 1;
const single = 2;

/** Code units -> kind, and -> the unit that counts for it; filled for the first reader, since who lists steps reads no text. */
const kinds = new Uint8Array(65_536);
const folded = new Uint16Array(65_536);
let isFilled = false;
function fillTables(): void {
  if (isFilled) return;
  isFilled = true;
  const isWord = /[\p{L}\p{M}\p{N}]/u;
  const isSpace = /[\s\p{Cc}\p{Cf}]/u;
  const isAlone = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
  for (let c = 0; c < 65_536; c++) {
    const text = String.fromCharCode(c);
    kinds[c] = isSpace.test(text) ? space : isAlone.test(text) ? single : isWord.test(text) ? word : single;
    const lower = text.toLowerCase();
    folded[c] = /\p{Nd}/u.test(text) ? 0x30 : lower.length === 1 ? lower.charCodeAt(0) : c;
  }
}

/** Murmur3's finaliser: every bit of the input reaches every bit of the number. */
const mixed = (h: number): number => {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
};

const offset = 0x811c9dc5 | 0;
const prime = 0x01000193;

/** What joins a word's hash to the ones before it; a place in the run has its own. */
const joins = [0, 0x9e3779b1 | 0, 0x7feb352d | 0];
const characterSalt = 0x2545f491;

/** Hears of a feature with the text that it stands for: from `start` to `end`, for people. */
type FeatureListener = (feature: number, start: number, end: number) => void;

export class Features {
  readonly options: FeatureOptions;
  /** The features of the text read last, each once; the first `count` are valid. */
  found: Uint32Array = new Uint32Array(1024);
  count = 0;
  private readonly stamps: Uint32Array;
  private stamp = 0;

  constructor(options: FeatureOptions) {
    fillTables();
    this.options = options;
    this.stamps = new Uint32Array(2 ** options.bits);
  }

  private add(feature: number): void {
    if (this.stamps[feature] === this.stamp) return;
    this.stamps[feature] = this.stamp;
    if (this.count === this.found.length) {
      const more = new Uint32Array(2 * this.found.length);
      more.set(this.found);
      this.found = more;
    }
    this.found[this.count++] = feature;
  }

  /** Reads a text; `found` and `count` tell what is in it. */
  read(text: string, listener?: FeatureListener): void {
    if (++this.stamp > 0xffff_fffe) {
      this.stamps.fill(0);
      this.stamp = 1;
    }
    this.count = 0;
    const { words, characters, bits } = this.options;
    const shift = 32 - bits;
    // Hashes and starts of the one and two words before.
    let [before1, before2, from1, from2, known] = [0, 0, 0, 0, 0];
    const n = text.length;
    for (let at = 0; at < n; ) {
      let c = text.charCodeAt(at);
      const kind = kinds[c]!;
      if (kind === space) {
        at++;
        continue;
      }
      const start = at;
      let h = Math.imul(offset ^ folded[c]!, prime);
      at++;
      if (kind === word)
        for (; at < n; at++) {
          c = text.charCodeAt(at);
          if (kinds[c] !== word) break;
          h = Math.imul(h ^ folded[c]!, prime);
        }
      const one = mixed(h);
      this.add(one >>> shift);
      listener?.(one >>> shift, start, at);
      if (words > 1 && known > 0) {
        const pair = mixed(Math.imul(before1, joins[1]!) + one);
        this.add(pair >>> shift);
        listener?.(pair >>> shift, from1, at);
        if (words > 2 && known > 1) {
          const three = mixed(Math.imul(before2, joins[2]!) + pair);
          this.add(three >>> shift);
          listener?.(three >>> shift, from2, at);
        }
      }
      [before2, from2, before1, from1] = [before1, from1, one, start];
      known++;
      if (characters !== undefined && kind === word) this.readCharacters(text, start, at, characters, shift, listener);
    }
  }

  private readCharacters(
    text: string,
    start: number,
    end: number,
    [least, most]: readonly [number, number],
    shift: number,
    listener: FeatureListener | undefined,
  ): void {
    // The word with a mark at both ends: positions from start - 1 to end.
    for (let i = start - 1; i <= end; i++) {
      let h = characterSalt;
      for (let length = 1; length <= most && i + length <= end + 1; length++) {
        const j = i + length - 1;
        h = Math.imul(h ^ (j < start || j >= end ? 0x20 : folded[text.charCodeAt(j)]!), prime);
        if (length < least) continue;
        const feature = mixed(h) >>> shift;
        this.add(feature);
        listener?.(feature, Math.max(start, i), Math.min(end, i + length));
      }
    }
  }
}
