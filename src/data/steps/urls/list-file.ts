/**
 * Files of domains and addresses as they are passed around: one a line, hosts files (`0.0.0.0 name name`), the folders of the University of
 * Toulouse's lists (`adult/domains`, `adult/urls`). `#`, `!` and `;` begin comments. gzip is unpacked.
 */

import { gunzipSync } from "node:zlib";
import { defined } from "../../../base/index.ts";
import { dataErrors } from "../../errors.ts";
import { type Entry, parseEntry } from "./entry.ts";

/** Unpacked bytes of one list: the largest in use have 120 MB. */
const maxBytes = 2 ** 30;

const nobody = new Set(["localhost", "localhost.localdomain", "local", "broadcasthost", "0.0.0.0"]);
const sink = /^(?:0\.0\.0\.0|127(?:\.\d{1,3}){3}|::1?|fe80::1%lo0|ff0[0-2]::\d)\s/i;

function* entriesOf(line: string): Generator<Entry | undefined> {
  const text = line.trim();
  if (text === "" || /^[#!;]/.test(text)) return;
  const bare = text.replace(/\s+#.*$/, "");
  if (!sink.test(bare)) {
    yield parseEntry(bare);
    return;
  }
  for (const name of bare.split(/\s+/).slice(1)) if (!nobody.has(name) && name.includes(".")) yield parseEntry(name);
}

/** What a list says, one after another. Errors: `data/resource` where it is no list, or is too large when unpacked. */
export function* readList(bytes: Buffer, place: string): Generator<Entry> {
  const fail = (received: string, cause?: unknown) =>
    dataErrors.fail("resource", {
      place,
      expected: "a list of domains or addresses, one a line, or a hosts file",
      received,
      ...defined({ cause }),
    });
  let content = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      content = gunzipSync(bytes, { maxOutputLength: maxBytes });
    } catch (error) {
      throw fail(`gzip data that cannot be unpacked (${(error as Error).message})`, error);
    }
  }
  let good = 0;
  let bad: string | undefined;
  // Line by line of the bytes: a list of 100 MB need not be a string of 100 MB too.
  for (let from = 0; from < content.length; ) {
    const feed = content.indexOf(10, from);
    const end = feed < 0 ? content.length : feed;
    for (const entry of entriesOf(content.toString("utf8", from, Math.min(end, from + 10_000)))) {
      if (entry) {
        good++;
        yield entry;
      } else bad ??= content.toString("utf8", from, Math.min(end, from + 60));
    }
    from = end + 1;
  }
  if (good === 0 && bad !== undefined) throw fail(`no line that is one; the first is ${JSON.stringify(bad)}`);
}
