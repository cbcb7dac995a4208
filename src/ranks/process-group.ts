/**
 * What ranks of one run do together. One contract for every transport (memory of one process, shared memory of one host, TCP, MPI), one suite of tests.
 *
 * Laws of every transport:
 * - Calls of a rank are carried out in the order in which they are made; every rank makes the same calls in the same order, or `ranks/protocol`.
 * - Sums are made in rank order, ((x0 + x1) + x2) + ..., in the array's own precision, whatever arrives first: all ranks get the same bytes, on every
 *   transport.
 * - A rank that ends is named on all others by `ranks/lost` within 5 s; one that does not join by `ranks/stuck` after `timeoutMs`. After either, every
 *   further call fails with the same error.
 * Source of the set: MPI 4.1, chapters 3 and 6; PyTorch's torch.distributed.
 */
import type { Json } from "../base/index.ts";

/** Arrays that collectives add up. */
export type RankNumbers = Float32Array | Float64Array | Int32Array;
/** Arrays that collectives move: any bytes. */
export type RankArray = RankNumbers | Uint8Array | Uint16Array | BigInt64Array;

/** How `reduce` joins elements. NaN in any rank's element is NaN in the result. */
export type Reduction = "sum" | "max";

export interface ProcessGroup {
  /** This process's number, from 0. */
  readonly rank: number;
  readonly size: number;
  /** How ranks reach each other, for reports: "memory", "shared memory", "tcp", "mpi". */
  readonly transport: string;
  /** In place, on every rank. Arrays have one type and length on all ranks. */
  allReduce(x: RankNumbers, reduction?: Reduction): Promise<void>;
  /** In place on `root`; other ranks' arrays stay as they are. */
  reduce(x: RankNumbers, root: number, reduction?: Reduction): Promise<void>;
  /** `x` [size * n] of every rank is added up; rank r gets the r-th n elements in `into` [n]. */
  reduceScatter(x: RankNumbers, into: RankNumbers): Promise<void>;
  /** `own` [n] of every rank, in rank order, in `into` [size * n]. */
  allGather(own: RankArray, into: RankArray): Promise<void>;
  /** `root`'s elements in every rank's `x`. */
  broadcast(x: RankArray, root: number): Promise<void>;
  /** One array to one rank, which calls `receive`; ends when `x` may be written again. */
  send(x: RankArray, to: number): Promise<void>;
  receive(x: RankArray, from: number): Promise<void>;
  /** Every rank's value, in rank order; at most 1 MB each. */
  exchange(value: Json): Promise<readonly Json[]>;
  barrier(): Promise<void>;
  /** A group of some of the ranks, numbered as listed. All members call it, in the same order of their other calls; not-members do not. */
  subgroup(members: readonly number[]): Promise<ProcessGroup>;
  /** Waiting for other ranks so far, in milliseconds. */
  readonly waitedMs: number;
  /** Leaves the group; other ranks see an end in order, not a loss, where all close. */
  close(): Promise<void>;
}

export interface GroupOptions {
  /** Longest wait for a rank that does not join a collective (default 600,000: ten minutes). */
  readonly timeoutMs?: number;
}
