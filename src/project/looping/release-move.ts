/** The alias's move of a round, made once: what the alias did since the round began says whether it is to be made, was made, or was overtaken. */
import { isLoamError } from "../../base/index.ts";
import type { Evidence, LoopPolicy, LoopRound } from "../../loop/index.ts";
import { type Release, releasesOf, resolveVersion, type Store } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import type { ProjectFile } from "../project-file.ts";
import { promoteVersion, rollbackVersion } from "../releases/index.ts";

export interface MovePlace {
  readonly store: Store;
  readonly project: ProjectFile;
  readonly model: string;
  readonly policy: Pick<LoopPolicy, "alias">;
  readonly watch: Watch;
}

const by = "loam loop";
const reasonOf = ({ number }: LoopRound): string => `loop round ${number}`;

const movesOf = async ({ store, model, policy }: MovePlace): Promise<Release[]> =>
  (await releasesOf(store.records.read, model, policy.alias)).sort((a, b) => a.position - b.position);

/** The move that the round made, if it made one. */
const ownMove = (moves: readonly Release[], round: LoopRound): Release | undefined =>
  moves.find(
    m => m.position === round.moves && m.kind === "promote" && m.number === round.candidate?.version && m.reason === reasonOf(round),
  );

const evidenceOf = ({ position, number, previous, atMs }: Release): Evidence => ({ position, version: number, previous, atMs });

type Came = { readonly promoted: Evidence } | { readonly refused: string; readonly evidence: Evidence };

/** Promotes a round's version, unless the alias has moved since the round began. Errors: those of the record. */
export async function promoteRound(at: MovePlace, round: LoopRound): Promise<Came> {
  const { store, model, policy, project, watch } = at;
  const moves = await movesOf(at);
  const own = ownMove(moves, round);
  if (own) return { promoted: evidenceOf(own) };
  const { version: number } = round.candidate!;
  const overtaken = (all: readonly Release[]): Came => ({
    refused: `${model}@${policy.alias} moved since the round began${all.length > 0 ? `: ${all.at(-1)!.by ?? "somebody"} made it version ${all.at(-1)!.number}` : ""}`,
    evidence: { moves: all.length, before: round.moves },
  });
  if (moves.length !== round.moves) return overtaken(moves);
  if (round.current === number) return { refused: "the new version is the current one", evidence: { version: number } };
  const named = {
    store,
    project,
    model,
    version: await resolveVersion(store.records.read, model, String(number)),
    [Symbol.asyncDispose]: async () => {},
  };
  try {
    const { release } = await promoteVersion(named, policy.alias, { by, reason: reasonOf(round), moves: round.moves }, watch);
    return release ? { promoted: evidenceOf(release) } : overtaken(await movesOf(at));
  } catch (error) {
    if (isLoamError(error, "store/conflict")) {
      const now = await movesOf(at);
      const made = ownMove(now, round);
      return made ? { promoted: evidenceOf(made) } : overtaken(now);
    }
    if (isLoamError(error, "registry/refused")) return { refused: error.message, evidence: {} };
    throw error;
  }
}

/** Takes the round's move back, if it is the alias's last one; answers with the version that has the alias then. */
export async function takeBackMove(at: MovePlace, round: LoopRound): Promise<number | null> {
  const moves = await movesOf(at);
  const last = moves.at(-1);
  const own = ownMove(moves, round);
  if (!own || last !== own) return last?.number ?? null;
  if (own.previous === null) return own.number;
  const release = await rollbackVersion(
    at,
    at.policy.alias,
    { by, reason: `${reasonOf(round)}: ${round.why ?? "taken back"}`.slice(0, 300) },
    at.watch,
  );
  return release.number;
}
