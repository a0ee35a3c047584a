import { type Icon, IconGhost2, IconHourglass, IconHelpCircle, IconShieldOff } from '@tabler/icons-react';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import type { TaskState } from '../../../shared/model/task.ts';
import type { Tone } from '../../components/state.tsx';

/** Words of the state of protection (ui rules §6). */
export type ObjectWord =
  | 'copied'
  | 'running'
  | 'idle'
  | 'pending'
  | 'degraded'
  | 'failed'
  | 'unprotected'
  | 'unknown'
  | 'vanished';

export interface ObjectState {
  readonly word: ObjectWord;
  readonly tone: Tone;
  readonly icon?: Icon;
  /** Of the running task, 0 to 100. */
  readonly percent?: number | null;
}

const waiting: readonly TaskState[] = ['new', 'pending', 'waiting-to-retry'];
const active: readonly TaskState[] = ['assigned', 'running', 'finalising', 'cancelling'];

/**
 * How well a VM is protected, from its newest task, its rules and its points. A running task comes first, then what went
 * wrong; a point whose restore is not proven is "copied", never more.
 */
export function objectState({ lastTask, vanished, rules, backupCount }: ObjectView): ObjectState {
  const state = lastTask?.state;
  if (state !== undefined && active.includes(state))
    return { word: 'running', tone: 'running', percent: lastTask?.percent ?? null };
  if (state !== undefined && waiting.includes(state)) return { word: 'pending', tone: 'idle', icon: IconHourglass };
  if (state === 'unknown') return { word: 'unknown', tone: 'idle', icon: IconHelpCircle };
  if (vanished) return { word: 'vanished', tone: 'degraded', icon: IconGhost2 };
  if (state === 'failed') return { word: 'failed', tone: 'failed' };
  if (rules.length === 0) return { word: 'unprotected', tone: 'failed', icon: IconShieldOff };
  if (state === 'warning') return { word: 'degraded', tone: 'degraded' };
  return backupCount > 0 ? { word: 'copied', tone: 'copied' } : { word: 'idle', tone: 'idle' };
}

const order: readonly ObjectWord[] = [
  'failed',
  'unprotected',
  'vanished',
  'unknown',
  'degraded',
  'running',
  'pending',
  'idle',
  'copied',
];

/** Worst first, for sorting. */
export function severityOf(object: ObjectView): number {
  return order.indexOf(objectState(object).word);
}

/** Sum of the virtual disks. */
export function sizeOf(object: ObjectView): number {
  return object.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
}
