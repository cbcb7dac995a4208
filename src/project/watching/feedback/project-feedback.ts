/** Feedback of a gateway that serves no model: kept in the record of the project that its file lies in. */
import { projectOrNone } from "../../models/home.ts";
import { openProjectStore } from "../../project-file.ts";
import { type RunningFeedback, runFeedback } from "./running-feedback.ts";

/** Undefined where the folder is no project's; where its file or record cannot be read that is said, and the gateway goes on. */
export async function projectFeedback(folder: string, warn: (message: string) => void): Promise<RunningFeedback | undefined> {
  try {
    const project = projectOrNone(folder);
    if (!project) return undefined;
    const { watch } = project.config;
    if (watch === false) return undefined;
    const store = await openProjectStore(project);
    const feedback = runFeedback(store, watch.feedback, warn);
    const close = async () => {
      await feedback?.close();
      await store.close();
    };
    if (feedback) return { ...feedback, close };
    await close();
  } catch (error) {
    warn(`loam gateway: no feedback is kept: ${error instanceof Error ? error.message : String(error)}`);
  }
  return undefined;
}
