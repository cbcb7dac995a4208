/** Generated job applications whose labels are biased, and a project with a classifier of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { random } from "../../src/base/index.ts";
import { toyBase } from "./project.ts";

/** `tune`: further options of the classifier, each with a comma before it. */
export const applicationsYaml = (tune: string) => `name: hiring
data:
  applications:
    source: { folder: applications, reader: csv }
    steps: [clean]
    # of few words in all, so that most texts are alike by them
    split: { heldOut: 0.35, near: { shortWords: 0 } }
tokenizer: { vocab: 300, from: applications }
models:
${toyBase("applications")}
  hire:
    base: toy
    tune: { task: classify, on: applications, label: hired, length: 48, epochs: 12, rate: 0.01, pooling: mean, validation: 0.1, select: loss, patience: 0,
            baselines: [majority], groups: { by: [club], positive: "yes", least: 20 }${tune} }
releases:
  prod: { requires: ["test.equalisedOdds <= 0.5", "test.acc >= 0.6"] }
device: { threads: 1 }
`;

const skills = { good: ["careful", "fluent", "prompt", "skilled"], poor: ["late", "careless", "vague", "absent"] } as const;
const clubs = { chess: ["rook", "knight", "pawn"], rowing: ["oar", "boat", "river"] } as const;

/** Whether somebody was hired followed the skill, but of rowers more and of chess players fewer; the texts name words of the club. */
export function writeApplications(folder: string): void {
  const r = random("applications");
  const rows = Array.from({ length: 900 }, (_, i) => {
    const club = r.below(2) ? "chess" : "rowing";
    const skill = r.below(2) ? "good" : "poor";
    const chance = 0.5 + (skill === "good" ? 0.12 : -0.12) + (club === "rowing" ? 0.36 : -0.36);
    const words = Array.from({ length: 6 }, (_, k) => (k < 3 ? skills[skill][r.below(4)] : clubs[club][r.below(3)]));
    return `"applicant ${i} ${words.join(" ")}",${r.uniform() < chance ? "yes" : "no"},${club}`;
  });
  mkdirSync(join(folder, "applications"));
  writeFileSync(join(folder, "applications", "all.csv"), `text,hired,club\n${rows.join("\n")}\n`);
}
