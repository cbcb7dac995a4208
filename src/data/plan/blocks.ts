/**
 * Documents between the waves of a job, as bytes: of each the length of its head and of its text, its number, the head as JSON, the text as UTF-8. A
 * text that UTF-8 cannot hold (half of a pair of surrogates) stays in the head. A task's documents are files of some megabytes each.
 */
import type { Document, DocumentAttributes } from "../document.ts";
import type { TaskOutput } from "./workspace.ts";

/** A document and its number within its partition. */
interface Numbered {
  readonly number: number;
  readonly document: Document;
}

interface Head {
  readonly id: string;
  readonly s: string;
  readonly a: DocumentAttributes;
  /** A text that is not well formed. */
  readonly t?: string;
}

const lone = /\p{Surrogate}/u;

/** Where the head begins: behind two lengths and the number. */
const headAt = 12;
/** Bytes of documents in one file, as far as whole documents allow. */
const blockBytes = 2 ** 23;

/** Writes documents as files `NAME.0`, `NAME.1`, ... */
export function documentWriter(output: TaskOutput, name: string) {
  let pieces: Buffer[] = [];
  let size = 0;
  let block = 0;
  const flush = async () => {
    if (pieces.length === 0) return;
    await output.put(`${name}.${block++}`, [Buffer.concat(pieces)]);
    pieces = [];
    size = 0;
  };
  return {
    async add({ number, document }: Numbered) {
      const isPlain = !lone.test(document.text);
      const head: Head = {
        id: document.id,
        s: document.source,
        a: document.attributes,
        ...(isPlain ? {} : { t: document.text }),
      };
      const json = Buffer.from(JSON.stringify(head));
      const text = Buffer.from(isPlain ? document.text : "");
      const lengths = Buffer.allocUnsafe(headAt);
      lengths.writeUInt32LE(json.length, 0);
      lengths.writeUInt32LE(text.length, 4);
      lengths.writeUInt32LE(number, 8);
      pieces.push(lengths, json, text);
      size += headAt + json.length + text.length;
      if (size >= blockBytes) await flush();
    },
    finish: flush,
  };
}

/** A document of a block, taken apart when it is first asked for. */
export class StoredBlock implements Numbered {
  readonly number: number;
  readonly textBytes: number;
  readonly #block: Buffer;
  readonly #at: number;
  readonly #textAt: number;
  #document: Document | undefined;

  constructor(block: Buffer, at: number) {
    this.#block = block;
    this.#at = at;
    this.#textAt = at + headAt + block.readUInt32LE(at);
    this.textBytes = block.readUInt32LE(at + 4);
    this.number = block.readUInt32LE(at + 8);
  }

  get end(): number {
    return this.#textAt + this.textBytes;
  }

  get document(): Document {
    if (!this.#document) {
      const { id, s, a, t } = JSON.parse(this.#block.toString("utf8", this.#at + headAt, this.#textAt)) as Head;
      this.#document = { id, text: t ?? this.#block.toString("utf8", this.#textAt, this.end), source: s, attributes: a };
    }
    return this.#document;
  }
}

export function* documentsOfBlock(block: Buffer): Generator<StoredBlock> {
  for (let at = 0; at < block.length; ) {
    const stored = new StoredBlock(block, at);
    yield stored;
    at = stored.end;
  }
}
