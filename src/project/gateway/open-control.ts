/** The state that a gateway's configuration names, opened with its principals and policies. */
import { defined } from "../../base/index.ts";
import { type Control, type ControlOptions, type GatewayConfig, openControl } from "../../gateway/index.ts";

/** What a verb wants of the state beside what the file says. */
export type OpenMore = Pick<ControlOptions, "needsAdmin" | "entriesMayNotFit">;

/** Half of the minute in which a change must be anchored, so that one late timer does no harm. */
const anchorEveryMs = 30_000;

/** The control, whose list of changes is anchored in the project's log while it is open, and once more when it is closed after a change. */
async function anchored(control: Control, config: GatewayConfig, warn: (text: string) => void): Promise<Control> {
  const seen = await control.head().catch(() => null);
  let hasTicked = false;
  let said: string | null = null;
  let going: Promise<void> | undefined;
  /** The newest head that was anchored and fitted: until it changes there is nothing to do, and the project's record stays closed. */
  let fitting: string | undefined;
  const anchor = async (): Promise<void> => {
    const head = (await control.head().catch(() => null))?.head;
    if (head !== undefined && head === fitting) return;
    let finding: string | null;
    try {
      const { anchorInProject } = await import("../accountability/index.ts");
      finding = await anchorInProject(config, control);
    } catch (error) {
      finding = `changes are not anchored in the log: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (finding !== null && finding !== said) warn(`loam gateway: ${finding}`);
    said = finding;
    fitting = finding === null ? head : undefined;
  };
  const tick = (): Promise<void> => {
    going ??= anchor().finally(() => {
      going = undefined;
    });
    return going;
  };
  const timer = setInterval(() => {
    hasTicked = true;
    void tick();
  }, anchorEveryMs);
  timer.unref();
  return {
    ...control,
    async close() {
      clearInterval(timer);
      // one that is under way may have begun before the last change
      await going;
      const now = await control.head().catch(() => seen);
      if (hasTicked || now?.head !== seen?.head) await tick();
      await control.close();
    },
  };
}

export async function openFor(config: GatewayConfig, warn: (text: string) => void, more: OpenMore = {}): Promise<Control> {
  const control = await openControl({
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
  return anchored(control, config, warn);
}
