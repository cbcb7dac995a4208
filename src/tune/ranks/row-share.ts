/** Rows of a batch among the ranks of a tuning. */
import type { ProcessGroup } from "../../ranks/index.ts";
import { rowsOfShare } from "../../train/index.ts";

interface OwnRows {
  /** Rows that this rank computes; the last ones may be padding. */
  readonly rows: number;
  /** The first of them in the whole batch. */
  readonly first: number;
  /** Which of the equal parts of the batch they are; undefined of one rank. */
  readonly part: number | undefined;
  /** This rank's members of a whole batch; fewer than `rows` where some are padding. */
  of<T>(members: readonly T[]): T[];
  /** The same with padding: copies of the batch's first member, which a loss that has no value for nothing can be computed of. */
  padded<T>(members: readonly T[]): T[];
}

/** This rank's part of `rows` rows. */
export function ownRowsOf(rows: number, ranks: ProcessGroup | undefined): OwnRows {
  const own = ranks ? rowsOfShare(rows, { part: ranks.rank, of: ranks.size }) : rows;
  const first = (ranks?.rank ?? 0) * own;
  return {
    rows: own,
    first,
    part: ranks?.rank,
    of: members => members.slice(first, first + own),
    padded: members => Array.from({ length: own }, (_, i) => members[first + i] ?? members[0]!),
  };
}
