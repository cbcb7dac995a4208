/**
 * Takes up changes of the configuration's file and of the files of its secrets while the gateway runs: looks at them again and again (a file that is
 * replaced, as Kubernetes does by a symbolic link, is none that can be watched), and on a signal. A file that is wrong, or a secret that is empty or
 * gone, changes nothing and is told once.
 */
import { stat } from "node:fs/promises";
import type { Gateway } from "../gateway.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { readConfig } from "./read-config.ts";

interface FollowOptions {
  readonly path: string;
  readonly gateway: Gateway;
  /** What the file says; `readConfig` of it when absent. */
  readonly read?: () => Promise<GatewayConfig>;
  /** Between looks; a second when absent. */
  readonly everyMs?: number;
  /** `undefined`: taken up. Otherwise why not; the old one stays. */
  readonly onReload: (error: unknown) => void;
}

export interface Following {
  /** Reads it now, changed or not. */
  reload(): Promise<unknown>;
  stop(): void;
}

async function markOf(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch {
    return "gone";
  }
}

export async function followConfig({
  path,
  gateway,
  read = () => readConfig(path),
  everyMs = 1_000,
  onReload,
}: FollowOptions): Promise<Following> {
  const marks = async (): Promise<string> => (await Promise.all([path, ...gateway.config.secretFiles].map(markOf))).join("\n");
  let mark = await marks();
  let seen = mark;
  let last: Promise<unknown> = Promise.resolve();
  /** Why it was not taken up; undefined: it was. */
  const take = async (by: string): Promise<unknown> => {
    try {
      const before = gateway.config.secretFiles.join("\n");
      await gateway.reload(await read(), by);
      if (gateway.config.secretFiles.join("\n") !== before) mark = seen = await marks();
      onReload(undefined);
      return undefined;
    } catch (error) {
      onReload(error);
      return error;
    }
  };
  /** One at a time, in order. */
  const reload = (by = "file"): Promise<unknown> => {
    const taken = last.then(() => take(by));
    last = taken;
    return taken;
  };
  gateway.readAgain = async by => {
    const error = await reload(by);
    if (error !== undefined) throw error;
  };
  const look = async () => {
    const now = await marks();
    const isStill = now === seen;
    seen = now;
    // a file that is being written is not read before it is done
    if (now === mark || now.startsWith("gone") || !isStill) return;
    mark = now;
    await reload();
  };
  let isLooking = false;
  /** One look at a time: two at the same moment would take a file that is being written for one that stays as it is. */
  const looked = async () => {
    if (isLooking) return;
    isLooking = true;
    await look().finally(() => {
      isLooking = false;
    });
  };
  const timer = setInterval(() => void looked(), everyMs);
  timer.unref();
  const stop = () => {
    clearInterval(timer);
    gateway.readAgain = undefined;
  };
  return { reload: () => reload(), stop };
}
