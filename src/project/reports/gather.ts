/** Gathers what the record shows for a governance report: each fact with the digest of what shows it. Names of people in acts stay out. */
import { z } from "zod";
import { hashOf, sha256 } from "../../base/index.ts";
import type { FactTopic, ReportFact, ReportFacts, StatementTopic } from "../../governance/index.ts";
import { type ModelCard, modelCard } from "../../registry/index.ts";
import { type Deed, type DeedKind, listDeeds, listGuards, listModels, type Store, statesOf, treeHead } from "../../store/index.ts";
import { ownerOfFirst, ownersIn } from "../owners.ts";
import type { ProjectFile } from "../project-file.ts";
import { alarmOf } from "../watching/live/alarms-kept.ts";
import { watchScopes } from "../watching/live/scopes.ts";

type Facts = Record<FactTopic, ReportFact[]>;

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const show = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4))));
/** Acts and alarms of a kind that a report lists; it says how many there are. */
const mostListed = 20;

const figures = (of: Readonly<Record<string, unknown>>): string =>
  Object.entries(of)
    .flatMap(([name, value]) => (typeof value === "number" ? [`${name} ${show(value)}`] : []))
    .slice(0, 8)
    .join(", ");

/** Options of curation, as far as a report reads them. */
const curated = z.object({ steps: z.array(z.object({ step: z.string(), version: z.number() })) });

/** What a version's card shows. `digests`: of artifacts, by id. */
function addCard(facts: Facts, card: ModelCard, digests: ReadonlyMap<string, string>): void {
  const name = `${card.model}@${card.version}`;
  const version = [{ what: `model ${name}`, digest: card.digest }];
  const sizeBytes = card.files.reduce((sum, f) => sum + f.sizeBytes, 0);
  const aliases = card.aliases.length > 0 ? `, alias ${card.aliases.join(", ")}` : "";
  facts.models.push({
    text: `${name}: made ${day(card.createdMs)}, ${card.files.length} files, ${sizeBytes} bytes${aliases}`,
    evidence: version,
  });
  facts.training.push({
    text: `${name}: made by ${card.made.stage}; ${figures(card.made.summary)}`,
    evidence: [{ what: card.made.artifact, digest: card.made.digest }],
  });
  for (const s of card.lineage) {
    const evidence = [{ what: s.artifact, digest: s.digest }];
    if (s.documents !== null)
      facts.data.push({ text: `${name} was made from ${s.artifact} (${s.stage}): ${s.documents} documents`, evidence });
    const { success, data } = curated.safeParse(s.options);
    const step = success ? data.steps.find(own => own.step === "private") : undefined;
    if (step) facts.privateData.push({ text: `${s.artifact}: personal data was searched for by step private@${step.version}`, evidence });
  }
  for (const e of card.evaluations) {
    const scores = e.scores.map(
      s =>
        `${s.metric} ${show(s.value)}${Number.isFinite(s.low) && Number.isFinite(s.high) ? ` (95 % CI ${show(s.low)} to ${show(s.high)})` : ""}`,
    );
    const digest = digests.get(e.artifact);
    facts.evaluations.push({
      text: `${name} on ${e.task}, ${e.items} items: ${scores.join(", ")}`,
      evidence: digest === undefined ? [] : [{ what: e.artifact, digest }],
    });
  }
}

const topicOf: { readonly [K in DeedKind]: FactTopic } = {
  review: "reviews",
  policy: "policies",
  access: "access",
  erasure: "erasures",
  loop: "loop",
  incident: "incidents",
  run: "training",
  release: "releases",
  approval: "approvals",
};

/** Acts on models and rules may be named; those on personal data and by reviewers are listed without the person. */
const namesThing: ReadonlySet<DeedKind> = new Set(["loop", "release", "approval", "policy", "run"]);
const deedFact = (d: Deed): ReportFact => ({
  text: `${day(d.atMs)}: ${d.what ?? "erased"}${namesThing.has(d.kind) && d.on !== undefined ? ` ${d.on}` : ""}${d.purpose === undefined ? "" : `, for ${d.purpose}`}`,
  evidence: [{ what: `log entry ${d.position}`, digest: d.leaf }],
});

async function addDeeds(facts: Facts, store: Store): Promise<void> {
  for (const kind of Object.keys(topicOf) as DeedKind[])
    for (const deed of await listDeeds(store.records.read, { kind, most: mostListed })) facts[topicOf[kind]].push(deedFact(deed));
}

async function addAlarms(facts: Facts, store: Store): Promise<void> {
  const alarms = (await statesOf(store.records.read, watchScopes.alarms)).slice(-mostListed);
  for (const { value } of alarms) {
    const a = alarmOf(value);
    const ended = a.endedMs === null ? "active" : `ended ${day(a.endedMs)}`;
    facts.alarms.push({
      text: `${day(a.sinceMs)}: ${a.kind} ${a.monitor}${a.model === null ? "" : ` of ${a.model}`}, ${a.severity}, ${ended}`,
      evidence: [{ what: `alarm ${a.id}`, digest: hashOf(value) }],
    });
  }
}

/** Of each model the newest version and those that have an alias. */
async function cardsOf(store: Store, owners: ReturnType<typeof ownersIn>): Promise<ModelCard[]> {
  const cards: ModelCard[] = [];
  for (const { versions } of await listModels(store))
    for (const v of versions) if (v.aliases.length > 0) cards.push(await modelCard(store, v, ownerOfFirst(owners, [`model/${v.model}`])));
  return cards;
}

/** Errors: those of the record. */
export async function gatherFacts(file: ProjectFile, store: Store): Promise<ReportFacts> {
  const { name, governance } = file.config;
  const topics: readonly FactTopic[] = [
    "models",
    "training",
    "data",
    "privateData",
    "evaluations",
    "gates",
    "alarms",
    "owners",
    ...Object.values(topicOf),
  ];
  const facts = Object.fromEntries(topics.map(t => [t, [] as ReportFact[]])) as Facts;
  const cards = await cardsOf(store, ownersIn(file));
  const rows = await store.records.read.selectFrom("artifacts").select(["id", "digest"]).execute();
  const digests = new Map(rows.map(r => [r.id, r.digest]));
  for (const card of cards) addCard(facts, card, digests);
  for (const g of await listGuards(store.records.read))
    facts.gates.push({
      text: `alias ${g.alias}: ${JSON.stringify(g.rules)}`,
      evidence: [{ what: `rules of ${g.alias}`, digest: hashOf(g.rules) }],
    });
  await addDeeds(facts, store);
  await addAlarms(facts, store);
  for (const [thing, { owner, contact }] of Object.entries(governance.owners))
    facts.owners.push({
      text: `${thing}: ${owner}${contact === undefined ? "" : ` (${contact})`}`,
      evidence: [{ what: `governance.owners.${thing}`, digest: hashOf({ contact: contact ?? null, owner, thing }) }],
    });
  const statements: Partial<Record<StatementTopic, ReportFact>> = {};
  for (const [topic, text] of Object.entries(governance.statements) as [StatementTopic, string | undefined][])
    if (text !== undefined) statements[topic] = { text, evidence: [{ what: `governance.statements.${topic}`, digest: sha256(text) }] };
  const { size, root } = await treeHead(store.records.read);
  return { project: name ?? "project", madeMs: store.clock.now(), log: { size, root }, facts, statements };
}
