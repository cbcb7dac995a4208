/**
 * Takes people's names out of votes, by age or of one person. What counts is kept: of each text how many gave which value, and decisions; so majorities, and the file of labelled
 * texts, stay as they are. A server may add votes meanwhile (`appendVote` looks whether its file is still the one that counts).
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { fileError, privateFileMode, writeFileAtomic } from "../../base/index.ts";
import { appendVote, parseVotes, personKey, readVotes, type Vote, valueKey } from "./votes.ts";

/** Whether a vote's name goes. Erased ones are not asked about. */
type NamedVote = (vote: Vote) => boolean;

/** Erased; of a decision, which one person made. */
const nobody = "";
const isErased = (vote: Vote): boolean => vote.erased !== undefined || vote.by === nobody;
const isGivenBy = (vote: Vote, subject: string): boolean => vote.by === subject || `user:${vote.by}` === subject;

/** Votes from before a time, but for those of people that stay: `ann`, or `user:ann`. */
export const votesOlder =
  ({ beforeMs, except }: { readonly beforeMs: number; readonly except: readonly string[] }): NamedVote =>
  vote =>
    vote.atMs > 0 && vote.atMs < beforeMs && !except.some(subject => isGivenBy(vote, subject));
/** Votes of a person, by account or by a name that was typed. */
export const votesOf =
  (subject: string): NamedVote =>
  vote =>
    isGivenBy(vote, subject);

/** Votes with a name. Errors: base/config for a line that is no vote. */
export const namedVotes = (path: string, isMeant: NamedVote): Vote[] => readVotes(path).filter(v => !isErased(v) && isMeant(v));

/** Votes whose time cannot be told, by line. */
export const undatedVotes = (path: string): { readonly line: number; readonly problem: string }[] =>
  readVotes(path).flatMap((vote, i) => (isErased(vote) || vote.atMs > 0 ? [] : [{ line: i + 1, problem: `atMs: ${vote.atMs}` }]));

/** The votes without these names. A vote that its person changed since says nothing and goes. */
export function withoutNames(votes: readonly Vote[], isNamed: NamedVote): Vote[] {
  const isMeant: NamedVote = vote => !isErased(vote) && isNamed(vote);
  const newest = new Map<string, Vote>();
  const keyOf = (v: Vote) => JSON.stringify([v.id, v.adjudicated === true ? null : personKey(v.by, v.isVerified)]);
  for (const vote of votes) if (vote.erased === undefined) newest.set(keyOf(vote), vote);
  const counts = new Map<string, Map<string, { readonly value: Vote["label"]; n: number }>>();
  const counted = votes.filter(v => isMeant(v) && v.adjudicated !== true && v.label !== null && newest.get(keyOf(v)) === v);
  for (const { id, label } of counted) {
    const own = counts.get(id) ?? new Map<string, { readonly value: Vote["label"]; n: number }>();
    const [key, value] = [valueKey(label!), label];
    const entry = own.get(key) ?? { value, n: 0 };
    entry.n++;
    own.set(key, entry);
    counts.set(id, own);
  }
  return votes.flatMap(vote => {
    if (!isMeant(vote)) return [vote];
    // the newest decision holds, also one that was taken back
    if (vote.adjudicated)
      return newest.get(keyOf(vote)) === vote ? [{ id: vote.id, by: nobody, label: vote.label, adjudicated: true, atMs: 0 }] : [];
    // where the text's first such vote stood, so that texts keep their order
    const own = counts.get(vote.id);
    counts.delete(vote.id);
    return [...(own?.values() ?? [])].map(({ value, n }) => ({ id: vote.id, by: nobody, label: value, erased: n, atMs: 0 }));
  });
}

function textOf(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  let read = 0;
  for (let n = -1; n !== 0 && read < bytes.length; read += n) n = readSync(fd, bytes, read, bytes.length - read, read);
  return bytes.subarray(0, read).toString("utf8");
}

/** Erases names from a file of votes; answers how many votes had one. Errors: base/config, base/diskFull, base/readOnly. */
export function eraseNames(path: string, isMeant: NamedVote, afterReading: () => void = () => {}): number {
  if (!existsSync(path)) return 0;
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw fileError(error, path);
  }
  try {
    const read = parseVotes(textOf(fd), path);
    afterReading();
    const count = read.filter(vote => !isErased(vote) && isMeant(vote)).length;
    if (count === 0) return 0;
    const lines = withoutNames(read, isMeant).map(vote => `${JSON.stringify(vote)}\n`);
    writeFileAtomic(path, lines.join(""), { mode: privateFileMode });
    // votes that came between reading and writing went into the file that was read
    for (const vote of parseVotes(textOf(fd), path).slice(read.length)) appendVote(path, vote);
    return count;
  } finally {
    closeSync(fd);
  }
}
