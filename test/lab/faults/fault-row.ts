import type { FaultLab } from './fault-lab.ts';

export type Deed = (lab: FaultLab) => Promise<void> | void;

export interface FaultRow {
  fault: string;
  when: 'before' | 'during' | 'after';
  /** Progress mark at which the fault is given: a step of the run, or between runs. */
  at: 'beforeRun' | 'configuration' | 'copyingData' | 'finalising' | 'afterRun';
  prepare?: Deed;
  give: Deed;
  /** Between this run and the next. */
  mend?: Deed;
  /** What else must hold after the next run. */
  proof?: Deed;
  /** After the next run, whatever it came to. */
  tidy?: Deed;
  /** `done` or an error code, one of which this run must end with. */
  outcomes: readonly string[];
  /** State of the VM between the runs; running when left out. */
  state?: 'shut off';
  /** By disk, how the next run reads: `incremental` or the reason why not; what is not named is as ever. */
  next?: Readonly<Record<string, string>>;
  /** Of the copy, as `pools edit --max-rate` takes it. */
  rate?: string;
}
