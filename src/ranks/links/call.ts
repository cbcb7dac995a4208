/** What a rank calls: the part of every message that both ends compare before any data moves. */
import type { RankArray, Reduction } from "../process-group.ts";

export const rankOperations = ["allReduce", "reduce", "reduceScatter", "allGather", "broadcast", "send", "exchange", "barrier"] as const;
type Operation = (typeof rankOperations)[number];

/** Types of arrays, with the bytes of an element. */
export const arrayTypes = [
  { name: "Float32Array", bytes: 4 },
  { name: "Float64Array", bytes: 8 },
  { name: "Int32Array", bytes: 4 },
  { name: "Uint8Array", bytes: 1 },
  { name: "Uint16Array", bytes: 2 },
  { name: "BigInt64Array", bytes: 8 },
] as const;
export type ArrayTypeName = (typeof arrayTypes)[number]["name"];

export interface RankCall {
  readonly operation: Operation;
  /** Absent for `exchange` and `barrier`. */
  readonly type?: ArrayTypeName;
  readonly elements: number;
  readonly reduction?: Reduction;
  /** The rank, in the group's numbers, that `reduce` ends at, `broadcast` starts at, `send` goes to. */
  readonly root?: number;
}

export const typeOf = (x: RankArray): ArrayTypeName => x.constructor.name as ArrayTypeName;
export const arrayName = (x: RankArray): string => `${x.constructor.name}(${x.length})`;

export function callName({ operation, type, elements, reduction, root }: RankCall): string {
  const what = type === undefined ? "" : ` of ${type}(${elements})`;
  const where = root === undefined ? "" : operation === "broadcast" ? ` from ${root}` : ` at ${root}`;
  return `${operation}${reduction === undefined ? "" : ` ${reduction}`}${what}${where}`;
}

/** A message of one rank to another within a call. */
export interface MessageId {
  /** Number of the group, from its members. */
  readonly channel: number;
  /** Calls of the group before this one; for `send`, messages of the pair. */
  readonly sequence: number;
  readonly phase: MessagePhase;
}

/** A rank's own numbers; sums that their owner gives; a message of `send`. */
export const phases = ["parts", "results", "message"] as const;
export type MessagePhase = (typeof phases)[number];

export const messageKey = ({ channel, sequence, phase }: MessageId): string => `${channel}/${sequence}/${phase}`;
