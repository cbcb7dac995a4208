/** Objects of functions that are loaded when the first of them is called: what a process may never be asked costs it nothing at its start. */

type Call = (...given: never[]) => unknown;
/** The same functions; all of them answer later. */
export type LoadedLater<T extends Readonly<Record<keyof T, Call>>> = {
  readonly [K in keyof T]: (...given: Parameters<T[K]>) => Promise<Awaited<ReturnType<T[K]>>>;
};

/** `names` has every function of what `load` answers; it is called once, and again where it failed. */
export function loadedLater<T extends Readonly<Record<keyof T, Call>>>(
  names: Readonly<Record<keyof T, true>>,
  load: () => Promise<T>,
): LoadedLater<T> {
  let loaded: Promise<T> | undefined;
  const open = (): Promise<T> => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
  const calls = Object.keys(names).map(name => [
    name,
    // `T` has no functions but these, and each is called with its own arguments
    async (...given: never[]) => (await open())[name as keyof T](...given),
  ]);
  return Object.fromEntries(calls);
}
