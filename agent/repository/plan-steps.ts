/** How the next bytes of a disk come into its list. `cells` and `pieces` are read, each cell or piece becoming one blob. */
export const stepKinds = ['zero', 'keep', 'cells', 'pieces'] as const;
export type StepKind = (typeof stepKinds)[number];

export interface PlanStep {
  kind: StepKind;
  offset: number;
  length: number;
  /** Whether what is found is compared with the parent's list. */
  compare: boolean;
}

const compareFlag = 0x80;

/** The steps of a plan, in order and without gaps, in flat memory: 9 bytes each. */
export class PlanSteps {
  #codes = new Uint8Array(256);
  #lengths = new Float64Array(256);
  #count = 0;
  #bytesToRead = 0;

  get count(): number {
    return this.#count;
  }

  /** Sum of all steps that read. */
  get bytesToRead(): number {
    return this.#bytesToRead;
  }

  /** Adds a step behind the others, or makes the last one longer when it is of the same kind. */
  add(kind: StepKind, length: number, compare = false): void {
    if (kind === 'cells' || kind === 'pieces') this.#bytesToRead += length;
    const code = stepKinds.indexOf(kind) + (compare ? compareFlag : 0);
    const last = this.#count - 1;
    if (last >= 0 && this.#codes[last] === code) {
      this.#lengths[last] = (this.#lengths[last] as number) + length;
      return;
    }
    if (this.#count === this.#codes.length) this.#grow();
    this.#codes[this.#count] = code;
    this.#lengths[this.#count] = length;
    this.#count++;
  }

  *[Symbol.iterator](): Generator<PlanStep> {
    let offset = 0;
    for (let i = 0; i < this.#count; i++) {
      const code = this.#codes[i] as number;
      const length = this.#lengths[i] as number;
      yield { kind: stepKinds[code & ~compareFlag] as StepKind, offset, length, compare: code >= compareFlag };
      offset += length;
    }
  }

  #grow(): void {
    const codes = new Uint8Array(this.#codes.length * 2);
    codes.set(this.#codes);
    this.#codes = codes;
    const lengths = new Float64Array(this.#lengths.length * 2);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
  }
}
