/** A growing list of token ids, with places in the source text where they are asked for. What encoders write into. */

export class Ids {
  /** Ids so far in `[0, size)`. */
  ids = new Uint32Array(1024);
  size = 0;
  /** UTF-16 start and end of every id, kept only where `track` is set. */
  readonly track: boolean;
  starts: Uint32Array;
  ends: Uint32Array;

  constructor(track: boolean) {
    this.track = track;
    this.starts = new Uint32Array(track ? 1024 : 0);
    this.ends = new Uint32Array(track ? 1024 : 0);
  }

  /** Makes room for `count` more. */
  reserve(count: number): void {
    if (this.size + count <= this.ids.length) return;
    const length = Math.max(this.size + count, this.ids.length * 2);
    const grow = (a: Uint32Array): Uint32Array<ArrayBuffer> => {
      const b = new Uint32Array(length);
      b.set(a.subarray(0, this.size));
      return b;
    };
    this.ids = grow(this.ids);
    if (this.track) {
      this.starts = grow(this.starts);
      this.ends = grow(this.ends);
    }
  }

  push(id: number, start: number, end: number): void {
    this.reserve(1);
    this.ids[this.size] = id;
    if (this.track) {
      this.starts[this.size] = start;
      this.ends[this.size] = end;
    }
    this.size++;
  }

  clear(): void {
    this.size = 0;
  }
}
