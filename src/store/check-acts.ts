/** Holds acts against the log: every field opens the commitment that its entry holds, and a field is missing only where the log says that it was erased. */
import type { CompareRows } from "./check-rows.ts";
import type { Findings } from "./findings.ts";
import { type ActField, actFields, commitmentOf } from "./log/commitments.ts";
import type { LogEntry } from "./log/entries.ts";
import type { ReadingDb } from "./records/records.ts";
import type { Tables } from "./records/schema.ts";

type ActEntry = Extract<LogEntry, { readonly type: "act" | "redaction" | "anchor" }>;

/** Rows of fields compared at a time. */
const page = 1_000;

export function expectActs(db: ReadingDb, findings: Findings, compare: CompareRows) {
  const acts = new Map<string, Tables["acts"]>();
  const commitments = new Map<string, string>();
  const erased = new Set<string>();
  const anchors = new Map<string, Tables["anchors"]>();
  const keyOf = (act: string, field: string) => `${act} ${field}`;

  const checkField = (row: Tables["act_fields"], seen: Set<string>): void => {
    const key = keyOf(row.act, row.field);
    const want = commitments.get(key);
    if (want === undefined) findings.add(`act_fields ${key}`, "no row that the log does not know", "one");
    else if (erased.has(key)) findings.add(`act_fields ${key}`, "no row: the log says that this field was erased", "one");
    else {
      const got = commitmentOf(row);
      if (got !== want) findings.add(`act_fields ${key}`, `salt and value that open the commitment ${want}`, got);
      seen.add(key);
    }
  };

  return {
    take(entry: ActEntry, place: string, at: number): void {
      if (entry.type === "anchor") {
        const { chain, position, head, atMs } = entry;
        const last = anchors.get(keyOf(chain, String(position)));
        if (last && last.head !== head) findings.add(place, `the head ${last.head}, which was anchored before`, head);
        anchors.set(keyOf(chain, String(position)), { chain, position, head, at_ms: atMs });
      } else if (entry.type === "redaction") {
        for (const [act, fields] of Object.entries(entry.fields))
          for (const field of fields)
            if (commitments.has(keyOf(act, field))) erased.add(keyOf(act, field));
            else findings.add(place, "fields of acts that the log knows", keyOf(act, field));
      } else {
        if (acts.has(entry.id)) findings.add(place, "an act that is new", entry.id);
        acts.set(entry.id, { id: entry.id, position: at, kind: entry.act, at_ms: entry.atMs });
        for (const field of actFields) {
          const commitment = entry.commitments[field];
          if (commitment !== undefined) commitments.set(keyOf(entry.id, field), commitment);
        }
      }
    },
    async finish(): Promise<void> {
      compare("acts", r => String(r.id), [...acts.values()], await db.selectFrom("acts").selectAll().execute());
      compare(
        "anchors",
        r => keyOf(String(r.chain), String(r.position)),
        [...anchors.values()],
        await db.selectFrom("anchors").selectAll().execute(),
      );
      const seen = new Set<string>();
      for (let last: { act: string; field: ActField } | undefined; ; ) {
        let query = db.selectFrom("act_fields").selectAll().orderBy("act").orderBy("field").limit(page);
        const after = last;
        if (after)
          query = query.where(e => e.or([e("act", ">", after.act), e.and([e("act", "=", after.act), e("field", ">", after.field)])]));
        const rows = await query.execute();
        for (const row of rows) checkField(row, seen);
        last = rows.at(-1);
        if (rows.length < page) break;
      }
      for (const key of commitments.keys())
        if (!seen.has(key) && !erased.has(key))
          findings.add(`act_fields ${key}`, "the field, or an entry of the log that says it was erased", "neither");
    },
  };
}
