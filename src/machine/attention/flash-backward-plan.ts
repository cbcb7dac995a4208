/** What the parts of the backward pass share: where things lie in the scratch, on the stack and in the record of a tile. */
import { fieldsOf } from "../argument-space.ts";
import { Assembler, at, gpr, type MemoryOperand } from "../assembler.ts";
import { type FlashShape, flashKeys, flashLayout, keyStrip, tileQueries, tileRowBytes } from "./flash-shape.ts";
import { frameOf, runField, segmentFields, sightFrame } from "./flash-sight.ts";

const { rax, rcx, rdx, r13 } = gpr;

/** Where a tile's operands lie in its part of the scratch. */
function recordOf(s: FlashShape) {
  const l = flashLayout(s);
  const sizes = {
    queries: l.acrossBytes,
    cotangents: l.acrossBytes,
    queryPairs: l.pairedBytes,
    cotangentPairs: l.pairedBytes,
    sums: l.sumBytes,
    logSums: tileRowBytes,
    deltas: tileRowBytes,
  };
  // the logarithms stand there with the other sign
  return frameOf(sizes);
}

export function backwardPlan(s: FlashShape) {
  const l = flashLayout(s);
  const fields = fieldsOf(
    ...(["queries", "keys", "values", "out", "logSums", "cotangents"] as const),
    ...segmentFields(s),
    ...(["queryGradients", "keyGradients", "valueGradients", "scratch"] as const),
  );
  const isPair = s.form === "bf16";
  /** From a key's weights to the next one's. */
  const weightBytes = isPair ? 2 * tileQueries : tileRowBytes;
  const frame = frameOf({
    ...sightFrame,
    weights: flashKeys * weightBytes,
    changes: flashKeys * weightBytes,
    changePairs: isPair ? (flashKeys / 2) * tileRowBytes : 0,
    strip: isPair ? keyStrip * tileRowBytes : 0,
    keySums: 4 * flashKeys * s.size,
    valueSums: 4 * flashKeys * s.size,
    block: 8,
    tile: 8,
    tileFrom: 8,
    tileTo: 8,
    head: 8,
    headTo: 8,
    keyPairs: 8,
    tileQueries: 8,
    tileCotangents: 8,
  });
  const record = recordOf(s);
  const valuesAt = l.isPacked ? l.matrices * l.rowsBytes : 0;
  const pairsAt = l.isPacked ? 2 * l.matrices * l.rowsBytes : 0;
  const tilesAt = pairsAt + (isPair ? l.matrices * l.pairsBytes : 0);
  return {
    a: new Assembler(),
    s,
    l,
    frame,
    record,
    place: frame.at,
    field: (name: string) => runField(fields, name),
    weightBytes,
    valuesAt,
    pairsAt,
    tilesAt,
    scratchBytes: tilesAt + l.heads * l.tiles * record.bytes,
  };
}
export type BackwardPlan = ReturnType<typeof backwardPlan>;
type RecordName = Parameters<BackwardPlan["record"]["offset"]>[0];

/** A place in the record of the tile at r13. */
export const ofTile = (p: BackwardPlan, name: RecordName, displacement = 0): MemoryOperand => at(r13, p.record.offset(name) + displacement);

/** r13 := the record of tile rdx of head rax. Uses rcx. */
export function pointAtRecord({ a, l, record, field, tilesAt }: BackwardPlan): void {
  a.imulBy(r13, rax, l.tiles);
  a.alu("add", r13, rdx);
  a.imulBy(r13, r13, record.bytes);
  a.setAddress(rcx, BigInt(tilesAt));
  a.alu("add", r13, rcx);
  a.alu("add", r13, field("scratch"));
}
