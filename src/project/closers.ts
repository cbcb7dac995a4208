/** What was opened, closed in the reverse order: AsyncDisposableStack, which Node has from 24 on. */
export class Closers implements AsyncDisposable {
  readonly #closers: (() => unknown)[] = [];

  /** Has something done at the end. */
  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  use<T extends AsyncDisposable>(opened: T): T {
    this.add(() => opened[Symbol.asyncDispose]());
    return opened;
  }

  /** Each is closed, whatever happens to the others. Errors: the first of theirs. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failed: unknown[] = [];
    for (let close = this.#closers.pop(); close; close = this.#closers.pop())
      try {
        await close();
      } catch (error) {
        failed.push(error);
      }
    if (failed.length > 0) throw failed[0];
  }
}
