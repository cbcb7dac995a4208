/** What a long job says while it works: plain events; who shows them (terminal, JSON lines, page) is not the job's business. */

export interface ProgressEvent {
  /** Which stage or job speaks. */
  readonly stage: string;
  /** Share done in [0, 1] where it is known. */
  readonly done?: number;
  /** One line for people, without the stage's name. */
  readonly message?: string;
  /** Numbers for machines and charts. */
  readonly values?: Readonly<Record<string, number>>;
  readonly leftMs?: number;
}

export type Progress = (event: ProgressEvent) => void;
export const silent: Progress = () => {};
