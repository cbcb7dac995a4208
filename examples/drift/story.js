// A replay: mails arrive day by day at a server, their labels some days later, and the loop decides each evening whether the model is trained again.
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openProject } from "loam";
import { policy, projectOf } from "./config.js";

const day = 86_400_000;
export const model = "mail-spam";
/** Days until somebody has said what a mail was. */
const labelDelayDays = 3;
/** A server adds what its responses came to in order of time, two seconds late, and looks once a second. */
const countedMs = 3_300;

const line = ({ id, text, label, atMs }) => `${JSON.stringify({ id, text, label, date: new Date(atMs).toISOString() })}\n`;

/** A project with the first month's model, promoted. */
export async function begin(folder, first, changes = {}) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "july.jsonl"), first.map(line).join(""));
  writeFileSync(join(folder, "arrivals.jsonl"), "");
  const config = projectOf();
  config.loop[model] = { ...policy, ...changes };
  writeFileSync(join(folder, "loam.yaml"), `${JSON.stringify(config, null, 2)}\n`);
  const project = await openProject(folder);
  await project.tune(model);
  await project.promote(`${model}@1`, "prod", { by: "drift", reason: "the first version" });
  return project;
}

/** Mails with their labels, as they became known. */
export const arrive = (project, mails) => appendFileSync(join(project.folder, "arrivals.jsonl"), mails.map(line).join(""));

/** What a version, or the name as its traffic is split, tells of mails: the probability of spam, and the version that told it. */
export async function ask(server, name, mails) {
  const told = [];
  for (const { id, label, text, atMs } of mails) {
    const response = await fetch(`${server.url}/v1/models/${name}:classify`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ examples: [{ text }] }),
    });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    const { result } = await response.json();
    const version = /@(\d+)/.exec(response.headers.get("x-loam-model") ?? "")?.[1];
    told.push({ id, label, atMs, spam: Object.fromEntries(result[0]).spam, version: Number(version) });
  }
  return told;
}

/** Replays mails from a day to another; gives the predictions, and every step of the loop. */
export async function replay(project, mails, fromMs, untilMs, say = () => {}) {
  const server = await project.serve({ models: [`${model}@prod`], port: 0, loop: false });
  const told = [];
  const steps = [];
  try {
    for (let now = fromMs; now < untilMs; now += day) {
      const today = mails.filter(m => m.atMs >= now && m.atMs < now + day);
      const isTested = (await project.loop.status(model)).phase === "canary";
      told.push(...(await ask(server, model, today)));
      const known = now + day - labelDelayDays * day;
      arrive(
        project,
        mails.filter(m => m.atMs >= known - day && m.atMs < known),
      );
      if (isTested) await sleep(countedMs);
      const report = await project.loop.run(model, { now: () => now + day, server: server.url });
      for (const step of report.steps) {
        steps.push({ day: new Date(now).toISOString().slice(0, 10), step, why: report.why });
        say(`${new Date(now).toISOString().slice(0, 10)}  ${step.padEnd(11)} ${step === report.steps.at(-1) ? report.why : ""}`);
      }
    }
    return { told, steps, status: await project.loop.status(model) };
  } finally {
    await server.close();
  }
}

/** What one version tells of all mails, on a server of its own. */
export async function predict(project, name, mails) {
  const server = await project.serve({ models: [name], port: 0, loop: false });
  try {
    return await ask(server, name.split("@")[0], mails);
  } finally {
    await server.close();
  }
}
