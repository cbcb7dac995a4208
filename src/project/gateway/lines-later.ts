/** Lines of batches behind a gateway, which is opened after the server that asks them: until then they wait. */
import type { Gateway } from "../../gateway/index.ts";
import type { AppOptions } from "../../serve/index.ts";

export interface LinesLater {
  readonly ask: NonNullable<AppOptions["batchLine"]>;
  through(gateway: Gateway): void;
}

export function linesLater(): LinesLater {
  let through: LinesLater["through"] = () => {};
  const opened = new Promise<Gateway>(resolve => {
    through = resolve;
  });
  return { ask: async (request, caller) => (await opened).askFor(caller, request), through };
}
