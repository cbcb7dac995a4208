import fc from "fast-check";
import { expect, test } from "vitest";
import { duties } from "./duties.ts";
import { factTopics, type ReportFacts, statementTopics } from "./facts.ts";
import { outlines, reportKinds } from "./outlines.ts";
import { governanceMarkdown, governanceReport } from "./report.ts";

const digest = (n: number) => n.toString(16).padStart(64, "0");
const factOf = (text: string, n: number) => ({ text, evidence: [{ what: `log entry ${n}`, digest: digest(n) }] });
const none: ReportFacts = { project: "mail", madeMs: 1_795_616_000_000, log: { size: 7, root: digest(7) }, facts: {}, statements: {} };
const all: ReportFacts = {
  ...none,
  facts: Object.fromEntries(factTopics.map((t, i) => [t, [factOf(`fact ${t}`, i)]])),
  statements: Object.fromEntries(Object.keys(statementTopics).map((t, i) => [t, factOf(`statement ${t}`, 100 + i)])),
};

test("without facts every section says what is missing and states nothing; with all of them none has a gap", () => {
  for (const kind of reportKinds) {
    const empty = governanceReport(kind, none);
    for (const s of empty.sections) {
      expect(s.statements).toEqual([]);
      expect(s.missing.length, `${kind} ${s.number}`).toBeGreaterThan(0);
    }
    expect(empty.missing).toBe(empty.sections.flatMap(s => s.missing).length);
    expect(governanceReport(kind, all).missing).toBe(0);
  }
});

test("taking one fact or statement away makes exactly the gaps of the sections that ask for it", () => {
  const topics = [...factTopics.map(t => ["facts", t] as const), ...Object.keys(statementTopics).map(t => ["statements", t] as const)];
  fc.assert(
    fc.property(fc.constantFrom(...topics), fc.constantFrom(...reportKinds), ([of, topic], kind) => {
      const { [topic as never]: _, ...rest } = all[of] as Record<string, never>;
      const asking = outlines[kind].sections.filter(s => (s[of] as readonly string[]).includes(topic)).map(s => s.number);
      const gaps = governanceReport(kind, { ...all, [of]: rest })
        .sections.filter(s => s.missing.length > 0)
        .map(s => s.number);
      expect(gaps).toEqual(asking);
    }),
  );
});

test("Annex IV has its nine points, the framework its 19 categories, Article 30 its points (a) to (g)", () => {
  expect(outlines["annex-iv"].sections.map(s => s.number)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  const counts = ["GOVERN", "MAP", "MEASURE", "MANAGE"].map(f => outlines["nist-rmf"].sections.filter(s => s.number.startsWith(f)).length);
  expect(counts).toEqual([6, 5, 4, 4]);
  expect(outlines["gdpr-records"].sections.map(s => s.number).join("")).toBe("(a)(b)(c)(d)(e)(f)(g)");
});

test("every fact, its digest and every gap stand in the Markdown, and a text cannot break out of its line", () => {
  const text = governanceMarkdown(governanceReport("annex-iv", all));
  for (const s of governanceReport("annex-iv", all).sections)
    for (const { text: t, evidence } of s.statements) {
      expect(text).toContain(t);
      for (const e of evidence) expect(text).toContain(e.digest);
    }
  const sly = { ...all, facts: { ...all.facts, models: [factOf("a\n## 9. Forged\n- **missing**: <b>", 1)] } };
  const headings = (t: string) => t.split("\n").filter(l => l.startsWith("#"));
  expect(headings(governanceMarkdown(governanceReport("annex-iv", sly)))).toEqual(headings(text));
  expect(governanceMarkdown(governanceReport("gdpr-records", none)).match(/\*\*missing\*\*/g)).toHaveLength(
    governanceReport("gdpr-records", none).missing,
  );
});

test("every date of a duty is a date with a source and the day it was looked at", () => {
  for (const list of Object.values(duties))
    for (const { from, source, checked } of list) {
      for (const day of [from, checked]) if (day !== null) expect(new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10)).toBe(day);
      expect(source).not.toBe("");
    }
});
