/** `loam gateway changes`: who changed keys and configuration, when; `--verify` walks the chain of hashes and says the first entry that does not fit. */
import type { ChangeEntry } from "../../gateway/index.ts";
import { cliErrors } from "../errors.ts";
import { withControl } from "../gateway/open-gateway.ts";
import type { VerbRun } from "../verb.ts";

/** What an entry is about, for a line. */
const subjectOf = ({ detail }: ChangeEntry): string =>
  ["prefix", "name", "subject", "digest"].flatMap(key => (typeof detail[key] === "string" ? [detail[key].slice(0, 24)] : [])).join(" ");

export const gatewayChanges: VerbRun = async (context, _words, options) => {
  const { out } = context;
  await withControl(context, options, async control => {
    const entries: ChangeEntry[] = [];
    for await (const entry of control.changes()) entries.push(entry);
    const wrong = options.verify === true ? await control.verifyChanges() : null;
    for (const e of entries)
      out.line(
        `  ${String(e.position).padStart(5)}  ${new Date(e.atMs).toISOString().slice(0, 19)}Z  ${e.what.padEnd(11)} ${e.by.padEnd(16)} ${subjectOf(e)}`,
      );
    const head = entries.at(-1)?.head ?? null;
    if (options.verify === true && wrong === null)
      out.line(`  ${entries.length} entries fit together. Note the head elsewhere: ${head ?? "none yet"}.`);
    out.result({ entries, head, ...(options.verify === true ? { verified: wrong === null, finding: wrong } : {}) });
    if (wrong !== null)
      throw cliErrors.fail("damaged", {
        place: "loam gateway changes",
        message: wrong,
        hint: "The state was changed from outside: restore it from a copy.",
      });
  });
};
