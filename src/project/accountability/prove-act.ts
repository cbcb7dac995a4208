/** One entry's proof for a reader who has only a checkpoint: the entry, its path to the root, and, of an act, what opens its commitments. */
import { type ActOpening, type InclusionProof, openingsOfAct, proveEntry, type ReadingDb } from "../../store/index.ts";
import { projectErrors } from "../errors.ts";
import type { Workspace } from "../workspace.ts";

export interface LogProof extends InclusionProof {
  /** Field, salt and value: a reader checks them against the entry's commitments. Empty of entries that are no acts. */
  readonly openings: readonly ActOpening[];
}

/** `id`: of an act, or the position of any entry. Errors: project/nothing. */
export async function proveAct(at: Workspace, id: string): Promise<LogProof> {
  const { read } = (await at.store()).records;
  const position = /^(?:entry-)?\d{1,15}$/.test(id) ? Number(id.replace("entry-", "")) : await positionOf(read, id);
  const proof = position === undefined ? undefined : await proofAt(read, position);
  if (!proof)
    throw projectErrors.fail("nothing", { place: id, message: "the log has no such act or entry", hint: "`loam log` lists acts." });
  return proof;
}

/** Of the entry at a position; undefined where there is none. */
export async function proofAt(read: ReadingDb, position: number): Promise<LogProof | undefined> {
  const proof = await proveEntry(read, position);
  return proof && { ...proof, openings: await openingsOfAct(read, position) };
}

const positionOf = async (read: ReadingDb, id: string): Promise<number | undefined> =>
  (await read.selectFrom("acts").select("position").where("id", "=", id).executeTakeFirst())?.position;
