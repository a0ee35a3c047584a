import type { SftpConnection } from './sftp-connection.ts';

/** How long one connection has to do when the server refused a second one. */
const refusedMs = 60_000;

interface Seat {
  connection: Promise<SftpConnection> | undefined;
  /** The connection above once it stands. */
  standing: SftpConnection | undefined;
  users: number;
  refusedUntil: number;
}

/**
 * The connections of one storage, used in turn: dialled when the others are busy, dialled again when they were lost.
 * Some servers allow one connection only; then one serves everybody.
 */
export class SftpConnections {
  readonly #dial: (signal: AbortSignal) => Promise<SftpConnection>;
  #stop = new AbortController();
  readonly #seats: readonly Seat[];

  /** @param count how many at most */
  constructor(dial: (signal: AbortSignal) => Promise<SftpConnection>, count: number) {
    this.#dial = dial;
    this.#seats = Array.from({ length: count }, () => ({
      connection: undefined,
      standing: undefined,
      users: 0,
      refusedUntil: 0,
    }));
  }

  /**
   * The connection with the least to do, until `release` is called.
   * @throws AppError what dialling throws
   */
  async take(): Promise<{ connection: SftpConnection; release: () => void }> {
    const now = performance.now();
    const [first, ...others] = this.#seats.filter((seat) => seat.refusedUntil <= now);
    const seat = others.reduce((best, next) => (next.users < best.users ? next : best), first ?? this.#anySeat());
    seat.users++;
    const release = () => void seat.users--;
    try {
      return { connection: await this.#connection(seat), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Runs `work` on the connection with the least to do. @throws what dialling or the work throws */
  async run<T>(work: (connection: SftpConnection) => Promise<T>): Promise<T> {
    const { connection, release } = await this.take();
    try {
      return await work(connection);
    } finally {
      release();
    }
  }

  /** Ends all connections: what runs on them fails with storageFailed. A later call dials again. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#stop = new AbortController();
    const dialled = this.#seats.flatMap((seat) => seat.connection ?? []);
    // A dial that fails leaves nothing to close.
    for (const result of await Promise.allSettled(dialled)) if (result.status === 'fulfilled') result.value.close();
  }

  #anySeat(): Seat {
    const [seat] = this.#seats;
    if (seat === undefined) throw new Error('no connections are allowed');
    return seat;
  }

  async #connection(seat: Seat): Promise<SftpConnection> {
    if (seat.standing?.isAlive === false) {
      seat.standing = undefined;
      seat.connection = undefined;
    }
    const dialling = (seat.connection ??= this.#dial(this.#stop.signal));
    try {
      const connection = await dialling;
      if (seat.connection === dialling) seat.standing = connection;
      return connection;
    } catch (error) {
      if (seat.connection === dialling) seat.connection = undefined;
      const other = this.#seats.find((one) => one !== seat && one.standing?.isAlive === true)?.standing;
      if (other === undefined) throw error;
      seat.refusedUntil = performance.now() + refusedMs;
      return other;
    }
  }
}
