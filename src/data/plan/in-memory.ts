/** A corpus step's plan over documents that are all at hand: one bin, nothing written down. For small sets, tests and measurements. */
import type { Document } from "../document.ts";
import type { Applied, CorpusPlan, CorpusQuestion, Send } from "../steps/step.ts";
import { type Bin, bin, binGroups, blockOf } from "./bins.ts";

/** Documents in one order. */
export interface Documents {
  /** Each once; made when it is called for, before the next comes. */
  each(): Iterable<() => Document>;
  get(i: number): Document;
}

/** What was told to each document, by its number; undefined of those to which nothing was told. */
export async function talk({ phases }: CorpusPlan, documents: Documents): Promise<(readonly Buffer[] | undefined)[]> {
  let received: (Buffer[] | undefined)[] = [];
  const all: (Buffer[] | undefined)[] = [];
  let shared: Buffer[] = [];
  for (const [k, phase] of phases.entries()) {
    const bins: Bin[] = phase.rounds.map(() => bin());
    const said = shared;
    shared = [];
    const share = (value: Uint8Array) => void shared.push(Buffer.from(value.buffer, value.byteOffset, value.length));
    const send: Send = (round, key, value, owned) => bins[round]!.add(key, value, owned);
    const ask = (ref: number, make: () => Document) => {
      const asked: CorpusQuestion = {
        get document() {
          return make();
        },
        ref,
        received: (phase.hearsAll ? all : received)[ref] ?? [],
      };
      // Most phases are done when they return: waiting for each document would cost more than some of them.
      return phase.ask([asked], send, said);
    };
    if (k === 0 || phase.everyone) {
      let ref = 0;
      for (const make of documents.each()) {
        const asking = ask(ref++, make);
        if (asking) await asking;
      }
    } else
      for (let ref = 0; ref < received.length; ref++) {
        const asking = received[ref] && ask(ref, () => documents.get(ref));
        if (asking) await asking;
      }
    received = [];
    const tell = (ref: number, value: Uint8Array) => {
      const told = received[ref];
      const own = Buffer.from(value.buffer, value.byteOffset, value.length);
      if (told) told.push(own);
      else received[ref] = [own];
    };
    for (const [r, round] of phase.rounds.entries()) {
      const records = bins[r]!.records();
      if ("reduceStream" in round)
        await round.reduceStream(
          async function* () {
            yield blockOf(records);
          },
          { send, tell, share },
        );
      else for (const group of binGroups(records, round)) await round.reduce(group, { send, tell, share });
    }
    received.forEach((told, i) => {
      told?.sort(Buffer.compare);
      if (told) all[i] = [...(all[i] ?? []), ...told];
    });
  }
  return all;
}

export const inArray = (documents: readonly Document[]): Documents => ({
  each: () => documents.map(d => () => d),
  get: i => documents[i]!,
});

/** What becomes of each document, in their order; undefined of those to which nothing was told. */
export async function runInMemory(plan: CorpusPlan, documents: readonly Document[]): Promise<(Applied | undefined)[]> {
  const told = await talk(plan, inArray(documents));
  return documents.map((d, i) => told[i] && plan.settle(d, told[i]));
}
