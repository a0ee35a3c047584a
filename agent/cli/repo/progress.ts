import { bytes } from '../../../shared/node/print.ts';

const terminalMs = 500;
const logMs = 10_000;

/** Bytes done on standard error: one line that changes on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #label: string;
  readonly #startedAt = Date.now();
  #shownAt = Date.now();
  #open = false;

  constructor(label: string) {
    this.#label = label;
  }

  readonly update = ({ bytesDone, bytesTotal }: { bytesDone: number; bytesTotal: number }): void => {
    const { isTTY } = process.stderr;
    const now = Date.now();
    if (now - this.#shownAt < (isTTY ? terminalMs : logMs)) return;
    this.#shownAt = now;
    this.#open = isTTY;
    process.stderr.write(
      isTTY ? `\r${this.#line(bytesDone, bytesTotal)}\u001B[K` : `${this.#line(bytesDone, bytesTotal)}\n`,
    );
  };

  /** Leaves the changing line, so that what follows stands below it. */
  end(): void {
    if (this.#open) process.stderr.write('\n');
    this.#open = false;
  }

  #line(done: number, total: number): string {
    const seconds = Math.max(0.001, (Date.now() - this.#startedAt) / 1000);
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    return `${this.#label}: ${percent}%, ${bytes(done)} of ${bytes(total)}, ${bytes(Math.round(done / seconds))}/s`;
  }
}
