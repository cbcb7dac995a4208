/** Checks of what computes or runs beside this process: PJRT plugins, and the engines of `--launch`. */
import { foundEngines } from "../../launch/index.ts";
import { type KnownPlugin, knownPlugins } from "../../tensor/index.ts";
import { type Check, checkRow, type Finding } from "./check.ts";
import { probeDevice } from "./probe-device.ts";

interface PluginFinding {
  readonly plugin: string;
  readonly variable: string;
  readonly path: string | null;
  /** Of the C API; null where it was not loaded. */
  readonly api: string | null;
  readonly problem: string | null;
}

/** A plugin whose library looks for its device for minutes is not loaded where there is none. */
async function lookAtPlugin({ name, variable, path, exists, lacks }: KnownPlugin): Promise<PluginFinding> {
  const told = (api: string | null, problem: string | null): PluginFinding => ({
    plugin: name,
    variable,
    path: path ?? null,
    api,
    problem,
  });
  if (path === undefined) return told(null, null);
  if (!exists) return told(null, `${variable}=${path}: no such file`);
  if (lacks !== undefined) return told(null, `not loaded: ${lacks}`);
  const probed = await probeDevice(`pjrt:${name}`);
  return probed.ok ? told(String(probed.details.version).replace("PJRT ", ""), null) : told(null, probed.reason);
}

const sentenceOf = ({ plugin, path, api, problem }: PluginFinding): string =>
  problem !== null ? `${plugin}: ${problem}` : `${plugin}: API ${api} (${path})`;

async function pjrt(): Promise<Finding> {
  const known = knownPlugins();
  const plugins = await Promise.all(known.map(lookAtPlugin));
  const named = plugins.filter(p => p.path !== null);
  const data = { plugins };
  if (named.length === 0)
    return { state: "missing", found: "no plugin; it is for the devices pjrt:cpu, pjrt:tpu, pjrt:cuda", hint: known[0]!.hint, data };
  const found = named.map(sentenceOf).join("; ");
  const broken = named.find(p => p.problem !== null && !p.problem.startsWith("not loaded"));
  if (broken === undefined) return { state: "ok", found, data };
  return { state: "warn", found, hint: known.find(k => k.name === broken.plugin)!.hint, data };
}

async function launchEngines(): Promise<Finding> {
  const engines = await foundEngines();
  const data = { engines: engines.map(({ engine, found }) => ({ engine, found: found ?? null })) };
  const found = engines.flatMap(e => e.found ?? []);
  if (found.length > 0) return { state: "ok", found: found.join("; "), data };
  return {
    state: "missing",
    found: "none; they are for workers and ranks on other machines (--launch)",
    hint: engines.map(e => `${e.engine}: ${e.hint}`).join("; "),
    data,
  };
}

export const engines: readonly Check[] = [checkRow("pjrt", pjrt), checkRow("launch engines", launchEngines)];
