/**
 * Sets of linked things, found by messages: each thing sends its name of 16 bytes under its band keys; those that meet are linked, and all
 * links together make sets. Two rounds.
 */
import { bytesOfKey, everything } from "../messages.ts";
import type { GroupRound, Key, StreamRound } from "../step.ts";
import { nameIndex } from "./name-index.ts";
import { unionFind } from "./union-find.ts";

const nameBytes = 16;
const none: Buffer = Buffer.alloc(0);
/** Two names; what is sent is copied. */
const link = Buffer.alloc(2 * nameBytes);

export const linkHashes = {
  /** Names under one key: each is linked to the first of them, in round `next`. */
  meet: (next: number): GroupRound => ({
    unordered: true,
    atLeast: 2,
    reduce(group, out) {
      // The first is the least name; nothing else of a group matters.
      let [least, leastAt] = [none, 0];
      group.each((bytes, from) => {
        if (least === none || bytes.compare(least, leastAt, leastAt + nameBytes, from, from + nameBytes) < 0)
          [least, leastAt] = [bytes, from];
      });
      least.copy(link, 0, leastAt, leastAt + nameBytes);
      group.each((bytes, from) => {
        if (bytes === least && from === leastAt) return;
        bytes.copy(link, nameBytes, from, from + nameBytes);
        if (link.compare(link, 0, nameBytes, nameBytes) !== 0) out.send(next, everything, link);
      });
    },
  }),
  /** All links: sends to round `next`, under each linked name, a zero and the name of its set. Memory: 40 bytes a linked name. */
  join: (next: number): StreamRound => ({
    async reduceStream(blocks, out) {
      const names = nameIndex();
      const sets = unionFind();
      for await (const block of blocks())
        block.each((bytes, from) => {
          sets.union(names.number(bytes, from), names.number(bytes, from + nameBytes));
        });
      // The smallest name is the set's: numbers depend on the order of links.
      const smallest = Uint32Array.from({ length: names.size }, (_, n) => n);
      for (let n = 0; n < names.size; n++) {
        const root = sets.find(n);
        if (names.isBefore(n, smallest[root]!)) smallest[root] = n;
      }
      const key = (n: number): Key => [names.word(n, 0), names.word(n, 1), names.word(n, 2), names.word(n, 3)];
      for (let n = 0; n < names.size; n++) out.send(next, key(n), Buffer.concat([Buffer.of(0), bytesOfKey(key(smallest[sets.find(n)]!))]));
    },
  }),
};
