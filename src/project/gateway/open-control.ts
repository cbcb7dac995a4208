/** The state that a gateway's configuration names, opened with its principals and policies. */
import { defined } from "../../base/index.ts";
import { type Control, type ControlOptions, type GatewayConfig, openControl } from "../../gateway/index.ts";

/** What a verb wants of the state beside what the file says. */
export type OpenMore = Pick<ControlOptions, "needsAdmin" | "entriesMayNotFit">;

export async function openFor(config: GatewayConfig, warn: (text: string) => void, more: OpenMore = {}): Promise<Control> {
  return openControl({
    ...more,
    state: config.state,
    ...defined({ limitsState: config.limitsState }),
    root: config.folder,
    config: config.access,
    place: "access",
    file: config.place,
    ...defined({ secrets: config.keySecrets }),
    onStore: (state, error) =>
      warn(
        state === "lost"
          ? `loam gateway: the state does not answer (${error instanceof Error ? error.message : String(error)})`
          : "loam gateway: the state answers again",
      ),
    onMisfit: error =>
      warn(
        error === undefined
          ? "loam gateway: the state's principals and policies fit the file again"
          : `loam gateway: ${error instanceof Error ? error.message : String(error)}`,
      ),
  });
}
