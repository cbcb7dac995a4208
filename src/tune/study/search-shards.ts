/**
 * Shards for a trial: its training side without anything that the study holds out, and the study's validation half as the held-out side, in the
 * trial's own tokens. So all trials of a study are judged on the same texts, whatever they change in data and tokenizer, and what trains
 * (early stopping, pruning) never sees the test half.
 */
import { z } from "zod";
import { documentsOf } from "../../data/index.ts";
import { stage } from "../../store/index.ts";
import { documentTokens, readShards, readTokenizer, writeShards } from "../../train/index.ts";
import { groupOf, halfOf } from "./halves.ts";

export const searchShardsStage = stage({
  name: "search-shards",
  version: 1,
  inputs: { shards: "shards", documents: "documents", tokenizer: "tokenizer", judged: "documents" },
  options: z.strictObject({}),
  output: "shards",
  async run({ inputs, output, signal }) {
    const judged = [];
    for await (const d of documentsOf(inputs.judged, "held-out")) judged.push(d);
    const heldOut = new Set(judged.map(d => d.id));
    // The trial's own grouping may join what it trains on with what the study holds out.
    const groups = new Set<string>();
    const grouped = new Map<string, string>();
    if (inputs.documents.id !== inputs.judged.id)
      for (const side of ["train", "held-out"] as const)
        for await (const d of documentsOf(inputs.documents, side)) {
          if (heldOut.has(d.id)) groups.add(groupOf(d));
          if (side === "train") grouped.set(d.id, groupOf(d));
        }
    signal.throwIfAborted();
    const isOut = (id: string) => heldOut.has(id) || groups.has(grouped.get(id) ?? id);
    const train = await readShards(inputs.shards, "train");
    const tokens = documentTokens(train);
    const kept = train.ids.flatMap((id, i) => (isOut(id) ? [] : [i]));
    const tokenizer = await readTokenizer(inputs.tokenizer);
    const validation = halfOf(judged, "validation", `${inputs.judged.id}/held-out`);
    const summary = {
      vocab: tokenizer.vocabSize,
      ...(await writeShards(output, "train", tokenizer.vocabSize, {
        pieces: kept.map(i => tokens[i]!),
        bytes: kept.map(i => train.bytes[i]!),
        ids: kept.map(i => train.ids[i]!),
      })),
      ...(await writeShards(output, "held-out", tokenizer.vocabSize, {
        pieces: validation.map(d => tokenizer.encode(d.text, { addSpecialTokens: false, readSpecialTokens: false })),
        bytes: validation.map(d => Buffer.byteLength(d.text)),
        ids: validation.map(d => d.id),
      })),
    };
    return { ...summary, leftOut: train.ids.length - kept.length };
  },
});
