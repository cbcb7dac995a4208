/** A witness of a log that lies in a folder of static files: co-signs its checkpoint when all that it saw before is the beginning of it. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { readText, writeFileAtomic } from "../../base/index.ts";
import {
  consistencyProof,
  cosign,
  noteVerifier,
  readCheckpoint,
  signedBy,
  tileLeaves,
  verifierKey,
  type WitnessState,
  witnessCheckpoint,
} from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import type { Workplace } from "../workspace.ts";
import { noteSignerOf } from "./export-log.ts";

export interface WitnessOptions {
  /** File of the witness's private key. */
  readonly key: string;
  /** The witness's name. */
  readonly name: string;
  /** Verifier key of the log, or a file that holds it. */
  readonly logKey: string;
  /** File in which the witness remembers heads; its own, not the log's. */
  readonly state: string;
}

export interface WitnessedLog {
  readonly origin: string;
  readonly size: number;
  /** Entries that were known before. */
  readonly since: number;
  /** The line that was added to the checkpoint. */
  readonly signature: string;
  readonly verifierKey: string;
}

const stateSchema = z.record(z.string(), z.strictObject({ size: z.int().nonnegative(), root: z.string().regex(/^[0-9a-f]{64}$/) }));

function readState(path: string): WitnessState {
  if (!existsSync(path)) return {};
  let value: unknown;
  try {
    value = JSON.parse(readText(path));
  } catch {
    // refused below
  }
  const read = stateSchema.safeParse(value);
  if (read.success) return read.data;
  throw projectErrors.fail("damaged", {
    place: path,
    message: "it is no state of a witness",
    hint: "Restore it from a copy; an empty one would sign anything.",
  });
}

const said = {
  unknownLog: "the log's origin is not the name of the key that was given",
  signature: "the checkpoint has no valid signature of the log's key",
  older: "the log is shorter than it was: its end was cut off",
  inconsistent: "what was seen before is not the beginning of the log: it was rewritten",
} as const;

/** Errors: project/damaged with the reason of a refusal, and then nothing is signed or remembered; store/note, registry/key. */
export async function witnessLog(at: Pick<Workplace, "cwd">, from: string, options: WitnessOptions): Promise<WitnessedLog> {
  const folder = resolve(at.cwd, from);
  const place = join(folder, "checkpoint");
  const statePath = resolve(at.cwd, options.state);
  const witness = await noteSignerOf(at, options.key, options.name);
  const keyFile = resolve(at.cwd, options.logKey);
  const log = noteVerifier(existsSync(keyFile) ? readText(keyFile) : options.logKey, "log key");
  const note = readText(place);
  const { origin, size } = readCheckpoint(note, place);
  const state = readState(statePath);
  const since = Object.hasOwn(state, origin) ? state[origin]!.size : 0;
  const proof = since > 0 && since < size ? consistencyProof(tileLeaves(folder, size), since) : [];
  const verdict = witnessCheckpoint(state, note, proof, [log]);
  if (!verdict.accepted)
    throw projectErrors.fail("damaged", {
      place,
      message: said[verdict.reason],
      hint: `This witness has seen ${verdict.known} entries of it. Nothing was signed.`,
    });
  const signature = await cosign(verdict.checkpoint, witness, Math.floor(Date.now() / 1_000));
  // remembered before it is given out
  await writeFileAtomic(statePath, `${JSON.stringify(verdict.state, null, 2)}\n`);
  const key = noteVerifier(verifierKey(witness, "witness"), "witness");
  if (!signedBy(readCheckpoint(note, place), key)) await writeFileAtomic(place, note + signature);
  return { origin, size, since, signature, verifierKey: verifierKey(witness, "witness") };
}
