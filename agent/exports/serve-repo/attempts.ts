import { isIPv6 } from 'node:net';

const windowMs = 60_000;
/** Addresses that are remembered; an attacker with more than this many is not held up by counting. */
const mostAddresses = 10_000;

/** Counts wrong passwords per address of the last minute. */
export class Attempts {
  readonly #most: number;
  readonly #now: () => number;
  readonly #times = new Map<string, number[]>();

  /** @param most wrong passwords per minute and address */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
  }

  /** @returns seconds to wait; 0 = may try */
  waitSeconds(address: string): number {
    const recent = this.#recent(address);
    const decisive = recent[recent.length - this.#most];
    return decisive === undefined ? 0 : Math.max(1, Math.ceil((decisive + windowMs - this.#now()) / 1000));
  }

  /** Counts before the check, so that many at once do not pass together. @returns takes it back: the password was right */
  start(address: string): () => void {
    const key = networkOf(address);
    const at = this.#now();
    const times = [...this.#recent(address), at];
    // Set anew, it stands last: a map keeps the order, and the oldest go first.
    this.#times.delete(key);
    this.#times.set(key, times);
    for (const oldest of this.#times.keys()) {
      if (this.#times.size <= mostAddresses) break;
      this.#times.delete(oldest);
    }
    return () => {
      const times = this.#times.get(key) ?? [];
      const index = times.indexOf(at);
      if (index !== -1) times.splice(index, 1);
    };
  }

  #recent(address: string): number[] {
    const key = networkOf(address);
    const recent = (this.#times.get(key) ?? []).filter((at) => this.#now() - at < windowMs);
    return recent.slice(-this.#most);
  }
}

/** Whoever has one address of IPv6 has the other 2^64 of its network too. */
function networkOf(address: string): string {
  const bare = address.replace(/^::ffff:/u, '');
  return isIPv6(bare) ? bare.split(':').slice(0, 4).join(':') : bare;
}
