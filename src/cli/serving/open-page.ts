/** Opens a page in the user's browser where there is one and a screen to show it; says nothing and never fails where there is not. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

function opener(url: string): readonly [string, readonly string[]] | undefined {
  const { env, platform } = process;
  if (env.CI || env.SSH_CONNECTION) return undefined;
  if (platform === "darwin") return ["open", [url]];
  if (platform === "win32") return ["explorer.exe", [url]];
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return undefined;
  const found = (env.PATH ?? "").split(delimiter).some(folder => folder !== "" && existsSync(join(folder, "xdg-open")));
  return found ? ["xdg-open", [url]] : undefined;
}

export function openPage(url: string): void {
  const command = opener(url);
  if (!command) return;
  const child = spawn(command[0], [...command[1]], { detached: true, stdio: "ignore" });
  child.on("error", () => {});
  child.unref();
}
