/** What is wrong with a file, or with the rest of it. Readers throw it; whoever reads the source sets it aside and goes on with the next file. */
export class BadFile extends Error {
  readonly reason: string;
  /** Within the file where that is known; else the file. */
  readonly place: string | undefined;

  constructor(reason: string, message: string, place?: string) {
    super(message);
    this.reason = reason;
    this.place = place;
  }
}
