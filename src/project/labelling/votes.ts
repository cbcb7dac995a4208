/**
 * Labels that people gave, as a log: a line a vote, flushed before it is acknowledged, a later one of the same person in place of the earlier. What the
 * votes come to (the class that most gave, how far people agree) is computed from them anew each time.
 */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { check, fileError, makeFolder, privateFileMode, writeAll } from "../../base/index.ts";
import { cohenKappa, fleissKappa } from "../../statistics/index.ts";

const vote = z.strictObject({ id: z.string(), by: z.string(), label: z.string().nullable(), atMs: z.number() });
export type Vote = z.output<typeof vote>;

/** Votes of a file; a last line that was cut off is none. Errors: base/config with the line, for a line that is no vote. */
export function readVotes(path: string): Vote[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      // told below as no vote
    }
    return [check(vote, value, `${path}:${i + 1}`)];
  });
}

/** Adds a vote; it is on the disk when this returns. Errors: base/diskFull, base/readOnly. */
export function appendVote(path: string, given: Vote): void {
  try {
    makeFolder(dirname(path));
    const fd = openSync(path, "a+", privateFileMode);
    try {
      // what a crash has cut off was never acknowledged
      const text = readFileSync(path);
      ftruncateSync(fd, text.lastIndexOf(0x0a) + 1);
      writeAll(fd, Buffer.from(`${JSON.stringify(given)}\n`));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** The newest label of each person, by text; a null takes theirs back. */
export function newestVotes(votes: readonly Vote[]): Map<string, Map<string, string>> {
  const by = new Map<string, Map<string, string>>();
  for (const { id, by: person, label } of votes) {
    const own = by.get(id) ?? new Map<string, string>();
    if (label === null) own.delete(person);
    else own.set(person, label);
    by.set(id, own);
  }
  return by;
}

/** The class that most gave; undefined where none has more than every other. */
export function majority(labels: Iterable<string>): string | undefined {
  const counts = new Map<string, number>();
  for (const l of labels) counts.set(l, (counts.get(l) ?? 0) + 1);
  const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
  return first && first[1] > (second?.[1] ?? 0) ? first[0] : undefined;
}

export interface Agreement {
  readonly kind: "Cohen" | "Fleiss" | null;
  /** Null where there is none: nothing that all labelled, or one class only. */
  readonly kappa: number | null;
  /** Texts that all of them labelled. */
  readonly items: number;
  readonly people: readonly { readonly name: string; readonly labelled: number }[];
}

/** How far people agree beyond chance, on the texts that all of them labelled: Cohen's kappa of two, Fleiss' of more. */
export function agreementOf(votes: ReadonlyMap<string, ReadonlyMap<string, string>>, classes: readonly string[]): Agreement {
  const counts = new Map<string, number>();
  for (const own of votes.values()) for (const person of own.keys()) counts.set(person, (counts.get(person) ?? 0) + 1);
  const people = [...counts].map(([name, labelled]) => ({ name, labelled })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = people.map(p => p.name);
  const shared = [...votes.values()].filter(own => names.every(n => own.has(n)) && [...own.values()].every(l => classes.includes(l)));
  if (names.length < 2) return { kind: null, kappa: null, items: 0, people };
  const kind = names.length === 2 ? "Cohen" : "Fleiss";
  if (shared.length === 0) return { kind, kappa: null, items: 0, people };
  const of = (n: string) => shared.map(own => own.get(n)!);
  const kappa =
    names.length === 2
      ? cohenKappa(of(names[0]!), of(names[1]!))
      : fleissKappa(shared.map(own => classes.map(c => [...own.values()].filter(l => l === c).length)));
  return { kind, kappa: Number.isFinite(kappa) ? kappa : null, items: shared.length, people };
}
