/** `loam gateway --handover`: the process above, which starts workers and passes signals on: SIGUSR2 a new worker in the old one's place, SIGHUP the file again. */
import { type GatewayConfig, supervise } from "../../gateway/index.ts";
import { wrongArgument } from "../../project/index.ts";
import type { Context } from "../verb.ts";

export async function supervised({ out, signal }: Context, config: GatewayConfig): Promise<void> {
  if (config.state.startsWith("memory:"))
    throw wrongArgument("loam gateway --handover: state", "a state that two processes share: sqlite:PATH or postgres://...", "memory:");
  const supervisor = await supervise({
    told: (event, detail) => {
      if (event !== "started") out.warn(`loam gateway: ${event}: ${detail}`);
    },
  });
  const anew = () => void supervisor.restart();
  const again = () => supervisor.signal("SIGHUP");
  process.on("SIGUSR2", anew);
  process.on("SIGHUP", again);
  try {
    out.line(`  A restart without a lost request: kill -USR2 ${process.pid}`);
    if (!signal.aborted) await new Promise<void>(done => signal.addEventListener("abort", () => done(), { once: true }));
  } finally {
    process.off("SIGUSR2", anew);
    process.off("SIGHUP", again);
    await supervisor.stop();
  }
}
