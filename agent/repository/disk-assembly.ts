import { idBytes } from './blob-id.ts';
import type { ContentForm } from './content-form.ts';
import { ContentList } from './content-list.ts';
import { DifferenceList } from './difference-list.ts';
import { DiskList } from './disk-cells.ts';
import type { DiskPlan } from './disk-plan.ts';
import { EntryCursor } from './entry-cursor.ts';
import type { PlanStep } from './plan-steps.ts';
import type { ReadBatch } from './read-batch.ts';

/** So many ranges of an audit are told one by one. */
const keptDifferences = 100;

/** Where units of a batch stand in the disk. */
export interface BatchPlace {
  batch: ReadBatch;
  /** First of its units that belong here. */
  first: number;
  count: number;
}

type Place = PlanStep & { from: BatchPlace | undefined };

/**
 * Puts the list of a disk together in order, whatever the order in which batches are hashed: places are taken when planned
 * and filled when their turn has come. The queue is bounded by the batches in flight.
 */
export class DiskAssembly {
  readonly content: ContentList;
  readonly differences = new DifferenceList(keptDifferences);
  /** Lengths of the zero blobs that the list uses. */
  readonly zeroLengths = new Set<number>();
  /** Bytes of the disk that are in the list, that are zero, that were taken over from the parent and are not zero. */
  bytesDone = 0;
  zeroBytes = 0;
  keptBytes = 0;
  readonly #list: DiskList;
  readonly #parent: EntryCursor;
  #queue: Place[] = [];

  constructor(plan: DiskPlan, form: ContentForm) {
    this.content = new ContentList(form);
    this.#list = new DiskList(this.content, plan.cellBytes, (length) => this.zeroLengths.add(length));
    this.#parent = new EntryCursor(plan.parent ?? new ContentList());
  }

  /** Takes the next place. @param from the batch that is read for it, for a step that reads */
  add(step: PlanStep, from: BatchPlace | undefined): void {
    this.#queue.push({ ...step, from });
    if (this.#queue.length === 1) this.drain();
  }

  /** Puts into the list whatever has its turn. */
  drain(): void {
    let done = 0;
    for (const place of this.#queue) {
      if (place.from !== undefined && place.from.batch.hashed === undefined) break;
      this.#append(place);
      done++;
    }
    if (done > 0) this.#queue = this.#queue.slice(done);
  }

  /** Completes the list. */
  end(): void {
    this.drain();
    this.#list.end();
  }

  #append({ kind, offset, length, compare, from }: Place): void {
    if (from !== undefined) this.#appendUnits(offset, compare, from);
    else if (kind === 'keep') this.#keep(offset, length);
    else this.#zeros(offset, length, compare);
  }

  #appendUnits(offset: number, compare: boolean, { batch, first, count }: BatchPlace): void {
    const { ids, zero } = batch.hashed ?? { ids: noBytes, zero: noBytes };
    let at = offset;
    for (let i = first; i < first + count; i++) {
      const length = batch.lengthOf(i);
      if (zero[i] === 1) this.#zeros(at, length, compare);
      else {
        const id = ids.subarray(i * idBytes, (i + 1) * idBytes);
        if (compare) this.#compare(at, length, id);
        this.#list.addData(id, length);
        this.bytesDone += length;
      }
      at += length;
    }
  }

  #keep(offset: number, length: number): void {
    const parent = this.#parent;
    const end = offset + length;
    for (let at = offset; at < end; at = Math.min(parent.end, end)) {
      parent.seek(at);
      if (parent.zero) this.#zeros(at, Math.min(parent.end, end) - at, false);
      else {
        const entryLength = parent.end - parent.start;
        this.#list.addData(parent.id, entryLength);
        this.bytesDone += entryLength;
        this.keptBytes += entryLength;
      }
    }
  }

  #zeros(offset: number, length: number, compare: boolean): void {
    if (compare) this.#compareZeros(offset, length);
    this.#list.addZeros(length);
    this.zeroBytes += length;
    this.bytesDone += length;
  }

  #compare(offset: number, length: number, id: Uint8Array): void {
    const parent = this.#parent;
    parent.seek(offset);
    const same = parent.start === offset && parent.end === offset + length && parent.id.equals(id);
    if (!same) this.differences.add(offset, length);
  }

  #compareZeros(offset: number, length: number): void {
    const parent = this.#parent;
    const end = offset + length;
    for (let at = offset; at < end; at = Math.min(parent.end, end)) {
      parent.seek(at);
      if (!parent.zero) this.differences.add(at, Math.min(parent.end, end) - at);
    }
  }
}
const noBytes = new Uint8Array(0);
