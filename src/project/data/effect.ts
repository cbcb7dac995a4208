/**
 * The two data sets of `loam data effect`: the project's own, and the same with one step more or one less, curated by the same stages. Both
 * artifacts stay in the store until `loam gc`; a second question about the same step finds them there.
 */
import { check, random } from "../../base/index.ts";
import { type AskedDocument, type Document, documentsOf, type StepName, stepEntry, steps } from "../../data/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { nearestHint, projectErrors, wrongArgument } from "../errors.ts";
import type { ProjectFile } from "../project-file.ts";

interface EffectSides {
  /** The project with both data sets, and what they are called in it. */
  readonly project: ProjectFile;
  readonly without: string;
  readonly with: string;
  /** Whether the project's own data set has the step. */
  readonly isPresent: boolean;
}

type Entry = ProjectFile["config"]["data"][string]["steps"][number];
const nameOf = (entry: Entry): string => (typeof entry === "string" ? entry : Object.keys(entry)[0]!);

/** Both sides of the question. Errors: project/argument. */
export function effectSides(
  project: ProjectFile,
  name: string,
  step: string,
  settings: Readonly<Record<string, unknown>>,
  mustBePresent: boolean,
): EffectSides {
  if (!Object.hasOwn(steps, step)) {
    throw wrongArgument(
      "loam data effect: --step",
      `one of ${Object.keys(steps).join(", ")}`,
      JSON.stringify(step),
      nearestHint(step, Object.keys(steps)),
    );
  }
  const part = project.config.data[name]!;
  const isPresent = part.steps.some(s => nameOf(s) === step);
  const fail = (received: string, hint: string) =>
    projectErrors.fail("argument", { place: "loam data effect", expected: `${name} with the step ${step}`, received, hint });
  if (mustBePresent && !isPresent)
    throw fail(`steps ${part.steps.map(nameOf).join(", ")}`, "Without --without the step is added and its effect measured.");
  if (isPresent && Object.keys(settings).length > 0)
    throw fail("--set, which is for a step that is added", "Change its options in loam.yaml, or leave --set out.");
  if (!isPresent) check(steps[step as StepName].options, settings, `loam data effect: ${step}`);
  const own = stepEntry.parse(Object.keys(settings).length > 0 ? { [step]: settings } : step);
  const other = isPresent ? part.steps.filter(s => nameOf(s) !== step) : [...part.steps, own];
  const otherName = `${name}-${isPresent ? "without" : "with"}-${step}`;
  const data = { ...project.config.data, [otherName]: { ...part, steps: other } };
  return {
    project: { ...project, config: { ...project.config, data } },
    without: isPresent ? otherName : name,
    with: isPresent ? name : otherName,
    isPresent,
  };
}

/** A document's id without the name of its data set: the same on both sides. */
const keyOf = (d: Document): string => d.id.slice(d.id.indexOf(":") + 1);

interface EffectMaterial {
  readonly without: readonly string[];
  readonly with: readonly string[];
  readonly asked: readonly AskedDocument[];
  /** Documents only the side with the step kept; they are left out, since nobody knows what they are like. */
  readonly strangers: number;
}

async function bothSides(artifact: ArtifactReader) {
  const train: Document[] = [];
  const heldOut: Document[] = [];
  for await (const d of documentsOf(artifact, "train")) train.push(d);
  for await (const d of documentsOf(artifact, "held-out")) heldOut.push(d);
  return { train, heldOut };
}

/**
 * Train sides and documents to ask about. Those are the held-out side without the step (at most `most`, drawn by seed): whole groups of like
 * documents stand there, so that nothing like them is trained on; with the step the same documents are taken out of the train side.
 */
export async function effectMaterial(without: ArtifactReader, withStep: ArtifactReader, most: number): Promise<EffectMaterial> {
  const [base, other] = [await bothSides(without), await bothSides(withStep)];
  const heldOut = new Set(base.heldOut.map(keyOf));
  const trained = new Set(base.train.map(keyOf));
  const kept = new Map([...other.train, ...other.heldOut].map(d => [keyOf(d), d.text]));
  const order = random("effect").permutation(base.heldOut.length);
  const drawn = Array.from(order.slice(0, most), i => base.heldOut[i]!);
  const rest = [...other.train, ...other.heldOut].filter(d => !heldOut.has(keyOf(d)));
  return {
    without: base.train.map(d => d.text),
    with: rest.filter(d => trained.has(keyOf(d))).map(d => d.text),
    asked: drawn.map(d => ({ id: keyOf(d), before: d.text, after: kept.get(keyOf(d)) })),
    strangers: rest.filter(d => !trained.has(keyOf(d))).length,
  };
}
