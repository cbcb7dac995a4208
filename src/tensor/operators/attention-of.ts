/** Which attentions are operators made of machine code. */
import { type AttentionShape, keyBlock, mostAttentionKeys, tileRows } from "../../machine/index.ts";
import { sizeOf } from "../dtype.ts";
import { type Shape, sameShape } from "../shape.ts";

/** Offsets within an array, in bytes, stand in instructions of 32 bits. */
const mostElements = 2 ** 28;

/** How many masks there are, each for as many matrices, or undefined where they do not stand so: a mask that heads share, one for all or one a text. */
function masksOf(mask: Shape, stack: Shape, queries: number, keys: number): number | undefined {
  if (mask.at(-1) !== keys || (mask.at(-2) !== queries && mask.at(-2) !== 1)) return undefined;
  const own = mask.slice(0, -2);
  const all = [...stack.slice(0, Math.max(0, stack.length - own.length)).map(() => 1), ...own];
  const shared = all.findIndex((n, i) => n !== stack[i]);
  if (shared < 0) return sizeOf(all);
  return all.slice(shared).every(n => n === 1) ? sizeOf(all.slice(0, shared)) : undefined;
}

/**
 * What softmax(scale q k^T + mask) v of arrays of these shapes is, or undefined where the operator does not compute it: q [..., G, Tq, D] over k
 * [..., 1, Tk, D] and v [..., 1, Tk, E] whose heads share keys, or as many of each; sizes of a head in sixteens; not the few queries of a decoding step.
 */
export function attentionOf(q: Shape, k: Shape, v: Shape, mask: Shape | undefined, scale: number): AttentionShape | undefined {
  const [stackQ, stackK, stackV] = [q.slice(0, -2), k.slice(0, -2), v.slice(0, -2)];
  if (stackQ.length !== stackK.length || !sameShape(stackK, stackV)) return undefined;
  const isShared = stackQ.length > 0 && stackK.at(-1) === 1;
  const [outer, group] = isShared ? [stackQ.slice(0, -1), stackQ.at(-1)!] : [stackQ, 1];
  if (!sameShape(outer, isShared ? stackK.slice(0, -1) : stackK)) return undefined;
  const [queries, keySize, keys, valueSize] = [q.at(-2)!, q.at(-1)!, k.at(-2)!, v.at(-1)!];
  const sizes = [keySize, valueSize];
  if (queries < tileRows || keys < 1 || sizes.some(n => keys > mostAttentionKeys(n))) return undefined;
  const isOfGroup = mask !== undefined && isShared && mask.length > 2;
  // a mask of its own for each head of a group has no place
  if (isOfGroup && mask.at(-3) !== 1) return undefined;
  const masks = mask ? masksOf(isOfGroup ? [...mask.slice(0, -3), ...mask.slice(-2)] : mask, outer, queries, keys) : 0;
  if (masks === undefined) return undefined;
  const matrices = sizeOf(outer);
  const largest = Math.max(matrices * group * queries * Math.max(...sizes), matrices * (keys + keyBlock) * Math.max(...sizes));
  if (matrices * group === 0 || Math.max(largest, masks * queries * keys) > mostElements) return undefined;
  return { matrices, group, queries, keys, keySize, valueSize, masks, maskRows: mask?.at(-2) ?? 0, scale };
}
