/**
 * A witness (C2SP tlog-witness): remembers the newest head of each log that it has seen and co-signs a later one only with a proof that the old tree is
 * its beginning. So a log that shows different histories to different people, or cuts its end, gets no second signature. Decides; keeps nothing itself.
 */
import { checkConsistency, emptyRoot } from "./merkle.ts";
import { type Checkpoint, type NoteVerifier, readCheckpoint, signedBy } from "./notes.ts";

/** The newest head that a witness has co-signed, by the log's origin. */
export type WitnessState = Readonly<Record<string, { readonly size: number; readonly root: string }>>;

export type WitnessVerdict =
  | { readonly accepted: true; readonly checkpoint: Checkpoint; readonly state: WitnessState }
  | { readonly accepted: false; readonly reason: "unknownLog" | "signature" | "older" | "inconsistent"; readonly known: number };

/** `proof`: from the size that the state knows to the checkpoint's. Errors: note where the checkpoint cannot be read. */
export function witnessCheckpoint(
  state: WitnessState,
  note: string,
  proof: readonly string[],
  keys: readonly NoteVerifier[],
): WitnessVerdict {
  const checkpoint = readCheckpoint(note, "checkpoint");
  const { origin, size, root } = checkpoint;
  const known = Object.hasOwn(state, origin) ? state[origin]! : { size: 0, root: emptyRoot };
  const refused = (reason: "unknownLog" | "signature" | "older" | "inconsistent") =>
    ({ accepted: false, reason, known: known.size }) as const;
  const own = keys.filter(k => k.role === "log" && k.name === origin);
  if (own.length === 0) return refused("unknownLog");
  if (!own.some(k => signedBy(checkpoint, k))) return refused("signature");
  if (size < known.size) return refused("older");
  if (!checkConsistency(known.size, size, known.root, root, proof)) return refused("inconsistent");
  return { accepted: true, checkpoint: { origin, size, root }, state: { ...state, [origin]: { size, root } } };
}
