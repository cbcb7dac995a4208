/** The one report of a study on its test half: the winner beside the runner-up and the configuration as it was. */
import { documentsOf } from "../../data/index.ts";
import {
  type ArtifactReader,
  looksOf,
  noteVerdict,
  openArtifact,
  runStage,
  type Store,
  type StoredStudy,
  type StoredTrial,
} from "../../store/index.ts";
import {
  besideLabel,
  type CountedBy,
  type ObjectiveName,
  ranked,
  readVerdict,
  type VerdictReport,
  verdictBesideBaseStage,
  verdictStage,
} from "../../tune/index.ts";
import { runLink } from "../life.ts";
import { type LooksReport, looksReport } from "../looks.ts";
import { type AnewGiven, withModelOf } from "./anew.ts";
import { type StudySpec, specOf } from "./definition.ts";
import { judgesOf } from "./trial.ts";
import type { TrialKind } from "./trial-kind.ts";

export interface StudyVerdict extends VerdictReport {
  readonly artifact: string;
  /** Looks at the test half so far, this one included; above 1 the figures of later ones are not quite honest any more. */
  readonly looks: number;
  /** Looks at these texts by anybody: tunings, evaluations and gates too. */
  readonly testSet?: LooksReport;
}

/** A recorded verdict, with the looks of this study and those at its test set until now. */
export async function toldVerdict(store: Store, artifact: ArtifactReader, looks: number): Promise<StudyVerdict> {
  const db = store.records.read;
  const winner = await db
    .selectFrom("inputs")
    .select("source")
    .where("artifact", "=", artifact.id)
    .where("name", "=", "winner")
    .executeTakeFirst();
  const atSet = winner && (await looksOf(db, winner.source));
  return { ...(await readVerdict(artifact)), artifact: artifact.id, looks, ...(atSet ? { testSet: looksReport(atSet) } : {}) };
}

export interface VerdictGiven extends Omit<AnewGiven, "spec"> {
  readonly study: StoredStudy;
  readonly trials: readonly StoredTrial[];
  readonly kind: Pick<TrialKind, "judge">;
}

/** What the test half counts, by what the trials were chosen by. */
const countedBy: Readonly<Partial<Record<ObjectiveName, CountedBy>>> = { heldOut: "bits", errors: "wrong" };

/** Is there something that no trial saw? A data set may hold nothing out, and too few examples have no second half. */
export async function holdsOut(store: Store, study: StoredStudy): Promise<boolean> {
  const judged = await openArtifact(store, specOf(study).judged);
  if (judged.kind !== "documents") return Number(judged.summary.test ?? 0) > 0;
  for await (const _ of documentsOf(judged, "held-out")) return true;
  return false;
}

/** Whom a verdict is about: the best trial, the nearest rival in the first objective, the configuration as it is where it came to an end. */
export function contenders(spec: StudySpec, trials: readonly StoredTrial[]) {
  const [winner] = ranked(spec, trials);
  // with several objectives too, the nearest rival in the first one
  const second = ranked({ ...spec, objectives: spec.objectives.slice(0, 1) }, trials).find(t => t.number !== winner?.number);
  return { winner, second, usual: trials.find(t => t.origin === "default" && t.state === "done") };
}

/** A model whose files are gone is rebuilt where it is needed. Undefined where no trial is done, where trials are not selected on held-out data, or where there is no test set. */
export async function judgeWinner(o: VerdictGiven): Promise<StudyVerdict | undefined> {
  const spec = specOf(o.study);
  const { winner, second, usual } = contenders(spec, o.trials);
  const by = countedBy[spec.objectives[0]!];
  const { judge } = o.kind;
  if (!winner || !by || !judge || !(await holdsOut(o.store, o.study))) return undefined;
  const open = (id: string) => openArtifact(o.store, id);
  const given = { progress: o.progress, signal: o.signal, study: o.study.id };
  const judges = await judgesOf(o.store, spec);
  const judgedModel = async (model: ArtifactReader): Promise<ArtifactReader> => {
    const made = new Map([...judges, ["model", model]]);
    const base = model.kind === "adapter" ? "model/base" : undefined;
    if (base) made.set(base, await open(String(model.summary.base)));
    return (await runLink(o.store, judge({ model: "model", base, label: "test", half: "test" }), made, given)).artifact;
  };
  const judged = (t: StoredTrial) => withModelOf({ ...o, spec }, t, judgedModel);
  const first = await judged(winner);
  const inputs = { winner: first, runnerUp: second ? await judged(second) : first, default: usual ? await judged(usual) : first };
  const options = { seed: spec.seed, by };
  const base = judges.get(besideLabel("base"));
  const { artifact } = base
    ? await runStage(o.store, verdictBesideBaseStage, { inputs: { ...inputs, base: await judgedModel(base) }, options, ...given })
    : await runStage(o.store, verdictStage, { inputs, options, ...given });
  const looks = await noteVerdict(o.store, o.study.id, artifact.id);
  return toldVerdict(o.store, artifact, looks.indexOf(artifact.id) + 1);
}

/**
 * Why a winner is not shown to be better than the configuration as it is, which `--write` would replace; undefined where it is, or where the configuration
 * itself came to no end and so is no alternative.
 */
export function doubtOf(trials: readonly StoredTrial[], verdict: VerdictReport | undefined): string | undefined {
  const usual = trials.find(t => t.origin === "default");
  if (usual?.state === "failed") return undefined;
  if (usual?.state !== "done") return "the configuration as it is has not been tried to its end";
  const compared = verdict?.comparisons.find(c => c.against === "default");
  if (!compared) return "nothing is held out that would show it";
  if (compared.isSignificant) return compared.difference > 0 ? undefined : "it is significantly worse than the configuration as it is";
  return `no significant difference to the configuration as it is (p = ${compared.p.toFixed(3)})`;
}
