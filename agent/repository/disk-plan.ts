import { AppError } from '../../shared/errors.ts';
import { Breather } from './breather.ts';
import type { ByteSource } from './byte-source.ts';
import { CellPlanner } from './cell-planner.ts';
import type { ContentList } from './content-list.ts';
import { collectRuns, type Extent } from './extents.ts';
import { ParentCells } from './parent-cells.ts';
import type { PlanSteps } from './plan-steps.ts';
import { RunCursor } from './run-list.ts';

export interface PlanOptions {
  /** Grid, bytes. */
  cellBytes: number;
  /** An earlier list of the disk, of the same size. Its division is kept. */
  parent?: ContentList;
  /** Extents over the whole disk, ordered, gap-free; `zero: true` = clean since the parent, taken over from it unread. */
  changed?: AsyncIterable<Extent>;
  /** Everything allocated is read, and compared with the parent where `changed` calls it clean. */
  audit?: boolean;
}

/** What will be read of a disk and what is taken over; made before the first byte is read. */
export interface DiskPlan {
  readonly sizeBytes: number;
  readonly cellBytes: number;
  /** Bytes that will be asked from the source. */
  readonly plannedBytes: number;
  readonly parent: ContentList | undefined;
  readonly steps: PlanSteps;
}

/** Cells of at most this size; a batch of one is then still small against the memory bound. */
const largestCell = 16 * 1024 * 1024;

/**
 * Plans by allocation, changes and the parent's list (DESIGN §6). Both streams are read once; memory is 16 bytes a fragment
 * of each and 9 a step.
 * @param has whether a data blob is in the index: nothing else is taken over
 * @throws AppError invalidValue, diskReadFailed when extents have gaps, overlap or leave the disk, cancelled
 */
export async function planDisk(
  source: ByteSource,
  options: PlanOptions,
  { has, signal }: { has: (id: Uint8Array) => boolean; signal: AbortSignal },
): Promise<DiskPlan> {
  const { sizeBytes } = source;
  const { cellBytes, parent, changed, audit = false } = options;
  check(sizeBytes, options);
  const allocated = await collectRuns(source.extents(signal), sizeBytes, signal);
  const dirty = changed === undefined ? undefined : await collectRuns(changed, sizeBytes, signal);
  const planner = new CellPlanner({
    sizeBytes,
    cellBytes,
    allocated: new RunCursor(allocated),
    dirty: dirty === undefined ? undefined : new RunCursor(dirty),
    parent: parent === undefined ? undefined : new ParentCells(parent, cellBytes, has),
    parentEntries: parent?.count ?? 0,
    audit,
  });
  const breather = new Breather(signal);
  while (planner.planNext()) if (breather.isDue) await breather.take();
  const { steps } = planner;
  return { sizeBytes, cellBytes, plannedBytes: steps.bytesToRead, parent, steps };
}

function check(sizeBytes: number, { cellBytes, parent, changed, audit }: PlanOptions): void {
  if (!Number.isInteger(cellBytes) || cellBytes <= 0 || cellBytes > largestCell)
    throw new AppError('invalidValue', `cells of ${cellBytes} bytes are not possible`);
  if (parent !== undefined && parent.sizeBytes !== sizeBytes)
    throw new AppError('invalidValue', `the disk has ${sizeBytes} bytes, its parent ${parent.sizeBytes}`);
  if (changed !== undefined && parent === undefined)
    throw new AppError('invalidValue', 'changes mean nothing without a parent');
  if (audit === true && changed === undefined)
    throw new AppError('invalidValue', 'an audit needs the changes it compares with');
}
