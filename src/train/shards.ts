/** Token shards of both sides as an artifact: documents cut by a tokenizer, one flat file of ids a side, with offsets and document ids. */
import { z } from "zod";
import { documentsOf, readTimes } from "../data/index.ts";
import { type ArtifactReader, type ArtifactWriter, stage } from "../store/index.ts";
import { endToken, loadTokenizer, type Tokenizer } from "../text/index.ts";
import { trainErrors } from "./errors.ts";
import type { TokenShards } from "./packing.ts";

const sides = ["train", "held-out"] as const;
export type ShardSide = (typeof sides)[number];

/** Ids fit 16 bits up to this vocabulary. */
const smallVocab = 65_536;

export async function readTokenizer(artifact: ArtifactReader): Promise<Tokenizer> {
  return loadTokenizer(JSON.parse((await artifact.read("tokenizer.json")).toString("utf8")));
}

/** The end-of-document token's id. */
export function endOf(tokenizer: Tokenizer, place: string): number {
  const id = tokenizer.specials.get(endToken);
  if (id === undefined)
    throw trainErrors.fail("data", {
      place,
      expected: `a tokenizer with the special token ${endToken}`,
      received: `specials ${[...tokenizer.specials.keys()].join(", ") || "none"}`,
    });
  return id;
}

/** Documents and a tokenizer -> shards. */
export const shardsStage = stage({
  name: "shards",
  version: 1,
  inputs: { documents: "documents", tokenizer: "tokenizer" },
  options: z.strictObject({}),
  output: "shards",
  async run({ inputs, output, progress, signal }) {
    const tokenizer = await readTokenizer(inputs.tokenizer);
    endOf(tokenizer, inputs.tokenizer.id);
    const summary: Record<string, number> = { vocab: tokenizer.vocabSize };
    for (const side of sides) {
      const pieces: (Uint16Array | Uint32Array)[] = [];
      const bytes: number[] = [];
      const ids: string[] = [];
      const times = side === "train" ? await readTimes(inputs.documents, Number(inputs.documents.summary.trainDocuments)) : undefined;
      let place = 0;
      for await (const d of documentsOf(inputs.documents, side)) {
        signal.throwIfAborted();
        const taken = times?.[place++] ?? 1;
        if (taken === 0) continue;
        const cut = idsFor(tokenizer.vocabSize).from(tokenizer.encode(d.text, { addSpecialTokens: false, readSpecialTokens: false }));
        // A mixture takes some documents several times an epoch.
        for (let t = 0; t < taken; t++) {
          pieces.push(cut);
          bytes.push(Buffer.byteLength(d.text));
          ids.push(d.id);
        }
        if (ids.length % 1000 === 0) progress({ stage: "shards", message: `${side}: ${ids.length} documents` });
      }
      Object.assign(summary, await writeShards(output, side, tokenizer.vocabSize, { pieces, bytes, ids }));
    }
    return summary;
  },
});

const idsFor = (vocab: number) => (vocab <= smallVocab ? Uint16Array : Uint32Array);

/** Documents of one side, cut: token ids, UTF-8 bytes and id of each. */
export interface CutDocuments {
  readonly pieces: readonly ArrayLike<number>[];
  readonly bytes: readonly number[];
  readonly ids: readonly string[];
}

/** Writes one side of a shards artifact; gives its part of the summary. */
export async function writeShards(
  output: ArtifactWriter,
  side: ShardSide,
  vocab: number,
  { pieces, bytes, ids }: CutDocuments,
): Promise<Record<string, number>> {
  const Ids = idsFor(vocab);
  const offsets = new Float64Array(pieces.length + 1);
  for (const [i, p] of pieces.entries()) offsets[i + 1] = offsets[i]! + p.length;
  await output.writeStream(
    `${side}.tokens`,
    pieces.map(piece => {
      const p = piece instanceof Ids ? piece : Ids.from(piece);
      return new Uint8Array(p.buffer, p.byteOffset, p.byteLength);
    }),
  );
  await output.write(`${side}.offsets`, asBytes(offsets));
  await output.write(`${side}.bytes`, asBytes(Float64Array.from(bytes)));
  await output.write(`${side}.ids`, ids.join("\n"));
  const name = side === "train" ? "train" : "heldOut";
  return {
    [`${name}Documents`]: ids.length,
    [`${name}Tokens`]: offsets.at(-1)!,
    [`${name}Bytes`]: bytes.reduce((a, b) => a + b, 0),
  };
}

const asBytes = (a: Float64Array): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

export interface Shards extends TokenShards {
  readonly ids: readonly string[];
  /** UTF-8 bytes of each document's text. */
  readonly bytes: Float64Array;
}

/** One side of a shards artifact. */
export async function readShards(artifact: ArtifactReader, side: ShardSide): Promise<Shards> {
  const vocab = Number(artifact.summary.vocab);
  const own = async (name: string) => Uint8Array.from(await artifact.read(name)).buffer;
  const ids = (await artifact.read(`${side}.ids`)).toString("utf8");
  return {
    tokens: vocab <= smallVocab ? new Uint16Array(await own(`${side}.tokens`)) : new Uint32Array(await own(`${side}.tokens`)),
    offsets: new Float64Array(await own(`${side}.offsets`)),
    bytes: new Float64Array(await own(`${side}.bytes`)),
    ids: ids === "" ? [] : ids.split("\n"),
  };
}

/** The tokens of each document of a side. */
export const documentTokens = (s: TokenShards): (Uint16Array | Uint32Array)[] =>
  Array.from({ length: s.offsets.length - 1 }, (_, i) => s.tokens.subarray(Number(s.offsets[i]!), Number(s.offsets[i + 1]!)));
