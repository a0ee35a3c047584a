/** How many uploads the bare client has in flight, and how long each is. */
export const inFlight = 8;
export const putBytes = 16 * 1024 * 1024;

/** A server that holds repositories. */
export interface BenchServer {
  name: string;
  /** Options of `pools add` for a new place on it. */
  poolOptions(place: string): Promise<string[]>;
  /** Sends so many uploads of {@link putBytes}, {@link inFlight} at a time, and waits for all answers. */
  putBare(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Runs numbered pieces of work, so many at a time. */
export async function inParallel(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, inFlight) }, run));
}
